"""A trained network as a posterior for any data set of the shape it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.npe_data import Sets
from ppl.inference.npe_mixture import MixtureHead
from ppl.inference.npe_network import Network
from ppl.inference.npe_scaling import Scaling
from ppl.posterior.target import Array

AT_ONCE = 500  # data sets


@dataclass(frozen=True, eq=False)
class Amortised:
    """q(latents | data): a network's outputs are the mixture of the whitened latents."""

    network: Network
    head: MixtureHead
    scaling: Scaling
    weights: Array

    def outputs(self, sets: Sets) -> tuple[Array, Array]:
        """Outputs (n, width) and summaries (n, features)."""
        s, rows = self.scaling.summaries(sets), self.scaling.rows(sets)
        pieces = [
            self.network.forward(
                self.weights, s[i : i + AT_ONCE], None if rows is None else rows[i : i + AT_ONCE]
            )[0]
            for i in range(0, len(s), AT_ONCE)
        ]
        return np.concatenate(pieces), s

    def sample(self, sets: Sets, rng: np.random.Generator, count: int) -> Array:
        """Draws for each data set: (n, count, D) on the real line."""
        out, s = self.outputs(sets)
        return self.scaling.latents(self.head.sample(out, rng, count), s[:, None, :])

    def log_density(self, sets: Sets, latents: Array) -> Array:
        """Log q of latents (m, D) for one data set: (m,)."""
        out, s = self.outputs(sets)
        t = self.scaling.whitened(latents, np.broadcast_to(s, (len(latents), s.shape[1])))
        wide = np.broadcast_to(out, (len(latents), out.shape[1]))
        pieces = [
            self.head.log_density(wide[i : i + AT_ONCE], t[i : i + AT_ONCE])
            for i in range(0, len(t), AT_ONCE)
        ]
        return np.concatenate(pieces) - self.scaling.log_det
