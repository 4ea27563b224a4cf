"""Supports are sound: arguments inside theirs give results inside the one that was announced.

The property is exact, not statistical: values lie on a grid of eighths, where sums and products are
exact, and the broken twin at the end shows that the search finds a wrong rule.
"""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from ppl.functions import _intervals as arithmetic
from ppl.functions import find, names
from ppl.functions.base import Mismatch
from ppl.supports import Interval
from ppl.supports.support import element
from ppl.types import Axis, Type

BOUNDS = (-math.inf, -3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, 4.0, math.inf)
S = Axis("s")


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    lower, upper = sorted(draw(st.lists(st.sampled_from(BOUNDS), min_size=2, max_size=2, unique=True)))
    low = draw(st.booleans()) and math.isfinite(lower)
    high = draw(st.booleans()) and math.isfinite(upper)
    integer = draw(st.booleans()) and draw(st.booleans())
    if draw(st.integers(0, 5)) == 0 and math.isfinite(lower):
        return Interval(lower, lower, True, True, float(lower).is_integer())
    return Interval(lower, upper, low, high, integer)


def grid(x: Interval) -> np.ndarray:
    """Eighths (or whole numbers) of an interval, at most six either side of zero or of its bounds."""
    step = 1.0 if x.integer else 0.125
    low = max(x.lower, (x.upper if math.isfinite(x.upper) else 0.0) - 6.0)
    high = min(x.upper, max(low, 0.0) + 6.0)
    values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    return np.array([v for v in values if arithmetic.contains(x, v)])


def inside(value: np.ndarray, x: Interval, slack: float) -> np.ndarray:
    """Membership; ``slack`` forgives rounding at the bounds."""
    edge = slack * np.maximum(1.0, np.abs(value))
    low = (value > x.lower) | (x.closed_lower & (value == x.lower)) | (np.abs(value - x.lower) <= edge)
    high = (value < x.upper) | (x.closed_upper & (value == x.upper)) | (np.abs(value - x.upper) <= edge)
    whole = np.abs(value - np.round(value)) <= slack if x.integer else True
    return low & high & whole


EXACT = (
    "add",
    "subtract",
    "multiply",
    "negative",
    "abs",
    "floor",
    "minimum",
    "maximum",
    "clip",
    "square",
    "not",
)
UNARY = [
    "negative",
    "abs",
    "floor",
    "square",
    "exp",
    "log",
    "log10",
    "log1p",
    "expm1",
    "log1m",
    "log1m_exp",
    "sqrt",
    "inv",
    "inv_logit",
    "log_inv_logit",
    "logit",
    "log1m_inv_logit",
    "Phi",
    "log_Phi",
    "probit",
    "softplus",
    "sin",
    "cos",
    "tan",
    "atan",
    "tanh",
    "lgamma",
    "digamma",
    "erf",
    "not",
    "real",
    "positive",
    "unit",
]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "minimum",
    "maximum",
    "logaddexp",
    "xlogy",
    "lbeta",
    "lchoose",
    "eq",
    "lt",
    "and",
    "or",
]


def announced(name: str, *supports: Interval) -> Interval | None:
    function = find(name)
    assert function is not None
    try:
        return element(function.result(*[Type("real", s) for s in supports]).support)
    except Mismatch:
        return None


def check(name: str, *supports: Interval) -> None:
    result = announced(name, *supports)
    grids = [grid(s) for s in supports]
    if result is None or any(len(g) == 0 for g in grids):
        return
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    points = [m.ravel() for m in np.meshgrid(*grids)]
    if function.check is not None:
        points = [points[0][function.check(points[0])]]
    with np.errstate(all="ignore"):
        value = np.asarray(function.evaluate(*points), dtype=float)
    value = value[np.isfinite(value)]
    ok = inside(value, result, 0.0 if name in EXACT else 1e-13)
    assert ok.all(), f"{name}{supports}: {value[~ok][:3]} outside {result}"


@pytest.mark.parametrize("name", UNARY)
@given(x=intervals())
@settings(max_examples=120, deadline=None)
def test_unary(name: str, x: Interval) -> None:
    check(name, x)


@pytest.mark.parametrize("name", BINARY)
@given(x=intervals(), y=intervals())
@settings(max_examples=300, deadline=None)
def test_binary(name: str, x: Interval, y: Interval) -> None:
    check(name, x, y)


@given(x=intervals(), low=intervals(), high=intervals())
@settings(max_examples=100, deadline=None)
def test_clip(x: Interval, low: Interval, high: Interval) -> None:
    for s in (x, low, high):
        if len(grid(s)) > 12:
            return
    check("clip", x, low, high)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "sd", "min", "max", "logsumexp"])
@given(x=intervals(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_reductions(name: str, x: Interval, data: st.DataObject) -> None:
    values = grid(x)
    if len(values) == 0:
        return
    chosen = data.draw(st.lists(st.sampled_from(values.tolist()), min_size=1, max_size=5))
    function = find(name)
    assert function is not None
    assert function.evaluate is not None
    result = element(function.result(Type("real", x, (S,))).support)
    value = np.asarray(function.evaluate(np.array(chosen), (-1,)))
    if np.isfinite(value):
        assert inside(value, result, 1e-12), f"{name}({chosen}) = {value} outside {result}"


@given(x=intervals(), y=intervals())
@settings(max_examples=200, deadline=None)
def test_dot(x: Interval, y: Interval) -> None:
    a, b = grid(x)[:4], grid(y)[-4:]
    n = min(len(a), len(b))
    if n == 0:
        return
    function = find("dot")
    assert function is not None
    assert function.evaluate is not None
    result = element(function.result(Type("real", x, (S,)), Type("real", y, (S,))).support)
    assert inside(function.evaluate(a[:n], b[:n]), result, 1e-12)


@given(x=intervals(), y=intervals())
@settings(max_examples=200, deadline=None)
def test_a_choice_holds_both(x: Interval, y: Interval) -> None:
    both = arithmetic.union(x, y)
    assert all(inside(grid(s), both, 0.0).all() for s in (x, y))


@given(x=intervals(), y=intervals())
@settings(max_examples=200, deadline=None)
def test_a_claim_narrows(x: Interval, y: Interval) -> None:
    both = arithmetic.intersection(x, y)
    shared = np.array([v for v in grid(x) if arithmetic.contains(y, v) and (not y.integer or v == round(v))])
    assert inside(shared, both, 0.0).all()


def test_every_elementwise_function_is_searched() -> None:
    searched = {*UNARY, *BINARY, "clip", "ne", "le", "gt", "ge", "nonnegative", "int", "count", "bool"}
    every = {n for n in names() if (f := find(n)) is not None and f.kind == "elementwise"}
    assert every == searched


def test_broken_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference that forgets to exchange the bounds is caught by the same search."""

    def wrong(x: Interval, y: Interval) -> Interval:
        return arithmetic.interval(
            arithmetic.End(x.lower - y.lower, True), arithmetic.End(x.upper - y.upper, True)
        )

    monkeypatch.setattr(arithmetic, "subtract", wrong)
    with pytest.raises(AssertionError):
        check("subtract", Interval(0.0, 1.0, True, True), Interval(0.0, 1.0, True, True))
