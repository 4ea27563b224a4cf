"""The cases' models in NumPyro; hierarchies are written non-centred, which suits a Gaussian guide."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import logsumexp
from numpyro.distributions import constraints


def _flat(name: str, shape: tuple[int, ...] = (), support: Any = constraints.real) -> Any:
    return numpyro.sample(name, dist.ImproperUniform(support, (), shape))


def _half(name: str, family: str, scale: float) -> Any:
    if family == "flat":
        return _flat(name, support=constraints.positive)
    families = {"half_normal": dist.HalfNormal, "half_cauchy": dist.HalfCauchy}
    return numpyro.sample(name, families[family](scale))


def _noncentred(name: str, loc: Any, scale: Any, size: int) -> Any:
    raw = numpyro.sample(f"{name}_raw", dist.Normal(jnp.zeros(size), 1).to_event(1))
    return numpyro.deterministic(name, loc + scale * raw)


def schools(d: dict[str, Any]) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    theta = _noncentred("theta", mu, _half("tau", "half_cauchy", 5), len(d["y"]))
    numpyro.sample("y", dist.Normal(theta, d["se"]), obs=d["y"])


def hierarchy(d: dict[str, Any]) -> None:
    level = numpyro.sample("level", dist.Normal(0, 5))
    uranium = numpyro.sample("uranium", dist.Normal(0, 2))
    floor_gap = numpyro.sample("floor_gap", dist.Normal(0, 2))
    size = len(d["soil"])
    a = _noncentred("a", level + uranium * d["soil"], _half("sd_level", "half_normal", 1), size)
    b = _noncentred("b", floor_gap, _half("sd_gap", "half_normal", 1), size)
    sigma = _half("sigma", "half_normal", 2)
    numpyro.sample("y", dist.Normal(a[d["county"]] + b[d["county"]] * d["floor"], sigma), obs=d["y"])


def logistic(d: dict[str, Any]) -> None:
    b0 = numpyro.sample("b0", dist.Normal(0, 2.5))
    b = numpyro.sample("b", dist.Normal(jnp.zeros(d["x"].shape[1]), 1).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=b0 + d["x"] @ b), obs=d["y"])


def regression(d: dict[str, Any]) -> None:
    size = d["x"].shape[1]
    if d["coefficient"]:
        beta = numpyro.sample("beta", dist.Normal(jnp.zeros(size), d["coefficient"]).to_event(1))
    else:
        beta = _flat("beta", (size,))
    numpyro.sample("y", dist.Normal(d["x"] @ beta, _half("sigma", *d["sigma"])), obs=d["y"])


def arma(d: dict[str, Any]) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 10))
    phi = numpyro.sample("phi", dist.Normal(0, 2))
    theta = numpyro.sample("theta", dist.Normal(0, 2))
    sigma = _half("sigma", "half_cauchy", 2.5)
    y = jnp.asarray(d["y"])

    def step(shock: Any, pair: Any) -> tuple[Any, Any]:
        shock = pair[1] - (mu + phi * pair[0] + theta * shock)
        return shock, shock

    first = y[0] - (mu + phi * mu)
    _, rest = jax.lax.scan(step, first, (y[:-1], y[1:]))
    shocks = jnp.concatenate([first[None], rest])
    numpyro.factor("shocks", dist.Normal(0, sigma).log_prob(shocks).sum())


def gp(d: dict[str, Any]) -> None:
    rho = numpyro.sample("rho", dist.Gamma(25, 4))
    alpha, sigma = _half("alpha", "half_normal", 2), _half("sigma", "half_normal", 1)
    apart = d["x"][:, None] - d["x"][None, :]
    cov = alpha**2 * jnp.exp(-0.5 * (apart / rho) ** 2) + sigma * jnp.eye(len(d["x"]))
    numpyro.sample("y", dist.MultivariateNormal(jnp.zeros(len(d["x"])), covariance_matrix=cov), obs=d["y"])


def mixture(d: dict[str, Any]) -> None:
    mu = _flat("mu", (2,), constraints.ordered_vector)
    numpyro.factor("mu_prior", dist.Normal(0, 2).log_prob(mu).sum())
    sigma = numpyro.sample("sigma", dist.HalfNormal(2 * jnp.ones(2)).to_event(1))
    theta = numpyro.sample("theta", dist.Beta(5, 5))
    parts = dist.Normal(mu, sigma).log_prob(d["y"][:, None]) + jnp.log(jnp.stack([theta, 1 - theta]))
    numpyro.factor("y", logsumexp(parts, axis=1).sum())


def drives(d: dict[str, Any]) -> None:
    theta = numpyro.sample("theta", dist.Dirichlet(d["alpha"]).to_event(1))
    rates = []
    for name in ("phi", "lambda"):
        rate = _flat(name, (2,), constraints.positive_ordered_vector)
        numpyro.factor(f"{name}_prior", dist.Normal(d["centre"], 1).log_prob(rate).sum())
        rates.append(rate)
    u, v = d["u"][:, None], d["v"][:, None]
    emission = dist.Exponential(rates[0]).log_prob(u) + dist.Exponential(rates[1]).log_prob(v)
    log_move = jnp.log(theta)

    def step(alpha: Any, log_emission: Any) -> tuple[Any, None]:
        return logsumexp(alpha[:, None] + log_move, axis=0) + log_emission, None

    last, _ = jax.lax.scan(step, emission[0] - jnp.log(2.0), emission[1:])
    numpyro.factor("chain", logsumexp(last))


MODELS = {
    "schools": schools, "hierarchy": hierarchy, "logistic": logistic, "regression": regression, "arma": arma,
    "gp": gp, "mixture": mixture, "drives": drives,
}  # fmt: skip
