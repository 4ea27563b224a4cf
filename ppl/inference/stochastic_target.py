"""What stochastic gradients fit: estimates of the ELBO, and the density behind them for its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ppl.errors import UsageError, fail
from ppl.graph.flows import Wish
from ppl.graph.problem import Problem
from ppl.graph.replayed import Steps
from ppl.graph.stochastic import StochasticElbo
from ppl.posterior.target import Array, LatentBlock

if TYPE_CHECKING:
    from ppl.inference.validation import Split


def parse_batch(text: str) -> tuple[str, int]:
    """``images=128`` as a plate and a size; nothing as no plate. Raises `UsageError` (E705).

    >>> parse_batch("images=128"), parse_batch("")
    (('images', 128), ('', 0))
    """
    if not text:
        return "", 0
    plate, equals, size = text.partition("=")
    if not equals or not size.strip().isdigit() or int(size) < 1:
        raise fail(UsageError, "E705", f"`{text}` is no batch", help="name a plate and a size: images=128")
    return plate.strip(), int(size)


class StochasticTarget:
    """A bound problem with its ELBO estimates; as a `Target` it is the problem's own density."""

    def __init__(
        self, problem: Problem, batch: str, single: bool, flow: Wish | None = None, split: Split | None = None
    ) -> None:
        plate, size = parse_batch(batch)
        self.problem, self.flow, self.split = problem, flow, split
        self.estimates = StochasticElbo(problem, plate, single, flow)
        self.rows = self.estimates.rows
        self.batch = min(size, self.rows)
        self._steps: dict[tuple[int, float], Steps] = {}

    @property
    def batches(self) -> int:
        """Batches in one pass through the data."""
        return self.rows // self.batch if self.batch else 1

    @property
    def training(self) -> StochasticTarget:
        """What a search looks at: all of it, or what is not held out."""
        return self if self.split is None else self.split.train

    def steps(self, draws: int, rate_weight: float) -> Steps:
        """What gives a step its slopes; recordings are kept from one to the next."""
        key = (draws, rate_weight)
        if key not in self._steps:
            self._steps[key] = Steps(self.estimates, draws, rate_weight)
        return self._steps[key]

    @cached_property
    def density(self) -> Any:
        """The log joint over unconstrained coordinates."""
        return self.problem.target()

    @property
    def size(self) -> int:
        """D."""
        return self.estimates.layout.size

    @property
    def point(self) -> NDArray[np.bool_]:
        """Coordinates without a spread: (D,)."""
        found: NDArray[np.bool_] = self.density.point
        return found

    @property
    def groups(self) -> Sequence[LatentBlock]:
        """The latents' coordinates."""
        found: Sequence[LatentBlock] = self.density.groups
        return found

    @property
    def hidden(self) -> bool:
        """Whether labels were summed out."""
        return bool(self.density.hidden)

    @property
    def start(self) -> Array:
        """Near the middle of the prior: (D,)."""
        found: Array = self.density.start
        return found

    @property
    def work(self) -> float:
        """Elements touched for one draw."""
        return float(self.density.work)

    def log_density(self, z: Array) -> Array:
        """As the problem's own."""
        found: Array = self.density.log_density(z)
        return found

    def log_prior(self, z: Array) -> Array:
        """As the problem's own."""
        found: Array = self.density.log_prior(z)
        return found

    def value_and_grad(self, z: Array) -> tuple[Array, Array]:
        """As the problem's own."""
        found: tuple[Array, Array] = self.density.value_and_grad(z)
        return found

    def locate(self, z: Array) -> str:
        """As the problem's own."""
        return str(self.density.locate(z))
