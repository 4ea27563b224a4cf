"""Coordinates on the real line, in the words of the model: ``theta[3]`` there is ``theta[C]`` here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ppl.posterior.target import coordinate_names

QUOTED = re.compile(r"`([^`]+)`")


def quantity_of(group: str) -> str:
    """The quantity that a group of coordinates moves: non-centred ones are named after it.

    >>> quantity_of("theta.raw"), quantity_of("people.height")
    ('theta', 'people.height')
    """
    return group.removesuffix(".raw")


class ElementNames:
    """The element or elements that each coordinate of a target stands for."""

    def __init__(self, problem: Any, target: Any) -> None:
        labels = {q.name: tuple(q.labels) for q in problem.quantities}
        self.elements: list[tuple[str, ...]] = [
            (name,) for name in coordinate_names(target.groups, target.size)
        ]
        self._by_name: dict[str, str] = {}
        for group in target.groups:
            self._place(group, labels.get(quantity_of(group.name), ()), target.size)

    def _place(self, group: Any, labels: Sequence[str], size: int) -> None:
        places = range(*group.where.indices(size))
        if not labels:
            return
        for k, place in enumerate(places):
            old = self.elements[place][0]
            one = len(labels) == len(places)
            self.elements[place] = (labels[k],) if one else tuple(labels)
            self._by_name[old] = labels[k] if one else quantity_of(group.name)

    def of(self, coordinates: Sequence[int]) -> tuple[str, ...]:
        """The elements that some coordinates touch, without repeats."""
        return tuple(dict.fromkeys(name for i in coordinates for name in self.elements[i]))

    def rewritten(self, text: str) -> str:
        """A sentence with its quoted coordinates renamed."""
        return QUOTED.sub(lambda m: f"`{self._by_name.get(m[1], m[1])}`", text)
