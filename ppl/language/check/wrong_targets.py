"""Messages about left sides: E309, E310, E314, E316."""

from __future__ import annotations

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.levels import DATA, walk
from ppl.language.check.operators import defined_at, listed
from ppl.language.check.scope import Scope
from ppl.language.check.statements import Pending
from ppl.language.check.suggest import quoted, singular
from ppl.language.check.world import UNKNOWN_SET
from ppl.language.check.wrong_axes import left_over
from ppl.language.typed import DataRef, Loop, Ref, Term
from ppl.types import Axis, Type


def index_missing(scope: Scope, target: tree.Target, loop: Loop) -> None:
    """E314."""
    inside = ", ".join([*(s.id for s in target.subscripts), loop.name])
    if loop.set == UNKNOWN_SET:
        return
    scope.error(
        "E314",
        f"`{target.name}` would be defined once per {singular(loop.set)}; write `{target.name}[{inside}]`",
        target.span,
        f"no `{loop.name}` on the left",
        notes=(Note(loop.span, f"{loop.name} runs over {loop.set} here"),),
        help=f"or move the statement out of the `for` if there is one `{target.name}` for all",
        fix=(target.span, f"{target.name}[{inside}]"),
    )


def unknown_subscript(scope: Scope, name: tree.Name) -> None:
    """A left-hand subscript that is neither an index variable nor a set."""
    scope.world.undefined = True
    if not scope.problems.once(f"name {name.id}"):
        return
    near = scope.world.nearest(name.id, scope.loops, scope.world.sets)
    message = f"no index variable or index set `{name.id}` here"
    message += f"; did you mean {quoted(near)}?" if near else ""
    help = "" if near else f"add `for {name.id} in set` to the line, or declare `index {name.id} = ...`"
    if name.id in scope.world.loop_names and not near:
        binding = scope.world.loop_names[name.id]
        help = f"add `for {name.id} in {binding.set}` to the line"
    elif name.id in scope.world.symbols:
        kind = scope.world.symbols[name.id][0]
        message = f"`{name.id}` is a {kind}; a subscript on the left is an index variable or a set"
    code = "E203" if near and near[0] in scope.world.sets else "E202"
    scope.error(
        code, message, name.span, "not an index", help=help, fix=(name.span, near[0]) if near else None
    )


def vector_value(scope: Scope, name: str, body: Term) -> None:
    """E310 for a vector under a name without an axis."""
    axes = listed(body.type.axes)
    inner = ", ".join(str(a) for a in body.type.axes)
    loop = scope.loop_over(body.type.axes[0].set)
    culprit = next(
        (t for t in walk(body) if isinstance(t, (Ref, DataRef)) and t.type.axes == body.type.axes), None
    )
    if loop is not None and culprit is not None:
        left_over(scope, body)
        return
    scope.error(
        "E310",
        f"`{name}` is one number here, and its value is over {axes}",
        body.span,
        f"over {axes}",
        notes=defined_at(scope, body),
        help=f"list the axis on the left: `{name}[{inner}]`, or reduce the value, as `mean(...)` does",
    )


def other_value_axes(scope: Scope, name: str, body: Term, event: tuple[Axis, ...]) -> None:
    scope.error(
        "E316",
        f"`{name}` is over {listed(event)} on the left, and its value is over {listed(body.type.axes)}",
        body.span,
        f"over {listed(body.type.axes)}",
        help="the left side lists the axes of the value, in their order",
    )


def random_start(scope: Scope, name: str, start: Term) -> None:
    scope.error(
        "E309",
        f"`{name}` starts from a value of data, and `{scope.world.source_text(start)}` is random",
        start.span,
        "not data",
        help="a `param` is fitted: what follows `=` is only where the search starts",
    )


def discrete_param(scope: Scope, name: str, type: Type, node: tree.Param) -> None:
    scope.error(
        "E304",
        f"a `param` is a real number, and `{name}` is {type}",
        node.span,
        "discrete",
        help=f"give it a distribution: `{name} ~ ...`",
    )


def random_left(scope: Scope, pending: Pending, left: Term) -> None:
    """E309: the left of `~` is neither a new name nor data."""
    random = [t.name for t in walk(left) if isinstance(t, (Ref, DataRef)) and scope.world.level(t) > DATA]
    name = random[0] if random else scope.world.source_text(left)
    text = scope.world.source_text(left)
    known = scope.world.defined.get(name)
    if pending.name and known is not None and known.kind == "value":
        scope.error(
            "E204",
            f"`{name}` already has a definition on line {scope.problems.line(known.span)}",
            left.span,
            "second definition",
            notes=(Note(known.span, "defined here with `=`, from random quantities"),),
            help="only a value made of data may be observed with `~`",
        )
        return
    scope.error(
        "E309",
        f"the left of `~` is a new name, or data; `{text}` holds the random `{name}`",
        left.span,
        "random",
        notes=() if known is None else (Note(known.span, "defined here"),),
        help="write the density with `factor logp(...)`; for a first case use `... if first(i) else ...`",
    )
