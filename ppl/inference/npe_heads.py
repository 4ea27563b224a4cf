"""Which head a network is to have, and its sizes as they are kept with a fit."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from ppl.errors import UsageError, fail
from ppl.inference.npe_flow import FlowHead
from ppl.inference.npe_head import Head
from ppl.inference.npe_mixture import MixtureHead
from ppl.posterior.target import Array

HEADS = ("mixture", "flow")
TRIANGULAR = 150  # coordinates up to which a network gives a whole covariance
FULL_SIZE = 20  # coordinates from which one component is enough to train


@dataclass(frozen=True)
class Sizes:
    """hidden: units of each of the network's layers, and what a flow's layers read of it.

    >>> Sizes.of(Sizes("flow", 8, 64, 5, 32).array())
    Sizes(head='flow', components=8, hidden=64, flow_layers=5, flow_hidden=32)
    """

    head: str = "mixture"
    components: int = 8
    hidden: int = 64
    flow_layers: int = 6
    flow_hidden: int = 32

    def check(self, coordinates: int) -> None:
        """Raise `UsageError` for sizes that make no sense."""
        if self.head not in HEADS:
            raise fail(UsageError, "E705", f"there is no head `{self.head}`: {' or '.join(HEADS)}")
        if min(self.components, self.hidden, self.flow_layers, self.flow_hidden) < 1:
            raise fail(
                UsageError, "E702", "a network needs at least one component, one layer and one hidden unit"
            )
        if self.head == "mixture" and coordinates > TRIANGULAR:
            raise fail(
                UsageError,
                "E702",
                f"a covariance of {coordinates} coordinates is too large, {TRIANGULAR} at most",
                help="take --head flow",
            )
        if self.head == "flow" and coordinates < 2:
            raise fail(
                UsageError, "E702", "a flow of one coordinate is a Gaussian", help="take --head mixture"
            )

    def head_of(self, coordinates: int) -> Head:
        """The head for a posterior of so many coordinates."""
        if self.head == "flow":
            return FlowHead(coordinates, self.hidden, self.flow_layers, self.flow_hidden)
        return MixtureHead(coordinates, self.components if coordinates <= FULL_SIZE else 1)

    def array(self) -> Array:
        """As numbers: (5,)."""
        return np.array([HEADS.index(self.head), *astuple(self)[1:]], dtype=float)

    @staticmethod
    def of(array: Array) -> Sizes:
        """The inverse of `array`."""
        kind, *rest = (int(v) for v in array)
        return Sizes(HEADS[kind], *rest)
