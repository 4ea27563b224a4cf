"""A long time axis cut into blocks that advance together."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import final

from ppl.backend.op import Array


@final
@dataclass(frozen=True)
class Cut:
    """Time cut into `blocks` of `length` steps; the first block is filled up in front by `padding` steps.

    Where blocks are `apart`, each is a chain of its own.
    """

    steps: int
    length: int
    blocks: int
    apart: bool = False

    @property
    def padding(self) -> int:
        """Steps in front of the first."""
        return self.length * self.blocks - self.steps

    @property
    def fresh(self) -> slice:
        """The blocks that start a chain."""
        return slice(None) if self.apart else slice(0, 1)

    def blocked(self, x: Array) -> Array:
        """A view (..., L, B) of x (..., B * L)."""
        return x.reshape(*x.shape[:-1], self.blocks, self.length).swapaxes(-1, -2)


def cut(steps: int, states: int) -> Cut:
    """Blocks of about sqrt(T / 4) steps, or a single one where there is too little to gain."""
    length = steps if steps <= 60 else max(round(sqrt(steps / 4)), 16)
    return Cut(steps, length, -(-steps // length))
