"""Messages about axes: E310 to E313."""

from __future__ import annotations

from ppl.errors import Note, Span
from ppl.language import tree
from ppl.language.check.levels import walk
from ppl.language.check.operators import defined_at, listed
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import singular
from ppl.language.typed import ColumnDef, DataRef, Ref, Stack, Subscript, Term, Var
from ppl.types import Axis


def described(scope: Scope, set: str | None) -> str:
    """What one element of a set is: a row of a table, or a label."""
    return f"a row of {set}" if set in scope.world.tables else f"a label of {set}"


def name_of(scope: Scope, term: Term) -> str:
    """What a message calls a term: its name, or its text."""
    while isinstance(term, Subscript):
        term = term.value
    return term.name if isinstance(term, (Ref, DataRef)) else scope.world.source_text(term)


def path_column(scope: Scope, table: str | None, to: str) -> ColumnDef | None:
    """The column that leads from a row of a table to a label of a set."""
    found = scope.world.tables.get(table or "")
    columns = [] if found is None else found.columns
    return next((c for c in columns if c.type.set == to and c.role == "value" and not c.type.axes), None)


def other_set(scope: Scope, value: Term, axis: Axis, index: Term) -> None:
    """E311: the label is of another set; show the column that leads there if there is one."""
    name, text, source = name_of(scope, value), scope.world.source_text(index), index.type.set
    message = f"`{name}` is indexed by {axis.set}, but `{text}` is {described(scope, source)}"
    what = described(scope, source)
    column = path_column(scope, source, axis.set)
    if column is not None and isinstance(index, Var):
        each = f"each {singular(column.table)} has one {column.name}".replace("row of ", "row of ")
        scope.error(
            "E311",
            message,
            index.span,
            what,
            notes=(Note(column.span, each),),
            help=f"go through the column that leads from {source} to {axis.set}:",
            fix=(index.span, f"{column.name}[{text}]"),
        )
        return
    loop = next((x for x in scope.loops.values() if scope.world.labels_fit(x.set, axis.set)), None)
    help = f"subscript with a label of {axis.set}"
    help += f", such as `{loop.name}`" if loop else f": put the statement in a `for` over {axis.set}"
    scope.error("E311", message, index.span, what, notes=defined_at(scope, value), help=help)


def other_axis(scope: Scope, value: Term, axis: Axis, index: Axis) -> None:
    """E311 for a whole axis of the wrong set."""
    scope.error(
        "E311",
        f"`{name_of(scope, value)}` is indexed by {axis.set} there, not by {index.set}",
        value.span,
        f"over {listed(value.type.axes)}",
        notes=defined_at(scope, value),
        help=f"write `{axis.set}` for the whole axis",
    )


def swapped(
    scope: Scope, node: tree.Node, value: Term, indices: list[Term | Axis], sets: list[str | None]
) -> bool:
    """E312 when the subscripts fit in another order only."""
    axes = [a.set for a in value.type.axes]
    if len(indices) < 2 or None in sets or all(_fit(scope, s, a) for s, a in zip(sets, axes, strict=False)):
        return False
    left = list(axes[: len(sets)])
    for s in sets:
        match = next((a for a in left if s is not None and _fit(scope, s, a)), None)
        if match is None:
            return False
        left.remove(match)
    here = f"[{', '.join(str(s) for s in sets)}]"
    scope.error(
        "E312",
        f"`{name_of(scope, value)}` is indexed {listed(value.type.axes)}; here {here}",
        node.span,
        "axes in another order",
        notes=defined_at(scope, value),
        help="write the subscripts in the order of the definition",
        fix=_reordered(scope, node, value, indices, sets),
    )
    return True


def _fit(scope: Scope, set: str | None, axis: str) -> bool:
    return set is not None and scope.world.labels_fit(set, axis)


def _reordered(
    scope: Scope, node: tree.Node, value: Term, indices: list[Term | Axis], sets: list[str | None]
) -> tuple[Span, str] | None:
    """The subscript written in the right order."""
    texts = [i.set if isinstance(i, Axis) else scope.world.source_text(i) for i in indices]
    left = list(range(len(texts)))
    order = []
    for axis in value.type.axes[: len(texts)]:
        at = next((i for i in left if _fit(scope, sets[i], axis.set)), None)
        if at is None:
            return None
        left.remove(at)
        order.append(texts[at])
    return (node.span, f"{scope.world.source_text(value)}[{', '.join(order)}]")


def too_many(scope: Scope, node: tree.Node, value: Term, indices: list[Term | Axis]) -> None:
    """More subscripts than axes."""
    name, axes = name_of(scope, value), value.type.axes
    have = f"is over {listed(axes)}" if axes else "is one number"
    if isinstance(value, Subscript):
        have = f"has no axis left after `{scope.world.source_text(value)}`" if not axes else have
    extra = indices[len(axes)]
    text = extra.set if isinstance(extra, Axis) else scope.world.source_text(extra)
    scope.error(
        "E311",
        f"`{name}` {have}; there is nothing for `{text}` to pick from",
        node.span if isinstance(extra, Axis) else extra.span,
        "one subscript too many",
        notes=defined_at(scope, value),
        help=f"drop it, or define `{name}` with that axis as well",
    )


def not_a_label(scope: Scope, value: Term, axis: Axis, index: Term) -> None:
    """E313: a number cannot pick an element."""
    name, text = name_of(scope, value), scope.world.source_text(index)
    kind = {"real": "a real number", "int": "a whole number", "bool": "true or false"}[index.type.element]
    scope.error(
        "E313",
        f"`{name}` is indexed by {axis.set}; `{text}` is {kind}, so it cannot pick a {singular(axis.set)}",
        index.span,
        f"not a label of {axis.set}",
        notes=defined_at(scope, index),
        help=f"use an index variable over {axis.set}, or declare `{name_of(scope, index)}: {axis.set}`",
    )


def vector_index(scope: Scope, index: Term, axis: Axis) -> None:
    """E310 or E313 for a subscript that is itself a vector."""
    left_over(scope, index, f"a subscript is one label of {axis.set}")


# ---------------------------------------------------------------- E310


def left_over(scope: Scope, term: Term, why: str = "") -> None:
    """E310: an axis that no subscript took; point at the name that still has it."""
    culprit = _culprit(term)
    axis = culprit.type.axes[0]
    name = name_of(scope, culprit)
    text = scope.world.source_text(culprit)
    loop = scope.loop_over(axis.set)
    written = _subscripted(text, loop.name) if loop else ""
    reduced = f"`mean({text})`"
    if loop:
        help = f"write `{written}`, or {reduced}"
    else:
        help = f"put the statement in a `for` over {axis.set}, or write {reduced}"
    word = "axis" if len(culprit.type.axes) == 1 else "axes"
    still = f"`{name}` still has the {word} {listed(culprit.type.axes)}"
    if not isinstance(culprit, (Ref, DataRef, Subscript)):
        still = f"`{text}` is over {listed(culprit.type.axes)}"
    message = still + (f"; {why}" if why else "")
    fix = (culprit.span, written) if written and isinstance(culprit, (Ref, DataRef, Subscript)) else None
    scope.error(
        "E310",
        message,
        culprit.span,
        f"a value for each {singular(axis.set)}",
        notes=defined_at(scope, culprit),
        help=help,
        fix=fix,
    )


def _subscripted(text: str, index: str) -> str:
    return f"{text[:-1]}, {index}]" if text.endswith("]") else f"{text}[{index}]"


def _culprit(term: Term) -> Term:
    """The first name below whose axes are those left over."""
    wanted = term.type.axes
    for here in walk(term):
        if isinstance(here, (Ref, DataRef, Subscript)) and here.type.axes == wanted:
            return here
        if isinstance(here, Stack):
            break
    return term
