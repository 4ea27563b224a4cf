"""A coupling flow whose layers read the network's outputs: the head for posteriors that are no few Gaussians.

With c the outputs, t = f_c(e) and e standard normal,

    log q(t | c) = -|e|^2 / 2 - D/2 log(2 pi) - sum of log scales,      e = f_c^-1(t).

(Dinh, Sohl-Dickstein and Bengio 2017; conditional layers: Ardizzone and others 2019; Radev and others 2020.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.backend.coupling import Coupling
from ppl.backend.coupling_layers import run, run_back
from ppl.inference.npe_head import NONE, Head
from ppl.posterior.target import Array

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class FlowHead(Head):
    """``size``: D, at least 2; ``width``: outputs that each layer reads; ``layers`` of ``hidden`` units."""

    size: int
    width: int
    layers: int
    hidden: int
    spread: float = 1.0

    @property
    def coupling(self) -> Coupling:
        """The flow."""
        return Coupling(self.size, self.layers, self.hidden, context=self.width)

    @property
    def count(self) -> int:  # type: ignore[override]
        """Weights of the layers."""
        return self.coupling.count

    @property
    def held(self) -> int:
        """Hidden units, shifts and scales of one layer."""
        return 2 * self.hidden + 8 * self.size

    @property
    def family(self) -> str:
        """In words."""
        return f"flow of {self.layers} coupling layers"

    def start(self, rng: np.random.Generator) -> Array:
        """The identity, whatever the outputs."""
        return np.asarray(self.coupling.start(rng))

    def log_density(self, out: Array, t: Array, own: Array = NONE) -> Array:
        """Log q of t (n, D): (n,)."""
        e, total, _ = run(self.coupling.parts(own), t[:, None, :], out[:, None, :], True, keep=False)
        return self._density(e, total)

    def _density(self, e: Array, total: Array) -> Array:
        both = 0.5 * np.square(e) + total + 0.5 * LOG_2PI
        return np.asarray(-both.sum((1, 2)))

    def slopes(self, out: Array, t: Array, own: Array = NONE) -> tuple[Array, Array, Array]:
        """Log densities (n,), their slopes in the outputs (n, width), and summed in the own weights."""
        layers, context = self.coupling.parts(own), out[:, None, :]
        e, total, kept = run(layers, t[:, None, :], context, True)
        in_own, _, in_context = run_back(layers, kept, context, -e, -np.ones_like(e), True)
        return self._density(e, total), in_context[:, 0], in_own

    def sample(self, out: Array, rng: np.random.Generator, count: int, own: Array = NONE) -> Array:
        """Draws for each row of outputs: (n, count, D)."""
        e = rng.standard_normal((len(out), count, self.size))
        return np.asarray(run(self.coupling.parts(own), e, out[:, None, :], False, keep=False)[0])
