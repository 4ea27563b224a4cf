"""Cells in the user's words, and what must hold of them before a density is taken."""

from __future__ import annotations

import numpy as np

from ppl.errors import DataError, DataPlace, Diagnostic
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.graph.observed import outside_support
from ppl.supports import describe


def checked(at: Evaluator, s: g.Statement, density: Named) -> Named:
    """Refuse cells that no value stands for, naming the row."""
    if density.invalid is None:
        return density
    mask = np.asarray(density.invalid.array)[0]
    cell = np.argwhere(mask)[0] if mask.any() else None
    if cell is None:
        return Named(density.array, density.dims)
    rows = ", ".join(place_name(at, d, int(i)) for d, i in zip(density.invalid.dims, cell, strict=True))
    message = f"`{s.name}` refers to a row that does not exist, at {rows}"
    help = "give the first rows a case of their own (`... if first(i) else ...`), or filter the plate"
    raise DataError((Diagnostic("E318", message, span=s.span, help=help),))


def place_name(at: Evaluator, dim: Dim, i: int) -> str:
    """A cell along a dim in the user's words: the label, with the file's line for a table's row."""
    if dim in at.domains:
        domain = at.domains[dim]
        return ", ".join(
            f"{v} = {at.data.label(d.set, int(p[i]))}"
            for v, d, p in zip(domain.variables, domain.plain, at.positions(dim), strict=True)
        )
    if dim in at.reads:
        read = at.reads[dim]
        return f"{read.name} = {at.states[read.name][i]:g}"
    lines = at.data.lines.get(dim.set)
    if lines is not None:
        return f"{at.data.files.get(dim.set, dim.set)} line {int(lines[i])}"
    return f"{dim.set} {at.data.label(dim.set, i)}"


def check_support(at: Evaluator, s: g.Statement, value: Named) -> None:
    """E405: an observation outside the support of its distribution."""

    if not value.constant or not isinstance(s.body, g.Distribution):
        return
    bad = outside_support(s.body.type.support, value.numpy)
    if s.imputes is not None or not bad.any():
        return
    rows = np.argwhere(bad[0])
    where = [
        ", ".join(place_name(at, d, int(i)) for d, i in zip(value.dims, r, strict=True)) for r in rows[:3]
    ]
    shown = [f"{value.numpy[0][tuple(r)]:g}" for r in rows[:3]]
    cells = ", ".join(f"{v} ({w})" for v, w in zip(shown, where, strict=True))
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""

    message = f"`{s.body.name}` needs {describe(s.body.type.support)} values; `{s.name}` holds {cells}{more}"
    lines = at.data.lines.get(value.dims[0].set) if value.dims else None
    place = None
    if lines is not None and value.dims:
        file = at.data.files.get(value.dims[0].set, value.dims[0].set)
        place = DataPlace(file, int(lines[rows[0][0]]), s.name)
    help = "drop these rows, or choose a distribution whose support holds them"
    raise DataError((Diagnostic("E405", message, span=None if place else s.span, help=help, place=place),))
