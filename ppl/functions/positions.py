"""Functions of an index variable, and of index sets in `index` declarations."""

from __future__ import annotations

import math
from collections.abc import Callable

from ppl.functions._define import of_support, parse_parameters
from ppl.functions.base import Function, Mismatch, register
from ppl.supports import BOOL, Interval
from ppl.types import Type

_PLACE = Interval(1.0, math.inf, closed_lower=True, integer=True)


def _of_label(name: str, answer: Type) -> Callable[[Type], Type]:
    def result(x: Type) -> Type:
        if x.element != "label":
            raise Mismatch(
                "E313",
                f"`{name}` asks for a member of a set, and this is {x}",
                help=f"give it an index variable: `{name}(i)`",
                argument=0,
            )
        return answer

    return result


def _declares(name: str) -> Callable[[Type], Type]:
    def result(x: Type) -> Type:
        raise Mismatch(
            "E203", f"`{name}(..)` makes an index set", help=f"declare it: `index cuts = {name}(grades)`"
        )

    return result


def _index(name: str, result: Callable[[Type], Type], parameter: str, doc: str) -> None:
    register(Function(name, "index", parse_parameters(parameter), result, None, doc=doc))


_index(
    "first",
    _of_label("first", Type("bool", BOOL)),
    "i",
    "Whether i is the first member of its set, or of its group in `order within`: `first(t)`.",
)
_index(
    "last",
    _of_label("last", Type("bool", BOOL)),
    "i",
    "Whether i is the last member of its set, or of its group in `order within`: `last(t)`.",
)
_index(
    "position",
    _of_label("position", of_support(_PLACE)),
    "i",
    "The place of i in its set, or in its group in `order within`, from 1: `position(t) > 5`.",
)
_index(
    "gaps", _declares("gaps"), "s", "The K - 1 gaps between K ordered labels: `index cuts = gaps(grades)`."
)
_index(
    "pairs",
    _declares("pairs"),
    "s",
    "The unordered pairs of a set's members: `index edges = pairs(players)`.",
)
