"""How two reads of one latent lie to each other, axis by axis: the same element, one before, or any other."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ppl.energy.operands import Size
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim

Relation = Literal["same", "after", "before", "other"]
Entry = Dim | Named


def codes_of(entry: Entry, size: Size) -> Named:
    """An index entry as codes."""
    return Named(np.arange(size(entry))[None], (entry,)) if isinstance(entry, Dim) else entry


def relation(a: Entry, b: Entry, live: Named, size: Size) -> Relation:
    """Whether ``a`` names the element that ``b`` names, the one after it or before it, wherever it counts.

    live: where the term's coefficient is not zero.
    """
    if a is b or (isinstance(a, Dim) and a == b):
        return "same"
    x, y = codes_of(a, size), codes_of(b, size)
    if not set(x.dims) & set(y.dims):
        return "same" if not x.dims and not y.dims and x.numpy.ravel()[0] == y.numpy.ravel()[0] else "other"
    dims = tuple(dict.fromkeys((*x.dims, *y.dims, *live.dims)))
    counts = np.broadcast_to(aligned(live, dims)[0] != 0, tuple(size(d) for d in dims))
    gap = np.broadcast_to(aligned(x, dims)[0] - aligned(y, dims)[0], counts.shape)[counts]
    if not gap.size or not gap.any():
        return "same"
    if (gap == 1).all():
        return "after"
    if (gap == -1).all():
        return "before"
    return "other"
