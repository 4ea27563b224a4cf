"""Every function of the language is there, and says what it is with an example."""

from __future__ import annotations

import re

import pytest

from ppl.functions import find, names
from ppl.functions.constants import CONSTANTS

DAY_ONE = [
    "exp",
    "log",
    "log1p",
    "expm1",
    "log1m",
    "sqrt",
    "square",
    "inv",
    "abs",
    "floor",
    "min",
    "max",
    "clip",
    "inv_logit",
    "logit",
    "probit",
    "Phi",
    "softplus",
    "tanh",
    "sin",
    "cos",
    "lgamma",
    "digamma",
    "lbeta",
    "lchoose",
    "sum",
    "mean",
    "prod",
    "var",
    "sd",
    "logsumexp",
    "cumsum",
    "argmax",
    "softmax",
    "log_softmax",
    "dot",
    "diag",
    "cholesky",
    "inverse",
    "solve",
    "logdet",
    "outer",
    "transpose",
    "zscore",
    "center",
    "rank",
    "levels",
    "count_of",
    "size",
    "first",
    "last",
    "gaps",
    "pairs",
    "RBF",
    "Matern32",
    "Matern52",
    "Periodic",
    "Linear",
    "MLP",
    "Embedding",
    "Conv",
    "Prob",
    "quantile",
    "logp",
    "log10",
    "position",
    "positive",
    "nonnegative",
    "unit",
    "simplex",
    "ordered",
    "positive_ordered",
    "row_stochastic",
    "covariance",
    "correlation",
    "any",
    "all",
    "matmul",
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "negative",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "not",
]


def test_day_one() -> None:
    assert not set(DAY_ONE) - set(names())
    assert set(CONSTANTS) == {"pi", "inf"}


@pytest.mark.parametrize("name", names())
def test_entry(name: str) -> None:
    function = find(name)
    assert function is not None
    assert function.name == name
    assert re.search(r"`[^`]+`", function.doc), f"{name} has no example in the language"
    first = function.doc.split("\n\n")[0]
    assert first.rstrip().endswith((".", ":")) or ">>>" in function.doc
    assert (function.evaluate is None) == (function.kind in ("index", "special"))


def test_unknown_name() -> None:
    assert find("no_such_function") is None
