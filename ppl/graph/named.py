"""Arrays with named axes: a leading draw axis, then one axis for each `Dim`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.errors import Diagnostic, ModelError
from ppl.graph.nodes import Dim

Array = Any
LARGEST_TABLE = 20_000_000  # cells of a table over joint states


@dataclass(frozen=True, eq=False)
class Named:
    """``array`` has axes (draw, *dims); the draw axis has size 1 where nothing depends on draws.

    ``invalid`` marks cells that no value stands for (a lag before the first row, a label outside a
    derived set); they hold arbitrary finite numbers and must not reach a factor.
    """

    array: Array
    dims: tuple[Dim, ...] = ()
    invalid: Named | None = None

    @property
    def constant(self) -> bool:
        """Whether this is plain data: nothing traced, and no draw axis."""
        return not isinstance(self.array, Traced) and np.shape(self.array)[0] == 1

    @property
    def numpy(self) -> np.ndarray:
        """The array of a value that is not traced."""
        return np.asarray(self.array)

    def renamed(self, names: dict[Dim, Dim]) -> Named:
        """The same array under other names."""
        invalid = None if self.invalid is None else self.invalid.renamed(names)
        return Named(self.array, tuple(names.get(d, d) for d in self.dims), invalid)


def constant(value: Any, dims: tuple[Dim, ...] = ()) -> Named:
    """A data value under names: ``value`` has exactly the axes ``dims``."""
    return Named(np.asarray(value)[None], dims)


def aligned(x: Named, dims: Sequence[Dim]) -> Array:
    """The array with axes (draw, *dims), size one where x does not have a dim."""
    own = [d for d in dims if d in x.dims]
    if len(own) != len(x.dims):
        raise AssertionError(f"dims {x.dims} do not fit {tuple(dims)}")
    order = tuple(x.dims.index(d) for d in own)
    array = x.array
    if order != tuple(range(len(order))):
        array = xp.transpose(array, (0, *(1 + i for i in order)))
    missing = tuple(i - len(dims) for i, d in enumerate(dims) if d not in x.dims)
    return xp.expand_dims(array, missing) if missing else array


def union(
    parts: Iterable[Iterable[Dim]], size: Callable[[Dim], int], last: Sequence[Dim] = ()
) -> tuple[Dim, ...]:
    """All dims, small ones first (long plates end up contiguous), then ``last`` in its order."""
    found = {d for dims in parts for d in dims} - set(last)
    out = (*sorted(found, key=lambda d: (size(d), d.set, d.tag)), *last)
    states = [d for d in out if d.set.startswith("#")]
    if len(states) > 1:
        _refuse_too_many(states, prod(float(size(d)) for d in out), size)
    return out


def _refuse_too_many(states: list[Dim], cells: float, size: Callable[[Dim], int]) -> None:
    """E505 before a table over the joint states of several latents is made."""
    if cells <= LARGEST_TABLE:
        return
    joint = prod(float(size(d)) for d in states)
    name = states[0].set[1:].partition("[")[0]
    message = f"the discrete latent `{name}` cannot be summed out exactly: {joint:.2g} joint states"
    help = "give it fewer states, split the factor, or write the marginal with `Mixture` or `factor`"
    raise ModelError((Diagnostic("E505", message, help=help),))


def merge_invalid(parts: Iterable[Named], size: Callable[[Dim], int]) -> Named | None:
    """Cells invalid in any part."""
    masks = [p.invalid for p in parts if p.invalid is not None]
    if not masks:
        return None
    if len(masks) == 1:
        return masks[0]
    dims = union((m.dims for m in masks), size)
    out = aligned(masks[0], dims)
    for m in masks[1:]:
        out = np.logical_or(out, aligned(m, dims))
    return Named(out, dims)


def add(terms: Sequence[Named], size: Callable[[Dim], int]) -> Named:
    """The sum of values over the union of their dims."""
    if len(terms) == 1:
        return terms[0]
    dims = union((x.dims for x in terms), size)
    parts = [aligned(x, dims) for x in terms]
    while len(parts) > 1:
        parts = [xp.total(*parts[i : i + 64]) for i in range(0, len(parts), 64)]
    out = parts[0]
    return Named(out, dims, merge_invalid(terms, size))


def total(x: Named, keep: Sequence[Dim] = ()) -> Named:
    """Sum over every dim that is not kept."""
    axes = tuple(i - len(x.dims) for i, d in enumerate(x.dims) if d not in keep)
    if not axes:
        return x
    return Named(xp.sum(x.array, axis=axes), tuple(d for d in x.dims if d in keep))


def without_mask(x: Named) -> Named:
    """The same value, its invalid cells accepted."""
    return replace(x, invalid=None)
