"""Names of elements by the labels of their axes: written out where they are few, made when read otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import final, overload

FEW = 10_000


@final
class ElementLabels(Sequence[str]):
    """``name[a,b]`` for every combination of the axes' labels, in order, each made when it is asked for.

    >>> names = ElementLabels("theta", (("a", "b"), ("1", "2", "3")))
    >>> len(names), names[4], names[-1], names.index("theta[b,1]")
    (6, 'theta[b,2]', 'theta[b,3]', 3)
    """

    def __init__(self, name: str, axes: Sequence[Sequence[str]]) -> None:
        self.name = name
        self.axes = tuple(tuple(axis) for axis in axes)
        self._size = prod(len(axis) for axis in self.axes)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return (f"{self.name}[{','.join(p)}]" for p in product(*self.axes))

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self._one(i) for i in range(*place.indices(self._size)))
        if not -self._size <= place < self._size:
            raise IndexError(place)
        return self._one(int(place) % self._size)

    def _one(self, place: int) -> str:
        parts: list[str] = []
        for axis in reversed(self.axes):
            place, k = divmod(place, len(axis))
            parts.append(axis[k])
        return f"{self.name}[{','.join(reversed(parts))}]"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.name, self._size))

    def __repr__(self) -> str:
        return f"ElementLabels({self.name!r}, {' x '.join(str(len(a)) for a in self.axes)})"


def labels_of(name: str, axes: Sequence[Sequence[str]]) -> Sequence[str]:
    """The names of the elements of a quantity: ``name`` itself where it has no axes.

    >>> labels_of("mu", ()), labels_of("b", (("1", "2"),))
    (('mu',), ('b[1]', 'b[2]'))
    """
    if not axes:
        return (name,)
    found = ElementLabels(name, axes)
    return tuple(found) if len(found) <= FEW else found
