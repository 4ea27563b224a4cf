"""Every q is scored by one estimator: against closed forms, on common draws, and on held-out rows.

Estimates are compared with exact values at 6 of their own standard errors: about ten such comparisons
give a false alarm with odds below 1e-7. Seeds are fixed.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import ppl
from ppl.errors import UsageError
from ppl.inference.ways import ways_of
from tests.posterior import factored_fakes as f

pytestmark = pytest.mark.usefixtures("fakes")


def data(n: int = 40) -> dict:
    return {"y": np.random.default_rng(1).normal(3, 2, n)}


def write(name: str, text: str) -> str:
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def csv(name: str, columns: dict) -> str:
    rows = zip(*columns.values(), strict=True)
    return write(name, ",".join(columns) + "\n" + "".join(",".join(map(str, r)) + "\n" for r in rows))


# ---------------------------------------------------------------- the estimator


def test_an_exact_q_gets_the_evidence_from_either_family():
    found = ppl.compare(f.KNOWN_SD, data(), methods="knownsd,advi")
    exact = found["knownsd"]
    assert exact.exact and found["advi"].exact
    assert abs(exact.elbo.value - exact.fit.log_evidence) < 1e-9
    assert abs(found["advi"].elbo.to_best) < 1e-6


def test_factors_and_gaussians_are_scored_alike():
    """The same mean-field optimum in two guises: closed form, and as the estimator sees it."""
    found = ppl.compare(f.NORMAL_GAMMA, data(), methods="normalgamma,advi:mean_field")
    own = found["normalgamma"]
    assert abs(own.elbo.value - own.fit.elbo) < 6 * own.elbo.error
    assert own.elbo.error < 0.01 and own.elbo.to_best == 0.0
    other = found["advi:mean_field"]
    assert abs(other.elbo.value - other.fit.elbo) < 6 * math.hypot(other.elbo.error, other.fit.bound.error)
    assert other.elbo.to_best < 0 < other.elbo.to_best_error


def test_a_worse_q_is_seen_to_be_worse():
    found = ppl.compare(f.NORMAL_GAMMA, data(), methods="normalgamma,normalgamma:narrow=0.7")
    worse = found["normalgamma:narrow=0.7"].elbo
    gap = found["normalgamma:narrow=0.7"].fit.elbo - found["normalgamma"].fit.elbo
    assert abs(worse.to_best - gap) < 6 * worse.to_best_error
    assert worse.to_best < -10 * worse.to_best_error


def test_a_lie_about_the_elbo_does_not_move_the_score():
    found = ppl.compare(f.NORMAL_GAMMA, data(), methods="normalgamma,normalgamma:lie=3")
    assert found["normalgamma:lie=3"].elbo.to_best == 0.0
    assert found["normalgamma:lie=3"].fit.elbo - found["normalgamma"].fit.elbo == pytest.approx(3)


def test_common_draws_make_differences_of_gaussians_precise():
    """Two coordinates with correlation: the gap to full rank is known to a fraction of either error."""
    text = "table t(x: real, y: real)\na ~ Normal(0, 9)\nb ~ Normal(0, 9)\ny[i] ~ Normal(a + b * x[i], 1) for i in t\n"
    rng = np.random.default_rng(0)
    x = rng.normal(1, 1, 50)
    found = ppl.compare(text, {"x": x, "y": 1 + x + rng.normal(size=50)})
    worse = found["advi:mean_field"].elbo
    cov = np.linalg.inv(np.array([[50, x.sum()], [x.sum(), (x**2).sum()]]) + np.eye(2) / 81)
    precision = np.linalg.inv(cov)
    gap = -0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert abs(worse.to_best - gap) < 6 * worse.to_best_error
    assert worse.to_best_error < 0.05 * abs(gap)


def test_points_are_not_ranked_with_distributions(fakes):
    found = ppl.compare(f.LIKELIHOOD, data(), methods="likelihood,advi")
    assert found["likelihood"].points == ()  # a param is a point for every method
    assert abs(found["advi"].elbo.to_best) < 1e-4


def test_points_on_an_edge_have_no_elbo():
    text = "table t(y: bool)\np ~ Beta(0.5, 0.5)\ny[i] ~ Bernoulli(p) for i in t\n"
    found = ppl.compare(text, {"y": [0, 0, 0, 0]}, methods="cavi,em:point=p")
    entry = found["em:point=p"]
    assert entry.points == ("p",) and "W716" in {w.code for w in entry.fit.warnings}
    assert np.isnan(entry.elbo.value) and any("edge" in note for note in entry.notes)
    assert found["cavi"].exact
    exact = math.lgamma(4.5) + math.lgamma(0.5) - math.lgamma(5) - 2 * math.lgamma(0.5)
    assert abs(found["cavi"].elbo.value - exact) < 1e-9


# ---------------------------------------------------------------- held-out rows


def test_held_out_rows_have_the_exact_predictive_density():
    """A conjugate mean: y* ~ Normal(m, sqrt(v + 4)) with m, v from the rows that were kept."""
    y = data(60)["y"]
    found = ppl.compare(
        f.KNOWN_SD, {"y": y[:50]}, methods=["knownsd"], holdout_data={"y": y[50:]}, draws=20000
    )
    entry = found["knownsd"]
    v = 1 / (1 / 100 + 50 / 4)
    m, sd = v * y[:50].sum() / 4, math.sqrt(v + 4)
    exact = -0.5 * np.square((y[50:] - m) / sd) - math.log(sd) - 0.5 * f.LOG_2PI
    assert found.rows == 10
    assert abs(entry.held_out.value - exact.mean()) < 6 * 0.15 * math.sqrt(v / 4) / math.sqrt(2000)


def test_a_share_of_rows_is_left_out_by_the_seed():
    first, again, other = (
        ppl.compare(f.KNOWN_SD, data(), methods=["knownsd"], holdout=0.25, seed=s) for s in (1, 1, 2)
    )
    assert first.rows == 10
    assert first["knownsd"].held_out == again["knownsd"].held_out != other["knownsd"].held_out
    kept = first["knownsd"].fit.problem.data.arrays[("t", "y")]
    assert len(kept) == 30 and set(kept) < set(data()["y"])


def test_groups_that_only_held_out_rows_have_are_drawn_from_their_prior():
    text = """
table t(y: real, g: gs)
index gs
mu ~ Normal(0, 10)
u[k] ~ Normal(0, 1) for k in gs
y[i] ~ Normal(mu + u[g[i]], 1) for i in t
"""
    rng = np.random.default_rng(0)
    groups = list("aaabbbccc") * 3
    kept = {"y": rng.normal(2, 1, 27), "g": groups}
    found = ppl.compare(
        text, kept, methods=["advi:mean_field"], holdout_data={"y": [2.0, 2.0], "g": ["a", "new"]}
    )
    assert found.rows == 2 and np.isfinite(found["advi:mean_field"].held_out.value)


def test_mixtures_are_scored_with_states_summed_out():
    rng = np.random.default_rng(1)
    y = np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 40)])
    found = ppl.compare(
        f.MIXTURE, {"y": y}, methods=["mixture", "mixture:dead=true"], holdout_data={"y": [-3.0, 9.0]}
    )
    fit = found["mixture"].fit
    w, mu, sd = (fit.draws[k][0] for k in ("w", "mu", "sigma"))
    exact = np.log(f.Mixture.joint(np.array([-3.0, 9.0]), w, mu, sd).sum(1))
    assert found["mixture"].held_out.value == pytest.approx(exact.mean())
    assert found["mixture:dead=true"].held_out.to_best < 0 or found["mixture"].held_out.to_best < 0


def test_observations_that_share_a_state_are_scored_jointly():
    text = """
table t(x: real, y: real)
param s: positive
z[i] ~ Bernoulli(0.7) for i in t
x[i] ~ Normal(4 * z[i], s) for i in t
y[i] ~ Normal(-4 * z[i], s) for i in t
"""
    x, y = np.array([0.1, 4.2, 3.0]), np.array([0.3, -3.9, -1.0])
    found = ppl.compare(text, {"x": x, "y": y}, methods=["advi"], holdout_data={"x": x, "y": y})
    s = found["advi"].fit.draws["s"][0]
    z = np.array([0.0, 1.0])
    joint = np.log([0.3, 0.7]) - 0.5 * ((x[:, None] - 4 * z) ** 2 + (y[:, None] + 4 * z) ** 2) / s**2
    exact = np.log(np.exp(joint).sum(1)) - 2 * np.log(s) - f.LOG_2PI
    assert found.rows == 3
    assert found["advi"].held_out.value == pytest.approx(exact.mean(), abs=1e-9)


def test_observations_of_one_row_count_together():
    text = """
table t(x: real, y: real)
m ~ Normal(0, 1)
x[i] ~ Normal(m, 1) for i in t
y[i] ~ Normal(m, 1) for i in t
"""
    kept, new = {"x": [0.0, 1.0], "y": [1.0, 2.0]}, {"x": [1.0], "y": [2.0]}
    found = ppl.compare(text, kept, methods=["advi"], holdout_data=new, draws=20000)
    cov = np.eye(2) + 1 / 5
    off = np.array([1.0, 2.0]) - 4 / 5
    exact = -0.5 * off @ np.linalg.solve(cov, off) - 0.5 * np.linalg.slogdet(cov)[1] - f.LOG_2PI
    assert found.rows == 1
    assert abs(found["advi"].held_out.value - exact) < 6 * 0.8 / math.sqrt(20000)


@pytest.mark.parametrize(
    "text, share, message",
    [
        (f.KNOWN_SD, 0, "cannot hold out"),
        (f.KNOWN_SD, "half", "no share"),
        (f.KNOWN_SD, "rows=0.1", "no observation is about `rows`"),
        (
            "table t(day: order, y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in t\n",
            0.5,
            "have an order",
        ),
    ],
)
def test_rows_that_cannot_be_held_out(text, share, message):
    with pytest.raises(UsageError, match=message):
        ppl.compare(text, {"y": [1.0, 2.0, 3.0], "day": [1, 2, 3]}, holdout=share)


# ---------------------------------------------------------------- methods in words


def test_methods_with_options():
    found = ways_of("advi:full-rank,knownsd:point=mu,sigma:max_sweeps=3,advi")
    assert [(w.method, dict(w.options)) for w in found] == [
        ("advi", {"family": "full_rank"}),
        ("knownsd", {"point": "mu,sigma", "max_sweeps": 3}),
        ("advi", {}),
    ]
    for wrong in ("", "nuts", "advi:speed=3", "advi:wide", "advi:draws=many"):
        with pytest.raises(UsageError, match="E705"):
            ways_of(wrong)


# ---------------------------------------------------------------- the command


def test_the_command_prints_a_table(ppl_command):
    model, rows = write("m.model", f.KNOWN_SD), csv("d.csv", data())
    done = ppl_command("compare", model, rows, "--methods", "knownsd,advi:mean_field", "--holdout", "0.1")
    assert done.code == 0, done.err
    head, first, second, _, about = done.out.splitlines()[:5]
    assert head.split() == [
        "ELBO",
        "se",
        "to",
        "best",
        "se",
        "k-hat",
        "seconds",
        "held",
        "out",
        "se",
        "to",
        "best",
        "se",
        "fit",
    ]
    assert first.startswith("knownsd") and second.startswith("advi:mean_field")
    assert "exact" in first and first.endswith("ok")
    assert about.endswith("held out: mean log predictive density of 4 rows")


def test_methods_that_do_not_apply_are_listed(ppl_command):
    text = "table t(y: real)\nk ~ DiscreteUniform(1, 3)\ny[i] ~ Normal(k, 2) for i in t\n"
    model, rows = write("m.model", text), csv("d.csv", data(5))
    done = ppl_command("compare", model, rows, "--methods", "advi")
    assert done.code == 4
    assert "advi: not applicable: the model has no continuous latent or param to fit" in done.out


def test_the_json_form_is_strict(ppl_command):
    model, rows = write("m.model", f.NORMAL_GAMMA), csv("d.csv", data())
    done = ppl_command("compare", model, rows, "--methods", "normalgamma,advi", "--json")
    form = json.loads(done.out)
    assert form["schema"] == 1 and form["held_out_rows"] == 0
    (own, other) = form["methods"]
    assert own["elbo"]["to_best"] < 0 or other["elbo"]["to_best"] < 0
    assert own["held_out"]["value"] is None and own["status"] == "ok"


def test_mistakes_come_before_the_fits(ppl_command):
    model, rows = write("m.model", f.KNOWN_SD), csv("d.csv", data())
    done = ppl_command("compare", model, rows, "--methods", "advi:speed=3")
    assert done.code == 2 and "no option of advi is called `speed`" in done.err
    done = ppl_command("compare", model, rows, "--holdout", "0.1", "--holdout-data", rows)
    assert done.code == 2 and "not both" in done.err
