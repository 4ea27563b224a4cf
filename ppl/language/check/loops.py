"""Bindings: `i in S`, its parent row, its filter."""

from __future__ import annotations

from dataclasses import replace

from ppl.errors import Note, Span
from ppl.language import tree
from ppl.language.check.claims import name_span
from ppl.language.check.expressions import check_filter
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.check.type_names import find_set
from ppl.language.typed import ColumnDef, Loop


def enter(scope: Scope, bindings: tuple[tree.Binding, ...]) -> tuple[Scope, tuple[Loop, ...]]:
    """The scope inside some bindings, and their loops, outermost first."""
    loops = []
    for binding in bindings:
        loop = _loop(scope, binding)
        if loop is None:
            loop = Loop(binding.name, "?", scope.place(binding.span))
        if binding.test is not None:
            test = check_filter(scope.with_loop(loop), binding.test)
            # set afterwards, on the one object that the condition itself refers to
            object.__setattr__(loop, "condition", test)
        loops.append(loop)
        scope = scope.with_loop(loop)
    return scope, tuple(loops)


def _loop(scope: Scope, binding: tree.Binding) -> Loop | None:
    place = name_span(scope.world, binding.span, binding.name)
    _check_clash(scope, binding, place)
    set_place = _set_place(scope, binding)
    if not find_set(scope.world, binding.set, set_place):
        return None
    plain = Loop(binding.name, binding.set, scope.place(place))
    if binding.of is None:
        return plain
    parent = scope.loops.get(binding.of)
    if parent is None:
        _no_parent(scope, binding)
        return plain
    column = _path(scope, binding, parent)
    return plain if column is None else replace(plain, of=parent, by=column.name)


def _set_place(scope: Scope, binding: tree.Binding) -> Span:
    text = scope.world.source.text
    start = text.find(" in ", binding.span.start, binding.span.end)
    at = text.find(binding.set, max(start, binding.span.start), binding.span.end)
    return binding.span if at < 0 else Span(at, at + len(binding.set))


def _check_clash(scope: Scope, binding: tree.Binding, place: Span) -> None:
    """E205: an index variable must be a new name."""
    name, world = binding.name, scope.world
    if name in scope.loops:
        outer = scope.loops[name]
        scope.error(
            "E205",
            f"`{name}` already runs over {outer.set} here",
            place,
            "the same letter twice",
            notes=(Note(outer.span, "runs here"),),
            help=f"use another letter, or `{name}'`",
        )
    elif name in world.symbols:
        kind, span = world.symbols[name]
        world.clashes.add(name)
        if not scope.problems.once(f"clash {name}"):
            return
        column = world.columns.get(name)
        what = f"a column of {column[0].table}" if column else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        scope.error(
            "E205",
            f"`{name}` is {what}; use another letter",
            place,
            "index variable",
            notes=(Note(name_span(world, span, name), f"{what}"),),
            help="an index variable must not hide a name of the model",
        )


def _no_parent(scope: Scope, binding: tree.Binding) -> None:
    near = [loop.name for loop in scope.loops.values()]
    help = (
        f"the index variables here are {quoted(near, 'and')}"
        if near
        else "open a `for` over the parent first"
    )
    scope.error(
        "E320",
        f"`of {binding.of}` needs an index variable; `{binding.of}` is none here",
        binding.span,
        "no such row",
        help=help,
    )


def _path(scope: Scope, binding: tree.Binding, parent: Loop) -> ColumnDef | None:
    """The foreign-key column from the rows of a table to the parent's set; E320 if there is not one."""
    table = scope.world.tables.get(binding.set)
    if table is None or parent.set == "?":
        if parent.set != "?":
            _no_path(scope, binding, parent, [])
        return None
    roots = scope.world.ancestors(parent.set)
    paths = [c for c in table.columns if c.type.set in roots and c.role == "value" and not c.type.axes]
    chosen = [c for c in paths if binding.by in (None, c.name)]
    if len(chosen) != 1:
        _no_path(scope, binding, parent, paths)
        return None
    scope.world.used.add(chosen[0].name)
    return chosen[0]


def _no_path(scope: Scope, binding: tree.Binding, parent: Loop, paths: list[ColumnDef]) -> None:
    table = scope.world.tables.get(binding.set)
    notes = (Note(table.span, "declared here"),) if table else ()
    if table is None:
        message = f"`{binding.set}` is no table, so no column of it points to {parent.set}"
        help = f"`of` walks the rows of a table that point at `{parent.name}`"
    elif len(paths) > 1 and binding.by is None:
        message = f"{quoted([c.name for c in paths], 'and')} of {binding.set} both point to {parent.set}"
        help = f"say which: `{binding.name} in {binding.set} of {parent.name} by {paths[0].name}`"
    elif paths:
        message = f"`{binding.by}` is no column of {binding.set} that points to {parent.set}"
        help = f"these are: {listed_names(paths)}"
    else:
        message = f"no column of `{binding.set}` points to `{parent.set}`"
        help = f"type one by it: `table {binding.set}(..., {parent.name}: {parent.set})`"
    scope.error("E320", message, binding.span, "no path to the parent", notes=notes, help=help)


def listed_names(columns: list[ColumnDef]) -> str:
    return ", ".join(f"`{c.name}`" for c in columns)
