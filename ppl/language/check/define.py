"""One statement to one typed definition."""

from __future__ import annotations

from dataclasses import replace

from ppl import distributions, functions
from ppl.language import tree
from ppl.language.check import arithmetic, operators, wrong_axes, wrong_dists, wrong_targets
from ppl.language.check.dists import check_distribution
from ppl.language.check.expressions import Axes, check_expr, constant
from ppl.language.check.levels import CONSTANT, CONTINUOUS, DATA, DISCRETE
from ppl.language.check.loops import enter
from ppl.language.check.observed import check_draw, observed_term, root
from ppl.language.check.scope import Scope
from ppl.language.check.statements import Pending
from ppl.language.check.type_names import declared_type
from ppl.language.check.world import World, is_unknown, unknown
from ppl.language.typed import DataRef, Definition, Loop, Stack, Term
from ppl.supports import REAL, Interval, Structured
from ppl.types import Axis, Type


def define(world: World, pending: Pending) -> Definition | None:
    """The typed statement; what it finds out about its name is kept in the world.

    Depth is limited, but a caller may stand deep in the stack itself: that is told like any mistake.
    """
    try:
        return _define(world, pending)
    except RecursionError:
        world.problems.error(
            "E108",
            "this statement is nested too deeply once every `def` is written out",
            pending.node.span,
            help="give an inner part a name of its own",
        )
        return None


def _define(world: World, pending: Pending) -> Definition | None:
    if pending.refused:
        return None
    scope = Scope(world, report=pending.report, factor=isinstance(pending.node, tree.Factor))
    inner, loops = enter(scope, pending.bindings)
    if isinstance(pending.node, tree.Factor):
        return _factor(inner, pending, loops)
    if pending.observes:
        return _observed(inner, pending, loops)
    assert isinstance(pending.left, tree.Target)
    subscripts = target_subscripts(inner, pending.left, loops)
    match pending.node:
        case tree.Sample(distribution=right):
            return _latent(inner, pending, loops, subscripts, right)
        case tree.Assign(value=right):
            return _value(inner, pending, loops, subscripts, right)
    return _param(inner, pending, loops, subscripts)


# ---------------------------------------------------------------- targets

Subscripts = tuple[Loop | Axis, ...]


def target_subscripts(scope: Scope, target: tree.Target, loops: tuple[Loop, ...]) -> Subscripts:
    """Index variables and sets on the left; E314 for a loop without its index."""
    found: list[Loop | Axis] = []
    for name in target.subscripts:
        one = _target_subscript(scope, name)
        if one is None:
            continue
        if one in found:
            wrong_dists.repeated_axis(scope, target, name.id)
            continue
        found.append(one)
    missing = uncovered(found, loops)
    if missing and len(found) == len(target.subscripts):
        wrong_targets.index_missing(scope, target, missing[-1])
        found.extend(missing)
    return tuple(found)


def _target_subscript(scope: Scope, name: tree.Name) -> Loop | Axis | None:
    bare = name.id.rstrip("'")
    if name.id in scope.loops:
        return scope.loops[name.id]
    if bare in scope.world.sets or bare == "bool":
        if bare == "bool":
            scope.world.need_bool_set()
        return Axis(bare, len(name.id) - len(bare))
    wrong_targets.unknown_subscript(scope, name)
    return None


def uncovered(found: list[Loop | Axis], loops: tuple[Loop, ...]) -> list[Loop]:
    """Loops whose index is not on the left; a row settles the parent that it points at."""
    covered: set[int] = set()
    for one in found:
        while isinstance(one, Loop) and id(one) not in covered:
            covered.add(id(one))
            if one.of is None:
                break
            one = one.of
    return [loop for loop in loops if id(loop) not in covered]


def events(subscripts: Subscripts) -> Axes:
    """The event axes among the subscripts, in order."""
    return operators.renumbered(tuple(s for s in subscripts if isinstance(s, Axis)))


def whole_axes(subscripts: Subscripts) -> Axes:
    return operators.renumbered(tuple(Axis(s.set) for s in subscripts))


def _learn(scope: Scope, pending: Pending, type: Type, level: int) -> None:
    known = scope.world.defined[pending.name]
    known.type, known.level = type, level


# ---------------------------------------------------------------- kinds of definition


def _latent(
    scope: Scope, pending: Pending, loops: tuple[Loop, ...], subscripts: Subscripts, right: tree.Expr
) -> Definition:
    body = check_distribution(replace(scope, target=pending.name), right, events(subscripts))
    axes = whole_axes(subscripts)
    type = unknown(axes) if is_unknown(body.type) else body.type.over(axes)
    discrete = type.element != "real"
    _learn(scope, pending, type, DISCRETE if discrete else CONTINUOUS)
    return Definition(pending.name, "latent", loops, subscripts, type, body, pending.node.span)


def _value(
    scope: Scope, pending: Pending, loops: tuple[Loop, ...], subscripts: Subscripts, right: tree.Expr
) -> Definition:
    head = distribution_name(scope, right)
    if head:
        wrong_dists.value_is_distribution(scope, right, head)
        _learn(scope, pending, unknown(whole_axes(subscripts)), CONSTANT)
        return Definition(
            pending.name, "value", loops, subscripts, unknown(), constant(scope, right, 0), pending.node.span
        )
    event = events(subscripts)
    body = _filled(scope, pending, check_expr(scope, right, event), event)
    axes = whole_axes(subscripts)
    type = unknown(axes) if is_unknown(body.type) else body.type.over(axes)
    _learn(scope, pending, type, max(scope.world.level(body), DATA if loops else CONSTANT))
    return Definition(pending.name, "value", loops, subscripts, type, body, pending.node.span)


def distribution_name(scope: Scope, node: tree.Expr) -> str:
    """The distribution a value's right side calls, if that is what it is."""
    if isinstance(node, tree.Conditional):
        node = node.then
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Name):
        name = node.function.id
        if name not in scope.world.symbols and distributions.find(name) is not None:
            found = functions.find(name)
            return "" if found is not None and found.kind != "special" else name
    return ""


def _filled(scope: Scope, pending: Pending, body: Term, event: Axes) -> Term:
    """The value over exactly the event axes of the target; one number fills them."""
    if is_unknown(body.type):
        return body
    have, want = [a.set for a in body.type.axes], [a.set for a in event]
    if have == want:
        return body
    if not have:
        for axis in reversed(event):
            type = body.type.over(operators.renumbered((Axis(axis.set), *body.type.axes)))
            body = Stack(type, body.span, body, Loop("k*", axis.set, body.span))
        return body
    if not want:
        wrong_targets.vector_value(scope, pending.name, body)
    else:
        wrong_targets.other_value_axes(scope, pending.name, body, event)
    return replace(body, type=unknown(event))


def _factor(scope: Scope, pending: Pending, loops: tuple[Loop, ...]) -> Definition:
    assert pending.right is not None
    body = check_expr(scope, pending.right)
    if not is_unknown(body.type):
        if body.type.axes:
            wrong_axes.left_over(scope, body, "a factor is one log density")
        elif body.type.element == "label":
            arithmetic.number(scope, body)
    return Definition("factor", "factor", loops, (), Type("real"), body, pending.node.span)


def _param(scope: Scope, pending: Pending, loops: tuple[Loop, ...], subscripts: Subscripts) -> Definition:
    node = pending.node
    assert isinstance(node, tree.Param)
    event, axes = events(subscripts), whole_axes(subscripts)
    ref = node.type or tree.TypeRef("real", span=node.span)
    declared = declared_type(scope.world, ref, event, open_ends=True)
    start = None
    if node.value is not None:
        start = _filled(scope, pending, check_expr(scope, node.value, event), event)
    if start is not None and scope.world.level(start) > DATA:
        wrong_targets.random_start(scope, pending.name, start)
    if declared.element != "real" and not is_unknown(declared):
        wrong_targets.discrete_param(scope, pending.name, declared, node)
    type = declared.over(axes)
    _learn(scope, pending, type, CONTINUOUS)
    body = start if start is not None else constant(scope, node, _neutral(declared))
    return Definition(pending.name, "param", loops, subscripts, type, body, node.span)


def _neutral(type: Type) -> float:
    """A value to start from, inside the support (joint supports have their own start)."""
    if isinstance(type.support, Structured) or type.support == REAL:
        return 0.0
    return _inside(type.support)


def _inside(support: Interval) -> float:
    low, high = support.lower, support.upper
    if abs(low) < float("inf") and high < float("inf"):
        return (low + high) / 2
    return low + 1 if abs(low) < float("inf") else high - 1 if high < float("inf") else 0.0


# ---------------------------------------------------------------- observations


def _observed(scope: Scope, pending: Pending, loops: tuple[Loop, ...]) -> Definition | None:
    assert isinstance(pending.node, tree.Sample)
    left, subscripts = _left(scope, pending, loops)
    event = left.type.axes
    inner = replace(scope, labels=left.type.set) if left.type.element == "label" else scope
    body = check_distribution(inner, pending.node.distribution, event, observed=True)
    if not is_unknown(left.type):
        _check_data(scope, pending, left)
        if not is_unknown(body.type):
            check_draw(scope, pending, left, body)
    place = root(left)
    imputes = _imputed(scope, place) if isinstance(place, DataRef) else None
    name = pending.name or (
        place.name if isinstance(place, DataRef) and place is not left else scope.world.source_text(left)
    )
    return Definition(
        name,
        "observed",
        loops,
        subscripts,
        body.type.over(whole_axes(subscripts)),
        body,
        pending.node.span,
        left,
        imputes,
    )


def _left(scope: Scope, pending: Pending, loops: tuple[Loop, ...]) -> tuple[Term, Subscripts]:
    """The left side as a term, and its subscripts when it is a plain target."""
    if isinstance(pending.left, tree.Target):
        subscripts = target_subscripts(scope, pending.left, loops)
        return observed_term(scope, pending.left, subscripts), subscripts
    assert isinstance(pending.left, tree.Expr)
    term = check_expr(scope, pending.left)
    place = root(term)
    if isinstance(place, DataRef) and term is not place:
        scope.world.modelled.add(place.name)
    return term, tuple(loops) if not term.type.axes else ()


def _check_data(scope: Scope, pending: Pending, left: Term) -> None:
    """The left side may hold data only (a blank cell that is imputed counts as data here)."""
    if isinstance(root(left), DataRef) or scope.world.level(left) <= DATA:
        return
    wrong_targets.random_left(scope, pending, left)


def _imputed(scope: Scope, place: DataRef) -> tuple[str, str] | None:
    if place.table is None:
        return ("", place.name) if scope.world.givens[place.name].optional else None
    column = next(c for c in scope.world.columns[place.name] if c.table == place.table)
    return (place.table, place.name) if column.optional else None
