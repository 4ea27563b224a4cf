"""First labels of elements whose states meet data only through two codes each, as tokens have a document and a word.

The classes of one code (documents) are clustered by which classes of the other (words) they meet, in a random
projection of these frequencies in which the common ones do not drown the rare (as in correspondence analysis).
Labels at random, one for each element, would average out over every class: a start next to a saddle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ppl.energy.row_sums import Codes

Array = Any
PROJECTED = 30  # random directions
Nearest = Callable[[Array, int, np.random.Generator], Array]


def coded_labels(
    parts: Sequence[Any], states: int, rng: np.random.Generator, nearest: Nearest
) -> Array | None:
    """A label for each element, equal within the classes of the code that has most; None without two codes."""
    coded = sorted((p for p in parts if isinstance(p, Codes)), key=lambda p: p.places)
    if len(coded) < 2 or coded[-1].places < 2 * states:
        return None
    what, where = coded[-2], coded[-1]
    weight = np.ones(len(where.codes)) if where.weight is None else np.abs(where.weight)
    size = np.maximum(np.bincount(where.codes, weight, where.places), 1e-300)
    common = np.bincount(what.codes, weight, what.places)
    scale = 1.0 / np.sqrt(np.maximum(common, 1.0))
    features = np.empty((where.places, PROJECTED))
    for j in range(PROJECTED):
        direction = scale * rng.standard_normal(what.places)
        features[:, j] = np.bincount(where.codes, weight * direction[what.codes], where.places) / size
    features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-300)
    return nearest(features, states, rng)[where.codes]
