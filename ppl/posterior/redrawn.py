"""Draws of large latents, made again from q whenever they are asked for, in place of being kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np

from ppl.energy.families import find
from ppl.posterior.estimates import Array

LARGE = 2_000_000  # numbers of all draws together above which a latent's are not kept
AT_ONCE = 500_000  # numbers drawn at once


@dataclass(frozen=True, eq=False)
class Redrawn:
    """Independent draws of a latent whose elements along its first axis are independent under q.

    family: of `ppl.energy.families`. parameters: arrays whose first axis is the latent's. count: draws; shape:
    of one. ``rows`` elements of the first axis have a stream of random numbers of their own, so that every part
    can be drawn by itself and comes out the same each time.

    >>> d = Redrawn("Gamma", {"shape": np.full(5, 2.0), "rate": np.ones(5)}, 3, (5,), (0, 7), rows=2)
    >>> bool((d.whole()[:, 2:4] == d.part(1)).all()), d.whole().shape
    (True, (3, 5))
    """

    family: str
    parameters: Mapping[str, Array]
    count: int
    shape: tuple[int, ...]
    seed: tuple[int, ...]
    rows: int

    def __post_init__(self) -> None:
        if find(self.family) is None or not self.shape or self.rows < 1 or self.count < 1:
            raise ValueError(f"draws of {self.family}")
        if any(np.shape(a)[:1] != self.shape[:1] for a in self.parameters.values()):
            raise ValueError(f"parameters of {self.family}")

    @property
    def starts(self) -> range:
        """Where each part begins along the first axis."""
        return range(0, self.shape[0], self.rows)

    def part(self, k: int) -> Array:
        """The k-th part: (count, rows or fewer, *rest)."""
        lo = self.starts[k]
        kind = find(self.family)
        assert kind is not None
        eta = kind.natural({n: np.asarray(a)[lo : lo + self.rows] for n, a in self.parameters.items()})
        return np.asarray(kind.sample(np.random.default_rng([*self.seed, k]), eta, self.count))

    def parts(self) -> Iterator[Array]:
        """Every part in turn."""
        return (self.part(k) for k in range(len(self.starts)))

    def whole(self) -> Array:
        """All draws: (count, *shape)."""
        out = np.empty((self.count, *self.shape))
        for k, lo in enumerate(self.starts):
            out[:, lo : lo + self.rows] = self.part(k)
        return out


def redrawn(
    family: str, parameters: Mapping[str, Array], count: int, shape: tuple[int, ...], seed: tuple[int, ...]
) -> Redrawn | None:
    """Draws that are not kept, where they are many and their elements can be drawn some at a time."""
    known = {n: np.asarray(a) for n, a in parameters.items()}
    if not shape or count * prod(shape) <= LARGE or any(a.shape[:1] != shape[:1] for a in known.values()):
        return None
    rows = max(1, AT_ONCE // max(count * prod(shape[1:]), 1))
    return Redrawn(family, known, count, shape, seed, rows)


@final
class Draws(Mapping[str, Array]):
    """Draws by name; those of large latents are made when they are asked for."""

    def __init__(
        self, names: tuple[str, ...], kept: Mapping[str, Array], made: Mapping[str, Redrawn]
    ) -> None:
        self._names, self.kept, self.made = names, dict(kept), dict(made)

    def __getitem__(self, name: str) -> Array:
        return self.made[name].whole() if name in self.made else self.kept[name]

    def __contains__(self, name: object) -> bool:
        return name in self.made or name in self.kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def count(self) -> int:
        """How many draws there are."""
        return next((d.count for d in self.made.values()), 0) or count_of(self.kept)


def count_of(draws: Mapping[str, Any]) -> int:
    """How many draws there are of each quantity, none of them made for it."""
    if isinstance(draws, Draws):
        return draws.count
    return len(next(iter(draws.values()))) if draws else 0


def parts_of(draws: Mapping[str, Array], name: str) -> Iterator[Array]:
    """The draws of a quantity as (S, part of its first axis, *rest), a part at a time where they are many."""
    if isinstance(draws, Draws) and name in draws.made:
        yield from draws.made[name].parts()
    else:
        yield draws[name]


def shape_of(draws: Mapping[str, Array], name: str) -> tuple[int, ...]:
    """The shape of one draw of a quantity."""
    made = draws.made.get(name) if isinstance(draws, Draws) else None
    return np.shape(draws[name])[1:] if made is None else made.shape
