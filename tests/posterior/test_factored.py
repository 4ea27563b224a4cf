"""A factored q from the run to the table, the file and the prediction, on models with closed forms.

Comparisons with the exact ELBO use the estimate's own standard error at 6 standard errors: with four of
them a false alarm has odds below 1e-8. Seeds are fixed.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import ppl
from ppl.errors import InternalError, UsageError
from ppl.posterior.factored import BlockReport, FactoredRecord
from ppl.posterior.factored_text import bound_sentence
from ppl.posterior.record import Bound
from tests.posterior import factored_fakes as fakes_of

pytestmark = pytest.mark.usefixtures("fakes")


def data(n: int = 40) -> dict:
    return {"y": np.random.default_rng(1).normal(3, 2, n)}


def two_heaps() -> dict:
    rng = np.random.default_rng(1)
    return {"y": np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 40)])}


def codes(fit, severity=("warn", "failed")) -> set[str]:
    return {w.code for w in fit.warnings if w.severity in severity}


# ---------------------------------------------------------------- figures


def test_figures_are_those_of_q_not_of_its_draws():
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma")
    row, shape, rate = fit.summary()["tau"], *fit.approximation.gammas["tau"]
    assert (row.mean, row.sd) == (shape / rate, math.sqrt(shape) / rate)
    assert abs(row.q50 - (shape - 1 / 3) / rate) < 0.01
    assert fit.status == "ok" and fit.verdict == "The fit converged and every check passed."
    assert "(closed form)" in str(fit)


def test_the_elbo_is_exact_and_its_parts_add_up():
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma")
    assert fit.bound.error == 0.0
    assert fit.elbo == fit.approximation.elbo
    assert abs(fit.bound.energy + fit.bound.entropy - fit.elbo) < 1e-9
    assert abs(sum(fit.factored.elbo_terms.values()) - fit.elbo) < 1e-9
    assert abs(fit.checks["collapsed_elbo"] - fit.elbo) < 6 * fit.checks["collapsed_elbo_se"]


def test_an_exact_q_has_even_weights_and_an_evidence():
    fit = ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd")
    assert fit.checks["khat_text"] == "exact"
    assert fit.log_evidence == fit.elbo
    other = ppl.fit(fakes_of.KNOWN_SD, data())
    assert abs(other.elbo - fit.elbo) < 1e-6
    assert "log evidence -85.28 (exact: every factor is exact)" in str(fit)


def test_draws_go_to_the_real_line_and_back():
    bound = ppl.compile(fakes_of.MIXTURE).bind(two_heaps())
    z = np.random.default_rng(0).normal(size=(7, bound.problem.own_target.size))
    draws = bound.problem.constrain(z)
    back, log_det = bound.problem.coordinates(draws)
    again = bound.problem.own_target.log_density(back) - log_det
    for i, value in enumerate(again):
        assert abs(bound.problem.log_joint({k: v[i] for k, v in draws.items()})[0] - value) < 1e-8 * abs(
            value
        )


def test_draws_far_from_zero_and_on_an_edge_have_coordinates():
    text = "table t(y: real)\nmu ~ Normal(1e4, 10)\nw ~ Beta(2, 2)\ny[i] ~ Normal(mu, 2 - w) for i in t\n"
    problem = ppl.compile(text).bind({"y": [1e4, 1.1e4]}).problem
    z, log_det = problem.coordinates({"mu": np.array([9000.0, 11000.0]), "w": np.array([0.5, 0.0])})
    assert z[:, 0].tolist() == [9000.0, 11000.0] and np.isfinite(z).all()
    value = problem.own_target.log_density(z)[0] - log_det[0]
    assert abs(problem.log_joint({"mu": 9000.0, "w": 0.5})[0] / value - 1) < 1e-12


# ---------------------------------------------------------------- what goes wrong is told


def test_a_wrong_elbo_is_found():
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma", lie=0.5)
    assert fit.status == "failed" and "W720" in codes(fit)
    assert "a bug in ppl" in fit.verdict


def test_a_wrong_claim_of_exactness_is_found():
    fit = ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd", widen=2.0)
    assert fit.status == "failed" and "W720" in codes(fit)
    assert any("said to be the posterior" in w.message for w in fit.warnings)


def test_too_narrow_factors_are_found():
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma", narrow=0.6)
    assert fit.status == "warn" and codes(fit) & {"W706", "W708"}


def test_an_update_that_goes_down_is_our_bug(fakes, monkeypatch):
    def wrong(target, state):
        raise fakes_of.NotMonotone("the update of `tau` lowered the ELBO by 0.5")

    monkeypatch.setattr(fakes_of.NormalGamma, "step", lambda self, *given: wrong(*given))
    with pytest.raises(InternalError, match="E803.*tau.*report"):
        ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma")


def test_a_run_that_stops_early_is_not_to_be_used():
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma", max_sweeps=2)
    assert fit.status == "not_converged" and codes(fit) == {"W701"}
    assert fit.verdict.startswith("Do not use this fit")


def test_restarts_that_disagree():
    record = FactoredRecord((), restarts=(-10.0, -12.0, -math.inf))
    text = bound_sentence(Bound(-10.0, 0.0), record, None)
    assert "3 restarts ended between -12.00 and -10.00; 1 did not converge" in text
    alike = bound_sentence(Bound(-10.0, 0.0), FactoredRecord((), restarts=(-10.0, -10.0)), None)
    assert "2 restarts ended at -10.00" in alike


def test_unknown_options_and_bad_values_are_refused():
    with pytest.raises(UsageError, match="sweeps"):
        ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd", sweeps=3)
    with pytest.raises(UsageError, match="no int for the option `max_sweeps`"):
        ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd", max_sweeps="few")
    assert ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd", max_sweeps="7").status == "ok"


# ---------------------------------------------------------------- points


def test_maximum_likelihood_reports_points_and_criteria():
    y = data()["y"]
    fit = ppl.fit(fakes_of.LIKELIHOOD, data(), method="likelihood")
    at, value = fit.factored.criteria, fit.log_evidence
    assert (at["parameters"], at["rows"]) == (2, 40)
    assert at["aic"] == 4 - 2 * value and at["bic"] == 2 * math.log(40) - 2 * value
    assert fit.summary()["mu"].mean == y.mean() and fit.summary()["mu"].sd == 0
    text = str(fit)
    assert (
        f"log likelihood {value:.2f} (exact)" in text
        and "AIC 167.15, BIC 170.53 (2 free parameters, 40 rows)" in text
    )
    (line,) = [row for row in text.splitlines() if row.startswith("mu")]
    assert line.split() == ["mu", "3.0056"]


def test_a_simplex_has_one_parameter_less_and_weighted_rows_count_by_weight():
    fit = ppl.fit(fakes_of.MIXTURE, two_heaps(), method="mixture")
    assert fit.factored.criteria["parameters"] == 5
    from ppl.posterior.criteria import observed_rows

    text = "table t(y: real, n: weight)\nparam mu\ny[i] ~ Normal(mu, 1) for i in t\n"
    bound = ppl.compile(text).bind({"y": [1.0, 2.0], "n": [3, 4]})
    assert observed_rows(bound.problem) == 7


def test_states_come_from_q():
    fit = ppl.fit(fakes_of.MIXTURE, two_heaps(), method="mixture")
    (table,) = fit.states
    assert table.probabilities.shape == (100, 2)
    assert [k for _, k, _ in table.most_probable()] == ["1"] * 60 + ["2"] * 40
    assert fit.status == "ok"


def test_a_dead_component_is_named():
    fit = ppl.fit(fakes_of.MIXTURE, two_heaps(), method="mixture", dead=True)
    assert fit.status == "warn"
    told = {(w.code, w.names) for w in fit.warnings}
    assert ("W719", ("sigma[2]",)) in told and ("W719", ("z",)) in told and ("W716", ("w[2]",)) in told
    assert "`z = 2`" in " ".join(w.message for w in fit.warnings)


# ---------------------------------------------------------------- file, JSON, prediction


@pytest.mark.parametrize("text, method", [("NORMAL_GAMMA", "normalgamma"), ("LIKELIHOOD", "likelihood")])
def test_a_saved_fit_says_the_same(tmp_path, text, method):
    fit = ppl.fit(getattr(fakes_of, text), data(), method=method)
    fit.save(tmp_path / "fit")
    back = ppl.load(tmp_path / "fit")
    assert back.approximation is None
    assert str(back) == str(fit) and back.to_dict() == fit.to_dict()
    for old, new in zip(fit.factored.blocks, back.factored.blocks, strict=True):
        assert (old.names, old.family, old.exact, old.reason) == (
            new.names,
            new.family,
            new.exact,
            new.reason,
        )
        for name, array in old.parameters.items():
            np.testing.assert_array_equal(array, new.parameters[name])
    np.testing.assert_array_equal(back.factored.arrays["counts"], [1.0, 2.0])
    for name, array in fit.draws.items():
        np.testing.assert_array_equal(array, back.draws[name])
    new = {"y": np.zeros(3)}
    assert str(back.predict(new)) == str(fit.predict(new))


def test_a_bound_that_is_no_number_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(fakes_of, "LOG_2PI", math.nan)
    fit = ppl.fit(fakes_of.KNOWN_SD, data(), method="knownsd")
    assert fit.status == "failed" and "W703" in codes(fit)
    fit.save(tmp_path / "fit")
    back = ppl.load(tmp_path / "fit")
    assert str(back) == str(fit) and "ELBO: not available" in str(fit)
    json.dumps(fit.to_dict(), allow_nan=False)


def test_json_is_strict_and_tells_the_factors():
    form = json.loads(
        json.dumps(ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma").to_dict(), allow_nan=False)
    )
    assert [b["names"] for b in form["factored"]["blocks"]] == [["mu"], ["tau"]]
    assert set(form["factored"]["elbo_terms"]) == {"mu", "tau", "y", "entropy(mu)", "entropy(tau)"}


def test_prediction_from_points_has_the_spread_of_the_observations():
    fit = ppl.fit(fakes_of.LIKELIHOOD, data(), method="likelihood")
    drawn = fit.predict({"y": [0.0]}).draws("y")
    sd = float(fit.draws["sigma"][0])
    assert abs(drawn.std() / sd - 1) < 6 / math.sqrt(2 * len(drawn))


def test_a_bound_that_is_an_estimate_says_so():
    text = bound_sentence(Bound(-10.0, 0.25, energy=-11.0, entropy=1.0), FactoredRecord(()), None)
    assert text.startswith("ELBO -10.00 (standard error 0.25)")
    fit = ppl.fit(fakes_of.NORMAL_GAMMA, data(), method="normalgamma", lie=0.5, noise=0.2)
    assert fit.bound.error == 0.2 and fit.status == "ok"  # 0.5 nats are 2.5 standard errors


def test_an_endless_density_is_no_bound():
    record = FactoredRecord((BlockReport(("p",), "Delta", True),))
    text = bound_sentence(Bound(5e29, 0.0), record, 5e29)
    assert text.startswith("ELBO: not available")
