"""The type of a value: element, support, and named axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ppl.supports import REAL, Support, describe

Element = Literal["real", "int", "bool", "label"]


@dataclass(frozen=True)
class Axis:
    """An axis over an index set; primes tell two axes of one value over one set apart."""

    set: str
    primes: int = 0

    def __str__(self) -> str:
        return self.set + "'" * self.primes


@dataclass(frozen=True)
class Type:
    """Element type, support, and the ordered axes that are still unsubscripted.

    ``set`` names the index set of a label. ``axes`` are *event* axes of the expression at hand;
    the index variables of enclosing plates are not listed. For a ``Structured`` support the last
    one or two axes are the structured ones.

    >>> str(Type("real", axes=(Axis("schools"),)))
    'real over [schools]'
    """

    element: Element = "real"
    support: Support = REAL
    axes: tuple[Axis, ...] = ()
    set: str | None = None

    def over(self, axes: tuple[Axis, ...]) -> Type:
        """The same element over other axes."""
        return replace(self, axes=axes)

    def __str__(self) -> str:
        kind = f"label of {self.set}" if self.element == "label" else describe(self.support)
        if not self.axes:
            return kind
        return f"{kind} over [{', '.join(str(a) for a in self.axes)}]"
