"""Messages about names: undefined, ambiguous, of the wrong kind, or from another language."""

from __future__ import annotations

from ppl import distributions, functions
from ppl.errors import Note
from ppl.language import tree
from ppl.language.check import operators
from ppl.language.check.levels import CONTINUOUS, walk
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.typed import ColumnDef, DataRef, Ref, Term


def undefined(scope: Scope, node: tree.Name) -> None:
    """E202, with what the name may be instead."""
    world = scope.world
    world.undefined = True
    if not scope.problems.once(f"name {node.id}"):
        return
    if node.id in world.symbols or distributions.find(node.id) or functions.find(node.id):
        _wrong_kind(scope, node)
        return
    values = [*scope.loops, *scope.formals, *world.defined, *world.columns, *world.givens]
    near = scope.world.nearest(node.id, values, operators.CONSTANTS, world.symbols)
    message = f"no `{node.id}` here"
    notes: tuple[Note, ...] = ()
    help = f"define it: `{node.id} ~ ...`, or declare it as data"
    if node.id in world.loop_names:
        binding = world.loop_names[node.id]
        message += f": it only runs inside `for {binding.name} in {binding.set}`"
        notes = (Note(binding.span, "runs here"),)
        help = (
            f"put the statement inside that `for`, or give it its own `for {binding.name} in {binding.set}`"
        )
        near = ()
    elif near:
        message += f"; did you mean {quoted(near)}?"
        notes = tuple(
            Note(world.symbols[n][1], f"a {world.symbols[n][0]}") for n in near[:1] if n in world.symbols
        )
        help = ""
    fix = (node.span, near[0]) if near else None
    scope.error("E202", message, node.span, "not defined", notes=notes, help=help, fix=fix)


def _wrong_kind(scope: Scope, node: tree.Name) -> None:
    """A name that exists, but is no value."""
    kind, place = scope.world.symbols.get(node.id, ("function", None))
    if place is None and distributions.find(node.id):
        kind = "distribution"
    helps = {
        "function": f"call it: `{node.id}(...)`",
        "distribution": f"name a draw first: `x ~ {node.id}(...)`",
        "network": f"call it: `{node.id}(...).part`",
        "table": f"use one of its columns, or `size({node.id})` for its number of rows",
        "index set": f"use `size({node.id})` for its size, or a `for k in {node.id}`",
    }
    article = "an" if kind[0] in "aeiou" else "a"
    notes = () if place is None else (Note(place, "declared here"),)
    scope.error(
        "E202",
        f"`{node.id}` is {article} {kind}, not a value",
        node.span,
        f"{article} {kind}",
        notes=notes,
        help=helps.get(kind, ""),
    )


def ambiguous(scope: Scope, node: tree.Name, found: list[ColumnDef]) -> None:
    """E206: a column name that two tables have."""
    scope.world.used.add(node.id)
    if not scope.problems.once(f"column {node.id}"):
        return
    tables = quoted([c.table for c in found], "and")
    written = quoted([f"{c.table}.{node.id}" for c in found])
    scope.error(
        "E206",
        f"`{node.id}` is a column of {tables}",
        node.span,
        "which one?",
        notes=tuple(Note(c.span, f"a column of {c.table}") for c in found),
        help=f"write {written}",
    )


def continuous_condition(scope: Scope, node: tree.Expr, test: Term) -> None:
    """E319: the density would jump where a continuous latent crosses the condition."""
    name = random_name(scope, test)
    text = scope.problems.text(node.span)
    message = f"the condition `{text}` depends on the continuous `{name}`: the density would jump there"
    help = "use a mixture, or condition on data or a discrete latent"
    if scope.factor:
        scope.problems.warning("E319", message, scope.place(node.span), "a jump in the density", help=help)
        return
    known = scope.world.defined.get(name)
    notes = (Note(known.span, f"`{name}` is continuous"),) if known else ()
    scope.error("E319", message, node.span, "a jump in the density", notes=notes, help=help)


def random_name(scope: Scope, term: Term) -> str:
    """The first continuous name in a term."""
    for here in walk(term):
        if isinstance(here, (Ref, DataRef)) and scope.world.level(here) == CONTINUOUS:
            return here.name
    return scope.world.source_text(term)
