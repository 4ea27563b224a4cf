"""Distributions: arguments, axes, supports, and the type of one draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ppl import distributions
from ppl.distributions.base import Distribution, Parameter
from ppl.language import tree
from ppl.language.check import signatures, wrong_axes, wrong_dists
from ppl.language.check.context import wants_axes
from ppl.language.check.expressions import Axes, check_condition, check_expr, hull
from ppl.language.check.inline import inline
from ppl.language.check.levels import DISCRETE
from ppl.language.check.operators import renumbered
from ppl.language.check.scope import Scope
from ppl.language.check.supports import check_support
from ppl.language.check.world import is_unknown, unknown
from ppl.language.typed import Choose, Dist, Term
from ppl.supports import Interval, Structured, Support
from ppl.types import Axis, Type

Builder = Callable[[Scope, tree.Call, Axes, bool], Term]
OWN = ("states", "gaps")
"""Parameters over a set of their own: the states of a label, or the gaps between them."""
SPECIAL: dict[str, Builder] = {}
"""Distributions that need more than the rules below: wrappers, `Flat`, `DiscreteUniform(S)`."""


def special(name: str) -> Callable[[Builder], Builder]:
    """Register the check of one such distribution."""

    def keep(builder: Builder) -> Builder:
        SPECIAL[name] = builder
        return builder

    return keep


def failed(scope: Scope, node: tree.Node, event: Axes) -> Term:
    """The distribution that stands for a mistake already reported."""
    return Dist(unknown(event), scope.place(node.span), "?", ())


def check_distribution(scope: Scope, node: tree.Expr, event: Axes, observed: bool = False) -> Term:
    """What stands right of `~`; ``event`` are the axes of one draw."""
    match node:
        case tree.Conditional():
            return _choice(scope, node, event, observed)
        case tree.Call(function=tree.Name(id=name)):
            world = scope.world
            if name in world.defs:
                return inline(
                    scope,
                    node,
                    world.defs[name],
                    lambda s, body: check_distribution(s, body, event, observed),
                )
            if name in SPECIAL:
                return SPECIAL[name](scope, node, event, observed)
            found = distributions.find(name)
            if found is not None:
                return plain(scope, node, name, found, event, observed)
    wrong_dists.not_a_distribution(scope, node)
    return failed(scope, node, event)


# ---------------------------------------------------------------- choices


def _choice(scope: Scope, node: tree.Conditional, event: Axes, observed: bool) -> Term:
    """`D if test else E`: by data, or by a discrete latent where both have one support."""
    test = check_condition(scope, node.test)
    then = check_distribution(scope.knowing(test, True), node.then, event, observed)
    other = check_distribution(scope.knowing(test, False), node.other, event, observed)
    span = scope.place(node.span)
    if is_unknown(then.type) or is_unknown(other.type):
        return Choose(other.type if is_unknown(then.type) else then.type, span, test, then, other)
    a, b = then.type, other.type
    if (a.element == "label" or b.element == "label") and a.set != b.set:
        wrong_dists.unlike_branches(scope, node, a, b)
        return failed(scope, node, event)
    if scope.world.level(test) == DISCRETE and a.support != b.support:
        wrong_dists.support_by_latent(scope, node, a, b)
    return Choose(merged(a, b), span, test, then, other)


def merged(a: Type, b: Type) -> Type:
    """The type of a draw that may come from either of two distributions."""
    kinds = ("bool", "int", "real")
    if a.element == "label" or b.element == "label":
        return a
    kind = kinds[max(kinds.index(a.element), kinds.index(b.element))]
    return replace(a, element=kind, support=hull(a.support, b.support))  # type: ignore[arg-type]


# ---------------------------------------------------------------- the general rule


def plain(
    scope: Scope, node: tree.Call, name: str, found: type[Distribution], event: Axes, observed: bool
) -> Term:
    bound = signatures.bind(scope, node, name, found, observed)
    if bound is None:
        look_inside(scope, node)
        return failed(scope, node, event)
    if not event_fits(scope, node, name, found.event_dims, event):
        look_inside(scope, node)
        return failed(scope, node, event)
    if name == "Multinomial" and not observed and all(n != "n" for n, _ in bound):
        signatures.missing(scope, node, name, found, "`n` missing (only an observed row tells its own total)")
        look_inside(scope, node)
        return failed(scope, node, event)
    parameters = {p.name: p for p in found.parameters}
    terms = []
    for parameter, value in bound:
        term = argument(scope, name, parameters[parameter], value, found.event_dims, event)
        terms.append((parameter, term))
    type = draw_type(scope, node, name, found, dict(terms), event)
    return Dist(type, scope.place(node.span), name, tuple(terms))


def look_inside(scope: Scope, node: tree.Call) -> None:
    """Check the arguments for their own mistakes, when the call itself is wrong."""
    for a in node.arguments:
        inner = a.value
        if wants_axes(inner) or isinstance(inner, tree.String):
            continue
        head = inner.function if isinstance(inner, tree.Call) else None
        if not isinstance(head, tree.Name) or distributions.find(head.id) is None:
            check_expr(scope, inner)


def event_fits(scope: Scope, node: tree.Call, name: str, dims: int, event: Axes) -> bool:
    """E315 when the target lists too few event axes."""
    if len(event) < dims:
        wrong_dists.no_event_axis(scope, node, name, dims, event)
        return False
    if dims == 2 and name != "MatrixNormal" and event[-1].set != event[-2].set:
        wrong_dists.not_square(scope, node, name, event)
        return False
    return True


def expected_axes(scope: Scope, parameter: Parameter, dims: int, event: Axes) -> Axes:
    """The axes an argument would have if it were a list."""
    if parameter.length == "states" and scope.labels is not None:
        return (Axis(scope.labels),)
    if parameter.length in OWN:
        return ()
    if parameter.length == "rows":
        return _square(event[:-1])
    if parameter.event_dims == 0:
        return event[: len(event) - dims]
    if parameter.event_dims == 1:
        return event[-1:]
    return _square(event)


def _square(event: Axes) -> Axes:
    if not event:
        return ()
    last = event[-1]
    return renumbered((Axis(last.set), Axis(last.set)))


def argument(scope: Scope, name: str, parameter: Parameter, node: tree.Expr, dims: int, event: Axes) -> Term:
    """One argument: its axes and its support fit the parameter."""
    term = check_expr(scope, node, expected_axes(scope, parameter, dims, event))
    if is_unknown(term.type):
        return term
    if term.type.element == "label":
        wrong_dists.label_argument(scope, name, parameter, term)
        return _spoilt(term)
    if not _axes_fit(scope, name, parameter, term, dims, event):
        return _spoilt(term)
    check_support(scope, name, parameter, term)
    return term


def _spoilt(term: Term) -> Term:
    return replace(term, type=unknown(term.type.axes))


def _axes_fit(scope: Scope, name: str, parameter: Parameter, term: Term, dims: int, event: Axes) -> bool:
    axes = term.type.axes
    if parameter.length in OWN:
        return _own_axis(scope, name, parameter, term, event)
    if any(_same(axes, allowed) for allowed in _allowed(parameter, dims, event)):
        return True
    if axes and (not event or (parameter.event_dims == 0 and dims and not event[:-dims])):
        wrong_axes.left_over(scope, term)
    else:
        wrong_dists.other_axes(scope, name, parameter, term, event)
    return False


def _allowed(parameter: Parameter, dims: int, event: Axes) -> list[Axes]:
    """Axes that an argument may have: a scalar fills the event, or it goes element by element."""
    outer = event[: len(event) - dims]
    if parameter.event_dims == 0:
        return [(), outer, event] if dims == 0 else [(), outer]
    if parameter.event_dims == 1:
        own = event[len(event) - 1 :] if dims <= 1 else event[-1:]
        return [(), own, event, outer]
    square = _square(event[:-1] if parameter.length == "rows" else event)
    if isinstance(parameter.support, Interval):
        return [(), event]
    return [square, (*outer, *square)]


def _same(a: Axes, b: Axes) -> bool:
    return [x.set for x in a] == [x.set for x in b]


def _own_axis(scope: Scope, name: str, parameter: Parameter, term: Term, event: Axes) -> bool:
    """Probabilities over states, or cutpoints: one axis of their own, after those of the event."""
    axes = term.type.axes
    if len(axes) == 1 or (len(axes) == len(event) + 1 and _same(axes[:-1], event)):
        return True
    if axes:
        wrong_axes.left_over(scope, term, f"`{name}` needs one set for `{parameter.name}`")
    else:
        wrong_dists.no_probabilities(scope, name, parameter, term)
    return False


# ---------------------------------------------------------------- the draw


def draw_type(
    scope: Scope, node: tree.Call, name: str, found: type[Distribution], terms: dict[str, Term], event: Axes
) -> Type:
    """Element, support and axes of one draw."""
    if found.element == "label":
        return _label_type(scope, node, name, found, terms, event)
    supports = {n: argument_support(found, n, t) for n, t in terms.items()}
    support = found.support(**supports)
    if isinstance(support, Structured) and found.event_dims == 0:
        support = found.support()
    return Type(found.element, support, event)


def argument_support(found: type[Distribution], name: str, term: Term) -> Support:
    """The support of an argument; what is in doubt is taken to fit."""
    if not is_unknown(term.type):
        return term.type.support
    return next(p.support for p in found.parameters if p.name == name)


def _label_type(
    scope: Scope, node: tree.Call, name: str, found: type[Distribution], terms: dict[str, Term], event: Axes
) -> Type:
    """Labels of the set that the probabilities, or the gaps of the cutpoints, run over."""
    lengths = {p.name: p.length for p in found.parameters}
    for parameter, term in terms.items():
        if lengths[parameter] not in OWN or not term.type.axes:
            continue
        set = term.type.axes[-1].set
        if lengths[parameter] == "states":
            return Type("label", axes=event, set=set)
        of = scope.world.sets.get(set)
        if of is not None and of.kind == "gaps" and of.parent is not None:
            return Type("label", axes=event, set=of.parent)
        if not is_unknown(term.type):
            wrong_dists.cutpoints_over(scope, name, term, set)
    return unknown(event)
