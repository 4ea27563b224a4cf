"""The support rules that models rest on, one line each."""

from __future__ import annotations

import math

import pytest

from ppl.functions import find
from ppl.functions._intervals import point
from ppl.functions.base import Mismatch
from ppl.supports import (
    BOOL,
    COUNT,
    INTEGER,
    NONNEGATIVE,
    POSITIVE,
    REAL,
    UNIT,
    Interval,
    Structured,
    Support,
)
from ppl.types import Axis, Type

S, T = Axis("s"), Axis("t")
OPEN = Interval(-1.0, 1.0)
HALF_OPEN_UNIT = Interval(0.0, 1.0, closed_upper=True)


def c(value: float) -> Type:
    return Type("real", point(value))


def r(support: Support = REAL, *axes: Axis) -> Type:
    return Type("real", support, axes)


def j(kind: str, *axes: Axis) -> Type:
    count = 1 if kind in ("simplex", "ordered", "positive_ordered", "zero_sum", "unit_vector") else 2
    return Type("real", Structured(kind), axes or (S, Axis("s", 1))[:count])


def apply(name: str, *types: Type) -> Type:
    function = find(name)
    assert function is not None
    return function.result(*types)


SQUARE = apply("power", r(OPEN), c(2.0))

NUMBERS = [
    ("subtract", (c(1.0), r(UNIT)), UNIT),
    ("subtract", (c(1.0), SQUARE), HALF_OPEN_UNIT),
    ("power", (r(OPEN), c(2.0)), Interval(0.0, 1.0, closed_lower=True)),
    ("power", (r(UNIT), r(NONNEGATIVE)), UNIT),
    ("power", (r(POSITIVE), r(REAL)), POSITIVE),
    ("power", (r(POSITIVE), c(-1.0)), POSITIVE),
    ("power", (r(COUNT), c(2.0)), COUNT),
    ("add", (r(POSITIVE), r(NONNEGATIVE)), POSITIVE),
    ("add", (r(NONNEGATIVE), c(1.0)), Interval(1.0, math.inf, closed_lower=True)),
    ("add", (r(COUNT), r(COUNT), r(COUNT)), COUNT),
    ("multiply", (r(POSITIVE), r(POSITIVE), r(POSITIVE)), POSITIVE),
    ("multiply", (r(UNIT), r(UNIT)), UNIT),
    ("multiply", (r(POSITIVE), r(NONNEGATIVE)), NONNEGATIVE),
    ("multiply", (r(BOOL), r(UNIT)), UNIT),
    ("divide", (r(POSITIVE), r(POSITIVE)), POSITIVE),
    ("divide", (r(POSITIVE), c(2.0)), POSITIVE),
    ("divide", (c(1.0), r(REAL)), REAL),
    ("negative", (r(POSITIVE),), Interval(-math.inf, 0.0)),
    ("exp", (r(),), POSITIVE),
    ("exp", (r(Interval(-math.inf, 0.0)),), Interval(0.0, 1.0)),
    ("sqrt", (r(POSITIVE),), POSITIVE),
    ("sqrt", (r(NONNEGATIVE),), NONNEGATIVE),
    ("square", (r(),), NONNEGATIVE),
    ("abs", (r(),), NONNEGATIVE),
    ("inv", (r(POSITIVE),), POSITIVE),
    ("log1p", (r(COUNT),), NONNEGATIVE),
    ("inv_logit", (r(),), Interval(0.0, 1.0)),
    ("Phi", (r(),), Interval(0.0, 1.0)),
    ("softplus", (r(),), POSITIVE),
    ("tanh", (r(),), OPEN),
    ("floor", (r(NONNEGATIVE),), COUNT),
    ("maximum", (r(), c(0.0)), NONNEGATIVE),
    ("minimum", (r(UNIT), r(POSITIVE)), UNIT),
    ("clip", (r(), c(0.0), c(1.0)), UNIT),
    ("sum", (r(POSITIVE, S),), POSITIVE),
    ("sum", (r(COUNT, S),), COUNT),
    ("mean", (r(UNIT, S),), UNIT),
    ("mean", (j("simplex"),), UNIT),
    ("prod", (r(UNIT, S),), UNIT),
    ("prod", (r(POSITIVE, S),), POSITIVE),
    ("sd", (r(REAL, S),), NONNEGATIVE),
    ("max", (r(COUNT, S),), COUNT),
    ("dot", (j("simplex"), r(UNIT, S)), UNIT),
    ("dot", (r(POSITIVE, S), r(POSITIVE, S)), POSITIVE),
    ("matmul", (j("row_stochastic", T, S), r(UNIT, S)), UNIT),
    ("multiply", (j("simplex"), r(POSITIVE)), NONNEGATIVE),
    ("diag", (j("covariance"),), POSITIVE),
    ("quad_form", (j("covariance"), r(REAL, S)), NONNEGATIVE),
    ("logdet", (j("correlation"),), Interval(-math.inf, 0.0, closed_upper=True)),
    ("int", (r(UNIT),), BOOL),
    ("positive", (r(OPEN),), Interval(0.0, 1.0)),
]

JOINT = [
    ("diag", (r(POSITIVE, S),), "diagonal_positive"),
    ("diag", (r(NONNEGATIVE, S),), "diagonal_nonnegative"),
    ("add", (j("covariance"), j("diagonal_nonnegative")), "covariance"),
    ("add", (j("diagonal_positive"), j("covariance")), "covariance"),
    ("add", (j("covariance"), j("correlation")), "covariance"),
    ("add", (j("covariance"), j("covariance"), j("diagonal_nonnegative")), "covariance"),
    ("multiply", (r(POSITIVE), j("covariance")), "covariance"),
    ("multiply", (j("correlation"), r(POSITIVE)), "covariance"),
    ("multiply", (j("covariance"), j("covariance")), "covariance"),
    ("divide", (j("covariance"), r(POSITIVE)), "covariance"),
    ("matmul", (j("diagonal_positive"), j("cholesky_correlation")), "cholesky_covariance"),
    ("matmul", (j("cholesky_covariance"), j("diagonal_positive")), "cholesky_covariance"),
    ("matmul", (j("cholesky_covariance"), apply("transpose", j("cholesky_covariance"))), "covariance"),
    (
        "matmul",
        (apply("matmul", j("diagonal_positive"), j("correlation")), j("diagonal_positive")),
        "covariance",
    ),
    ("matmul", (j("row_stochastic"), j("row_stochastic")), "row_stochastic"),
    ("matmul", (j("simplex"), j("row_stochastic")), "simplex"),
    ("quad_form_diag", (j("correlation"), r(POSITIVE, S)), "covariance"),
    ("cholesky", (j("covariance"),), "cholesky_covariance"),
    ("cholesky", (j("correlation"),), "cholesky_correlation"),
    ("cholesky", (j("diagonal_positive"),), "diagonal_positive"),
    ("inverse", (j("covariance"),), "covariance"),
    ("transpose", (j("covariance"),), "covariance"),
    ("transpose", (apply("transpose", j("cholesky_covariance")),), "cholesky_covariance"),
    ("cumsum", (r(POSITIVE, S),), "positive_ordered"),
    ("exp", (j("ordered"),), "positive_ordered"),
    ("log", (j("positive_ordered"),), "ordered"),
    ("add", (j("ordered"), r()), "ordered"),
    ("subtract", (j("ordered"), r()), "ordered"),
    ("add", (j("positive_ordered"), r(NONNEGATIVE)), "positive_ordered"),
    ("multiply", (r(POSITIVE), j("ordered")), "ordered"),
    ("multiply", (r(), j("zero_sum")), "zero_sum"),
    ("negative", (j("zero_sum"),), "zero_sum"),
    ("softmax", (r(REAL, S),), "simplex"),
    ("softmax", (r(REAL, S, T),), "row_stochastic"),
    ("RBF", (r(REAL, S), r(POSITIVE), r(POSITIVE)), "covariance"),
    ("Periodic", (r(REAL, S, T), r(POSITIVE), r(POSITIVE), r(POSITIVE)), "covariance"),
    ("Linear", (r(REAL, S), r(POSITIVE)), "covariance"),
    ("simplex", (r(REAL, S),), "simplex"),
    ("covariance", (r(REAL, S, Axis("s", 1)),), "covariance"),
]

NOTHING_JOINT = [
    ("multiply", (r(), j("covariance"))),
    ("subtract", (j("covariance"), j("covariance"))),
    ("matmul", (j("covariance"), j("covariance"))),
    ("multiply", (j("covariance"), r(POSITIVE, S, Axis("s", 1)))),
    ("negative", (j("ordered"),)),
    ("add", (j("ordered"), r(REAL, S))),
    ("multiply", (r(), j("ordered"))),
    ("add", (j("simplex"), j("simplex"))),
    ("inverse", (r(REAL, S, Axis("s", 1)),)),
]

REFUSED = [
    ("log", (r(),), "E304", "`log` needs a value that is not negative, and this one is real"),
    ("sqrt", (r(INTEGER),), "E304", "`sqrt` needs a value that is not negative, and this one is int"),
    (
        "logit",
        (r(POSITIVE),),
        "E304",
        "`logit` needs a value that is between 0 and 1, and this one is positive",
    ),
    ("log1p", (r(),), "E304", "`log1p` needs a value that is at least -1, and this one is real"),
    ("power", (r(), c(0.5)), "E304", "a power that may be fractional needs a base that is not negative"),
    ("divide", (r(), c(0.0)), "E304", "this divides by zero"),
    (
        "cholesky",
        (r(REAL, S, Axis("s", 1)),),
        "E304",
        "`cholesky` needs a covariance matrix, and this is real",
    ),
    (
        "RBF",
        (r(REAL, S), r(POSITIVE), r()),
        "E304",
        "`RBF` needs a value that is positive, and this one is real",
    ),
    (
        "matmul",
        (r(REAL, S), r(REAL, T)),
        "E316",
        "`@` sums over one set: the left ends in s, the right begins with t",
    ),
    ("matmul", (r(), r(REAL, T)), "E316", "`@` needs vectors or matrices, and this is a number"),
    (
        "dot",
        (r(REAL, S), r(REAL, T)),
        "E316",
        "`dot` sums over one set: the left ends in s, the right begins with t",
    ),
    ("inverse", (r(REAL, S, T),), "E316", "`inverse` needs a square matrix; this one is over [s, t]"),
    ("softmax", (r(),), "E316", "`softmax` needs a vector, and this is a single number"),
    ("add", (Type("label", set="s"), r()), "E308", "`+` works on numbers, and this is a label of s"),
    ("exp", (Type("label", set="s"),), "E308", "`exp` works on numbers, and this is a label of s"),
    ("eq", (Type("label", set="s"), r()), "E308", "this is a label of s, and the other side is a number"),
    ("and", (r(), r(BOOL)), "E304", "this must be true or false, and it is real"),
    ("zscore", (r(),), "E310", "`zscore` works on a whole column, and this is a single value"),
    ("first", (r(),), "E313", "`first` asks for a member of a set, and this is real"),
    ("MLP", (), "E208", "`MLP` is a network layer, not a function"),
    ("Prob", (r(),), "E304", "`Prob` needs an event, and this is real"),
]


@pytest.mark.parametrize("name, types, support", NUMBERS, ids=str)
def test_number(name: str, types: tuple[Type, ...], support: Interval) -> None:
    assert apply(name, *types).support == support


@pytest.mark.parametrize("name, types, kind", JOINT, ids=str)
def test_joint(name: str, types: tuple[Type, ...], kind: str) -> None:
    assert apply(name, *types).support == Structured(kind)


@pytest.mark.parametrize("name, types", NOTHING_JOINT, ids=str)
def test_nothing_joint(name: str, types: tuple[Type, ...]) -> None:
    assert isinstance(apply(name, *types).support, Interval)


@pytest.mark.parametrize("name, types, code, message", REFUSED, ids=str)
def test_refused(name: str, types: tuple[Type, ...], code: str, message: str) -> None:
    with pytest.raises(Mismatch) as caught:
        apply(name, *types)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_sums_and_means_of_whole_vectors_and_matrices() -> None:
    """A comprehension over them hands over a joint support without axes."""
    for kind in ("covariance", "cholesky_covariance", "ordered", "positive_ordered", "zero_sum"):
        term = Type("real", Structured(kind))
        assert apply("sum", term).support == apply("mean", term).support == Structured(kind)
    assert apply("mean", Type("real", Structured("simplex"))).support == Structured("simplex")
    assert apply("sum", Type("real", Structured("correlation"))).support == Structured("covariance")
    assert isinstance(apply("sum", Type("real", Structured("simplex"))).support, Interval)


def test_axes_of_products() -> None:
    assert apply("matmul", r(REAL, T, S), r(REAL, S)).axes == (T,)
    assert apply("matmul", r(REAL, S), r(REAL, S)).axes == ()
    assert apply("matmul", r(REAL, T, S), r(REAL, S, T)).axes == (T, Axis("t", 1))
    assert apply("outer", r(REAL, S), r(REAL, S)).axes == (S, Axis("s", 1))
    assert apply("transpose", r(REAL, S, T)).axes == (T, S)
    assert apply("diag", r(REAL, S)).axes == (S, Axis("s", 1))
    assert apply("RBF", r(REAL, S, T), r(POSITIVE), r(POSITIVE, T)).axes == (S, Axis("s", 1))
    assert apply("solve", r(REAL, S, Axis("s", 1)), r(REAL, S, T)).axes == (S, T)
    assert apply("argmax", r(REAL, T, S)) == Type("label", INTEGER, (T,), "s")


def test_whole_numbers_stay_whole() -> None:
    assert apply("add", r(COUNT), c(1.0)).element == "int"
    assert apply("divide", r(COUNT), r(Interval(1.0, 2.0, True, True, True))).element == "real"
    assert apply("eq", r(), r()).element == "bool"
