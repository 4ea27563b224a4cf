"""Split a discrete latent into one latent for each label of some of its axes.

Needed where one factor reads several cells of the latent at once (`level[1, z[1, i]] +
level[2, z[2, i]]`, `z[home[m]]` and `z[away[m]]`, second-order chains): afterwards each cell is a
variable of its own, and tables hold only the rows that read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.graph.evaluate import Evaluator
from ppl.graph.gathers import Index
from ppl.graph.named import union
from ppl.graph.nodes import Dim
from ppl.graph.potentials import Latent, Potential, Read, Rows, full_codes, is_step, refuse, same_cell

Array = Any
MOST_PARTS = 400
Axes = Mapping[str, frozenset[int]]


class MustSplitError(Exception):
    """A factor needs these axes of these latents split."""

    def __init__(self, axes: Axes) -> None:
        super().__init__(str(dict(axes)))
        self.axes = axes


def axes_to_split(at: Evaluator, potentials: list[Potential]) -> dict[str, frozenset[int]]:
    """The axes along which some factor reads a latent at several cells that form no chain step."""
    out: dict[str, frozenset[int]] = {}
    for p in potentials:
        for name in {r.name for r in p.reads}:
            reads = p.of(name)
            if len(reads) > 1:
                out[name] = out.get(name, frozenset()) | _needed(at, reads)
    return {n: a for n, a in out.items() if a}


def _needed(at: Evaluator, reads: tuple[Read, ...]) -> frozenset[int]:
    """Axes that differ by literals first; then, within equal literals, all that still differ."""
    differ = _differing(at, reads)
    literal = frozenset(i for i in differ if all(not r.cells[i].codes.dims for r in reads))
    out = literal
    parts: dict[tuple[int, ...], list[Read]] = {}
    for r in reads:
        parts.setdefault(tuple(int(r.cells[i].codes.numpy.ravel()[0]) for i in sorted(literal)), []).append(r)
    for part in parts.values():
        if len(part) == 1 or (len(part) == 2 and _step(at, part[0], part[1])):
            continue
        out |= _differing(at, tuple(part))
    return out


def _step(at: Evaluator, a: Read, b: Read) -> bool:
    return is_step(at, a, b) or is_step(at, b, a)


def _differing(at: Evaluator, reads: tuple[Read, ...]) -> frozenset[int]:
    first = reads[0]
    return frozenset(
        i
        for i in range(len(first.cells))
        if any(not same_cell(at, first.cells[i], r.cells[i]) for r in reads[1:])
    )


def _defined(whole: Latent, axes: list[int], labels: tuple[int, ...]) -> np.ndarray | None:
    if whole.defined is None or len(axes) == len(whole.sets):
        return None
    index: list[Any] = [slice(None)] * len(whole.sets)
    for axis, label in zip(axes, labels, strict=True):
        index[axis] = label
    return np.asarray(whole.defined[tuple(index)])


@dataclass
class Split:
    """Latents and potentials after splitting; ``parts`` names each part's original and labels."""

    at: Evaluator
    rows: Rows
    latents: dict[str, Latent]
    axes: Axes
    parts: dict[str, Latent] = field(default_factory=dict)

    def run(self, potentials: list[Potential]) -> list[Potential]:
        """Every potential, cut by the labels along the split axes."""
        out: list[Potential] = []
        for p in potentials:
            out += self._cut(p)
            if len(out) > 4 * MOST_PARTS + len(potentials):
                name = next(iter(self.axes))
                raise refuse(
                    name, "a factor reads several of its cells at once, and they are too many", p.span
                )
        self.latents = {n: x for n, x in self.latents.items() if n not in self.axes} | self.parts
        return out

    def _cut(self, p: Potential) -> list[Potential]:
        reads = [r for r in p.reads if r.name in self.axes]
        if not reads:
            return [p]
        cells = [r.cells[i] for r in reads for i in sorted(self.axes[r.name])]
        dims = union((c.codes.dims for c in cells), self.at.size)
        self._check_weights(reads)
        codes = np.stack([full_codes(self.at, c, dims) for c in cells], axis=-1)
        labels, which = np.unique(codes, axis=0, return_inverse=True)
        if len(labels) > 4 * MOST_PARTS:
            raise refuse(
                reads[0].name, f"a factor reads {len(labels)} different cells of it together", p.span
            )
        which = which.reshape(-1)
        return [
            self._named(self.rows.select(p, dims, np.flatnonzero(which == k)), tuple(map(int, row)))
            for k, row in enumerate(labels)
        ]

    def _check_weights(self, reads: list[Read]) -> None:
        for r in reads:
            sets = self.latents[r.name].sets
            if any(self.rows.weight(Dim(sets[i])) is not None for i in self.axes[r.name]):
                raise refuse(r.name, "a factor joins rows that stand for several each (`weight`)")

    def _named(self, p: Potential, labels: tuple[int, ...]) -> Potential:
        """The reads under their parts' names; a read of no row is dropped."""
        out, place = p, 0
        reads: list[Read] = []
        for r in p.reads:
            if r.name not in self.axes:
                reads.append(r)
                continue
            axes = sorted(self.axes[r.name])
            own = labels[place : place + len(axes)]
            place += len(axes)
            if min(own) < 0:
                out = self.rows.at_state(out, next(x for x in out.reads if x.dim == r.dim))
                continue
            reads.append(self._part(r, axes, own))
        return self.rows.merged(replace(out, reads=tuple(reads)))

    def _part(self, r: Read, axes: list[int], labels: tuple[int, ...]) -> Read:
        name = f"{r.name}[{','.join(map(str, labels))}]"
        if name not in self.parts:
            whole = self.latents[r.name]
            sets = tuple(s for i, s in enumerate(whole.sets) if i not in axes)
            self.parts[name] = Latent(name, whole.states, sets, _defined(whole, axes, labels))
            if len(self.parts) > MOST_PARTS:
                raise refuse(r.name, "a factor reads several of its cells at once, and they are too many")
        cells: tuple[Index, ...] = tuple(c for i, c in enumerate(r.cells) if i not in axes)
        return Read(name, r.dim, cells)
