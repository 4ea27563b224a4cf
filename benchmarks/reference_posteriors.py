"""Reference figures of the examples, by NUTS in NumPyro: an independent program and another method.

    pip install numpyro && python benchmarks/reference_posteriors.py [NAME ...]

Each function writes one example's model a second time. Four chains of 5,000 draws after 1,000 of warm-up;
the largest R-hat and the smallest effective sample size are printed with the figures, which are those of the
examples' `expected.toml`. NumPyro is needed by this script only, not by the project.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import logsumexp

numpyro.enable_x64()
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def columns(name: str) -> dict[str, np.ndarray]:
    """The example's table: numeric columns as floats (blank as NaN), others as text."""
    with (EXAMPLES / name / "data.csv").open() as file:
        rows = list(csv.DictReader(file))

    def convert(values: list[str]) -> np.ndarray:
        try:
            return np.array([float(v) if v else np.nan for v in values])
        except ValueError:
            return np.array(values)

    return {k: convert([r[k] for r in rows]) for k in rows[0]}


def codes(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Level numbers from 0 in sorted order, and their count."""
    levels, at = np.unique(values, return_inverse=True)
    return at, len(levels)


def sample(name, loc, scale):
    """A normal latent in non-centred form."""
    raw = numpyro.sample(name + "_raw", dist.Normal(jnp.zeros_like(loc), 1).to_event(jnp.ndim(loc)))
    return numpyro.deterministic(name, loc + scale * raw)


def n(name, loc, scale):
    return numpyro.sample(name, dist.Normal(loc, scale))


def half(name, scale):
    return numpyro.sample(name, dist.HalfNormal(scale))


def radon():
    d = columns("radon")
    county, size = codes(d["county"])
    soil = np.bincount(county, d["log_uranium"]) / np.bincount(county)

    def model():
        level, uranium, gap = n("level", 0, 5), n("uranium", 0, 2), n("floor_gap", 0, 2)
        sd_level, sd_gap, sigma = half("sd_level", 1), half("sd_gap", 1), half("sigma", 2)
        a = sample("a", level + uranium * soil, sd_level)
        b = sample("b", gap * jnp.ones(size), sd_gap)
        numpyro.sample("y", dist.Normal(a[county] + b[county] * d["floor"], sigma), obs=d["log_radon"])

    return model


def wells():
    d = columns("wells")

    def model():
        b0, bd, ba, be = (n(k, 0, 2.5) for k in ("b0", "b_distance", "b_arsenic", "b_education"))
        eta = b0 + bd * d["dist_m"] / 100 + ba * np.log(d["arsenic"]) + be * d["educ_years"] / 4
        numpyro.sample("y", dist.Bernoulli(logits=eta), obs=d["switched"])

    return model


def election88():
    d = columns("election88")
    state, states = codes(d["state"])
    age, edu = d["age"].astype(int) - 1, d["edu"].astype(int) - 1

    def model():
        b0, bf, bb, bp = n("b0", 0, 2.5), n("b_female", 0, 1), n("b_black", 0, 2.5), n("b_previous", 0, 5)
        a_state = sample("a_state", jnp.zeros(states), half("sd_state", 1))
        a_age = sample("a_age", jnp.zeros(4), 0.3)
        a_edu = sample("a_edu", jnp.zeros(4), 0.3)
        eta = b0 + bf * d["female"] + bb * d["black"] + a_age[age] + a_edu[edu]
        eta = eta + a_state[state] + bp * (d["previous_share"] - 0.5)
        numpyro.sample("y", dist.Bernoulli(logits=eta), obs=d["bush"])

    return model


def kidiq():
    d = columns("kidiq")

    def model():
        b0 = numpyro.sample("b0", dist.ImproperUniform(dist.constraints.real, (), ()))
        hs = numpyro.sample("b_hs", dist.ImproperUniform(dist.constraints.real, (), ()))
        iq = numpyro.sample("b_iq", dist.ImproperUniform(dist.constraints.real, (), ()))
        sigma = numpyro.sample("sigma", dist.HalfCauchy(2.5))
        numpyro.sample("y", dist.Normal(b0 + hs * d["mom_hs"] + iq * d["mom_iq"], sigma), obs=d["kid_score"])

    return model


def hogg2010():
    d = columns("hogg2010")

    def model():
        slope, intercept = n("slope", 0, 5), n("intercept", 0, 200)
        p = numpyro.sample("p_bad", dist.Beta(1, 4))
        y_bad, sd_bad = n("y_bad", 400, 200), half("sd_bad", 200)
        good = dist.Normal(intercept + slope * d["x"], d["sigma_y"]).log_prob(d["y"]) + jnp.log1p(-p)
        bad = dist.Normal(y_bad, jnp.sqrt(sd_bad**2 + d["sigma_y"] ** 2)).log_prob(d["y"]) + jnp.log(p)
        numpyro.deterministic("bad", jax.nn.sigmoid(bad - good))
        numpyro.factor("y", jnp.logaddexp(good, bad).sum())

    return model


def stackloss():
    d = columns("stackloss")
    x = {k: d[k] - d[k].mean() for k in ("air_flow", "water_temp", "acid_conc")}

    def model():
        b0, air, water, acid = n("b0", 20, 20), n("b_air", 0, 5), n("b_water", 0, 5), n("b_acid", 0, 5)
        mean = b0 + air * x["air_flow"] + water * x["water_temp"] + acid * x["acid_conc"]
        numpyro.sample("y", dist.StudentT(4, mean, half("scale", 5)), obs=d["stack_loss"])

    return model


def leukemia():
    d = columns("leukemia")
    arm, arms = codes(d["treatment"])

    def model():
        shape = numpyro.sample("shape", dist.LogNormal(0, 1))
        log_scale = numpyro.sample("log_scale", dist.Normal(2.5, 1.5).expand([arms]).to_event(1))
        z = jnp.log(d["weeks"]) - log_scale[arm]
        event = jnp.log(shape) - jnp.log(d["weeks"]) + shape * z
        numpyro.factor("y", (d["relapse"] * event - jnp.exp(shape * z)).sum())
        numpyro.deterministic("hazard_ratio", jnp.exp(shape * (log_scale[0] - log_scale[1])))

    return model


def penguins():
    d = columns("penguins")
    kind, kinds = codes(d["species"])
    male, known = (d["sex"] == "male").astype(int), d["sex"] != ""
    flipper, mass = d["flipper_length_mm"], d["body_mass_g"] / 1000
    gap = np.flatnonzero(np.isnan(flipper))
    assert np.array_equal(gap, np.flatnonzero(np.isnan(mass)))
    full = np.flatnonzero(~np.isnan(flipper))

    def model():
        share = numpyro.sample("share", dist.Dirichlet(jnp.ones(2)))
        mean_f = numpyro.sample("flipper_mean", dist.Normal(200, 20).expand([kinds, 2]).to_event(2))
        sd_f = half("flipper_sd", 10)
        mean_m = numpyro.sample("mass_mean", dist.Normal(4, 1).expand([kinds]).to_event(1))
        b_male, b_flip, sigma = n("b_male", 0, 1), n("b_flipper", 0, 0.1), half("sigma", 1)
        both = []
        for s in (0, 1):
            f = dist.Normal(mean_f[kind[full], s], sd_f).log_prob(flipper[full])
            mean = mean_m[kind[full]] + b_male * s + b_flip * (flipper[full] - 200)
            both.append(jnp.log(share[s]) + f + dist.Normal(mean, sigma).log_prob(mass[full]))
        seen = jnp.where(male[full] == 1, both[1], both[0])
        numpyro.factor("y", jnp.where(known[full], seen, jnp.logaddexp(*both)).sum())

    return model


def galaxies():
    v = columns("galaxies")["velocity_km_s"] / 1000

    def model():
        weight = numpyro.sample("weight", dist.Dirichlet(jnp.ones(3)))
        ordered = dist.transforms.OrderedTransform()
        z = numpyro.sample("z", dist.ImproperUniform(dist.constraints.real_vector, (), (3,)))
        mu = numpyro.deterministic("mu", ordered(z))
        numpyro.factor(
            "mu_prior", dist.Normal(20, 10).log_prob(mu).sum() + ordered.log_abs_det_jacobian(z, mu)
        )
        sigma = half("sigma", 5)
        terms = jnp.log(weight) + dist.Normal(mu, sigma).log_prob(v[:, None])
        numpyro.factor("v", logsumexp(terms, axis=1).sum())

    return model


def earthquakes():
    y = columns("earthquakes")["count"]

    def model():
        init = numpyro.sample("init", dist.Dirichlet(jnp.ones(2)))
        trans = numpyro.sample("trans", dist.Dirichlet(jnp.ones(2)).expand([2]).to_event(1))
        ordered = dist.transforms.OrderedTransform()
        z = numpyro.sample("z", dist.ImproperUniform(dist.constraints.real_vector, (), (2,)))
        log_rate = ordered(z)
        rate = numpyro.deterministic("rate", jnp.exp(log_rate))
        jacobian = ordered.log_abs_det_jacobian(z, log_rate) + log_rate.sum()
        numpyro.factor("rate_prior", dist.Gamma(4, 1 / 5).log_prob(rate).sum() + jacobian)
        emit = dist.Poisson(rate).log_prob(y[:, None])

        def step(alpha, e):
            return logsumexp(alpha[:, None] + jnp.log(trans), axis=0) + e, None

        alpha, _ = jax.lax.scan(step, jnp.log(init) + emit[0], emit[1:])
        numpyro.factor("y", logsumexp(alpha))

    return model


def co2():
    d = columns("co2")
    t = d["decimal_year"]
    gap = t[:, None] - t[None, :]

    def model():
        level, growth = n("level", 365, 10), n("growth", 1.5, 1)
        sd_season = half("sd_season", 5)
        smooth = numpyro.sample("smoothness", dist.LogNormal(0, 0.5))
        sd_drift = half("sd_drift", 1)
        memory = numpyro.sample("memory", dist.LogNormal(0, 0.5))
        noise = half("noise", 0.5)
        season = sd_season**2 * jnp.exp(-2 * jnp.sin(jnp.pi * gap) ** 2 / smooth**2)
        drift = sd_drift**2 * jnp.exp(-(gap**2) / (2 * memory**2))
        cov = season + drift + noise**2 * jnp.eye(len(t))
        numpyro.sample("y", dist.MultivariateNormal(level + growth * (t - 1999.5), cov), obs=d["co2_ppm"])

    return model


def seeds():
    d = columns("seeds")

    def model():
        b0, bt, be, bi = (n(k, 0, 2.5) for k in ("b0", "b_type", "b_extract", "interaction"))
        a = sample("a", jnp.zeros(21), half("sigma", 1))
        eta = b0 + bt * d["seed_type"] + be * d["extract"] + bi * d["seed_type"] * d["extract"] + a
        numpyro.sample("y", dist.Binomial(d["seeds"].astype(int), logits=eta), obs=d["germinated"])

    return model


def coal():
    y = columns("coal")["disasters"]
    place = np.arange(1, len(y) + 1)

    def model():
        early = numpyro.sample("early", dist.Exponential(1))
        late = numpyro.sample("late", dist.Exponential(1))
        steps = np.arange(1, len(y))
        rate = jnp.where(place[None, :] <= steps[:, None], early, late)
        terms = dist.Poisson(rate).log_prob(y).sum(1)
        numpyro.factor("y", logsumexp(terms))
        weight = jax.nn.softmax(terms)
        numpyro.deterministic("change_mean", (weight * steps).sum())
        numpyro.deterministic("change_square", (weight * steps**2).sum())
        numpyro.deterministic("ratio", late / early)

    return model


def roaches():
    d = columns("roaches")

    def model():
        b0, before = n("b0", 0, 5), n("b_before", 0, 2)
        treatment, senior = n("b_treatment", 0, 2), n("b_senior", 0, 2)
        eta = b0 + before * d["roaches_before"] / 100 + treatment * d["treatment"] + senior * d["senior"]
        mean = d["exposure"] * jnp.exp(eta)
        numpyro.sample("y", dist.NegativeBinomial2(mean, half("concentration", 2)), obs=d["roaches"])

    return model


def eight_schools():
    d = columns("eight_schools")

    def model():
        mu, tau = n("mu", 0, 5), numpyro.sample("tau", dist.HalfCauchy(5))
        theta = sample("theta", mu * jnp.ones(8), tau)
        numpyro.sample("y", dist.Normal(theta, d["se"]), obs=d["effect"])

    return model


MODELS = {
    f.__name__: f
    for f in (
        *(eight_schools, radon, wells, election88, kidiq, hogg2010, stackloss),
        *(leukemia, penguins, galaxies, earthquakes, co2, seeds, coal, roaches),
    )
}


def run(name: str) -> None:
    """Sample one example and print each quantity's mean and sd."""
    kernel = numpyro.infer.NUTS(
        MODELS[name](), target_accept_prob=0.95, init_strategy=numpyro.infer.init_to_median
    )
    mcmc = numpyro.infer.MCMC(
        kernel, num_warmup=1000, num_samples=5000, num_chains=4, chain_method="sequential", progress_bar=False
    )
    mcmc.run(jax.random.PRNGKey(1))
    draws = mcmc.get_samples(group_by_chain=True)
    kept = {k: np.asarray(v) for k, v in draws.items() if not k.endswith("_raw") and k != "z"}
    summary = numpyro.diagnostics.summary(kept)
    print(f"# {name}: divergences {int(mcmc.get_extra_fields()['diverging'].sum())}")
    for key, s in summary.items():
        mean, sd = np.asarray(s["mean"]), np.asarray(s["std"])
        print(f"{key}: max r_hat {np.max(s['r_hat']):.4f}, min n_eff {np.min(s['n_eff']):.0f}")
        for at in np.ndindex(mean.shape):
            print(f"    {list(i + 1 for i in at)} {mean[at]:.5g} {sd[at]:.4g}")
    sys.stdout.flush()


if __name__ == "__main__":
    for asked in sys.argv[1:] or MODELS:
        run(asked)
