"""Which cells of a log term depend on which elements of a latent: its Markov blanket, per element.

A factor reads a latent through subscripts; the codes of those subscripts over the factor's plates
say which element each cell reads. Axes whose codes do not follow the factor's plates (summed over,
read whole, picked by another latent) count as read in full, which only makes the blanket larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ppl.backend.op import Traced
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.blocks import Block, bound_nodes
from ppl.graph.evaluate import Evaluator
from ppl.graph.inline import read_value
from ppl.graph.named import Named, aligned, union
from ppl.graph.nodes import Dim, stored_name
from ppl.graph.order import mentions, needs
from ppl.graph.rewrite import substitute
from ppl.graph.store import axis_sets
from ppl.graph.terms_at_draws import Term

LARGEST = 20_000_000  # pairs of a cell and an element beyond which an axis counts as read in full

Cells = tuple[Named | None, ...]


@dataclass(frozen=True, eq=False)
class Incidence:
    """Pairs (cell of a term, element of a latent), over the axes of the latent that are ``keyed``.

    ``cells``: flat positions over ``dims`` of the term, sorted by ``keys``; ``keys``: flat positions over
    the keyed axes. Along the latent's other axes every element is read.
    """

    term: Term
    keyed: tuple[int, ...]
    shape: tuple[int, ...]
    dims: tuple[Dim, ...]
    cells: np.ndarray
    keys: np.ndarray

    @property
    def key_shape(self) -> tuple[int, ...]:
        """Lengths of the keyed axes."""
        return tuple(self.shape[i] for i in self.keyed)

    @cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each distinct key starts, and the distinct keys."""
        first = np.flatnonzero(np.diff(self.keys, prepend=-1))
        return first, self.keys[first]

    def add_to(self, costs: np.ndarray, values: np.ndarray) -> None:
        """Add to each element's cost (S, *shape) the values (S, cells of the term) of its cells."""
        term = self.term
        array = values.reshape(len(values), *term.sizes)
        axes = tuple(1 + i for i, d in enumerate(term.dims) if d not in self.dims)
        array = array.sum(axis=axes) if axes else array
        array = array.reshape(len(values), -1)
        starts, keys = self._runs
        if not len(keys):
            return
        sums = np.add.reduceat(array[:, self.cells], starts, axis=1)
        out = np.zeros((len(values), int(np.prod(self.key_shape, dtype=int))))
        out[:, keys] = sums
        lengths = tuple(n if i in self.keyed else 1 for i, n in enumerate(self.shape))
        costs += out.reshape(len(values), *lengths)


def incidence(
    lay: Layout, at: Evaluator, term: Term, name: str, shape: tuple[int, ...], whole: int = 0
) -> Incidence | None:
    """How the cells of a term read a latent (or the cells of a column); None where they do not.

    ``whole``: how many of the last axes are one value (a simplex), so that a part of it is never read alone.
    """
    reads = list(_reads(lay, at, term, name, len(shape)))
    if not reads:
        return None
    keyed = tuple(i for i in range(len(shape) - whole) if all(_follows(r[i], term.dims) for r in reads))
    while keyed:
        dims, parts = _key_dims(term, reads, keyed), []
        spans = [union((dims, *(_codes(r[i]).dims for i in keyed)), at.size) for r in reads]
        if max(float(np.prod([float(at.size(d)) for d in span])) for span in spans) <= LARGEST:
            parts = [_pairs(at, r, keyed, shape, dims, span) for r, span in zip(reads, spans, strict=True)]
            cells, keys = _distinct(parts, at, dims)
            return Incidence(term, keyed, shape, dims, cells, keys)
        keyed = keyed[:-1]
    return Incidence(term, (), shape, (), np.zeros(1, dtype=int), np.zeros(1, dtype=int))


def _codes(code: Named | None) -> Named:
    assert code is not None
    return code


def _follows(code: Named | None, dims: tuple[Dim, ...]) -> bool:
    """Whether codes are the same for one cell whatever else is summed over."""
    return code is not None and (not code.dims or bool(set(code.dims) & set(dims)))


def _key_dims(term: Term, reads: Sequence[Cells], keyed: tuple[int, ...]) -> tuple[Dim, ...]:
    found = {d for r in reads for i in keyed for d in _codes(r[i]).dims}
    return tuple(d for d in term.dims if d in found)


def _pairs(
    at: Evaluator, read: Cells, keyed: tuple[int, ...], shape: tuple[int, ...], dims: tuple[Dim, ...],
    span: tuple[Dim, ...],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Flat cells over ``dims`` and flat keys, for all combinations of the dims in ``span``."""
    sizes = tuple(at.size(d) for d in span)
    cell, key, good = (np.zeros((1, *(1 for _ in span)), dtype=np.int64) for _ in range(3))
    for d in dims:
        cell = cell * at.size(d) + aligned(Named(np.arange(at.size(d))[None], (d,)), span)
    for i in keyed:
        code = aligned(_codes(read[i]), span).astype(np.int64)
        good = good | (code < 0) | (code >= shape[i])
        key = key * shape[i] + code
    flat = [np.broadcast_to(a, (1, *sizes)).ravel() for a in (cell, key, good)]
    inside = flat[2] == 0
    return flat[0][inside], flat[1][inside]


def _distinct(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], at: Evaluator, dims: tuple[Dim, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs once, sorted by key: a cell that reads an element twice still counts once."""
    count = int(np.prod([at.size(d) for d in dims], dtype=int))
    both = np.unique(np.concatenate([keys * count + cells for cells, keys in parts]))
    return both % count, both // count


# ---------------------------------------------------------------- reading the expression


def _reads(lay: Layout, at: Evaluator, term: Term, name: str, axes: int) -> Iterator[Cells]:
    """The codes of each axis at every place where a term reads the latent; None for a whole axis."""
    s = term.statement
    own = s.name == name or (s.imputes is not None and ".".join(s.imputes) == name)
    if own and (s.kind in ("latent", "guide") or term.kind == "jacobian"):
        yield own_codes(lay, at, s, axes)
    if term.kind == "jacobian":
        roots: tuple[g.Node, ...] = () if own and not _bounded(s, name) else (s.body,)
    else:
        roots = (s.body, *(() if s.observed is None else (s.observed,)))
    guides = {q.name: q for q in lay.graph.guide if q.name != name}
    bodies = {v.name: v for v in lay.graph.statements if v.kind == "value" and _can_inline(v)}
    bodies |= {q.name: q for q in guides.values() if _plates_first(q)}
    if s.kind in ("latent", "guide") and s.name in guides:  # its own value moves with what its guide reads
        roots = (*roots, own_read(s))
    for root in roots:
        yield from _below(lay, at, _inlined(root, bodies), name, axes)


def _inlined(node: g.Node, bodies: dict[str, g.Statement]) -> g.Node:
    """Values replaced by their bodies where they are read cell by cell."""
    for _ in range(len(bodies) + 1):
        new = substitute(node, lambda n: read_value(n, bodies))
        if new is node:
            break
        node = new
    return node


def _bounded(s: g.Statement, name: str) -> bool:
    return name in g.variables([s.body])


def own_read(s: g.Statement) -> g.Node:
    """A latent read at its own cells, along its plates where these come first."""
    stored = tuple(g.event_dim(a) for a in s.type.axes)
    variable = g.Variable(s.type, frozenset(), stored, s.span, s.name)
    plates = tuple(a for a in s.place.axes if isinstance(a, g.Node))
    if not plates or not _plates_first(s):
        return variable
    loops: frozenset[Dim] = frozenset().union(*(p.loops for p in plates))
    return g.Gather(s.body.type, loops, s.event, s.span, variable, tuple(g.At(p) for p in plates))


def _plates_first(s: g.Statement) -> bool:
    """Whether simple plates come before all event axes, so that a read gives their codes first."""
    kinds = [isinstance(a, g.Node) for a in s.place.axes]
    simple = all(isinstance(a, g.Position) for a in s.place.axes if isinstance(a, g.Node))
    return simple and kinds == sorted(kinds, reverse=True) and bool(kinds) == bool(s.place.axes)


def _can_inline(v: g.Statement) -> bool:
    """Whether a value may stand where it is read: no recurrence, no ragged sum over its own plates."""
    return (
        not v.recurrent
        and v.name not in needs(v)
        and not any(isinstance(n, g.Segment) for n in g.walk((v.body,)))
        and all(isinstance(a, g.Node) for a in v.place.axes)
        and all(isinstance(a, g.Position) for a in v.place.axes)
    )


def own_codes(lay: Layout, at: Evaluator, s: g.Statement, axes: int) -> Cells:
    """The codes of a latent's own cells over its plates (of a column: over its blank cells or rows)."""
    if s.imputes is not None:
        block = lay.blocks.get(".".join(s.imputes))
        if block is None or block.cells is None or axes != 1:
            return (None,) * axes
        return (Named(block.cells[None], block.batch),)
    out: list[Named | None] = []
    for axis in s.place.axes:
        if isinstance(axis, g.Node):
            out.append(_plain(at.named(axis)))
        else:
            out.append(Named(np.arange(at.size(axis))[None], (axis,)))
    return tuple(out)


def _plain(codes: Named) -> Named | None:
    """Codes that are the same in every draw."""
    if isinstance(codes.array, Traced) or codes.numpy.shape[0] != 1:
        return None
    return replace(codes, invalid=None)


def _below(lay: Layout, at: Evaluator, root: g.Node, name: str, axes: int) -> Iterator[Cells]:
    upstream = _through_values(lay, name)
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, g.Gather) and isinstance(node.value, g.Variable | g.Input):
            if stored_name(node.value) == name:
                yield _selected(at, node, axes)
            elif stored_name(node.value) in upstream:
                yield (None,) * axes
            pending += [c for c in g.children(node) if c is not node.value]
            continue
        if isinstance(node, g.Variable | g.Input) and stored_name(node) in upstream | {name}:
            yield (None,) * axes
        pending += g.children(node)


def _selected(at: Evaluator, node: g.Gather, axes: int) -> Cells:
    event = node.value.event
    picked = [_plain(at.index(s, a).codes) for s, a in zip(node.selectors, event, strict=False)]
    return (*picked, *(None for _ in range(axes - len(picked))))


def _through_values(lay: Layout, name: str) -> set[str]:
    """Stored values, and latents with bounds, that a latent reaches: reading one reads all of it."""
    found: set[str] = set()
    guides = {q.name: q for q in lay.graph.guide}
    count = -1
    while count < len(found):
        count = len(found)
        for s in lay.graph.statements:
            read = needs(s) if s.kind == "value" else _bounds(s) if s.kind == "latent" else set()
            if s.kind == "latent" and s.name in guides:
                read = read | mentions((guides[s.name].body,))
            if read & (found | {name}) - {s.name}:
                found.add(s.name)
    return found - {name}


def drawn_after(lay: Layout, name: str) -> set[str]:
    """Values and latents whose draws change with a latent: what reads it, guides and bounds included."""
    return _through_values(lay, name)


def _bounds(s: g.Statement) -> set[str]:
    """What the range of a latent depends on: its value moves with it."""
    return mentions(tuple(bound_nodes(s.body)))


def coordinate_elements(lay: Layout, at: Evaluator, block: Block) -> np.ndarray:
    """For each coordinate of a continuous latent, the flat position of the element it belongs to.

    Elements are those of the stored array; axes that one draw fills (of a simplex) are all the first.
    """
    if block.cells is not None:
        return block.cells
    shape = stored_shape(lay, at, block)
    codes = own_codes(lay, at, block.statement, len(shape))
    sizes = tuple(at.size(d) for d in block.batch)
    flat = np.zeros((1, *(1 for _ in sizes)), dtype=np.int64)
    for code, n in zip(codes, shape, strict=True):
        inside = code is not None and set(code.dims) <= set(block.batch)
        flat = flat * n + (aligned(_codes(code), block.batch).astype(np.int64) if inside else 0)
    inner = int(np.prod(block.inner, dtype=int))
    return np.repeat(np.broadcast_to(flat[0], sizes).ravel(), inner)


def stored_shape(lay: Layout, at: Evaluator, block: Block) -> tuple[int, ...]:
    """Lengths of the stored axes of a continuous latent, or of the column whose blank cells it fills."""
    s = block.statement
    if block.cells is not None and s.imputes is not None:
        return tuple(lay.data.arrays[s.imputes].shape)
    return tuple(at.sets.size(n) for n in axis_sets(s))
