"""The left side of an observation: data, and what is drawn must be able to be it."""

from __future__ import annotations

from ppl.errors import Note, Span
from ppl.language import tree
from ppl.language.check import wrong_axes
from ppl.language.check.constants import outside, words
from ppl.language.check.expressions import data_column, defined_name, given_data, nothing
from ppl.language.check.scope import Scope
from ppl.language.check.statements import Pending
from ppl.language.check.subscripts import Index, pick
from ppl.language.check.typed_values import constant_array
from ppl.language.check.unknown_names import ambiguous
from ppl.language.check.world import is_unknown, label
from ppl.language.typed import Loop, Stack, Subscript, Term, Var
from ppl.supports import Interval, Structured
from ppl.types import Axis


def observed_term(scope: Scope, target: tree.Target, subscripts: tuple[Loop | Axis, ...]) -> Term:
    """``column[i]`` of a target: every axis of the data is listed, as a plate or an event axis."""
    used = target.name in scope.world.used
    whole = _whole(scope, target)
    if not used:
        scope.world.used.discard(target.name)
    if is_unknown(whole.type):
        return whole
    indices: list[Index] = [
        _as_index(scope, s, n) for s, n in zip(subscripts, target.subscripts, strict=False)
    ]
    if len(subscripts) != len(target.subscripts):
        return Subscript(label("?"), target.span, whole, ())
    term = pick(scope, tree.Node(span=target.span), whole, indices) if indices else whole
    left = len(whole.type.axes) - len(indices)
    if not is_unknown(term.type) and left > 0:
        wrong_axes.left_over(scope, term, "the left of `~` lists every axis")
        return Subscript(label("?"), target.span, whole, ())
    return term


def _whole(scope: Scope, target: tree.Target) -> Term:
    """The column, given or value of that name, whatever index variables are called."""
    node = tree.Name(target.name, span=Span(target.span.start, target.span.start + len(target.name)))
    world = scope.world
    if target.name in world.columns:
        found = world.columns[target.name]
        if len(found) == 1:
            return data_column(scope, node, target.name, found[0].table)
        ambiguous(scope, node, found)
        return nothing(scope, node)
    if target.name in world.givens:
        return given_data(scope, node, target.name)
    return defined_name(scope, node, target.name)


def _as_index(scope: Scope, one: Loop | Axis, name: tree.Name) -> Index:
    return one if isinstance(one, Axis) else Var(label(one.set), name.span, one)


def root(term: Term) -> Term:
    """What a chain of subscripts starts from."""
    while isinstance(term, (Subscript, Stack)):
        term = term.value if isinstance(term, Subscript) else term.body
    return term


def check_draw(scope: Scope, pending: Pending, left: Term, body: Term) -> None:
    """Labels are drawn as labels of their set, numbers as numbers."""
    data, draw = left.type, body.type
    text = scope.world.source_text(left)
    if data.element == "label" and draw.element != "label":
        column = wrong_axes.name_of(scope, left)
        scope.error(
            "E308",
            f"`{column}` holds names ({data.set}); `{scope.world.source_text(body)}` draws numbers",
            left.span,
            "labels",
            notes=wrong_notes(scope, column),
            help=f"use `Categorical`, or declare `{column}: real`",
        )
    elif data.element != "label" and draw.element == "label":
        _number_from_labels(scope, left, body)
    elif data.element == "label" and data.set and draw.set and not scope.world.labels_fit(data.set, draw.set):
        scope.error(
            "E311",
            f"`{text}` is a label of {data.set}; "
            f"`{scope.world.source_text(body)}` draws a label of {draw.set}",
            body.span,
            f"draws a label of {draw.set}",
            notes=wrong_notes(scope, wrong_axes.name_of(scope, left)),
            help=f"the probabilities must be over {data.set}",
        )
    else:
        _constant_fits(scope, left, body)


def _number_from_labels(scope: Scope, left: Term, body: Term) -> None:
    draw = body.type
    column = wrong_axes.name_of(scope, left)
    if draw.set == "bool" and left.type.element == "bool":
        return
    scope.error(
        "E311",
        f"`{scope.world.source_text(left)}` is {left.type}; "
        f"`{scope.world.source_text(body)}` draws a label of {draw.set}",
        left.span,
        "not a label",
        notes=wrong_notes(scope, column),
        help=f"declare `{column}: {draw.set}`",
    )


def wrong_notes(scope: Scope, name: str) -> tuple[Note, ...]:
    known = scope.world.symbols.get(name)
    return () if known is None else (Note(known[1], "declared here"),)


def _constant_fits(scope: Scope, left: Term, body: Term) -> None:
    value = constant_array(left)
    if value is None or isinstance(body.type.support, Structured):
        return
    trouble = outside(value, body.type.support)
    if trouble and isinstance(body.type.support, Interval):
        scope.error(
            "E304",
            f"`{scope.world.source_text(body)}` draws values that are {words(body.type.support)}; {trouble}",
            left.span,
            "can never be drawn",
        )
