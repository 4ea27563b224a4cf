"""Tables that take few distinct values along a long axis: compute on those, gather last.

A choice by data between two values that do not vary along an axis has two distinct slices there;
operations on it are recorded on the two slices, and what needs the whole axis gathers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Array, Op, Traced

LONG = 200  # cells along an axis from which distinct slices are followed


@dataclass(frozen=True)
class Slices:
    """A value is ``take(distinct, codes, axis)``; the axis is counted from the end."""

    distinct: Any
    codes: Array
    axis: int


def slices_of(x: Any) -> Slices | None:
    """The distinct slices that a traced value was gathered from, where they are known."""
    found = getattr(x, "slices", None)
    return found if isinstance(found, Slices) else None


def on_slices(op: Op, args: tuple[Any, ...], attributes: dict[str, Any]) -> Slices | None:
    """The answer of an operation as distinct slices, computed on those of its one sliced argument."""
    if op is xp.where:
        return _chosen(*args)
    sliced = [(i, s) for i, s in enumerate(map(slices_of, args)) if s is not None]
    if len(sliced) != 1:
        return None
    (place, own), *_ = sliced
    axis = _new_axis(op, args, attributes, own.axis, place)
    if axis is None:
        return None
    short = tuple(own.distinct if i == place else a for i, a in enumerate(args))
    return Slices(op(*short, **attributes), own.codes, axis)


def _chosen(test: Any, x: Any, y: Any) -> Slices | None:
    """A choice by a data mask that varies along one long axis only, both branches constant there."""
    shape = np.shape(test)
    if isinstance(test, Traced) or max(shape, default=0) < LONG or np.size(test) != max(shape):
        return None
    axis = shape.index(max(shape)) - len(shape)
    codes = np.asarray(test).ravel().astype(np.int64)
    if not 0 < codes.sum() < len(codes) or any(_size(v, axis) != 1 for v in (x, y)):
        return None
    two = np.array([False, True]).reshape([2 if i - len(shape) == axis else 1 for i in range(len(shape))])
    return Slices(xp.where(two, x, y), codes, axis)


def _size(x: Any, axis: int) -> int:
    shape = x.shape if isinstance(x, Traced) else np.shape(x)  # type: ignore[attr-defined]
    return int(shape[axis]) if -axis <= len(shape) else 1


def _new_axis(op: Op, args: tuple[Any, ...], attributes: dict[str, Any], axis: int, place: int) -> int | None:
    """Where the sliced axis lies in the answer; None where the operation mixes its cells."""
    others = [a for i, a in enumerate(args) if i != place]
    if op is xp.transpose:
        order = _given(args, attributes, "order")
        return int(order.index(len(order) + axis)) - len(order)
    if op is xp.expand_dims:
        return _shifted(_given(args, attributes, "axis"), axis, len(args[0].shape))
    if op is xp.take_along:
        apart = place == 0 and axis < -1 and _size(args[1], axis + 1) == 1
        return axis + 1 if apart else None
    if op.broadcasts and all(_size(a, axis) == 1 for a in others):
        return axis
    return None


def _given(args: tuple[Any, ...], attributes: dict[str, Any], name: str) -> Any:
    return attributes[name] if name in attributes else args[1]


def _shifted(added: int | tuple[int, ...], axis: int, ndim: int) -> int:
    new = (added,) if isinstance(added, int) else tuple(added)
    total = ndim + len(new)
    kept = [i for i in range(total) if i not in {a % total for a in new}]
    return kept[ndim + axis] - total
