"""What a bijection is: a map from real coordinates onto a support, with its volume change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

Array = Any


class Bijection(ABC):
    """x = T(u) for unconstrained u.

    ``forward`` is written in `ppl.backend.ops`, with batch axes leading; its log |det J| is summed
    over the event axes. For structured supports the determinant is that of the free elements: K - 1
    of a simplex, the lower triangle of a symmetric matrix, an orthonormal basis of a zero-sum space.
    """

    event_dims: int = 0

    def unconstrained_shape(self, event_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Trailing shape of u for a value of trailing shape ``event_shape``."""
        return event_shape

    @abstractmethod
    def forward(self, u: Array) -> tuple[Array, Array]:
        """The value and log |det dx/du| in batch shape."""

    @abstractmethod
    def inverse(self, x: Array) -> Array:
        """The coordinates of a value (plain numpy)."""
