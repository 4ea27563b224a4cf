"""How one array lies on the axes of its sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.data.column import Column
from ppl.errors import DataError, DataPlace, Diagnostic
from ppl.graph import bind_sets as levels
from ppl.graph.bind_sources import WideColumn
from ppl.graph.bind_types import Array, BoundSet


def part_order(bound: BoundSet, source: WideColumn) -> Array | None:
    """The order that puts the columns side by side in the order of their set; None as they are."""
    known = {text: i for i, text in enumerate(source.part_labels)}
    wanted = list(levels.texts(bound))
    if set(wanted) == known.keys():
        return np.array([known[w] for w in wanted], dtype=np.int64)
    if bound.labels is None and len(wanted) == len(known):
        return None  # a set of whole numbers takes the columns in file order
    lacking = next((w for w in wanted if w not in known), None)
    message = (
        f"`{source.name}` has {len(known)} columns over {bound.name}, which has {bound.size}"
        if lacking is None or len(known) != len(wanted)
        else f'`{source.name}` has no column for {bound.name} "{lacking}"'
    )
    raise misfit(source, message)


def misfit(source: Column, message: str) -> DataError:
    """E408 for an array that does not fit its sets."""
    place = DataPlace(source.where.file, None, source.name)
    return DataError((Diagnostic("E408", message, place=place),))


def dtype_of(kind: Any) -> type:
    """The numpy type that holds a declared type."""
    return {"real": np.float64, "bool": np.bool_}.get(kind.element, np.int64)


def zeros(kind: Any, shape: tuple[int, ...]) -> Array:
    """An array of zeros of a declared type."""
    return np.zeros(shape, dtype=dtype_of(kind))


def mismatch(name: str, shape: tuple[int, ...], sizes: tuple[int, ...]) -> str:
    """How a default's shape differs from its sets."""
    return f"`{name}` has {_by(shape)} values; its sets have {_by(sizes)} labels"


def _by(sizes: tuple[int, ...]) -> str:
    return " by ".join(map(str, sizes)) or "1"
