"""Derivatives through the tape against central differences, and against autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from ppl.backend import ops as xp
from ppl.backend.autograd_bridge import anp, value_and_grad
from ppl.backend.tape import Program, Tape
from ppl.functions import find, names

Array = Any
DRAWS = 4


@dataclass(frozen=True)
class Case:
    """A function, the event shape of each argument, and what keeps each inside its domain."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    into: Callable[[Array], Array] = lambda x: x
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}{self.shapes}".replace(" ", "")


def positive(x: Array) -> Array:
    return xp.exp(x)


def unit(x: Array) -> Array:
    return xp.sigmoid(x)


def below_zero(x: Array) -> Array:
    return xp.negative(xp.exp(x))


def with_large_diagonal(x: Array) -> Array:
    """Square matrices far from singular, so that differences are accurate."""
    return xp.add(x, 3.0 * np.eye(3)) if tuple(x.shape[1:]) == (3, 3) else x


PLAIN = (
    "negative exp expm1 square abs inv_logit log_inv_logit log1m_inv_logit Phi log_Phi softplus sin cos tan"
)
UNARY = [Case(n, ((3,),)) for n in f"{PLAIN} atan tanh erf real".split()]
UNARY += [
    Case(n, ((3,),), positive)
    for n in ["log", "log10", "log1p", "sqrt", "inv", "lgamma", "digamma", "positive"]
]
UNARY += [Case(n, ((3,),), unit) for n in ["logit", "probit", "log1m", "unit"]] + [
    Case("log1m_exp", ((3,),), below_zero)
]
BINARY = [
    Case(n, ((3,), (3,)))
    for n in ["add", "subtract", "multiply", "divide", "minimum", "maximum", "logaddexp"]
]
BINARY += [Case(n, ((3,), (3,)), positive) for n in ["power", "xlogy", "lbeta"]] + [
    Case("clip", ((3,), (3,), (3,)))
]
REDUCE = [Case(n, ((4,),)) for n in ["sum", "mean", "prod", "var", "sd", "min", "max", "logsumexp"]]
ARRAY = [Case(n, ((4,),)) for n in ["softmax", "log_softmax", "cumsum", "diag"]]
ARRAY += [Case(n, ((3, 3),), with_large_diagonal) for n in ["diag", "inverse", "logdet", "transpose"]]
ARRAY += [Case("dot", ((3,), (3,))), Case("outer", ((3,), (2,)))]
ARRAY += [
    Case("matmul", shapes)
    for shapes in (
        ((3, 2), (2, 3)),
        ((3, 2), (2,)),
        ((2,), (2, 3)),
        ((2,), (2,)),
        ((2, 3, 2), (2, 3)),
        ((2,), (2, 3, 2)),
    )
]
ARRAY += [
    Case("solve", ((3, 3), (3,)), with_large_diagonal),
    Case("solve", ((3, 3), (3, 2)), with_large_diagonal),
]
ARRAY += [Case("quad_form", ((3, 3), (3,))), Case("quad_form_diag", ((3, 3), (3,)))]
ARRAY += [
    Case(k, (x, (), ()), positive, ("sd", "length"))
    for k in ("RBF", "Matern32", "Matern52")
    for x in ((3,), (3, 2))
]
ARRAY += [
    Case("RBF", ((3, 2), (), (2,)), positive, ("sd", "length")),
    Case("Linear", ((3,), ()), positive, ("sd",)),
]
ARRAY += [Case("Periodic", ((3,), (), (), ()), positive, ("sd", "length", "period"))]
CASES = UNARY + BINARY + REDUCE + ARRAY


def build(case: Case) -> tuple[Callable[[Array], Array], int]:
    """A function of z (draws, size) to (draws,): the result weighted by fixed numbers."""
    function = find(case.name)
    assert function is not None
    assert function.evaluate is not None
    sizes = [int(np.prod(s, dtype=int)) for s in case.shapes]
    starts = np.cumsum([0, *sizes])

    def value(z: Array) -> Array:
        parts = [
            xp.reshape_last(xp.take(z, np.arange(a, a + n), axis=-1), 1, s)
            for a, n, s in zip(starts, sizes, case.shapes, strict=False)
        ]
        arrays = [case.into(p) for p in parts]
        plain = arrays[: len(arrays) - len(case.words)]
        words: dict[str, Any] = dict(zip(case.words, arrays[len(plain) :], strict=True))
        if function.kind == "array":
            words["dims"] = tuple(len(s) for s in case.shapes[: len(plain)])
        elif function.kind == "reduction":
            words["axis"] = (-1,)
        out = function.evaluate(*plain, **words)
        if len(out.shape) == 1:
            return out
        shape = tuple(out.shape[1:])
        weights = np.cos(np.arange(1, np.prod(shape) + 1)).reshape(shape)
        return xp.sum(xp.multiply(out, weights), axis=tuple(range(-len(shape), 0)))

    return value, int(starts[-1])


def trace(f: Callable[[Array], Array], example: np.ndarray) -> Program:
    tape = Tape(example)
    return tape.finish(f(tape.input))


def differences(f: Callable[[Array], Array], z: np.ndarray) -> np.ndarray:
    """Fourth-order central differences, one coordinate at a time."""
    out = np.zeros_like(z)
    for k in range(z.shape[1]):
        step = np.zeros(z.shape[1])
        step[k] = h = 2e-3
        out[:, k] = (8 * (f(z + step) - f(z - step)) - (f(z + 2 * step) - f(z - 2 * step))) / (12 * h)
    return out


def point(size: int) -> np.ndarray:
    """Places in general position: no ties, and away from the kinks of abs, min and max."""
    z = np.random.default_rng(size).uniform(0.2, 1.2, size=(DRAWS, size))
    return z * np.where(np.arange(size) % 2, 1.0, -1.0)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case: Case) -> None:
    f, size = build(case)
    z = point(size)
    value, gradient = trace(f, z[:1]).value_and_grad(z)
    np.testing.assert_allclose(value, f(z), rtol=1e-12)
    want = differences(f, z)
    assert np.max(np.abs(gradient - want)) <= 1e-6 * max(1.0, np.max(np.abs(want)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient_against_autograd(case: Case) -> None:
    f, size = build(case)
    z = point(size)
    _, want = value_and_grad(lambda x: anp.sum(f(x)))(z)
    _, gradient = trace(f, z[:1]).value_and_grad(z)
    np.testing.assert_allclose(gradient, want, rtol=1e-10, atol=1e-12)


def test_cholesky() -> None:
    weights = np.arange(1.0, 10.0).reshape(3, 3)

    def f(z: Array) -> Array:
        a = xp.reshape_last(z, 1, (3, 3))
        spd = xp.add(xp.matmul(a, xp.matrix_transpose(a)), np.eye(3))
        function = find("cholesky")
        assert function is not None
        assert function.evaluate is not None
        return xp.sum(xp.multiply(function.evaluate(spd, dims=(2,)), weights), axis=(-1, -2))

    z = point(9)
    np.testing.assert_allclose(trace(f, z[:1]).value_and_grad(z)[1], differences(f, z), rtol=1e-6, atol=1e-6)


def test_lchoose_in_both_arguments() -> None:
    function = find("lchoose")
    assert function is not None
    assert function.evaluate is not None

    def f(z: Array) -> Array:
        x = xp.exp(z)
        k = xp.take(x, 1, axis=-1)
        return function.evaluate(xp.add(k, xp.take(x, 0, axis=-1)), k)

    z = point(2)
    np.testing.assert_allclose(trace(f, z[:1]).value_and_grad(z)[1], differences(f, z), rtol=1e-6, atol=1e-6)


def test_every_differentiable_function_is_tested() -> None:
    tested = {c.name for c in CASES} | {"cholesky", "lchoose"}
    flat = {"floor", "argmax", "any", "all", "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge"}
    claims = {n for n in names() if (f := find(n)) is not None and f.check is not None}
    every = {
        n for n in names() if (f := find(n)) is not None and f.kind in ("elementwise", "reduction", "array")
    }
    assert every == tested | flat | claims


def test_broken_twin() -> None:
    """A gradient that is off by one part in a hundred thousand is caught."""
    f, size = build(Case("exp", ((3,),)))
    z = point(size)
    gradient = trace(f, z[:1]).value_and_grad(z)[1] * (1 + 1e-5)
    want = differences(f, z)
    assert not np.max(np.abs(gradient - want)) <= 1e-6 * max(1.0, np.max(np.abs(want)))


# ---------------------------------------------------------------- known traps


def one(name: str, z: Any, *rest: Any, axis: bool = False, **words: Any) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient in z (one draw each), with other arguments constant."""
    function = find(name)
    assert function is not None
    assert function.evaluate is not None

    def f(x: Array) -> Array:
        out = function.evaluate(x, *rest, **({"axis": (-1,)} if axis else {}), **words)
        return xp.sum(out, axis=-1) if len(out.shape) > 1 else out

    z = np.atleast_2d(np.asarray(z, dtype=float))
    with np.errstate(all="ignore"):
        return trace(f, z[:1]).value_and_grad(z)


@pytest.mark.parametrize(
    "name, at, value, slope",
    [
        ("softplus", 800.0, 800.0, 1.0),
        ("softplus", -800.0, 0.0, 0.0),
        ("inv_logit", 800.0, 1.0, 0.0),
        ("inv_logit", -800.0, 0.0, 0.0),
        ("log_inv_logit", -800.0, -800.0, 1.0),
        ("log1m_inv_logit", 800.0, -800.0, -1.0),
        ("log_Phi", -40.0, -804.608442013754, 40.0249688),
        ("log1m_exp", -800.0, 0.0, 0.0),
        ("abs", 0.0, 0.0, 0.0),
        ("square", 0.0, 0.0, 0.0),
        ("tanh", 400.0, 1.0, 0.0),
    ],
)
def test_far_out(name: str, at: float, value: float, slope: float) -> None:
    v, g = one(name, [[at]])
    np.testing.assert_allclose([v[0], g[0, 0]], [value, slope], rtol=1e-8, atol=1e-300)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "sd", "min", "max"])
def test_at_zero_everything_is_finite(name: str) -> None:
    v, g = one(name, np.zeros((1, 4)), axis=True)
    assert np.isfinite(v).all()
    assert np.isfinite(g).all()


def test_product_with_one_zero_has_its_derivative() -> None:
    assert one("prod", [[0.0, 2.0, 3.0]], axis=True)[1].tolist() == [[6.0, 0.0, 0.0]]


def test_ties_share_the_derivative() -> None:
    assert one("max", [[1.0, 1.0, 0.0]], axis=True)[1].tolist() == [[0.5, 0.5, 0.0]]
    assert one("maximum", [[1.0]], np.array([[1.0]]))[1].tolist() == [[1.0]]


def test_logsumexp_of_nothing_possible() -> None:
    v, g = one("logsumexp", np.full((1, 3), -np.inf), axis=True)
    assert v[0] == -np.inf
    assert np.all(g == 0.0)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_whole_powers_of_zero_and_of_negative_numbers(exponent: int) -> None:
    v, g = one("power", [[0.0]], np.array([[exponent]]))
    assert v[0] == (exponent == 0)
    assert g[0, 0] == (exponent == 1)
    assert one("power", [[-2.0]], np.array([[exponent]]))[0][0] == (-2.0) ** exponent


def test_zero_times_log_of_zero() -> None:
    v, g = one("xlogy", [[0.0]], np.array([[0.0]]))
    assert v[0] == 0.0
    assert np.isfinite(g).all()


@pytest.mark.parametrize("name", ["RBF", "Matern32", "Matern52"])
def test_kernels_at_equal_positions(name: str) -> None:
    words = {"sd": np.ones(1), "length": np.ones(1)}
    function = find(name)
    assert function is not None
    assert function.evaluate is not None

    def f(x: Array) -> Array:
        return xp.sum(function.evaluate(x, dims=(1,), **words), axis=(-1, -2))

    v, g = trace(f, np.zeros((1, 2))).value_and_grad(np.zeros((1, 2)))
    assert v[0] == 4.0
    assert np.all(g == 0.0)


@pytest.mark.parametrize(
    "name", ["exp", "sqrt", "inv", "lgamma", "logit", "inv_logit", "square", "log1p", "Phi"]
)
def test_whole_number_arguments(name: str) -> None:
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    x = np.array([1, 1])
    with np.errstate(all="ignore"):
        assert np.array_equal(function.evaluate(x), function.evaluate(x.astype(float)))


def test_truth_values_count() -> None:
    add, less = find("add"), find("lt")
    assert add is not None
    assert less is not None
    assert add.evaluate is not None
    assert less.evaluate is not None

    def f(z: Array) -> Array:
        test = less.evaluate(xp.take(z, 0, axis=-1), 0.0)
        return add.evaluate(test, test, xp.take(z, 0, axis=-1))

    assert trace(f, np.array([[1.0]])).value(np.array([[-1.0], [2.0]])).tolist() == [1.0, 2.0]
