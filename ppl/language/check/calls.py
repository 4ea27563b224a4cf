"""Calls: functions of the registry, `def`s, networks, externs; attributes, lists, comprehensions."""

from __future__ import annotations

from dataclasses import replace

from ppl import distributions, functions
from ppl.errors import Note
from ppl.functions.base import Function
from ppl.language import tree
from ppl.language.check import operators, special, wrong_calls
from ppl.language.check.expressions import (
    Axes,
    check_expr,
    constant,
    data_column,
    handles,
    hull,
    nothing,
)
from ppl.language.check.inline import inline
from ppl.language.check.layers import fits_input, inputs_of
from ppl.language.check.levels import DATA
from ppl.language.check.loops import enter
from ppl.language.check.scope import Scope
from ppl.language.check.type_names import declared_type
from ppl.language.check.world import is_unknown, unknown
from ppl.language.typed import Apply, ListOf, Loop, NetworkCall, Reduce, Stack, Term
from ppl.supports import REAL, UNIT, Structured, within
from ppl.supports.support import element
from ppl.types import Axis, Type

PAIRED = {"min": "minimum", "max": "maximum"}
"""Reductions that of several arguments work element by element, under another name."""


@handles(tree.Call)
def _call(scope: Scope, node: tree.Call, expect: Axes) -> Term:
    if not isinstance(node.function, tree.Name):
        wrong_calls.not_callable(scope, node)
        return nothing(scope, node)
    name, world = node.function.id, scope.world
    if name in world.defs:
        return inline(scope, node, world.defs[name], lambda inner, body: check_expr(inner, body, expect))
    if name in world.networks:
        return _network_whole(scope, node, name)
    if name in world.externs:
        return _extern(scope, node, world.externs[name])
    if name in special.SPECIAL:
        return special.SPECIAL[name](scope, node, expect)
    found = functions.find(name)
    if found is not None and not _meant_as_distribution(scope, node, found):
        return call_function(scope, node, found, expect)
    wrong_calls.unknown_call(scope, node)
    _look_inside(scope, node)
    return nothing(scope, node)


def _meant_as_distribution(scope: Scope, node: tree.Call, found: Function) -> bool:
    return found.kind == "special" and distributions.find(found.name) is not None


def _look_inside(scope: Scope, node: tree.Call) -> None:
    """Check the arguments of a call that is wrong itself, for their own mistakes."""
    for argument in node.arguments:
        check_expr(scope, argument.value)


# ---------------------------------------------------------------- functions


def call_function(scope: Scope, node: tree.Call, found: Function, expect: Axes) -> Term:
    """A function of the registry on its arguments."""
    bound = wrong_calls.bind_arguments(scope, node, found)
    if bound is None:
        _look_inside(scope, node)
        return nothing(scope, node)
    counts = _set_argument(scope, node, found)
    if counts is not None:
        return counts
    hope = expect if found.kind == "elementwise" or found.name in special.CLAIMS else ()
    terms = {p: check_expr(scope, value, hope) for p, value in bound}
    if found.name == "diag" and expect:
        terms = {p: _spread(scope, t, expect) for p, t in terms.items()}
    positional = tuple(t for p, t in terms.items() if not _keyword(found, p))
    named = tuple((p, t) for p, t in terms.items() if _keyword(found, p))
    if found.name in PAIRED and len(positional) > 1:
        found = functions.find(PAIRED[found.name]) or found
    if not _sensible(scope, node, found, positional):
        return nothing(scope, node)
    return operators.apply_function(scope, found, positional, named, node)


def _keyword(found: Function, name: str) -> bool:
    return any(p.name == name and p.keyword for p in found.parameters)


def _spread(scope: Scope, term: Term, expect: Axes) -> Term:
    """One number along a whole diagonal takes its axis from what the matrix is added to."""
    if term.type.axes or is_unknown(term.type) or len(expect) != 2:
        return term
    axis = Axis(expect[0].set)
    return Stack(term.type.over((axis,)), term.span, term, Loop("k*", axis.set, term.span))


def _set_argument(scope: Scope, node: tree.Call, found: Function) -> Term | None:
    """``size(S)`` of an index set counts its members."""
    first = node.arguments[0].value if node.arguments else None
    if found.name not in ("size", "levels") or not isinstance(first, tree.Name):
        return None
    name = first.id
    if name not in scope.world.sets or name in scope.loops or name in scope.formals:
        return None
    one = constant(scope, node, 1)
    span = scope.place(node.span)
    count = functions.find("size")
    assert count is not None
    type = count.result(Type("real", axes=(Axis(name),)))
    return Reduce(type.over(()), span, "sum", one, (Loop("k*", name, span),))


def _sensible(scope: Scope, node: tree.Call, found: Function, terms: tuple[Term, ...]) -> bool:
    """What the registry cannot see: levels of randomness, axes to reduce."""
    if any(is_unknown(t.type) for t in terms):
        return True
    if found.kind == "data" and any(scope.world.level(t) > DATA for t in terms):
        wrong_calls.needs_data(scope, node, found)
        return False
    if found.kind == "reduction" and not terms[0].type.axes:
        wrong_calls.nothing_to_reduce(scope, node, found, terms[0])
        return False
    return True


# ---------------------------------------------------------------- networks, externs, attributes


@handles(tree.Attribute)
def _attribute(scope: Scope, node: tree.Attribute, expect: Axes) -> Term:
    """``table.column`` or ``network(...).part``."""
    inner, world = node.value, scope.world
    if isinstance(inner, tree.Name) and inner.id in world.tables:
        if any(c.table == inner.id for c in world.columns.get(node.name, ())):
            return data_column(scope, node, node.name, inner.id)
        wrong_calls.no_column(scope, node, world.tables[inner.id])
        return nothing(scope, node)
    if isinstance(inner, tree.Call) and isinstance(inner.function, tree.Name):
        name = inner.function.id
        if name in world.networks and name not in world.defs:
            return _network_part(scope, node, inner, name)
    wrong_calls.no_attribute(scope, node)
    return nothing(scope, node)


def _network_part(scope: Scope, node: tree.Attribute, call: tree.Call, name: str) -> Term:
    network = scope.world.networks[name]
    arguments = _network_arguments(scope, call, name)
    axes = dict(network.outputs).get(node.name)
    if axes is None:
        wrong_calls.no_part(scope, node, network)
        return nothing(scope, node)
    span = scope.place(node.span)
    return NetworkCall(Type("real", REAL, axes), span, name, node.name, arguments)


def _network_whole(scope: Scope, node: tree.Call, name: str) -> Term:
    """A network of one part may go without naming it."""
    network = scope.world.networks[name]
    arguments = _network_arguments(scope, node, name)
    if len(network.outputs) != 1:
        wrong_calls.which_part(scope, node, network)
        return nothing(scope, node)
    part, axes = network.outputs[0]
    return NetworkCall(Type("real", REAL, axes), scope.place(node.span), name, part, arguments)


def _network_arguments(scope: Scope, node: tree.Call, name: str) -> tuple[Term, ...]:
    network = scope.world.networks[name]
    scope.world.used.add(name)
    wanted = inputs_of(network)
    terms = tuple(check_expr(scope, a.value, x) for a, x in zip(node.arguments, wanted, strict=False))
    if len(node.arguments) != len(wanted) or any(a.name for a in node.arguments):
        wrong_calls.network_arity(scope, node, network, len(wanted))
        return terms
    for k, term in enumerate(terms):
        if not is_unknown(term.type) and not fits_input(network, k, term):
            wrong_calls.network_input(scope, term, network, k)
    return terms


def _extern(scope: Scope, node: tree.Call, extern: tree.Extern) -> Term:
    """A function of another language: its declared type."""
    terms = tuple(check_expr(scope, a.value) for a in node.arguments)
    if len(terms) != len(extern.formals):
        wrong_calls.extern_arity(scope, node, extern)
        return nothing(scope, node)
    axes = tuple(Axis(n.id.rstrip("'"), len(n.id) - len(n.id.rstrip("'"))) for n in extern.result.axes)
    type = declared_type(scope.world, extern.result, axes, open_ends=False)
    return Apply(type, scope.place(node.span), extern.name, terms)


# ---------------------------------------------------------------- lists and comprehensions


@handles(tree.ListLiteral)
def _list(scope: Scope, node: tree.ListLiteral, expect: Axes) -> Term:
    """``[a, b]``: an axis from context, or from the rows of a list of lists."""
    if not expect:
        for item in node.items:
            check_expr(scope, item)
        wrong_calls.list_without_set(scope, node)
        return nothing(scope, node)
    items = tuple(check_expr(scope, item, expect[1:]) for item in node.items)
    size = scope.world.constant_size(expect[0].set)
    if size is not None and size != len(items):
        wrong_calls.list_length(scope, node, expect[0].set, size)
        return nothing(scope, node, expect)
    if any(is_unknown(i.type) for i in items):
        return nothing(scope, node, expect)
    return _probabilities(node, list_of(scope, node, items, expect[0]))


def _probabilities(node: tree.ListLiteral, term: Term) -> Term:
    """``[p, 1 - p]`` of a number between 0 and 1 is a vector of probabilities."""
    pair = node.items if len(node.items) == 2 else ()
    for p, q in (pair, pair[::-1]) if pair else ():
        match q:
            case tree.Sum(first=tree.Number(text="1"), rest=(("-", r),)) if r == p:
                if not is_unknown(term.type) and within(element(term.type.support), UNIT):
                    return replace(term, type=replace(term.type, support=Structured("simplex")))
    return term


def list_of(scope: Scope, node: tree.Node, items: tuple[Term, ...], axis: Axis) -> Term:
    """The list with the type of its elements together."""
    if not items:
        wrong_calls.empty_list(scope, node)
        return nothing(scope, node, (axis,))
    inner = operators.common_axes(scope, items, node)
    first = items[0].type
    support = first.support
    for item in items[1:]:
        support = hull(support, item.type.support)
    kinds = [i.type.element for i in items]
    kind = first.element if len(set(kinds)) == 1 else "int" if "real" not in kinds else "real"
    axes = operators.renumbered((Axis(axis.set), *inner))
    return ListOf(Type(kind, support, axes, first.set), scope.place(node.span), items)


@handles(tree.Comprehension)
def _comprehension(scope: Scope, node: tree.Comprehension, expect: Axes) -> Term:
    inner, loops = enter(scope, node.bindings)
    for binding in node.bindings:
        scope.world.loop_names.setdefault(binding.name, binding)
    hope = expect[len(loops) :] if node.function is None else expect
    body = check_expr(inner, node.body, hope)
    if node.function is None:
        return stacked(scope, node, body, loops)
    return _reduced(scope, node, body, loops)


def stacked(scope: Scope, node: tree.Comprehension, body: Term, loops: tuple[Loop, ...]) -> Term:
    """``[e for k in S]``: a new leading axis for each binding."""
    filtered = next((loop for loop in loops if loop.condition is not None or loop.of is not None), None)
    if filtered is not None:
        wrong_calls.filtered_list(scope, node, filtered)
        return nothing(scope, node)
    for loop in reversed(loops):
        axes = operators.renumbered((Axis(loop.set), *body.type.axes))
        body = Stack(body.type.over(axes), scope.place(node.span), body, loop)
    return body


def _reduced(scope: Scope, node: tree.Comprehension, body: Term, loops: tuple[Loop, ...]) -> Term:
    function = node.function
    found = functions.find(function.id) if isinstance(function, tree.Name) else None
    if found is None or found.kind != "reduction":
        wrong_calls.no_reduction(scope, node)
        return nothing(scope, node)
    span = scope.place(node.span)
    if is_unknown(body.type):
        return Reduce(unknown(body.type.axes), span, found.name, body, loops)
    type = operators.result_type(scope, found, (replace_axes(body),), node)
    return Reduce(type.over(body.type.axes), span, found.name, body, loops)


def replace_axes(term: Term) -> Term:
    """The term as one number, for the rule of a reduction."""
    return term if not term.type.axes else replace(term, type=term.type.over(()))


def declared_note(scope: Scope, name: str) -> tuple[Note, ...]:
    known = scope.world.symbols.get(name)
    return () if known is None else (Note(known[1], "declared here"),)
