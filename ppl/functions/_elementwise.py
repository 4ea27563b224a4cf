"""Results of functions of one number."""

from __future__ import annotations

from collections.abc import Callable

from ppl.functions._define import need, numeric, of_support
from ppl.functions._structure import elements
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, Interval, Support
from ppl.types import Type

Rule = Callable[[Interval], Interval]

# what a domain is called, and how a model shows that an argument lies in it
_WORDS = {
    NONNEGATIVE: ("not negative", "give it a positive prior, or claim it with `nonnegative(..)`"),
    POSITIVE: ("positive", "give it a positive prior, or claim it with `positive(..)`"),
}


def maps(
    name: str, rule: Rule | Interval, domain: Interval = REAL, words: str = ""
) -> Callable[[Type], Type]:
    """The ``result`` of a function of one number: where it must lie, and where the answer lies.

    >>> from ppl.functions._powers import exponential
    >>> str(maps("exp", exponential)(Type()))
    'positive'
    """

    def result(x: Type) -> Type:
        numeric(name, (x,))
        if domain != REAL:
            known, help = _WORDS.get(domain, (words, ""))
            need(name, 0, x, domain, words or known, help)
        support: Support = rule if isinstance(rule, Interval) else rule(elements(x))
        return of_support(support, x.axes)

    return result


def unrestricted(name: str, support: Interval = REAL) -> Callable[..., Type]:
    """The ``result`` of a function of any numbers."""

    def result(*types: Type) -> Type:
        numeric(name, types)
        axes = max((t.axes for t in types), key=len)
        return of_support(support, axes)

    return result
