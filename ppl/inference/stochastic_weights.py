"""Importance weights of a stochastic fit: of its draws as a whole, and element by element along a plate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.graph.by_row import by_row
from ppl.graph.flows import noise_name
from ppl.graph.stochastic import StochasticElbo, View
from ppl.posterior.element_weights import ElementWeights, element_weights
from ppl.posterior.target import Array

AT_ONCE = 2e6  # array elements of draws that are evaluated together
DRAWS, FEWEST, MOST = 1000, 20, 100  # draws of an element's latents; elements looked at
WORK = 4e8  # array elements that all of these may touch
LEFT_OVER = 1e-6  # spread over draws of what belongs to no element, relative to the whole


@dataclass(frozen=True, eq=False)
class Remembered:
    """Standard normal numbers that are the same whenever they are asked for again."""

    estimates: StochasticElbo
    rng: np.random.Generator
    known: dict[tuple[str, tuple[int, ...]], Array]

    def __call__(self, name: str, shape: tuple[int, ...]) -> Array:
        """Those of a latent."""
        if (name, shape) not in self.known:
            self.known[name, shape] = self.estimates.noise(self.rng)(name, shape)
        return self.known[name, shape]


def weighed(
    estimates: StochasticElbo, x: Array, work: float, rng: np.random.Generator, n: int
) -> tuple[dict[str, Array], Array]:
    """n draws by name and ``log p - log q`` at them, on the real line, points counting 0: (n,)."""
    found, ratios = [], []
    for count in counts(work, n):
        noise = Remembered(estimates, rng, {})
        parts, _ = estimates.parts(x, estimates.everything, noise, count, closed=False)
        ratios.append(np.broadcast_to(parts.objective(1.0), (count,)))
        found.append(estimates.drawn(x, noise, count))
    return {k: np.concatenate([p[k] for p in found]) for k in found[0]}, np.concatenate(ratios)


def counts(work: float, n: int) -> Iterator[int]:
    """n draws in parts that fit in memory."""
    step = int(np.clip(AT_ONCE / max(work, 1.0), 1, n))
    yield from (min(step, n - first) for first in range(0, n, step))


def by_element(
    estimates: StochasticElbo, x: Array, plate: str, work: float, rng: np.random.Generator
) -> ElementWeights | None:
    """Weights of the latents of single elements, all others at one point of q; None where terms join elements.

    Of element i: ``log p(y_i, z_i | rest) - log q(z_i | rest)`` at draws of z_i.
    """
    if estimates.plan is None or estimates.plan.plate != plate:
        found = _batched(estimates, plate)
        if found is None:
            return None
        estimates = found
    each = max(work / max(estimates.rows, 1), 1.0)
    count = min(estimates.rows, int(np.clip(WORK / (DRAWS * each), FEWEST, MOST)))
    chosen = np.sort(rng.choice(estimates.rows, count, replace=False))
    step = int(np.clip(10.0 * AT_ONCE / (DRAWS * each), 1, count))
    parts = []
    for first in range(0, count, step):
        ratios = _ratios(estimates, x, estimates.batch(chosen[first : first + step]), rng)
        if ratios is None:
            return None
        parts.append(ratios)
    return element_weights(plate, estimates.rows, np.concatenate(parts, axis=1))


def _batched(estimates: StochasticElbo, plate: str) -> StochasticElbo | None:
    """The same estimates in batches of a plate, if there can be any."""
    try:
        found = StochasticElbo(estimates.problem, plate)
    except PplError:
        return None
    return found if found.size == estimates.size else None


def _cut(estimates: StochasticElbo, view: View) -> set[str]:
    """The free latents of which a batch has some elements only."""
    cut = estimates.plan.cut if estimates.plan is not None else frozenset()
    return {
        name
        for name, b in view.layout.blocks.items()
        if not b.point and any(part in cut for d in b.statement.place.plates for part in d.set.split("+"))
    }


def _ratios(estimates: StochasticElbo, x: Array, view: View, rng: np.random.Generator) -> Array | None:
    """``log p - log q`` of each element of a batch: (S, elements)."""
    local = _cut(estimates, view) | {noise_name(k) for k, f in enumerate(estimates.flows) if f.plates}
    if not local:
        return None
    fresh = estimates.noise(rng)

    def noise(name: str, shape: tuple[int, ...]) -> Any:
        return fresh(name, shape) if name in local else np.zeros((1, *shape[1:]), dtype=estimates.kind)

    found, at = estimates.parts(x, view, noise, DRAWS, closed=False)
    if not found.rates or estimates.plan is None:
        return None
    rates = tuple(rate for name, rate in found.rates.items() if name in local)
    out = by_row(at, estimates.plan, found.factors) - by_row(at, estimates.plan, rates)
    whole = np.broadcast_to(found.log_likelihood - found.rate, (DRAWS,))
    rest = whole - view.scale * out.sum(axis=1)
    if len(out) != DRAWS or not np.isfinite(rest).all():
        return None
    return out if rest.std() <= LEFT_OVER * max(1.0, float(np.abs(whole).max())) else None
