"""Coordinates that fall apart into independent elements once a few others are given, found from the gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.target import Array, Target

MOST_HEAD, MOST_OWN = 50, 8  # coordinates of the head, and of one element
FEWEST = 20  # elements worth telling apart
MOVE = 0.5  # how far coordinates are moved
SAME = 1e-9  # change of a slope, relative to the largest, that is rounding


def elements_of(target: Target, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places (J, k) of the coordinates of each element, independent of each other given the rest; (0, 0) for none.

    Latents with one row for each of J elements are candidates; what they depend on is tried out, not
    read from the model.
    """
    sizes = [b.where.stop - b.where.start for b in target.groups]
    none = np.zeros((0, 0), dtype=np.int64)
    if bool(np.any(target.point)):
        return none
    for count in sorted(
        {n for n, b in zip(sizes, target.groups, strict=True) if not b.is_global}, reverse=True
    ):
        own = [
            np.arange(b.where.start, b.where.stop).reshape(count, -1)
            for n, b in zip(sizes, target.groups, strict=True)
            if n % count == 0 and not b.is_global
        ]
        places = np.concatenate(own, 1)
        fits = places.shape[1] <= MOST_OWN and target.size - places.size <= MOST_HEAD
        if count >= FEWEST and fits and target.size > places.size and separate(target, places, rng):
            return places
    return none


def separate(target: Target, places: NDArray[np.int64], rng: np.random.Generator) -> bool:
    """Whether no element's slope changes when others move.

    For each binary digit of the elements' numbers, those with a 0 there move and those with a 1 are
    looked at, so that every pair is told apart at least once: log2(J) + 1 gradients.
    """
    elements = np.arange(len(places))
    digits = np.stack([(elements >> k) & 1 for k in range(max(len(places) - 1, 1).bit_length())]).astype(bool)
    at = np.asarray(target.start, float) + 0.1 * rng.standard_normal(target.size)
    moved: Array = np.repeat(at[None], len(digits) + 1, 0)
    for k, still in enumerate(digits):
        moving = places[~still].ravel()
        moved[k + 1, moving] += MOVE * rng.standard_normal(len(moving))
    with np.errstate(all="ignore"):
        slopes = target.value_and_grad(moved)[1][:, places]
    change = np.where(digits[:, :, None], np.abs(slopes[1:] - slopes[0]), 0.0)
    return bool(np.isfinite(slopes).all() and change.max() <= SAME * np.abs(slopes[0]).max())
