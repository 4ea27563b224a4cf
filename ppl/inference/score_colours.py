"""Elements of a latent that share no log term can be tried at once: a colouring of its conflict graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppl.graph.blankets import Incidence
from ppl.graph.terms_at_draws import Discrete
from ppl.posterior.target import Array

STRIDES = (1, 2, 3, 4)  # a chain of order p needs p + 1 colours


def colours_of(d: Discrete, found: Sequence[Incidence], most: int) -> Array | None:
    """A colour for each element (n,), so that no cell of a term reads two of one colour.

    None where more than ``most`` colours would be needed. Axes that some term reads in full get a
    colour for each place; along the others every m-th element may share one, m small.
    """
    keyed = tuple(i for i in range(len(d.shape)) if all(i in f.keyed for f in found))
    places = np.unravel_index(d.cells, d.shape) if d.shape else ()
    whole = np.zeros(d.count, dtype=np.intp)
    for i in range(len(d.shape)):
        if i not in keyed:
            whole = whole * d.shape[i] + places[i]
    wide = int(np.prod([n for i, n in enumerate(d.shape) if i not in keyed], dtype=int))
    for stride in STRIDES:
        if wide * stride > most:
            return None
        for axis in keyed or (-1,):
            if all(_apart(f, keyed, axis, stride) for f in found):
                phase = places[axis] % stride if axis >= 0 else 0
                return np.asarray(whole * stride + phase)
    return None


def _apart(f: Incidence, keyed: tuple[int, ...], axis: int, stride: int) -> bool:
    """Whether no cell reads two elements (up to the axes read in full) of one colour."""
    if not keyed:
        return True
    own = np.unravel_index(f.keys, f.key_shape)
    parts = {i: own[f.keyed.index(i)] for i in keyed}
    element = np.zeros(len(f.keys), dtype=np.int64)
    for i in keyed:
        element = element * f.shape[i] + parts[i]
    limit = int(np.prod([f.shape[i] for i in keyed], dtype=np.int64))
    pairs = np.unique(f.cells * limit + element)
    cells, element = pairs // limit, pairs % limit
    lengths = tuple(f.shape[i] for i in keyed)
    colour = np.unravel_index(element, lengths)[keyed.index(axis)] % stride
    return len(np.unique(cells * stride + colour)) == len(pairs)
