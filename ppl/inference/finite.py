"""A target that keeps count of its work and remembers where it was first not finite."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.target import Array, Target


@dataclass
class Tally:
    """Draws evaluated so far, and the first draw (D,) whose value or gradient was not finite."""

    draws: int = 0
    offender: Array | None = None


@dataclass(frozen=True)
class FiniteTarget:
    """A `Target` behind which a non-finite draw is never averaged away.

    A batch with any NaN, infinity or infinite slope reports itself as such, so that the search
    steps back from it, and its first such draw is kept to be located in words.
    """

    target: Target
    tally: Tally = field(default_factory=Tally)

    @property
    def size(self) -> int:
        """D."""
        return self.target.size

    @property
    def point(self) -> NDArray[np.bool_]:
        """Coordinates without a spread: (D,)."""
        return self.target.point

    def value_and_grad(self, z: Array) -> tuple[Array, Array]:
        """As the target's: (S, D) -> (S,), (S, D)."""
        self.tally.draws += len(z)
        with np.errstate(all="ignore"):
            values, slopes = self.target.value_and_grad(z)
        bad = ~(np.isfinite(values) & np.isfinite(slopes).all(1))
        if self.tally.offender is None and bad.any():
            self.tally.offender = z[int(np.argmax(bad))].copy()
        return values, slopes

    def explain(self) -> str:
        """A sentence on the first non-finite draw, empty when there was none."""
        return "" if self.tally.offender is None else self.target.locate(self.tally.offender)
