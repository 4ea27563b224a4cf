"""What inference and its diagnostics ask of a model: a log density on the real line, batched over draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """The coordinates of one latent variable; ``is_global`` when it lies in no plate over data."""

    name: str
    where: slice
    is_global: bool = True


class LatentBlock(Protocol):
    """Anything shaped like `Block`."""

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> slice: ...
    @property
    def is_global(self) -> bool: ...


class Target(Protocol):
    """A posterior over D unconstrained coordinates, up to a constant.

    ``point`` marks the coordinates that get a point estimate: no noise and no entropy.
    ``start`` is near the middle of the prior. ``work`` counts the array elements touched for one
    draw, so that callers can choose how many draws a purpose is worth. A target splits a batch
    into pieces of bounded memory itself.
    """

    @property
    def size(self) -> int: ...
    @property
    def point(self) -> NDArray[np.bool_]: ...
    @property
    def groups(self) -> Sequence[LatentBlock]: ...
    @property
    def start(self) -> Array: ...
    @property
    def work(self) -> float: ...

    def log_density(self, z: Array) -> Array:
        """``log p(T(z), y) + log|det J|`` of each draw: (S, D) -> (S,); -inf off the support."""
        ...

    def value_and_grad(self, z: Array) -> tuple[Array, Array]:
        """The log density (S,) and its gradient (S, D)."""
        ...

    def locate(self, z: Array) -> str:
        """A sentence naming the variable and data row where one draw (D,) is not finite."""
        ...


@runtime_checkable
class SplitTarget(Protocol):
    """A target that can also tell the prior's part, with the Jacobian, from the likelihood's."""

    def log_prior(self, z: Array) -> Array: ...


@runtime_checkable
class HiddenTarget(Protocol):
    """A target that tells whether hidden labels were summed out of it, which makes further modes likely."""

    @property
    def hidden(self) -> bool: ...


def coordinate_names(groups: Sequence[LatentBlock], size: int) -> tuple[str, ...]:
    """A name for each coordinate: the variable's, numbered from 1 where it has several.

    >>> coordinate_names((Block("mu", slice(0, 1)), Block("b", slice(1, 3))), 3)
    ('mu', 'b[1]', 'b[2]')
    """
    names = [f"coordinate {i + 1}" for i in range(size)]
    for block in groups:
        places = range(*block.where.indices(size))
        for k, i in enumerate(places):
            names[i] = block.name if len(places) == 1 else f"{block.name}[{k + 1}]"
    return tuple(names)


def global_coordinates(groups: Sequence[LatentBlock], size: int) -> NDArray[np.bool_]:
    """True where a coordinate belongs to no data plate."""
    mask = np.zeros(size, bool)
    for block in groups:
        mask[block.where] = block.is_global
    return mask
