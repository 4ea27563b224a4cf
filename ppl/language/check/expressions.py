"""Expressions to typed terms: the dispatch, names, literals and choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ppl.language import tree
from ppl.language.check import operators, unknown_names
from ppl.language.check.constants import outside
from ppl.language.check.context import wants_axes
from ppl.language.check.levels import CONTINUOUS, DATA
from ppl.language.check.scope import Scope
from ppl.language.check.typed_values import constant_array
from ppl.language.check.world import UNKNOWN_SET, boolean, is_unknown, label, unknown
from ppl.language.typed import Choose, Const, DataRef, Ref, Term, Var
from ppl.supports import REAL, Interval, Structured, Support, within
from ppl.supports.support import element
from ppl.types import Axis, Type

Axes = tuple[Axis, ...]
Handler = Callable[[Scope, Any, Axes], Term]
HANDLERS: dict[type[tree.Expr], Handler] = {}
DEPTH_LIMIT = 180
"""Levels of nesting after every `def` is written out; the parser allows 150 in the text itself."""


def handles(kind: type[tree.Expr]) -> Callable[[Handler], Handler]:
    """Register the check of one kind of node."""

    def keep(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return keep


def check_expr(scope: Scope, node: tree.Expr, expect: Axes = ()) -> Term:
    """The typed term of an expression; ``expect`` are the axes that a list literal would take."""
    world = scope.world
    if world.depth >= DEPTH_LIMIT:
        return too_deep(scope, node)
    world.depth += 1
    try:
        term = HANDLERS[type(node)](scope, node, expect)
    finally:
        world.depth -= 1
    world.level(term)
    return term


def nothing(scope: Scope, node: tree.Node, axes: Axes = ()) -> Term:
    """The term that stands for a mistake already reported."""
    return Const(unknown(axes), scope.place(node.span), 0)


def too_deep(scope: Scope, node: tree.Expr) -> Term:
    if scope.problems.once("too deep"):
        scope.error(
            "E108",
            f"this expression is nested deeper than {DEPTH_LIMIT} levels once every `def` is written out",
            node.span,
            help="give an inner part a name of its own",
        )
    return nothing(scope, node)


# ---------------------------------------------------------------- literals


@handles(tree.Number)
def _number(scope: Scope, node: tree.Number, expect: Axes) -> Term:
    value = float(node.text)
    if abs(value) == float("inf"):
        scope.error("E304", f"`{node.text}` is too large for a number", node.span, "overflows")
        return nothing(scope, node)
    whole = node.text.isdigit()
    return constant(scope, node, int(node.text) if whole and value < 2**53 else value)


def constant(scope: Scope, node: tree.Node, value: float | int) -> Const:
    """A number as a term; its support is the one point."""
    integral = isinstance(value, int)
    point = Interval(float(value), float(value), True, True, float(value).is_integer())
    if abs(value) == float("inf"):
        point = REAL
    return Const(Type("int" if integral else "real", point), scope.place(node.span), value)


@handles(tree.Bool)
def _bool(scope: Scope, node: tree.Bool, expect: Axes) -> Term:
    return Const(boolean(), scope.place(node.span), node.value)


@handles(tree.String)
def _string(scope: Scope, node: tree.String, expect: Axes) -> Term:
    return Const(label(None), scope.place(node.span), node.value)


# ---------------------------------------------------------------- names


@handles(tree.Name)
def _name(scope: Scope, node: tree.Name, expect: Axes) -> Term:
    name, world = node.id, scope.world
    if name in scope.formals:
        return scope.formals[name]
    if name in world.clashes:
        return nothing(scope, node)
    if name in scope.loops:
        loop = scope.loops[name]
        return Var(label(loop.set), scope.place(node.span), loop)
    if name in world.defined and not world.defined[name].unmodelled:
        return _defined(scope, node)
    if name in world.columns:
        return _column(scope, node)
    if name in world.givens:
        return given_data(scope, node, name)
    if name in operators.CONSTANTS:
        return constant(scope, node, operators.CONSTANTS[name])
    unknown_names.undefined(scope, node)
    return nothing(scope, node)


def _defined(scope: Scope, node: tree.Name) -> Term:
    return defined_name(scope, node, node.id)


def defined_name(scope: Scope, node: tree.Node, name: str) -> Term:
    """A whole defined quantity."""
    known = scope.world.defined[name]
    scope.world.used.add(name)
    type = whole_type(known.type, known.plates)
    if any(a.set == UNKNOWN_SET for a in type.axes):
        type = unknown()
    return Ref(type, scope.place(node.span), name)


def whole_type(type: Type, plates: frozenset[int]) -> Type:
    """The type of a whole name: structured only if its event axes are the last ones.

    ``plates`` are the positions of plate axes among ``type.axes``.
    """
    if not isinstance(type.support, Structured) or not plates:
        return type
    if max(plates) < min((i for i in range(len(type.axes)) if i not in plates), default=0):
        return type
    return Type(type.element, element(type.support), type.axes, type.set)


def _column(scope: Scope, node: tree.Name) -> Term:
    found = scope.world.columns[node.id]
    if len(found) > 1:
        unknown_names.ambiguous(scope, node, found)
        return nothing(scope, node)
    return data_column(scope, node, node.id, found[0].table)


def given_data(scope: Scope, node: tree.Node, name: str) -> Term:
    """A whole given."""
    scope.world.used.add(name)
    return DataRef(scope.world.givens[name].type, scope.place(node.span), name, None)


def data_column(scope: Scope, node: tree.Node, name: str, table: str) -> Term:
    """A whole column, its table's axis leading."""
    world = scope.world
    column = next(c for c in world.columns[name] if c.table == table)
    world.used.add(name)
    axes = operators.renumbered((Axis(table), *column.type.axes))
    return DataRef(column.type.over(axes), scope.place(node.span), name, table)


# ---------------------------------------------------------------- logic and choices


@handles(tree.Not)
def _not(scope: Scope, node: tree.Not, expect: Axes) -> Term:
    return operators.apply(scope, "not", (check_expr(scope, node.operand, expect),), node)


@handles(tree.And)
def _and(scope: Scope, node: tree.And, expect: Axes) -> Term:
    return _connective(scope, node, "and", True)


@handles(tree.Or)
def _or(scope: Scope, node: tree.Or, expect: Axes) -> Term:
    return _connective(scope, node, "or", False)


def _connective(scope: Scope, node: tree.And | tree.Or, name: str, truth: bool) -> Term:
    """Operands from left to right; each knows that those before did not settle the answer."""
    terms: list[Term] = []
    for operand in node.operands:
        terms.append(check_expr(scope, operand))
        scope = scope.knowing(terms[-1], truth)
    return operators.apply(scope, name, tuple(terms), node)


def check_condition(scope: Scope, node: tree.Expr) -> Term:
    """The test of an `if ... else`: true or false, and not of continuous latents (E319)."""
    test = check_expr(scope, node)
    if is_unknown(test.type):
        return test
    if test.type.element == "label" or test.type.axes:
        scope.error(
            "E310" if test.type.axes else "E308",
            f"a condition is one true or false; `{scope.problems.text(node.span)}` is {test.type}",
            node.span,
            "not a condition",
            help="compare it with something: `... if x == y else ...`",
        )
    elif scope.world.level(test) == CONTINUOUS:
        unknown_names.continuous_condition(scope, node, test)
    return test


def check_filter(scope: Scope, node: tree.Expr) -> Term:
    """A condition of a loop: data only."""
    test = check_expr(scope, node)
    if not is_unknown(test.type) and scope.world.level(test) > DATA:
        scope.error(
            "E319",
            f"a filter may use data only, and `{scope.problems.text(node.span)}` is random",
            node.span,
            "depends on a latent quantity",
            help="put the condition inside, as `... if ... else ...`, or weight by an indicator",
        )
    return test


@handles(tree.Conditional)
def _conditional(scope: Scope, node: tree.Conditional, expect: Axes) -> Term:
    test = check_condition(scope, node.test)
    yes, no = scope.knowing(test, True), scope.knowing(test, False)
    if not expect and wants_axes(node.then):
        other = check_expr(no, node.other)
        then = check_expr(yes, node.then, other.type.axes)
    else:
        then = check_expr(yes, node.then, expect)
        other = check_expr(no, node.other, expect or then.type.axes)
    type = either_type(scope, node, then, other)
    return Choose(type, scope.place(node.span), test, then, other)


def either_type(scope: Scope, node: tree.Conditional, then: Term, other: Term) -> Type:
    """The type of a choice: common axes, one kind of value, the hull of the supports."""
    if is_unknown(then.type):
        return other.type
    if is_unknown(other.type):
        return then.type
    axes = operators.common_axes(scope, (then, other), node)
    a, b = then.type, other.type
    if (a.element == "label") != (b.element == "label") or (a.set and b.set and a.set != b.set):
        scope.error(
            "E308" if "label" not in (a.element, b.element) or a.element != b.element else "E311",
            f"the two branches are different things: {a} and {b}",
            node.span,
            "a choice of unlike values",
            help="both branches must be numbers, or labels of one set",
        )
        return unknown(axes)
    kinds = ("bool", "int", "real")
    kind = a.element if a.element == "label" else kinds[max(kinds.index(a.element), kinds.index(b.element))]
    support = hull(_as_other(scope, then, b.support), _as_other(scope, other, a.support))
    return Type(kind, support, axes, a.set or b.set)  # type: ignore[arg-type]


def _as_other(scope: Scope, term: Term, wanted: Support) -> Support:
    """The support of a branch; data count as what the other branch is, constants if they are that."""
    if not isinstance(wanted, Structured) or scope.world.level(term) > DATA or not term.type.axes:
        return term.type.support
    value = constant_array(term)
    return wanted if value is None or not outside(value, wanted) else term.type.support


def hull(a: Support, b: Support) -> Support:
    """The smallest support we can name that holds both.

    >>> from ppl.supports import POSITIVE, UNIT
    >>> hull(POSITIVE, UNIT) == Interval(0.0, float("inf"), True, False)
    True
    """
    if within(a, b):
        return b
    if within(b, a):
        return a
    x, y = element(a), element(b)
    lower, upper = min(x.lower, y.lower), max(x.upper, y.upper)
    closed_lower = any(i.lower == lower and i.closed_lower for i in (x, y))
    closed_upper = any(i.upper == upper and i.closed_upper for i in (x, y))
    return Interval(lower, upper, closed_lower, closed_upper, x.integer and y.integer)
