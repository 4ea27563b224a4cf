"""Adam on pieces of one vector of parameters, in place, with a running average of where it has been.

A step moves only the elements that a minibatch touched. The average is the polynomial-decay one of
Shamir & Zhang (2013): after t updates the latest point has weight (eta + 1) / (t + eta), so that the
last share of the path counts and its noise does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppl.graph.parameters import Piece
from ppl.posterior.target import Array

DECAY, SQUARED_DECAY, TINY = 0.9, 0.999, 1e-8
ETA = 8.0
EVERY = 5  # steps between two points of the average
CLIP = 10.0  # times the usual norm of the slopes


@dataclass(frozen=True)
class Moments:
    """Where the search stands: x, its average, and the moments of its slopes, all (L,).

    ``norm`` is the running root mean square of the slopes' norm; ``steps`` counts updates.
    """

    x: Array
    average: Array
    first: Array
    second: Array
    norm: float
    steps: int

    def copy(self) -> Moments:
        """The same numbers in arrays of their own, to be moved in place."""
        x, average, first, second = (a.copy() for a in (self.x, self.average, self.first, self.second))
        return Moments(x, average, first, second, self.norm, self.steps)


def begin(x: Array) -> Moments:
    """At a start, with nothing seen."""
    return Moments(x, x.copy(), np.zeros_like(x), np.zeros_like(x), 0.0, 0)


def norm_of(slopes: Sequence[Array]) -> float:
    """The Euclidean norm of all slopes together."""
    return float(np.sqrt(sum(float(np.vdot(s, s)) for s in slopes)))


def moved(
    at: Moments,
    pieces: Sequence[Piece],
    slopes: Sequence[Array],
    rates: Sequence[Array | float],
    share: float,
) -> Moments:
    """One ascent step, made inside ``at``'s arrays.

    rates: of each piece, or of its elements; share: of the rows in a batch.
    Slopes whose norm is above ten times the usual are scaled down to that.
    """
    norm = norm_of(slopes)
    usual = at.norm if at.steps else norm
    scale = min(1.0, CLIP * usual / norm) if norm > 0.0 else 1.0
    steps = at.steps + 1
    for piece, slope, rate in zip(pieces, slopes, rates, strict=True):
        visits = steps if piece.index is None else max(1.0, steps * share)
        _move(at, piece, slope if scale == 1.0 else scale * slope, rate, visits)
    if steps % EVERY == 0:
        weight = (ETA + 1.0) / (steps // EVERY + ETA)
        at.average[...] += weight * (at.x - at.average)
    usual = float(np.sqrt(0.99 * usual**2 + 0.01 * (scale * norm) ** 2))
    return Moments(at.x, at.average, at.first, at.second, usual, steps)


def _move(at: Moments, piece: Piece, slope: Array, rate: Array | float, visits: float) -> None:
    """Adam's step on one piece; the corrections for its first steps go into the rate."""
    unbiased = np.sqrt(1.0 - SQUARED_DECAY**visits)
    pace = rate * unbiased / (1.0 - DECAY**visits)
    first, second, x = (piece.parameter.of(a) for a in (at.first, at.second, at.x))
    if piece.index is None:
        first *= DECAY
        first += (1.0 - DECAY) * slope
        second *= SQUARED_DECAY
        second += (1.0 - SQUARED_DECAY) * np.square(slope)
        root = np.sqrt(second, out=np.empty_like(second))
        root += TINY * unbiased
        np.divide(first, root, out=root)
        root *= pace
        x += root
        return
    new = DECAY * first[piece.index] + (1.0 - DECAY) * slope
    square = SQUARED_DECAY * second[piece.index] + (1.0 - SQUARED_DECAY) * np.square(slope)
    first[piece.index], second[piece.index] = new, square
    x[piece.index] += pace * new / (np.sqrt(square) + TINY * unbiased)
