"""A trained network as a posterior for any data set of the shape it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.npe_data import Sets
from ppl.inference.npe_head import Head
from ppl.inference.npe_heads import Sizes
from ppl.inference.npe_network import Network
from ppl.inference.npe_scaling import Scaling
from ppl.posterior.target import Array

AT_ONCE = 500  # data sets
HELD = 4_000_000  # numbers held at once while draws are made


@dataclass(frozen=True, eq=False)
class Amortised:
    """q(latents | data): a network's outputs give its head's density of the whitened latents.

    ``weights``: the network's, then the head's own.
    """

    network: Network
    head: Head
    scaling: Scaling
    weights: Array
    sizes: Sizes

    @property
    def own(self) -> Array:
        """The head's own weights."""
        return self.weights[self.network.count :]

    def outputs(self, sets: Sets) -> tuple[Array, Array]:
        """Outputs (n, width) and summaries (n, features)."""
        s, rows = self.scaling.summaries(sets), self.scaling.rows(sets)
        pieces = [
            self.network.forward(
                self.weights[: self.network.count],
                s[i : i + AT_ONCE],
                None if rows is None else rows[i : i + AT_ONCE],
            )[0]
            for i in range(0, len(s), AT_ONCE)
        ]
        return np.concatenate(pieces), s

    def sample(self, sets: Sets, rng: np.random.Generator, count: int) -> Array:
        """Draws for each data set: (n, count, D) on the real line."""
        out, s = self.outputs(sets)
        step = max(1, HELD // (count * self.head.held))
        parts = [self.head.sample(out[i : i + step], rng, count, self.own) for i in range(0, len(out), step)]
        return self.scaling.latents(np.concatenate(parts), s[:, None, :])

    def log_density(self, sets: Sets, latents: Array) -> Array:
        """Log q of latents (m, D) for one data set: (m,)."""
        out, s = self.outputs(sets)
        t = self.scaling.whitened(latents, np.broadcast_to(s, (len(latents), s.shape[1])))
        pieces = [self.head.log_density(out, t[i : i + AT_ONCE], self.own) for i in range(0, len(t), AT_ONCE)]
        return np.concatenate(pieces) - self.scaling.log_det
