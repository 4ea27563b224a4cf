"""Functions that the checker and the graph know by name: densities, and summaries in `report`."""

from __future__ import annotations

from collections.abc import Callable

from ppl.functions._define import need, numeric, of_support, parse_parameters
from ppl.functions._structure import elements
from ppl.functions.base import Function, Mismatch, register
from ppl.supports import BOOL, REAL, UNIT, within
from ppl.types import Type


def _logp_type(distribution: Type, x: Type) -> Type:
    return Type("real", REAL, x.axes)


def _probability_type(event: Type) -> Type:
    if event.element == "label" or not within(elements(event), BOOL):
        raise Mismatch(
            "E304", f"`Prob` needs an event, and this is {event}", help="write `Prob(x > 0)`", argument=0
        )
    return of_support(UNIT, event.axes)


def _quantile_type(x: Type, p: Type) -> Type:
    numeric("quantile", (x, p))
    need("quantile", 1, p, UNIT, "between 0 and 1", "write `quantile(x, 0.9)`")
    return Type("real", elements(x), x.axes)


def _special(name: str, parameters: str, result: Callable[..., Type], doc: str) -> None:
    register(Function(name, "special", parse_parameters(parameters), result, None, doc=doc))


_special(
    "logp",
    "distribution x",
    _logp_type,
    "The log density or mass of a distribution at x: `factor logp(Normal(0, 1), x)`.",
)
_special(
    "Prob",
    "event",
    _probability_type,
    "The posterior probability of an event, in `report`: `p_up = Prob(slope > 0)`.",
)
_special(
    "quantile",
    "x p",
    _quantile_type,
    "The posterior quantile of a quantity, in `report`: `high = quantile(tau, 0.95)`.",
)
