"""A minibatch of a plate: the data of some of its elements, and of the rows that belong to them.

The rows of a table that point at the plate follow their key; everything else stays whole. A row of
the batch stands for as many as were left out, through the weights of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ppl.errors import PplError, UsageError, fail
from ppl.graph.bind_types import Array, BoundData, BoundSet
from ppl.language import typed as t
from ppl.types import Type

Key = tuple[str | None, str]


@dataclass(frozen=True)
class Plan:
    """Which sets a batch of ``plate`` cuts.

    follows: table -> (its column, the set that it points at), parents first. derived: filtered set ->
    the set that it is part of.
    """

    plate: str
    follows: Mapping[str, tuple[str, str]]
    derived: Mapping[str, str]

    @property
    def cut(self) -> frozenset[str]:
        """The sets of which a batch has some elements only."""
        return frozenset((self.plate, *self.follows, *self.derived))


def batch_plan(program: t.Program, data: BoundData, plate: str) -> Plan:
    """What follows a plate. Raises `UsageError` (E705) where it is none, or rows point at it twice."""
    if plate not in program.sets:
        known = ", ".join(f"`{name}`" for name in program.sets)
        raise fail(UsageError, "E705", f"there is no plate `{plate}` to batch", help=f"there is: {known}")
    follows: dict[str, tuple[str, str]] = {}
    found = True
    while found:
        found = False
        for table in program.tables.values():
            cut = {plate, *follows}
            keys = [(c.name, c.type.set or "") for c in table.columns if _points(c, cut)]
            if table.name in cut or not keys:
                continue
            if len(keys) > 1:
                raise _refused(
                    plate, f"rows of `{table.name}` point there through {keys[0][0]} and {keys[1][0]}"
                )
            follows[table.name], found = keys[0], True
    derived = {n: s.parent for n, s in data.sets.items() if s.parent in {plate, *follows}}
    for name in derived:
        if data.sets[name].positions is None or program.sets[name].kind != "filtered":
            raise _refused(plate, f"`{name}` is made of all its elements")
    return Plan(plate, follows, {n: p for n, p in derived.items() if p is not None})


def whole_groups(data: BoundData, plan: Plan) -> frozenset[str]:
    """The ordered sets that are cut between their groups only, so that earlier rows come along.

    An element of the plate has all rows of each of its groups: `order within sent` in batches of sentences.
    """
    owner = {plan.plate: np.arange(data.sets[plan.plate].size)}
    for name, (column, target) in plan.follows.items():
        owner[name] = owner[target][data.arrays[(name, column)].astype(np.int64)]
    found = set()
    for name, owners in owner.items():
        group = data.sets[name].group
        if group is not None and name in plan.follows:
            first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])[: len(group)]
            if np.array_equal(np.repeat(owners[first], np.diff(np.r_[first, len(group)])), owners):
                found.add(name)
    return frozenset(found)


def _points(column: t.ColumnDef, sets: set[str]) -> bool:
    return column.type.element == "label" and column.type.set in sets


def _refused(plate: str, why: str) -> PplError:
    return fail(
        UsageError, "E705", f"`{plate}` cannot be taken in batches: {why}", help="batch another plate"
    )


@dataclass(frozen=True)
class Batch:
    """Data of a batch; ``positions`` gives, for each set that is cut, the places of its elements."""

    data: BoundData
    positions: Mapping[str, Array]
    scale: float


def take_batch(program: t.Program, data: BoundData, plan: Plan, rows: Array) -> Batch:
    """The data of the plate's elements at the places ``rows``, in rising order."""
    positions = _positions(data, plan, rows)
    scale = data.sets[plan.plate].size / max(len(rows), 1)
    weights = dict(data.weights)
    for name, where in positions.items():
        whole = weights.get(name)
        weights[name] = (np.ones(len(where)) if whole is None else whole[where]) * scale
    cut = replace(
        data,
        sets={n: _cut_set(s, positions) for n, s in data.sets.items()},
        arrays={k: _cut_array(program, data, k, a, positions) for k, a in data.arrays.items()},
        missing={k: sliced(program, k, a, positions) for k, a in data.missing.items()},
        weights=weights,
        lines={n: x if x is None or n not in positions else x[positions[n]] for n, x in data.lines.items()},
    )
    return Batch(cut, positions, scale)


def _positions(data: BoundData, plan: Plan, rows: Array) -> dict[str, Array]:
    out: dict[str, Array] = {plan.plate: rows}
    for name, (column, target) in plan.follows.items():
        chosen = np.zeros(data.sets[target].size, dtype=bool)
        chosen[out[target]] = True
        out[name] = np.flatnonzero(chosen[data.arrays[(name, column)].astype(np.int64)])
    for name, parent in plan.derived.items():
        own = data.sets[name].positions
        assert own is not None
        out[name] = np.flatnonzero(np.isin(own, out[parent]))
    return out


def _cut_set(s: BoundSet, positions: Mapping[str, Array]) -> BoundSet:
    if s.name not in positions:
        return s
    where = positions[s.name]
    inside = s.positions
    if inside is not None and s.parent is not None:
        inside = np.searchsorted(positions[s.parent], inside[where])
    return replace(
        s,
        size=len(where),
        labels=tuple(s.label(int(k)) for k in where),
        group=None if s.group is None else s.group[where],
        positions=inside,
    )


def _cut_array(
    program: t.Program, data: BoundData, key: Key, array: Array, positions: Mapping[str, Array]
) -> Array:
    out = sliced(program, key, array, positions)
    kind = _type(program, key)
    if kind is not None and kind.element == "label" and kind.set is not None and kind.set in positions:
        out = np.searchsorted(positions[kind.set], out)
    return out


def sliced(program: t.Program, key: Key, array: Array, positions: Mapping[str, Array]) -> Array:
    """A column or given, or its mask, at the places of a batch along every axis that is cut."""
    kind = _type(program, key)
    sets = ([] if key[0] is None else [key[0]]) + ([] if kind is None else [a.set for a in kind.axes])
    for axis, name in enumerate(sets):
        if name in positions:
            array = np.take(array, positions[name], axis=axis)
    return array


def _type(program: t.Program, key: Key) -> Type | None:
    table, name = key
    if table is None:
        return program.givens[name].type if name in program.givens else None
    return next((c.type for c in program.tables[table].columns if c.name == name), None)
