"""Flows that read data, networks and other latents.

Over three seeds the flow's ELBO was 0.08 to 0.22 below the evidence, with a standard error of 0.01, where 0.6 is
allowed; the Gaussian's was at least 10 below that, with a standard error of 1, where 5 is asked: one false alarm in a
million.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.cli.main import run
from ppl.errors import PplError
from ppl.graph.stochastic import StochasticElbo
from ppl.inference.autoencoder import Autoencoder
from ppl.inference.stochastic_target import StochasticTarget

HOW = "advi_stochastic"
BANANAS = """
table rows(y: real)
{more}
for i in rows:
    a[i] ~ Normal(0, 1)
    b[i] ~ Normal(0, 3)
    y[i] ~ Normal(b[i] + 2 * a[i]^2, 0.5)
guide:
"""
READING = (
    BANANAS.format(more="")
    + "    q(a[i], b[i]) ~ Flow(layers = 4, hidden = 16, context = y[i]) for i in rows\n"
)
NETWORK = 'network net(1 -> ma, sa, mb, sb) = MLP(hidden = [16], activation = "tanh")\n'
NORMAL = (
    BANANAS.format(more=NETWORK.replace("(1 ->", "(one ->").replace("network", "index one = 1\nnetwork"))
    + "    q(a[i]) ~ Normal(net([y[i]]).ma, exp(net([y[i]]).sa)) for i in rows\n"
    + "    q(b[i]) ~ Normal(net([y[i]]).mb, exp(net([y[i]]).sb)) for i in rows\n"
)
CODED = """
index latent = 2
index features = 3
table rows(x[features]: real)
network encoder(features -> mean[latent], logsd[latent], h[3]) = MLP(hidden = [4], activation = "tanh")
s ~ HalfNormal(1)
w[k, features] ~ Normal(0, 1) for k in latent
for i in rows:
    z[i, latent] ~ Normal(0, 1)
    x[i, features] ~ Normal(z[i] @ w, s)
guide:
"""
FULL = (
    CODED.replace("h[3]", "h[features]")
    + "    q(z[i, latent]) ~ Flow(layers = 2, hidden = 4, mean = encoder(x[i]).mean, sd = exp(encoder(x[i]).logsd),"
    + " context = encoder(x[i]).h) for i in rows\n"
)
PLAIN = (
    CODED.replace("h[3]", "h[features]")
    + "    q(z[i, latent]) ~ Normal(encoder(x[i]).mean, exp(encoder(x[i]).logsd)) for i in rows\n"
)
# a simplex of two coordinates and three positive numbers, in one flow of five
MIXED = """
index k = 3
table rows(x[k]: real)
for i in rows:
    p[i, k] ~ Dirichlet([1, 1, 1])
    r[i, k] ~ Gamma(2, 1)
    x[i, k] ~ Normal(p[i] * r[i], 0.3)
guide:
    q(p[i, k], r[i, k]) ~ Flow(layers = 2, hidden = 4, context = x[i]) for i in rows
"""
PLATES = """
index cols = 4
table rows(y[cols]: real)
for i in rows, j in cols:
    a[i, j] ~ Normal(0, 1)
    b[i, j] ~ Normal(0, 1)
    y[i, j] ~ Normal(a[i, j] * b[i, j], 0.5)
guide:
    q(a[i, j], b[i, j]) ~ Flow(layers = 2, hidden = 4, context = y[i]) for i in rows, j in cols
"""
CHAINED = """
index one = 1
index out = 3
table rows(y: real, w: weight)
network net(one -> h[out]) = MLP(hidden = [4], prior = Normal(0, 1))
for i in rows:
    c[i] ~ Normal(0, 1)
    a[i] ~ Normal(c[i], 1)
    b[i] ~ Normal(0, 1)
    y[i] ~ Normal(a[i] * b[i] + c[i], 0.5)
guide:
    q(c[i]) ~ Normal(y[i], 1) for i in rows
    q(a[i], b[i]) ~ Flow(layers = 2, hidden = 4, context = net([c[i]]).h) for i in rows
"""


def _evidence(y: float) -> float:
    a = np.linspace(-8.0, 8.0, 4001)
    values = -0.5 * a**2 - 0.5 * np.square(y - 2 * a**2) / 9.25 - np.log(2 * np.pi) - 0.5 * np.log(9.25)
    return float(np.log(np.exp(values - values.max()).sum() * (a[1] - a[0])) + values.max())


def _features(n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {"x": rng.normal(size=(n, 2)) @ rng.normal(size=(2, 3)) + 0.3 * rng.normal(size=(n, 3))}


def _estimates(text: str, data: dict[str, np.ndarray], plate: str = "") -> StochasticElbo:
    return StochasticElbo(ppl.compile(text, path=False).bind(data).problem, plate)


def test_an_amortised_flow_comes_near_the_evidence_where_an_amortised_gaussian_does_not() -> None:
    """One banana for each row, whose place and arms depend on its datum."""
    y = np.linspace(-1.0, 4.0, 12)
    evidence = sum(_evidence(v) for v in y)
    flow = ppl.fit(READING, {"y": y}, method=HOW, max_steps=1500, gradient_draws=40)
    normal = ppl.fit(NORMAL, {"y": y}, method=HOW, max_steps=1500, gradient_draws=40)
    assert -0.6 < flow.bound.elbo - evidence < 5 * flow.bound.error
    assert normal.bound.elbo < flow.bound.elbo - 5.0  # the twin that must fail to come near
    assert flow.factored is not None
    # rows that the search has not seen have q of their own: between those of the fit it is as near
    other = Autoencoder(flow, "rows", {"y": y[:-1] + 0.5 * (y[1] - y[0])})
    bound = other.terms(draws=200).elbo
    truth = np.array([_evidence(v) for v in y[:-1] + 0.5 * (y[1] - y[0])])
    assert np.abs(bound - truth).mean() < 0.25


def test_at_its_start_a_flow_with_a_mean_and_an_sd_is_the_normal() -> None:
    flow, normal = (_estimates(t, _features()) for t in (FULL, PLAIN))
    x, y = flow.start(1, -1.0), normal.start(1, -1.0)
    np.testing.assert_array_equal(x[: normal.size], y)
    numbers = np.random.default_rng(0).normal(size=(7, 12, 2))

    def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
        rows = {"flow 1": numbers, "z": numbers.transpose(0, 2, 1)}
        return rows.get(name, np.zeros(shape))

    found, _ = flow.parts(x, flow.everything, noise, 7, closed=False)
    wanted, _ = normal.parts(y, normal.everything, noise, 7, closed=False)
    np.testing.assert_allclose(found.objective(1.0), wanted.objective(1.0), rtol=1e-10)
    moved, _ = flow.parts(x + 0.1, flow.everything, noise, 7, closed=False)  # the twin
    assert not np.allclose(moved.objective(1.0), wanted.objective(1.0), rtol=1e-3)


def test_slopes_through_the_context_are_those_of_differences() -> None:
    at = _estimates(FULL, _features())
    rng = np.random.default_rng(0)
    x = at.start(1, -1.0) + 0.2 * rng.normal(size=at.size)

    def value(x: np.ndarray) -> float:
        parts, _ = at.parts(x, at.everything, at.noise(np.random.default_rng(5)), 6)
        return float(np.mean(parts.objective(1.0)))

    found = at.slopes(x, at.everything, np.random.default_rng(5), 6)
    assert found.objective == pytest.approx(value(x))
    for p, slope in zip(found.pieces, found.slopes, strict=True):
        if "encoder" in p.parameter.block.name or p.parameter.role == "flow":
            step = np.zeros(at.size)
            step[p.parameter.where] = rng.normal(size=slope.size)
            exact = float(np.vdot(slope, step[p.parameter.where]))
            numerical = (value(x + 1e-5 * step) - value(x - 1e-5 * step)) / 2e-5
            assert numerical == pytest.approx(exact, rel=1e-5, abs=1e-6), p.parameter.block.name
            assert abs(exact) > 1e-4  # it is read


def test_the_density_is_that_of_the_map_by_its_numerical_jacobian() -> None:
    """``-log q = -log N(e) + log |du/de|`` of one row, with the map differenced."""
    at = _estimates(FULL, _features())
    x = at.start(1, -1.0) + 0.2 * np.random.default_rng(3).normal(size=at.size)

    def look(e: np.ndarray) -> tuple[np.ndarray, float]:
        def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
            return np.broadcast_to(e, shape) if name == "flow 1" else np.zeros(shape)

        found, values = at.parts(x, at.everything, noise, 1, closed=False)
        z = np.asarray(values.values["z"].array)[0]
        log_prior = -0.5 * np.square(z).sum(-1) - np.log(2 * np.pi)
        return z, float((log_prior + np.asarray(found.rates["z"].array)[0].T.reshape(12, -1).sum(-1))[4])

    e, step = np.array([0.4, -0.7]), 1e-5
    sides = [(look(e + step * d)[0][4] - look(e - step * d)[0][4]) / (2 * step) for d in np.eye(2)]
    log_q = -0.5 * e @ e - np.log(2 * np.pi) - np.linalg.slogdet(np.array(sides))[1]
    assert look(e)[1] == pytest.approx(log_q, rel=1e-7)


@pytest.mark.parametrize("text", [READING, FULL, MIXED])
def test_batches_have_objectives_without_bias(text: str) -> None:
    """The mean over a partition of the rows is the whole: noise by row is shared between both."""
    data = {"y": np.linspace(-1.0, 4.0, 12)} if text == READING else _features()
    at = _estimates(text, data, "rows")
    x = at.start(0, -1.0) + 0.1 * np.random.default_rng(1).normal(size=at.size)
    numbers = np.random.default_rng(2).normal(size=(5, 12, 5 if text == MIXED else 2))

    def value(rows: np.ndarray, whole: bool) -> float:
        def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
            return numbers[:, rows] if name == "flow 1" else np.full(shape, 0.3)

        part, _ = at.parts(x, at.everything if whole else at.batch(rows), noise, 5, closed=False)
        return float(np.mean(part.objective(1.0)))

    order = np.random.default_rng(3).permutation(12)
    thirds = [value(np.sort(order[k : k + 4]), False) for k in (0, 4, 8)]
    assert np.mean(thirds) == pytest.approx(value(np.arange(12), True), rel=1e-10)
    assert np.ptp(thirds) > 1e-3


def _differences(at: StochasticElbo) -> tuple[float, float]:
    """The slope along a random direction, from differences and by the tape."""
    x = at.start(0, -1.0) + 0.1 * np.random.default_rng(1).normal(size=at.size)
    step = np.random.default_rng(2).normal(size=at.size)

    def value(x: np.ndarray) -> float:
        parts, _ = at.parts(x, at.everything, at.noise(np.random.default_rng(5)), 3)
        return float(np.mean(parts.objective(1.0)))

    found = at.slopes(x, at.everything, np.random.default_rng(5), 3)
    pairs = zip(found.pieces, found.slopes, strict=True)
    exact = sum(float(np.vdot(s, step[p.parameter.where])) for p, s in pairs)
    return (value(x + 1e-5 * step) - value(x - 1e-5 * step)) / 2e-5, exact


@pytest.mark.parametrize("plate", ["", "rows"])
def test_slopes_in_two_plates_and_through_latents_weights_of_rows_and_networks_with_priors(
    plate: str,
) -> None:
    rng = np.random.default_rng(0)
    for text, data in (
        (PLATES, {"y": rng.normal(size=(7, 4))}),
        (CHAINED, {"y": rng.normal(size=7), "w": np.arange(1.0, 8.0)}),
    ):
        numerical, exact = _differences(_estimates(text, data, plate))
        assert numerical == pytest.approx(exact, rel=1e-5)


def test_simplexes_and_positive_numbers_flow_by_row_in_any_order_of_axes() -> None:
    """Slopes against differences, where rows come after the axes of the latents in memory."""
    at = _estimates(MIXED, _features())
    (flow,) = at.flows
    assert flow.coupling.size == 5 and flow.coupling.context == 3
    numerical, exact = _differences(at)
    assert numerical == pytest.approx(exact, rel=1e-5)
    x = at.start(0, -1.0)
    draws = at.sample(x, np.random.default_rng(3), 20)
    np.testing.assert_allclose(draws["p"].sum(-1), 1.0)
    assert draws["p"].shape == draws["r"].shape == (20, 12, 3) and (draws["r"] > 0).all()


def test_a_context_may_be_a_latent_that_is_drawn_before() -> None:
    text = "table rows(y: real)\nm ~ Normal(0, 1)\na ~ Normal(m, 1)\nb ~ Normal(0, 1)\n"
    text += "y[i] ~ Normal(a * b, 1) for i in rows\nguide:\n    q(a, b) ~ Flow(layers = 2, context = m)\n"
    at = _estimates(text, {"y": np.ones(4)})
    x = at.start(0, 0.0)
    x[:] += 0.3 * np.random.default_rng(0).normal(size=at.size)
    found, values = at.parts(x, at.everything, at.noise(np.random.default_rng(0)), 50, closed=False)
    assert np.isfinite(found.objective(1.0)).all() and np.shape(values.values["a"].array) == (50,)
    circular = text.replace("context = m", "context = a")
    with pytest.raises(PplError, match="depends on `a`, which it draws"):
        _estimates(circular, {"y": np.ones(4)})


@pytest.mark.parametrize(
    ("flow", "code", "why"),
    [
        ("Flow(context = encoder(x[i]).h, context = 1)", "E302", "each once"),
        ("Flow(depth = 3, context = encoder(x[i]).h)", "E302", "no `depth`"),
        ("Flow(mean = encoder(x[i]).h)", "E3", "features"),
        ("Flow(mean = i)", "E308", "holds names"),
        ("Flow(sd = encoder(x[i]).logsd)", "E3", "positive"),
        ("Flow(context = hidden(x[i]).h)", "E2", "hidden"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_where_they_stand(flow: str, code: str, why: str) -> None:
    text = CODED.replace("h[3]", "h[features]") + f"    q(z[i, latent]) ~ {flow} for i in rows\n"
    with pytest.raises(PplError, match=why) as caught:
        ppl.compile(text, path=False)
    (found,) = caught.value.diagnostics
    assert found.code.startswith(code) and found.span is not None
    assert text[: found.span.start].count("\n") == text[: text.index("q(z")].count("\n")


def test_a_mean_is_of_one_latent() -> None:
    text = READING.replace("context = y[i]", "mean = y[i]")
    with pytest.raises(PplError, match="of one latent of plain numbers, and here are 2") as caught:
        ppl.compile(text, path=False)
    assert caught.value.diagnostics[0].code == "E302"


def test_other_methods_and_loops_with_conditions_are_refused() -> None:
    for method in ("advi", "cavi", "bbvi", "em"):
        with pytest.raises(PplError) as caught:
            ppl.compile(READING, path=False).fit({"y": np.ones(4)}, method=method)
        assert caught.value.diagnostics[0].code in ("E605", "E504"), method
    text = READING.replace("for i in rows:", "for i in rows if y[i] > 0:")
    with pytest.raises(PplError, match="Flow` cannot be|condition"):
        ppl.compile(text, path=False).fit({"y": np.ones(4)}, method=HOW)
    whole = READING.replace("context = y[i]", "context = y")
    with pytest.raises(PplError, match="takes a part of what"):
        ppl.compile(whole, path=False).fit(
            {"y": np.ones(40)}, method=HOW, options={"batch": "rows=20", "max_steps": 50}
        )


def test_it_is_fitted_in_batches_saved_used_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data, out = tmp_path / "m.model", tmp_path / "d.npz", tmp_path / "m.fit"
    model.write_text(FULL)
    np.savez(data, x=_features(40)["x"])
    assert run(["explain", str(model), str(data), "--method", HOW]) == 0
    said = capsys.readouterr().out
    assert "q(z) ~ Flow(layers = 2, hidden = 4) that reads mean and sd and a context of 3" in said
    flags = ["--method", HOW, "--batch", "rows=10", "--max-steps", "100"]
    assert run(["fit", str(model), str(data), *flags, "--out", str(out)]) in (0, 4)
    fit = ppl.load(str(out))
    assert fit.factored is not None
    assert "2 coupling layers that read mean and sd and context" in fit.factored.blocks[0].family
    assert run(["predict", str(out), str(data)]) == 0
    capsys.readouterr()
    how = {"method": HOW, "max_steps": 150, "batch": "rows=10"}
    whole = ppl.fit(FULL, _features(40), **how)
    ppl.fit(FULL, _features(40), checkpoint=tmp_path / "c", max_seconds=1e-9, **how)
    rest = ppl.fit(FULL, _features(40), checkpoint=tmp_path / "c", resume=True, **how)
    np.testing.assert_array_equal(rest.draws["s"], whole.draws["s"])


def test_k_hat_of_single_rows() -> None:
    from ppl.inference.flow_result import FlowFit
    from ppl.inference.stochastic_result import Measured

    at = _estimates(READING, {"y": np.linspace(-1.0, 4.0, 6)})
    q = FlowFit(at, at.start(0, -1.0), Measured(0.0, 0.0, 0.0, 0.0, 0.0), 1.0, 100.0)
    found = q.element_weights(np.random.default_rng(0))
    assert found is not None and "of single `rows`" in found.text and found.quantile(0.5) > 0.7  # not fitted


def test_draws_made_in_parts_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from ppl.inference import flow_result
    from ppl.inference.stochastic_result import Measured

    at = _estimates(FULL, _features())
    q = flow_result.FlowFit(at, at.start(0, -1.0), Measured(0.0, 0.0, 0.0, 0.0, 0.0), 1.0, 100.0)
    monkeypatch.setattr(flow_result, "AT_ONCE", 12 * 6 * 7)
    draws = q.sample(np.random.default_rng(0), 20)
    assert {k: len(a) for k, a in draws.items()} == dict.fromkeys(draws, 20)
    assert draws["encoder/h/bias"].strides[0] == 0 and np.unique(draws["z"][:, 0, 0]).size == 20


def test_rows_held_out_and_other_rows_have_a_q() -> None:
    how = {"method": HOW, "max_steps": 300, "batch": "rows=10"}
    fit = ppl.fit(FULL, _features(60), validate="rows=0.2", **how)
    coder = Autoencoder(fit, "rows", {"x": _features(30)["x"] + 0.1})
    assert coder.means["z"].shape == coder.sds["z"].shape == (30, 2)
    assert (coder.sds["z"] > 0.01).all() and (coder.sds["z"] < 3.0).all()
    assert np.isfinite(coder.log_likelihood(20)).all()
    assert coder.values(("z",))["z"].shape[-2:] == (30, 2)
    assert -0.5 < coder.amortisation_gap(rows=5, steps=100, draws=4) < 50.0


def test_recorded_batches_agree_with_traced_ones() -> None:
    """Batches after the first are replayed, with the rows that the context reads as inputs."""
    target = StochasticTarget(ppl.compile(FULL, path=False).bind(_features(20)).problem, "rows=5", False)
    at, steps = target.estimates, target.steps(2, 1.0)
    x = at.start(0, -1.0) + 0.1 * np.random.default_rng(1).normal(size=at.size)
    steps.slopes(x, np.arange(5), np.random.default_rng(0))
    assert steps._known
    rows = np.arange(10, 15)
    found = steps.slopes(x, rows, np.random.default_rng(7))
    traced = at.slopes(x, at.batch(rows), np.random.default_rng(7), 2)
    assert found.objective == pytest.approx(traced.objective, rel=1e-10)
    for a, b in zip(found.slopes, traced.slopes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)
