"""Every operation's reverse rules against differences, on broadcast shapes; the same via autograd."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import ppl.backend
import ppl.backend.ops as xp
from ppl.backend.autograd_bridge import anp, grad
from ppl.backend.op import REGISTRY, Op
from ppl.backend.tape import Tape

for module in pkgutil.iter_modules(ppl.backend.__path__):
    importlib.import_module(f"ppl.backend.{module.name}")

RNG = np.random.default_rng(11)


def real(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return np.exp(0.7 * RNG.standard_normal(shape))


def unit(*shape: int) -> np.ndarray:
    return RNG.uniform(0.1, 0.9, shape)


def spd(*shape: int) -> np.ndarray:
    a = RNG.standard_normal((*shape, shape[-1]))
    return np.matmul(a, np.swapaxes(a, -1, -2)) + np.eye(shape[-1])


def lower(*shape: int) -> np.ndarray:
    return np.linalg.cholesky(spd(*shape))


A, B = (4, 1, 3), (1, 2, 3)
ONE = {
    **dict.fromkeys(
        ["negative", "exp", "expm1", "square", "sin", "cos", "arctan", "tanh", "sigmoid", "softplus"], real
    ),
    **dict.fromkeys(["sign", "floor", "abs"], real),
    **dict.fromkeys(["log_sigmoid_slope", "log_cauchy_cdf"], real),
    **dict.fromkeys(["erf", "ndtr", "log_ndtr", "inner_sigmoid"], real),
    **dict.fromkeys(
        ["log", "log1p", "sqrt", "reciprocal", "lgamma", "digamma", "trigamma", "gamma_kernel", "log1mexp"],
        positive,
    ),
    **dict.fromkeys(["log_scaled_exp1", "log_erf", "factorial_kernel", "log_probability"], positive),
    "ndtri": unit,
}
TWO = {
    **dict.fromkeys(["add", "subtract", "multiply", "maximum", "minimum", "logaddexp"], (real, real)),
    **dict.fromkeys(["divide"], (real, positive)),
    **dict.fromkeys(
        ["power", "xlogy", "xlog1py", "lbeta", "log_beta", "deviance", "log_gammainc", "log_gammaincc"],
        (positive, positive),
    ),
    "log_deviance": (positive, real),
    "log_stdtr": (positive, real),
    "xlog1m": (positive, unit),
}
IDX = np.array([2, 0, 2, 1])
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *[(n, (f(*A),), {}) for n, f in ONE.items()],
    *[(n, (f(*A), h(*B)), {}) for n, (f, h) in TWO.items()],
    *[(n, (f(*B), h(*A)), {}) for n, (f, h) in TWO.items()],
    ("log_diff_exp", (2.0 + positive(*A), unit(*B)), {}),
    ("log1m_ratio", (2.0 + positive(*A), unit(*B)), {}),
    ("binomial_logit", (positive(*A), 5.0 + positive(*B), real(*A)), {}),
    ("negative_binomial_kernel", (positive(*A), positive(*B), positive(*A)), {}),
    ("normal_log_density", (real(*A), real(*B), positive(1, 1, 1)), {}),
    ("gaussian_divergence", (real(*A), positive(*A), real(*B), positive(1, 1, 1)), {}),
    ("dense", (real(3, 4, 2), real(1, 2, 5)), {}),
    ("dense", (real(1, 4, 2), real(3, 2, 5)), {}),
    ("log_betainc", (positive(*A), positive(*B), unit(1, 1, 3)), {}),
    ("log_betaincc", (positive(*A), positive(*B), unit(1, 1, 3)), {}),
    ("where", (real(*A) > 0, real(*A), real(*B)), {}),
    ("matmul", (real(4, 2, 3), real(1, 3, 2)), {}),
    ("matvec", (real(1, 2, 3), real(4, 3)), {}),
    ("design", (real(5, 3), real(4, 3)), {}),
    ("cholesky", (spd(4, 3),), {}),
    ("solve", (spd(1, 3), real(4, 3, 2)), {}),
    ("inverse", (spd(4, 3),), {}),
    ("logdet", (spd(4, 3),), {}),
    ("logdet_pd", (spd(4, 3),), {}),
    ("trace_ratio", (spd(4, 3), spd(1, 3)), {}),
    ("solve_lower", (lower(1, 3), real(4, 3)), {}),
    ("mahalanobis", (real(4, 3), spd(1, 3)), {}),
    ("gaussian_log_density", (real(4, 3), spd(1, 3)), {}),
    ("gaussian_log_density", (real(1, 3), spd(4, 3)), {}),
    ("sum", (real(4, 2, 3),), {"axis": (-1, -2)}),
    ("sum", (real(4, 2, 3),), {"axis": -2, "keepdims": True}),
    ("logsumexp", (real(4, 2, 3),), {"axis": -1}),
    ("logsumexp", (real(4, 2, 20),), {"axis": -1}),
    ("logsumexp", (real(4, 2, 3),), {"axis": (-2, -1), "keepdims": True}),
    ("logsumexp_of", (real(4, 3), real(1, 3), real(4, 3)), {}),
    ("total", (real(4, 3), real(1, 3), real(4, 3)), {}),
    ("prod", (real(4, 2, 3),), {"axis": -1}),
    ("max", (real(4, 2, 3),), {"axis": (-1, -2)}),
    ("min", (real(4, 2, 3),), {"axis": -2}),
    ("cumsum", (real(4, 2, 3),), {"axis": -2}),
    ("expand_dims", (real(4, 3),), {"axis": -2}),
    ("squeeze", (real(4, 1, 3),), {"axis": -2}),
    ("transpose", (real(4, 2, 3),), {"order": (0, 2, 1)}),
    ("matrix_transpose", (real(4, 2, 3),), {}),
    ("reshape_last", (real(4, 2, 3),), {"count": 2, "shape": (3, 2)}),
    ("broadcast_last", (real(4, 1, 3),), {"shape": (2, 3)}),
    ("take", (real(4, 3), IDX), {"axis": -1}),
    ("take", (real(4, 3, 2), np.array(1)), {"axis": -2}),
    ("segment_sum", (real(3, 4), IDX), {"size": 3, "axis": -1}),
    ("take_along", (real(4, 1, 3), np.array([[0, 2]])), {}),
    ("concatenate", (real(4, 2), real(1, 3)), {"axis": -1}),
    ("diagonal", (real(4, 3, 3),), {}),
    ("diagonal_matrix", (real(4, 3),), {}),
    ("place", (real(4, 3), np.array([0, 2, 5])), {"shape": (2, 3)}),
    ("pick", (real(4, 2, 3), np.array([0, 2, 5, 2])), {"count": 2}),
    ("slice_last", (real(4, 5),), {"start": 1, "stop": 4}),
    ("chain_log_partition", (real(4, 3, 3, 5),), {}),
    ("markov_log_partition", (real(4, 1, 3, 3, 2), real(4, 2, 3, 5), np.array([1, 0, 0, 1, 0])), {}),
    ("markov_log_partition", (real(4, 3, 3, 2), real(1, 3, 40), np.arange(40) % 3 // 2), {}),
    ("residual_square", (real(4, 3), real(5, 3), real(5)), {}),
    ("residual_squares", (real(4, 3, 2), real(5, 3, 2), real(5, 2)), {}),
    ("affine_scan", (real(4, 6), real(1, 6)), {}),
    (
        "patches",
        (real(2, 2, 4, 5, 2),),
        {"width": (2, 3), "stride": 2, "pads": ((0, 1), (1, 1)), "count": (2, 3)},
    ),
    (
        "patches",
        (real(2, 3, 1, 6, 1),),
        {"width": (1, 4), "stride": 1, "pads": ((0, 0), (0, 0)), "count": (1, 3)},
    ),
]
FLAT = {
    *[
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_not",
    ],
    *["argmax", "zeros_like", "balanced", "crossed"],
    "coupled",  # tested with the flows
    "logistic_rows",  # the two of a logistic regression carry their own gradient: tested apart
    "first_with_gradient",
    "design_rows",
    *["whole_value", "whole_slope", "whole_product"],  # of functions given whole: tested apart
    "implicit_draw",  # its slopes are those of quantiles: tested with the guides that draw by it
}
SYMMETRIC = {"cholesky", "logdet_pd", "trace_ratio", "mahalanobis", "gaussian_log_density"}


def test_every_operation_is_covered() -> None:
    assert set(REGISTRY) <= {name for name, _, _ in CASES} | FLAT


def admissible(op: Op, at: np.ndarray) -> np.ndarray:
    """A random direction: symmetric, or lower triangular, where the argument must stay so."""
    d = RNG.standard_normal(at.shape)
    square = at.ndim > 2 and at.shape[-1] == at.shape[-2]
    if op.name in SYMMETRIC and square:
        return d + np.swapaxes(d, -1, -2)
    return np.tril(d) if op.name == "solve_lower" and square else d


def difference(f: Any, d: np.ndarray) -> float:
    """Five-point central difference of f(t) at 0 along d."""
    h = 2e-4
    return float((8 * (f(h * d) - f(-h * d)) - (f(2 * h * d) - f(-2 * h * d))) / (12 * h))


@pytest.mark.parametrize(("name", "args", "attributes"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_reverse_rule(name: str, args: tuple[Any, ...], attributes: dict[str, Any]) -> None:
    op = REGISTRY[name]
    ans = op.forward(*args, **attributes)
    g = RNG.standard_normal(np.shape(ans))
    for i, at in enumerate(args):
        if op.vjps[i] is None:
            continue
        slope = op.pull(i, g, ans, args, attributes)
        assert slope.shape == at.shape

        def weighted(t: np.ndarray, i: int = i) -> Any:
            new = (*args[:i], args[i] + t, *args[i + 1 :])
            return np.sum(g * op.forward(*new, **attributes))

        for _ in range(3):
            d = admissible(op, at)
            assert np.sum(slope * d) == pytest.approx(difference(weighted, d), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("name", "args", "attributes"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_autograd_and_tape_agree(name: str, args: tuple[Any, ...], attributes: dict[str, Any]) -> None:
    op = REGISTRY[name]
    i = next(i for i, v in enumerate(op.vjps) if v is not None)
    ans = op.forward(*args, **attributes)
    g = RNG.standard_normal(np.shape(ans))
    slope = op.pull(i, g, ans, args, attributes)

    def weighted(v: Any) -> Any:
        return anp.sum(g * op(*args[:i], v, *args[i + 1 :], **attributes))

    assert np.allclose(grad(weighted)(args[i]), slope, rtol=1e-13)
    # on a tape each row of the input is one draw; one draw here, the argument flattened
    tape = Tape(args[i].reshape(1, -1))
    v = xp.reshape_last(tape.input, count=2, shape=args[i].shape)
    out = op(*args[:i], v, *args[i + 1 :], **attributes)
    total = xp.sum(out * g, axis=tuple(range(-np.ndim(ans), 0)), keepdims=True)
    total = xp.reshape_last(total, count=np.ndim(ans), shape=(1,))
    _, pulled = tape.finish(total).value_and_grad(args[i].reshape(1, -1))
    assert np.allclose(pulled.reshape(args[i].shape), slope, rtol=1e-13)


def test_a_wrong_rule_is_found() -> None:
    broken = Op("broken", np.sin, (lambda g, ans, x: 1.0001 * g * np.cos(x),))
    del REGISTRY["broken"]
    x = real(4)
    slope = broken.pull(0, np.ones(4), np.sin(x), (x,), {})
    true = difference(lambda t: np.sum(np.sin(x + t)), np.ones(4))
    assert abs(slope.sum() - true) > 1e-7 * abs(true)


def test_traps() -> None:
    """Where forward is finite the derivative is too: limits that naive rules turn into NaN."""
    with np.errstate(all="ignore"):
        assert grad(lambda v: anp.sum(xp.logsumexp(v, axis=-1)))(np.full((1, 3), -np.inf)).tolist() == [
            [0, 0, 0]
        ]
        assert np.isfinite(grad(lambda v: anp.sum(xp.softplus(v)))(np.array([-800.0, 800.0]))).all()
        assert np.isfinite(grad(lambda v: anp.sum(xp.log_ndtr(v)))(np.array([-40.0, 40.0]))).all()
        assert grad(lambda v: anp.sum(xp.max(v, axis=-1)))(np.array([[2.0, 2.0]])).tolist() == [[0.5, 0.5]]
        assert np.isfinite(grad(lambda v: anp.sum(xp.xlogy(0.0, v)))(np.zeros(2))).all()
        assert np.isfinite(grad(lambda v: anp.sum(xp.log_probability(v)))(np.zeros(2))).all()
        assert np.isfinite(grad(lambda v: anp.sum(xp.prod(v, axis=-1)))(np.zeros((1, 3)))).all()
        assert np.isfinite(grad(lambda v: anp.sum(xp.deviance(0.0, v)))(np.zeros(2))).all()
    assert xp.log_ndtr(-40.0) == pytest.approx(-804.608442, abs=1e-6)


def test_bad_matrices_give_nan_and_no_exception() -> None:
    bad = np.array([[[1.0, 2.0], [2.0, 1.0]], [[2.0, 0.5], [0.5, 1.0]]])
    with np.errstate(all="ignore"):
        for out in (
            xp.logdet_pd(bad),
            xp.mahalanobis(np.ones((2, 2)), bad),
            xp.gaussian_log_density(np.ones((2, 2)), bad),
        ):
            assert np.isnan(out[0])
            assert np.isfinite(out[1])


@pytest.mark.parametrize("m", [1e3, 1e8, 1e17, 1e30, 1e300])
def test_deviance_far_above(m: float) -> None:
    """1 + (x - m) / m has no digits left there."""
    with np.errstate(all="ignore"):
        _check_far_above(m)


def _check_far_above(m: float) -> None:
    for x in (1e-4, 0.7, 3.0):
        true = x * np.log(x / m) + m - x
        assert xp.deviance(x, m) == pytest.approx(true, rel=1e-14)
        assert xp.log_deviance(x, np.log(m)) == pytest.approx(true, rel=1e-12)
        args = (np.array([x]), np.array([m]))
        slope = REGISTRY["deviance"].pull(0, np.ones(1), xp.deviance(*args), args, {})
        assert slope == pytest.approx(np.log(x / m))
        assert xp.negative_binomial_kernel(x, 2.0, m) == pytest.approx(
            x * np.log(m / x) + (x + 2) * np.log((x + 2) / (m + 2)), rel=1e-12
        )


@mp.workdps(50)
def test_accuracy_at_large_arguments() -> None:
    for a, b in ((1e4, 1e-4), (1e8, 3.0), (1e4, 1e4), (0.1, 1e-8)):
        true = mp.loggamma(mp.mpf(a)) + mp.loggamma(mp.mpf(b)) - mp.loggamma(mp.mpf(a) + mp.mpf(b))
        assert float(xp.log_beta(a, b)) == pytest.approx(float(true), rel=1e-13)
    for k in (0.0, 3.0, 9.9, 10.1, 1e6):
        true = (k * mp.log(k) if k else 0) - k - mp.loggamma(mp.mpf(k) + 1)
        assert float(xp.factorial_kernel(k)) == pytest.approx(float(true), rel=1e-13, abs=1e-15)
