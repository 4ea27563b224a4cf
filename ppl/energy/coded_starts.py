"""First labels of elements whose states meet data only through two codes each, as tokens have a document and a word.

The classes of one code (documents) are clustered by which classes of the other (words) they meet, in a random
projection of these frequencies in which the common ones do not drown the rare (as in correspondence analysis).
Labels at random, one for each element, would average out over every class: a start next to a saddle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ppl.energy.row_sums import Codes, RowPart, Runs

Array = Any
PROJECTED = 30  # random directions
Nearest = Callable[[Array, int, np.random.Generator], Array]


def coded_labels(
    parts: Sequence[RowPart], states: int, rng: np.random.Generator, nearest: Nearest
) -> Array | None:
    """A label for each element, equal within the classes of the code that has most; None without two codes.

    Elements that have many rows each are classes themselves.
    """
    runs = [p for p in parts if isinstance(p, Runs)]
    if runs:
        found = sum(_of_runs(p, rng) for p in runs)
        return nearest(_standardised(found), states, rng) if len(runs[0].first) - 1 >= 2 * states else None
    coded = sorted((p for p in parts if isinstance(p, Codes)), key=lambda p: p.places)
    if len(coded) < 2 or coded[-1].places < 2 * states:
        return None
    what, where = coded[-2], coded[-1]
    weight = np.ones(len(where.codes)) if where.weight is None else np.abs(where.weight)
    features = _projected(what.codes, what.places, where.codes, where.places, weight, rng)
    return nearest(_standardised(features), states, rng)[where.codes]


def _of_runs(part: Runs, rng: np.random.Generator) -> Array:
    elements = len(part.first) - 1
    own = np.repeat(np.arange(elements), np.diff(part.first))
    weight = np.ones(len(part.codes)) if part.weight is None else np.abs(part.weight)
    return _projected(part.codes, part.places, own, elements, weight, rng)


def _projected(
    what: Array, kinds: int, where: Array, classes: int, weight: Array, rng: np.random.Generator
) -> Array:
    """Frequencies of ``what`` in each class of ``where``, projected: (classes, directions)."""
    size = np.maximum(np.bincount(where, weight, classes), 1e-300)
    scale = 1.0 / np.sqrt(np.maximum(np.bincount(what, weight, kinds), 1.0))
    out = np.empty((classes, PROJECTED))
    for j in range(PROJECTED):
        direction = scale * rng.standard_normal(kinds)
        out[:, j] = np.bincount(where, weight * direction[what], classes) / size
    return out


def _standardised(features: Array) -> Array:
    return (features - features.mean(0)) / np.maximum(features.std(0), 1e-300)
