"""Claims of support: `positive(e)` is e, with the claim checked wherever e is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.functions import _intervals
from ppl.functions._claimed import joint_check
from ppl.functions._define import function, numeric, of_support
from ppl.functions._shapes import need_axes, need_square
from ppl.functions._structure import elements
from ppl.supports import BOOL, COUNT, INTEGER, NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured
from ppl.supports.support import EVENT_DIMS
from ppl.types import Type

Array = Any
Claim = Callable[..., Array]


def interval_check(claimed: Interval) -> Callable[[Array], Array]:
    """Which numbers lie in an interval.

    >>> interval_check(UNIT)(np.array([-0.1, 0.0, 1.0])).tolist()
    [False, True, True]
    """

    def check(x: Array) -> Array:
        above = x >= claimed.lower if claimed.closed_lower else x > claimed.lower
        below = x <= claimed.upper if claimed.closed_upper else x < claimed.upper
        # an infinity is no real number, but a logit or a cutpoint may be one
        above = above | (x == -np.inf) if claimed == REAL else above
        below = below | (x == np.inf) if claimed.upper == np.inf else below
        whole = np.equal(x, np.floor(x)) if claimed.integer else True
        return above & below & whole

    return check


def _interval_claim(name: str, claimed: Interval) -> None:
    def result(x: Type) -> Type:
        numeric(name, (x,))
        support = _intervals.intersection(elements(x), claimed)
        return Type("bool", BOOL, x.axes) if claimed == BOOL else of_support(support, x.axes)

    def claim(x: Array) -> Array:
        return x

    claim.__doc__ = f"x itself, claimed to be {name}; what is not stops the fit, with its row: `{name}(e)`."
    function(name, "elementwise", "x", result, check=interval_check(claimed))(claim)


def _joint_claim(name: str) -> None:
    count = EVENT_DIMS[name]
    square = count == 2 and name != "row_stochastic"

    def result(x: Type) -> Type:
        numeric(name, (x,))
        need_square(name, 0, x) if square else need_axes(name, 0, x, count)
        return Type("real", Structured(name), x.axes)

    def claim(x: Array, dims: tuple[int, ...] = (count,)) -> Array:
        return x

    claim.__doc__ = f"x itself, claimed to be {_ARTICLE[name]}; what is not stops the fit: `{name}(e)`."
    function(name, "array", "x", result, check=joint_check(name))(claim)


_INTERVALS = {
    "real": REAL,
    "positive": POSITIVE,
    "nonnegative": NONNEGATIVE,
    "unit": UNIT,
    "int": INTEGER,
    "count": COUNT,
    "bool": BOOL,
}
_ARTICLE = {
    "simplex": "a vector of probabilities that sum to one",
    "ordered": "an increasing vector",
    "positive_ordered": "an increasing vector of positive numbers",
    "zero_sum": "a vector that sums to zero",
    "unit_vector": "a vector of length one",
    "row_stochastic": "a matrix whose rows are probabilities",
    "covariance": "a symmetric matrix with no negative eigenvalue",
    "correlation": "a covariance with ones on its diagonal",
    "cholesky_covariance": "lower triangular with a positive diagonal",
    "cholesky_correlation": "the Cholesky factor of a correlation matrix",
}

for _name, _support in _INTERVALS.items():
    _interval_claim(_name, _support)
for _name in _ARTICLE:
    _joint_claim(_name)
