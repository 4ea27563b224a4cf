"""What values a quantity can take: intervals of numbers and structured arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

INF = math.inf


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds; ``integer`` keeps the whole ones only.

    An infinite bound is never reached. ``closed_*`` says whether a finite bound belongs.
    """

    lower: float = -INF
    upper: float = INF
    closed_lower: bool = False
    closed_upper: bool = False
    integer: bool = False


@dataclass(frozen=True)
class Structured:
    """Vectors (one event axis) or matrices (two) under a joint constraint.

    ``kind`` is one of the keys of `EVENT_DIMS`.
    """

    kind: str


Support = Interval | Structured

REAL = Interval()
POSITIVE = Interval(0.0, INF)
NONNEGATIVE = Interval(0.0, INF, closed_lower=True)
NEGATIVE = Interval(-INF, 0.0)
UNIT = Interval(0.0, 1.0, True, True)
INTEGER = Interval(integer=True)
COUNT = Interval(0.0, INF, closed_lower=True, integer=True)
BOOL = Interval(0.0, 1.0, True, True, integer=True)

NAMED = {
    "real": REAL,
    "positive": POSITIVE,
    "nonnegative": NONNEGATIVE,
    "unit": UNIT,
    "int": INTEGER,
    "count": COUNT,
    "bool": BOOL,
}

EVENT_DIMS = {
    "simplex": 1,
    "ordered": 1,
    "positive_ordered": 1,
    "zero_sum": 1,
    "unit_vector": 1,
    "covariance": 2,
    "correlation": 2,
    "cholesky_covariance": 2,
    "cholesky_correlation": 2,
    "row_stochastic": 2,
    "diagonal_nonnegative": 2,
    "diagonal_positive": 2,
    "cholesky_transposed": 2,
    "scaled_covariance": 2,
}

# kinds that only expressions have: nothing is declared with them, and they have no bijection.
# "scaled_covariance" is a positive diagonal matrix times a covariance, on its way to D C D.
DERIVED = frozenset({"diagonal_nonnegative", "diagonal_positive", "cholesky_transposed", "scaled_covariance"})

# every value of the key also satisfies the value's constraint (transitively closed)
_IMPLIES: dict[str, frozenset[str]] = {
    "positive_ordered": frozenset({"ordered"}),
    "correlation": frozenset({"covariance"}),
    "cholesky_correlation": frozenset({"cholesky_covariance"}),
    "diagonal_positive": frozenset({"diagonal_nonnegative", "covariance", "cholesky_covariance"}),
}

# bounds on each element of a structured value
_ELEMENT = {
    "simplex": UNIT,
    "row_stochastic": UNIT,
    "positive_ordered": POSITIVE,
    "unit_vector": Interval(-1.0, 1.0, True, True),
    "correlation": Interval(-1.0, 1.0, True, True),
    "cholesky_correlation": Interval(-1.0, 1.0, True, True),
    "diagonal_nonnegative": NONNEGATIVE,
    "diagonal_positive": NONNEGATIVE,
}


def element(support: Support) -> Interval:
    """The interval that every single element lies in.

    >>> element(Structured("simplex")) == UNIT
    True
    """
    if isinstance(support, Interval):
        return support
    return _ELEMENT.get(support.kind, REAL)


def within(inner: Support, outer: Support) -> bool:
    """Whether every value of ``inner`` is a value of ``outer``.

    >>> within(POSITIVE, REAL), within(REAL, POSITIVE), within(COUNT, NONNEGATIVE)
    (True, False, True)
    """
    if isinstance(outer, Structured):
        if not isinstance(inner, Structured):
            return False
        return inner.kind == outer.kind or outer.kind in _IMPLIES.get(inner.kind, frozenset())
    inside = element(inner)
    if outer.integer and not inside.integer:
        return False
    low = inside.lower > outer.lower or (
        inside.lower == outer.lower
        and (outer.closed_lower or not inside.closed_lower or math.isinf(outer.lower))
    )
    high = inside.upper < outer.upper or (
        inside.upper == outer.upper
        and (outer.closed_upper or not inside.closed_upper or math.isinf(outer.upper))
    )
    return low and high


def describe(support: Support) -> str:
    """The support as the language writes it.

    >>> describe(POSITIVE), describe(Interval(0, 10)), describe(Structured("simplex"))
    ('positive', 'real(0, 10)', 'simplex')
    """
    if isinstance(support, Structured):
        return support.kind
    for name, known in NAMED.items():
        if support == known:
            return name
    kind = "int" if support.integer else "real"
    return f"{kind}({_number(support.lower)}, {_number(support.upper)})"


def _number(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:g}"
