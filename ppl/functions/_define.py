"""The decorator that registers a function of the language, and checks that its arguments share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ppl.functions.base import Function, FunctionParameter, Kind, Mismatch, register
from ppl.supports import Interval, Support, describe, within
from ppl.supports.support import element
from ppl.types import Axis, Element, Type

Evaluate = TypeVar("Evaluate", bound=Callable[..., Any])


def function(
    name: str,
    kind: Kind,
    parameters: str,
    result: Callable[..., Type],
    *,
    variadic: bool = False,
    check: Callable[[Any], Any] | None = None,
) -> Callable[[Evaluate], Evaluate]:
    """Register the decorated evaluation under ``name``; its docstring becomes the reference entry.

    ``parameters`` are names in order; those after a ``|`` must be named in a call.
    """

    def keep(evaluate: Evaluate) -> Evaluate:
        doc = inspect.getdoc(evaluate) or ""
        register(Function(name, kind, parse_parameters(parameters), result, evaluate, variadic, doc, check))
        return evaluate

    return keep


def parse_parameters(text: str) -> tuple[FunctionParameter, ...]:
    """The parameters written as ``x y | sd length``.

    >>> [(p.name, p.keyword) for p in parse_parameters("x | sd")]
    [('x', False), ('sd', True)]
    """
    plain, _, named = text.partition("|")
    return tuple(FunctionParameter(n) for n in plain.split()) + tuple(
        FunctionParameter(n, keyword=True) for n in named.split()
    )


def numeric(name: str, types: Iterable[Type]) -> None:
    """Refuse labels: they do no arithmetic."""
    for i, t in enumerate(types):
        if t.element == "label":
            raise Mismatch(
                "E308",
                f"`{name}` works on numbers, and this is a label of {t.set}",
                help="use it as a subscript, or declare the column `real`",
                argument=i,
            )


def need(name: str, argument: int, given: Type, domain: Interval, words: str, help: str = "") -> None:
    """Refuse an argument that may leave the function's domain."""
    if not within(element(given.support), domain):
        raise Mismatch(
            "E304",
            f"`{name}` needs a value that is {words}, and this one is {describe(element(given.support))}",
            help=help,
            argument=argument,
        )


def of_support(support: Support, axes: tuple[Axis, ...] = ()) -> Type:
    """The number type with that support.

    >>> from ppl.supports import COUNT
    >>> of_support(COUNT).element
    'int'
    """
    kind: Element = "int" if isinstance(support, Interval) and support.integer else "real"
    return Type(kind, support, axes)


def longest_axes(types: Iterable[Type]) -> tuple[Axis, ...]:
    """The axes of the argument that has most; the others have the same ones or none."""
    best: tuple[Axis, ...] = ()
    for t in types:
        best = t.axes if len(t.axes) > len(best) else best
    return best


def distinct(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    """The same axes, primed so that the second over one set has one prime, the third two.

    >>> [str(a) for a in distinct((Axis("S"), Axis("T"), Axis("S")))]
    ['S', 'T', "S'"]
    """
    seen: dict[str, int] = {}
    out = []
    for axis in axes:
        out.append(Axis(axis.set, seen.get(axis.set, 0)))
        seen[axis.set] = seen.get(axis.set, 0) + 1
    return tuple(out)
