"""Is the network's posterior right on average? Ranks and coverage over fresh simulations.

Over data sets drawn from the model, the rank of the true latent among posterior draws is uniform and a
90 % interval holds it in 90 % of them, if (not only if) q is the posterior (Talts and others 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.inference.npe_data import Sets
from ppl.inference.npe_posterior import Amortised
from ppl.posterior.target import Array

SETS, DRAWS = 500, 399
LEVEL = 0.9
AT_ONCE = 100  # data sets


@dataclass(frozen=True, eq=False)
class Calibration:
    """ranks: (sets, D) among `DRAWS` draws; coverage: (D,) of 90 % intervals."""

    ranks: Array
    coverage: Array

    @property
    def error(self) -> float:
        """The standard error of a coverage."""
        return float(np.sqrt(LEVEL * (1.0 - LEVEL) / len(self.ranks)))


def calibrate(q: Amortised, fresh: Sets, rng: np.random.Generator) -> Calibration:
    """Ranks and coverage of every coordinate over fresh data sets."""
    ranks = []
    for i in range(0, len(fresh.latents), AT_ONCE):
        part = fresh.some(slice(i, i + AT_ONCE))
        draws = q.sample(part, rng, DRAWS)
        ranks.append((draws < part.latents[:, None, :]).sum(1))
    found = np.concatenate(ranks)
    inside = np.abs(found + 0.5 - 0.5 * (DRAWS + 1)) < 0.5 * LEVEL * (DRAWS + 1)
    return Calibration(found, inside.mean(0))
