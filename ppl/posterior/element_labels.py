"""Names of the elements of a quantity, by the labels of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ppl.graph.element_labels import labels_of


def element_labels(data: Any, name: str, sets: tuple[str, ...], shape: tuple[int, ...]) -> Sequence[str]:
    """``name[a,b]`` for every element, in order; positions from 1 where a set is not known."""
    pairs = list(zip(sets, shape, strict=True)) if len(sets) == len(shape) else [("", 0)]
    known = all(name in data.sets and data.sets[name].size == size for name, size in pairs)
    parts = [[data.label(sets[k], i) if known else str(i + 1) for i in range(n)] for k, n in enumerate(shape)]
    return labels_of(name, parts)
