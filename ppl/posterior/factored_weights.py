"""What importance weights say of a factored q, discrete latents summed out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.errors import ModelError
from ppl.graph.evaluate import StillVector
from ppl.posterior.estimates import Array
from ppl.posterior.factored import Factored
from ppl.posterior.psis import smooth, threshold

WORK = 2.5e8  # array elements that the weights may touch
MOST, FEWEST = 4000, 200  # draws
REPLICATES = 5
LARGEST_D = 500  # coordinates beyond which the weights of any factored q degenerate
CELLS = 5e6  # data cells times states beyond which the density is not even traced


@dataclass(frozen=True)
class Weights:
    """The weights of n draws; ``why`` says why there are none.

    khats: (R,) over replicates, empty where q is exact. elbo, elbo_se: the Monte Carlo estimate of
    the ELBO of q over the continuous latents alone; bound: the importance-weighted one, the log of the mean
    weight. weights: (n,), normalised.
    """

    why: str = ""
    khats: Array = field(default_factory=lambda: np.zeros(0))
    exact: bool = False
    count: int = 0
    ess: float = float("nan")
    elbo: float = float("nan")
    elbo_se: float = float("nan")
    bound: float = float("nan")
    weights: Array = field(default_factory=lambda: np.zeros(0))
    draws: Mapping[str, Array] = field(default_factory=dict)

    @property
    def khat(self) -> float:
        """The median over replicates, nan where there is none."""
        return float(np.median(self.khats)) if len(self.khats) else float("nan")

    @property
    def limit(self) -> float:
        """The k-hat above which this many draws, those of all replicates, do not suffice."""
        return threshold(max(self.count, 1))

    @property
    def share(self) -> float:
        """Effective over actual draws."""
        return self.ess / self.count if self.count else float("nan")

    @property
    def text(self) -> str:
        """k-hat as reported: the median and the range over replicates, or "exact", or why there is none."""
        if self.exact:
            return "exact"
        if not len(self.khats):
            return f"not computed: {self.why}"
        return f"{self.khat:.2f} ({self.khats.min():.2f} to {self.khats.max():.2f})"


def log_ratios(problem: Any, q: Factored, draws: Mapping[str, Array]) -> Array | None:
    """``log p(x, y) - log q(x)`` at draws, in the model's own coordinates: (n,); None where q has no density."""
    log_q = q.log_density(draws)
    if log_q is None:
        return None
    z, log_det = problem.coordinates(draws)
    with np.errstate(all="ignore"):
        log_p = problem.own_target.log_density(z) - log_det
    out: Array = log_p - np.asarray(log_q)
    return out


def affordable(problem: Any) -> tuple[int, str]:
    """How many draws can be weighed, and why none."""
    target = problem.own_target
    if target.size == 0:
        return 0, "there is no continuous latent"
    if target.point.all():
        return 0, "all continuous latents are point estimates"
    free = int(np.sum(~np.asarray(target.point)))
    if free > LARGEST_D:
        return 0, f"{free} coordinates are too many for importance weights"
    cells = sum(int(np.size(a)) for a in problem.data.arrays.values())
    try:
        states = math.prod(len(v) for v in problem.state_values().values()) if cells < CELLS else 1
        if cells * min(states, 10**6) > CELLS:
            return 0, "the data are too large to evaluate the density many times"
        count = int(min(WORK / max(target.work, 1.0), MOST))
    except (ModelError, StillVector):
        return 0, "the discrete latents cannot be summed out"
    return (count, "") if count >= FEWEST else (0, "the density is too slow to evaluate many times")


def weigh_factored(problem: Any, q: Factored, rng: np.random.Generator, discrete: frozenset[str]) -> Weights:
    """Weights of fresh draws of q, where the density can be had and afforded."""
    count, why = q.affordable(problem, discrete)
    if not count:
        return Weights(why)
    each = count // REPLICATES
    draws, ratios = q.weighed(problem, rng, each * REPLICATES)
    if ratios is None:
        return Weights("the density of the continuous factors is not known by itself")
    return _weighed(ratios, draws)


def _weighed(ratios: Array, draws: Mapping[str, Array]) -> Weights:
    wrong = np.isnan(ratios) | (ratios == np.inf)
    good = np.where(wrong, -np.inf, ratios)
    fits = [smooth(part) for part in np.split(good, REPLICATES)]
    pooled = smooth(good)
    finite = bool(np.isfinite(good).all())
    return Weights(
        khats=np.array([max(f.khat, -1.0) for f in fits if not f.exact]),  # -inf: the largest are equal
        exact=all(f.exact for f in fits),
        count=len(good),
        ess=pooled.ess,
        elbo=float(good.mean()) if finite else float("nan"),
        elbo_se=float(good.std() / math.sqrt(len(good))) if finite else float("nan"),
        bound=float(np.logaddexp.reduce(good) - math.log(len(good))) if finite else float("nan"),
        weights=pooled.weights,
        draws=draws,
    )
