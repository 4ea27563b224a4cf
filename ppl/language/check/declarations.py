"""First walk: every declared name, before any expression is looked at."""

from __future__ import annotations

from typing import Any, cast

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.claims import claim, name_span
from ppl.language.check.sets import declare_index
from ppl.language.check.type_names import declared_type, find_set
from ppl.language.check.world import World, label
from ppl.language.typed import ColumnDef, GivenDef, IndexSet, NetworkDef, TableDef
from ppl.supports import NONNEGATIVE
from ppl.types import Axis, Type


def declare(world: World, model: tree.Model) -> None:
    """Record index sets and tables first, then what refers to them."""
    for statement in model.statements:
        if isinstance(statement, tree.Index):
            for one in statement.sets:
                declare_index(world, one, model)
        elif isinstance(statement, tree.Table):
            _table_set(world, statement)
    for statement in model.statements:
        _declare_one(world, statement)


def _declare_one(world: World, statement: tree.Statement) -> None:
    match statement:
        case tree.Table():
            _columns(world, statement)
        case tree.Given():
            _given(world, statement)
        case tree.Network():
            _network(world, statement)
        case tree.Def(name=name):
            if claim(world, name, "function", statement.span):
                world.defs[name] = statement
        case tree.Extern(name=name):
            if claim(world, name, "function", statement.span):
                world.externs[name] = statement


# ---------------------------------------------------------------- tables


def _table_set(world: World, table: tree.Table) -> None:
    if not claim(world, table.name, "table", table.span):
        return
    roles = {c.role for c in table.columns}
    ordered = "order" in roles or "key" not in roles
    place = name_span(world, table.span, table.name)
    world.sets[table.name] = IndexSet(table.name, "table", place, ordered=ordered)


def _columns(world: World, table: tree.Table) -> None:
    found: list[ColumnDef] = []
    for column in table.columns:
        first = next((c for c in found if c.name == column.name), None)
        if first is not None:
            _twice(world, table, column, first)
        elif claim(world, column.name, "column", column.span):
            found.append(_column(world, table, column))
            world.columns.setdefault(column.name, []).append(found[-1])
    _check_roles(world, table, found)
    world.tables.setdefault(
        table.name, TableDef(table.name, tuple(found), name_span(world, table.span, table.name))
    )


def _twice(world: World, table: tree.Table, column: tree.Column, first: ColumnDef) -> None:
    world.problems.error(
        "E204",
        f"`{column.name}` already is a column of {table.name}",
        column.span,
        "second definition",
        notes=(Note(first.span, "first defined here"),),
        help="a column is declared once",
    )


def _column(world: World, table: tree.Table, column: tree.Column) -> ColumnDef:
    axes = axes_of(world, column.axes)
    if column.role == "value":
        assert column.type is not None
        type = declared_type(world, column.type, axes, open_ends=False)
    elif column.role == "key":
        type = label(table.name)
    else:
        type = Type("real", NONNEGATIVE) if column.role == "weight" else Type("real")
    return ColumnDef(
        table.name,
        column.name,
        column.header or column.name,
        cast(Any, column.role),
        type,
        name_span(world, column.span, column.name),
        column.within,
        column.optional,
    )


def _check_roles(world: World, table: tree.Table, found: list[ColumnDef]) -> None:
    names = [c.name for c in found]
    for c in found:
        if c.within is not None and c.within not in names:
            world.problems.error(
                "E202",
                f"`{table.name}` has no column `{c.within}` to order within",
                c.span,
                "groups by a column that is not there",
                help=f"its columns are {', '.join(f'`{n}`' for n in names)}",
            )
        elif c.within is not None:
            world.used.add(c.within)
    for role in ("key", "weight", "order"):
        twice = [c for c in found if c.role == role]
        if len(twice) > 1:
            world.problems.error(
                "E204",
                f"`{table.name}` has two {role} columns, `{twice[0].name}` and `{twice[1].name}`",
                twice[1].span,
                f"second {role}",
                notes=(Note(twice[0].span, f"first {role}"),),
                help=f"a table has at most one {role} column",
            )


def axes_of(world: World, names: tuple[tree.Name, ...]) -> tuple[Axis, ...]:
    """Axes written as set names with primes."""
    return tuple(a for a in (axis_of(world, n) for n in names) if a is not None)


def axis_of(world: World, name: tree.Name) -> Axis | None:
    bare = name.id.rstrip("'")
    if not find_set(world, bare, name.span):
        return None
    return Axis(bare, len(name.id) - len(bare))


# ---------------------------------------------------------------- givens and networks


def _given(world: World, given: tree.Given) -> None:
    for target in given.targets:
        axes = axes_of(world, target.subscripts)
        type = declared_type(world, given.type, axes, open_ends=False)
        if claim(world, target.name, "given", target.span):
            header = given.header or target.name
            place = name_span(world, target.span, target.name)
            world.givens[target.name] = GivenDef(target.name, header, type, place, optional=given.optional)


def _network(world: World, network: tree.Network) -> None:
    inputs = axes_of(world, network.inputs)
    outputs = tuple((p.name, axes_of(world, p.axes)) for p in network.outputs)
    if claim(world, network.name, "network", network.span):
        place = name_span(world, network.span, network.name)
        world.networks[network.name] = NetworkDef(network.name, inputs, outputs, "", (), place)
