"""Levels of sets: what the columns typed by a set hold, in one settled order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ppl.data import cells as number_cells
from ppl.data.column import Labels
from ppl.data.where import EXAMPLES, Cell, Where, refuse, shown
from ppl.errors import DataError, Diagnostic
from ppl.graph.bind_cells import natural
from ppl.graph.bind_types import Array, BoundSet

_LISTED = 6


@dataclass(frozen=True)
class Contribution:
    """Labels that one column gives to a set, with the place of each cell."""

    name: str
    labels: Labels
    where: Where
    rows: Array | None = None  # the file's row of each cell's leading axis, where rows were taken

    def used(self) -> tuple[str, ...]:
        """All declared levels of a dictionary column; otherwise those that occur."""
        if self.labels.declared:
            return self.labels.levels
        present = np.zeros(len(self.labels.levels) + 1, dtype=bool)
        present[self.labels.codes] = True
        return tuple(self.labels.levels[k] for k in np.flatnonzero(present[:-1]).tolist())


def union(parts: Sequence[Contribution]) -> tuple[str, ...]:
    """The union of levels in order.

    A dictionary's order holds when it names every level; otherwise numbers come first by value,
    then texts in natural order.
    """
    found = dict.fromkeys(level for part in parts for level in part.used())
    for part in parts:
        if part.labels.declared and set(part.labels.levels) >= found.keys():
            return part.labels.levels
    return tuple(sorted(found, key=natural))


def with_saved(
    name: str,
    found: tuple[str, ...],
    saved: tuple[str, ...],
    new_levels: bool,
    parts: Sequence[Contribution],
    latent: str,
) -> tuple[str, ...]:
    """A fit's levels, then new ones if they are allowed; else E407."""
    known = set(saved)
    new = [level for level in found if level not in known]
    if not new or new_levels:
        return saved + tuple(new)
    part = next(p for p in parts if any(level in new for level in p.used()))
    row = _first_row(part, set(new))
    listed = ", ".join(shown(level) for level in new[:EXAMPLES]) + (", ..." if len(new) > EXAMPLES else "")
    was = "was" if len(new) == 1 else "were"
    message = f"{listed} {was} not in the fit ({len(new)} new label{'s' if len(new) > 1 else ''} of {name})"
    has = f"`{latent}` has a prior over {name}, so " if latent else ""
    help = f"{has}`--new-levels prior` will draw {'it' if len(new) == 1 else 'them'}"
    raise DataError((Diagnostic("E407", message, help=help, place=part.where.place(row, part.name)),))


def _first_row(part: Contribution, wanted: set[str]) -> int | None:
    codes = [k for k, level in enumerate(part.labels.levels) if level in wanted]
    hits = np.flatnonzero(np.isin(part.labels.codes, codes))
    return _row(part, int(hits[0])) if len(hits) else None


def _row(part: Contribution, flat: int) -> int:
    shape = part.labels.codes.shape
    row = flat // max(1, int(np.prod(shape[1:])))
    return row if part.rows is None else int(part.rows[row])


def codes_in(part: Contribution, bound: BoundSet, kind: str) -> Array:
    """A column's labels as codes of a bound set (-1 where missing); E402 or E406 for others."""
    new = np.full(len(part.labels.levels) + 1, -1, dtype=np.int64)
    bad: list[int] = []
    known = {text: i for i, text in enumerate(bound.labels)} if bound.labels is not None else None
    for k, text in enumerate(part.labels.levels):
        code = known.get(text) if known is not None else _numbered(text, bound)
        if code is None:
            bad.append(k)
        else:
            new[k] = code
    wrong = _occurring(part, bad) if bad else []
    if wrong:
        raise _not_in(part, bound, kind, wrong)
    if (new[:-1] == np.arange(len(new) - 1)).all():
        return part.labels.codes  # the labels stand in the set's order: no copy
    return new[part.labels.codes]


def _occurring(part: Contribution, codes: Sequence[int]) -> list[int]:
    used = np.zeros(len(part.labels.levels) + 1, dtype=bool)
    used[part.labels.codes] = True
    return [k for k in codes if used[k]]


def _numbered(text: str, bound: BoundSet) -> int | None:
    value = number_cells.whole(text.strip())
    if value is None or not bound.low <= value < bound.low + bound.size:
        return None
    return value - bound.low


def _not_in(part: Contribution, bound: BoundSet, kind: str, wrong: Sequence[int]) -> DataError:
    shape = part.labels.codes.shape
    width = max(1, int(np.prod(shape[1:])))
    hits = np.flatnonzero(np.isin(part.labels.codes.ravel(), wrong))
    texts = [part.labels.levels[c] for c in part.labels.codes.ravel()[hits].tolist()]
    where = [(_row(part, int(h)) * width + int(h) % width) for h in hits]
    order = np.argsort(where, kind="stable")
    cells = [Cell(where[i], texts[i]) for i in order]
    if shape:  # rows are the file's, which may be more than were bound
        shape = (max(where) // width + 1, *shape[1:])
    if kind == "table":
        return _dangling(part, bound, cells, width)
    help = ""
    if bound.labels is None and bound.low == 1 and set(texts) == {"0"}:
        help = f"the codes seem to count from 0; labels of {bound.name} count from 1"
    elif bound.labels is None:
        help = f"`index {bound.name}` has {bound.size} labels, {_described(bound)}"
    return refuse(
        "E402", part.where, part.name, f"a label of {bound.name} ({_described(bound)})", cells, shape, help
    )


def _dangling(part: Contribution, bound: BoundSet, cells: Sequence[Cell], width: int) -> DataError:
    texts = list(dict.fromkeys(c.text for c in cells))
    listed = ", ".join(shown(x) for x in texts[:EXAMPLES]) + (", ..." if len(texts) > EXAMPLES else "")
    rows = [c.index // width for c in cells]
    points = "points" if len(cells) == 1 else "point"
    message = (
        f"{len(cells)} cell{'s' if len(cells) > 1 else ''} of `{part.name}` {points} to {bound.name} "
        f"that are not there: {listed} ({part.where.rows(rows)})"
    )
    return DataError((Diagnostic("E406", message, place=part.where.place(rows[0], part.name)),))


def _described(bound: BoundSet) -> str:
    if bound.labels is None:
        return f"{bound.low} to {bound.low + bound.size - 1}"
    shown_labels = ", ".join(f'"{x}"' for x in bound.labels[:_LISTED])
    return shown_labels + (", ..." if bound.size > _LISTED else "")


def texts(bound: BoundSet) -> Iterable[str]:
    """Every label as text."""
    return bound.labels if bound.labels is not None else (str(bound.low + i) for i in range(bound.size))


def filtered(name: str, parent: BoundSet, keep: Array) -> BoundSet:
    """The members of ``parent`` that a condition keeps."""
    positions = np.flatnonzero(keep)
    group = None if parent.group is None else parent.group[positions]
    labels = tuple(parent.label(int(i)) for i in positions)
    return BoundSet(name, len(positions), labels, group=group, parent=parent.name, positions=positions)


def gaps(name: str, parent: BoundSet) -> BoundSet:
    """The gaps between neighbours, labelled ``A|B``; a position is that of the left neighbour."""
    size = max(parent.size - 1, 0)
    labels = tuple(f"{parent.label(i)}|{parent.label(i + 1)}" for i in range(size))
    return BoundSet(name, size, labels, parent=parent.name, positions=np.arange(size))


def pairs(name: str, parent: BoundSet) -> BoundSet:
    """The unordered pairs of different members, labelled ``A,B``."""
    labels = tuple(f"{parent.label(a)},{parent.label(b)}" for a, b in combinations(range(parent.size), 2))
    return BoundSet(name, len(labels), labels, parent=parent.name)
