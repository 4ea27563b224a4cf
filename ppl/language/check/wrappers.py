"""Distributions made of distributions, `Flat`, and uniform draws from a set."""

from __future__ import annotations

from dataclasses import replace

from ppl import distributions
from ppl.errors import Span
from ppl.language import tree
from ppl.language.check import wrong_axes, wrong_calls, wrong_dists
from ppl.language.check.dists import (
    check_distribution,
    event_fits,
    failed,
    look_inside,
    merged,
    plain,
    special,
)
from ppl.language.check.expressions import Axes, check_expr, constant, hull
from ppl.language.check.levels import CONSTANT, DATA
from ppl.language.check.loops import enter
from ppl.language.check.scope import Scope
from ppl.language.check.supports import check_support
from ppl.language.check.type_names import declared_type
from ppl.language.check.world import is_unknown, unknown
from ppl.language.typed import Choose, Const, Dist, IndexSet, ListOf, Loop, Stack, Term
from ppl.supports import NONNEGATIVE, REAL, UNIT, Interval, Structured, Support, within
from ppl.supports.support import EVENT_DIMS, NAMED, element
from ppl.types import Axis, Type

Parts = dict[str, tree.Expr]


def bind(scope: Scope, node: tree.Call, names: tuple[str, ...], needed: int) -> Parts | None:
    """The arguments of a wrapper by name; the first ``needed`` must be there."""
    given: Parts = {}
    for i, a in enumerate(node.arguments):
        name = a.name or (names[i] if i < len(names) else "")
        if name not in names or name in given:
            _misfit(scope, node, names, a)
            return None
        given[name] = a.value
    missing = [n for n in names[:needed] if n not in given]
    if missing:
        _misfit(scope, node, names, None)
        return None
    return given


def _misfit(scope: Scope, node: tree.Call, names: tuple[str, ...], argument: tree.Argument | None) -> None:
    name = scope.problems.text(node.function.span)
    takes = ", ".join(names)
    if argument is not None and argument.name is not None:
        message = f"`{name}` has no `{argument.name}`; it has {takes}"
        scope.error("E302", message, argument.span, "no such parameter")
        return
    message = f"`{name}` takes {takes}; {len(node.arguments)} given"
    scope.error("E301", message, node.span, "arguments do not match")


def _simple(term: Term) -> list[Dist]:
    """The distributions a wrapped term may be."""
    if isinstance(term, Choose):
        return [*_simple(term.then), *_simple(term.other)]
    return [term] if isinstance(term, Dist) else []


# ---------------------------------------------------------------- truncation and censoring


@special("Truncated")
def _truncated(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    parts = bind(scope, node, ("distribution", "lower", "upper", "normalised"), 1)
    if parts is None:
        return failed(scope, node, event)
    normalised = parts.pop("normalised", None)
    whole = not isinstance(normalised, tree.Bool) or normalised.value
    term = _bounded(scope, node, parts, event, observed, whole)
    if not isinstance(term, Dist) or is_unknown(term.type):
        return term
    lower, upper = (dict(term.arguments).get(n) for n in ("lower", "upper"))
    support = _cut(term.type.support, lower, upper)
    if support is None:
        scope.error("E304", "nothing is left between these bounds", node.span, "an empty range")
        return failed(scope, node, event)
    extra = () if whole else (("normalised", Const(Type("bool", UNIT), term.span, False)),)
    return replace(term, type=replace(term.type, support=support), arguments=(*term.arguments, *extra))


def _cut(support: Support, lower: Term | None, upper: Term | None) -> Interval | None:
    """A support between bounds, as far as they are known."""
    base = element(support)
    low, high = base.lower, base.upper
    closed_low, closed_high = base.closed_lower, base.closed_upper
    if lower is not None and element(lower.type.support).lower > low:
        low = element(lower.type.support).lower
        closed_low = base.integer
    if upper is not None and element(upper.type.support).upper < high:
        high = element(upper.type.support).upper
        closed_high = base.integer
    if low >= high and not (base.integer and low == high):
        return None
    return Interval(low, high, closed_low, closed_high, base.integer)


@special("Censored")
def _censored(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    parts = bind(scope, node, ("distribution", "lower", "upper"), 1)
    return (
        failed(scope, node, event) if parts is None else _bounded(scope, node, parts, event, observed, True)
    )


def _bounded(
    scope: Scope, node: tree.Call, parts: Parts, event: Axes, observed: bool, needs_cdf: bool
) -> Term:
    """A distribution of one number with bounds."""
    name = scope.problems.text(node.function.span)
    inner = check_distribution(scope, parts["distribution"], event, observed)
    arguments: list[tuple[str, Term]] = [("distribution", inner)]
    for bound in ("lower", "upper"):
        if bound in parts:
            term = check_expr(scope, parts[bound], event)
            if not is_unknown(term.type) and term.type.axes and term.type.axes != event:
                wrong_axes.left_over(scope, term)
            arguments.append((bound, term))
    for dist in _simple(inner):
        _check_wrappable(scope, parts["distribution"], name, dist, needs_cdf)
    if len(arguments) == 1:
        scope.error(
            "E301",
            f"`{name}` takes a lower or an upper bound; none given",
            node.span,
            "no bound",
            help=f"write `{name}({scope.problems.text(parts['distribution'].span)}, lower = 0)`",
        )
    return Dist(inner.type, scope.place(node.span), name, tuple(arguments))


def _check_wrappable(scope: Scope, node: tree.Expr, name: str, dist: Dist, needs_cdf: bool) -> None:
    found = distributions.find(dist.name)
    if found is None or is_unknown(dist.type):
        return
    if found.event_dims or dist.type.element == "label":
        what = "labels" if dist.type.element == "label" else "vectors"
        scope.error(
            "E304", f"`{name}` bounds one number, and `{dist.name}` draws {what}", node.span, f"draws {what}"
        )
    elif needs_cdf and found.log_cdf is None and not found.wrapper:
        scope.error(
            "E322",
            f"`{name}` needs the distribution function of `{dist.name}`, which has none here",
            node.span,
            "no distribution function",
            help=f"write `Truncated({scope.problems.text(node.span)}, ..., normalised = false)`"
            if name == "Truncated"
            else "",
        )


# ---------------------------------------------------------------- the other wrappers


@special("Ordered")
def _ordered(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    parts = bind(scope, node, ("distribution",), 1)
    if parts is None or not event_fits(scope, node, "Ordered", 1, event):
        return failed(scope, node, event)
    inner = check_distribution(scope, parts["distribution"], event, observed)
    for dist in _simple(inner):
        _check_wrappable(scope, parts["distribution"], "Ordered", dist, False)
        for _, term in dist.arguments:
            if term.type.axes and scope.world.level(term) > DATA:
                scope.error(
                    "E304",
                    "`Ordered` of elements that differ needs constant parameters; "
                    f"`{scope.world.source_text(term)}` is random",
                    term.span,
                    "random, and not the same for all",
                    help="give all elements one parameter, or add up positive steps: `cumsum(exp(d))`",
                )
    if is_unknown(inner.type):
        return failed(scope, node, event)
    positive = within(element(inner.type.support), NONNEGATIVE)
    type = Type("real", Structured("positive_ordered" if positive else "ordered"), event)
    return Dist(type, scope.place(node.span), "Ordered", (("distribution", inner),))


@special("ZeroInflated")
def _zero_inflated(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    parts = bind(scope, node, ("distribution", "p_zero"), 2)
    if parts is None:
        return failed(scope, node, event)
    inner = check_distribution(scope, parts["distribution"], event, observed)
    chance = check_expr(scope, parts["p_zero"], event)
    for dist in _simple(inner):
        _check_wrappable(scope, parts["distribution"], "ZeroInflated", dist, False)
    if not is_unknown(chance.type):
        if chance.type.axes and chance.type.axes != event:
            wrong_axes.left_over(scope, chance)
        else:
            check_support(scope, "ZeroInflated", distributions.Parameter("p_zero", UNIT), chance)
    if is_unknown(inner.type):
        return failed(scope, node, event)
    type = inner.type
    if within(type.support, NONNEGATIVE):
        type = replace(type, support=hull(type.support, Interval(0.0, 0.0, True, True, True)))
    return Dist(type, scope.place(node.span), "ZeroInflated", (("distribution", inner), ("p_zero", chance)))


# ---------------------------------------------------------------- mixtures


@special("Mixture")
def _mixture(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    """``Mixture(weights, [..])``: one component for each weight."""
    parts = bind(scope, node, ("weights", "components"), 2)
    if parts is None:
        return failed(scope, node, event)
    components, axis = _components(scope, parts["components"], parts["weights"], event, observed)
    if components is None:
        look_inside(scope, node)
        return failed(scope, node, event)
    weights = check_expr(scope, parts["weights"], (axis,) if axis else ())
    if not is_unknown(weights.type):
        _check_weights(scope, parts, weights, axis, components)
    if is_unknown(components.type):
        return failed(scope, node, event)
    type = components.type.over(event)
    return Dist(type, scope.place(node.span), "Mixture", (("weights", weights), ("components", components)))


def _components(
    scope: Scope, node: tree.Expr, weights: tree.Expr, event: Axes, observed: bool
) -> tuple[Term | None, Axis | None]:
    """The components, as a list or a comprehension, and the set they run over if they name one."""
    if isinstance(node, tree.Comprehension) and node.function is None and len(node.bindings) == 1:
        inner, loops = enter(scope, node.bindings)
        body = check_distribution(inner, node.body, event, observed)
        if loops[0].condition is not None:
            wrong_calls.filtered_list(scope, node, loops[0])
        axis = Axis(loops[0].set)
        return Stack(body.type.over((axis, *body.type.axes)), scope.place(node.span), body, loops[0]), axis
    if isinstance(node, tree.ListLiteral) and node.items:
        items = tuple(check_distribution(scope, item, event, observed) for item in node.items)
        return _listed(scope, node, weights, items)
    scope.error(
        "E305",
        "the components of `Mixture` are a list of distributions",
        node.span,
        "not a list",
        help="write `Mixture(weights, [Normal(mu[k], sigma[k]) for k in comps])`",
    )
    return None, None


def _listed(
    scope: Scope, node: tree.ListLiteral, weights: tree.Expr, items: tuple[Term, ...]
) -> tuple[Term, Axis | None]:
    axis = _anonymous(scope, len(items), node.span) if isinstance(weights, tree.ListLiteral) else None
    known = [i.type for i in items if not is_unknown(i.type)]
    type = known[0] if len(known) == len(items) else unknown()
    for other in known[1:]:
        if (type.element == "label" or other.element == "label") and other.set != type.set:
            scope.error(
                "E311",
                f"the components draw different things: {type} and {other}",
                node.span,
                "unlike components",
            )
            break
        type = merged(type, other) if not is_unknown(type) else type
    return ListOf(type.over((axis,) if axis else ()), scope.place(node.span), items), axis


def _anonymous(scope: Scope, count: int, span: Span) -> Axis:
    """A set for a list of weights that names none."""
    name = f"1..{count}"
    size = Const(Type("int"), span, count)
    scope.world.sets.setdefault(name, IndexSet(name, "fixed", span, size=size))
    return Axis(name)


def _check_weights(scope: Scope, parts: Parts, weights: Term, axis: Axis | None, components: Term) -> None:
    axes = weights.type.axes
    if len(axes) != 1 or (axis is not None and axes[0].set != axis.set):
        if len(axes) > 1:
            wrong_axes.left_over(scope, weights, "`Mixture` needs one set of weights")
        elif not axes:
            wrong_dists.no_probabilities(scope, "Mixture", distributions.Parameter("weights"), weights)
        else:
            wrong_dists.other_axes(
                scope, "Mixture", distributions.Parameter("weights"), weights, (axis,) if axis else ()
            )
        return
    size = scope.world.constant_size(axes[0].set)
    if isinstance(components, ListOf) and size is not None and size != len(components.items):
        wrong_calls.list_length(scope, parts["components"], axes[0].set, size)  # type: ignore[arg-type]
        return
    check_support(scope, "Mixture", distributions.Parameter("weights", Structured("simplex"), 1), weights)


# ---------------------------------------------------------------- Flat and DiscreteUniform


@special("Flat")
def _flat(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    """Density 1 on a support: `Flat()`, `Flat(positive)`, `Flat(real(0, 1 - a))`."""
    scope.world.improper.append(scope.place(node.span))
    span = scope.place(node.span)
    if not node.arguments:
        return Dist(Type("real", REAL, event), span, "Flat", ())
    on = node.arguments[0].value
    if len(node.arguments) == 1 and node.arguments[0].name is None:
        match on:
            case tree.Name(id=name) if name in NAMED or name in EVENT_DIMS:
                return _flat_named(scope, node, name, event)
            case tree.Call(function=tree.Name(id="real"), arguments=(low, high)):
                return _flat_between(scope, node, (low.value, high.value), event)
    scope.error(
        "E301",
        "`Flat` takes a support, such as `positive`, `ordered` or `real(0, 1 - a)`",
        node.span,
        "no support",
        help="write `Flat()` for the whole line",
    )
    return failed(scope, node, event)


def _flat_named(scope: Scope, node: tree.Call, name: str, event: Axes) -> Term:
    dims = EVENT_DIMS.get(name, 0)
    if not event_fits(scope, node, f"Flat({name})", dims, event):
        return failed(scope, node, event)
    type = declared_type(scope.world, tree.TypeRef(name, span=node.span), event, open_ends=True)
    if type.element != "real":
        scope.error(
            "E304",
            f"`Flat` is a density, and {name} values are discrete",
            node.span,
            "discrete",
            help="use `DiscreteUniform(lower, upper)`, or `Bernoulli(0.5)`",
        )
        return failed(scope, node, event)
    return Dist(type, scope.place(node.span), "Flat", ())


def _flat_between(scope: Scope, node: tree.Call, bounds: tuple[tree.Expr, tree.Expr], event: Axes) -> Term:
    lower, upper = (check_expr(scope, b, event) for b in bounds)
    for term in (lower, upper):
        if not is_unknown(term.type) and term.type.axes and term.type.axes != event:
            wrong_axes.left_over(scope, term)
    if is_unknown(lower.type) or is_unknown(upper.type):
        return failed(scope, node, event)
    low, high = element(lower.type.support).lower, element(upper.type.support).upper
    low, high = _end(lower, low), _end(upper, high)
    if low >= high:
        scope.error("E304", "nothing is left between these bounds", node.span, "an empty range")
        return failed(scope, node, event)
    type = Type("real", Interval(low, high), event)
    fixed = all(scope.world.level(t) == CONSTANT for t in (lower, upper))
    return Dist(type, scope.place(node.span), "Flat", () if fixed else (("lower", lower), ("upper", upper)))


def _end(term: Term, otherwise: float) -> float:
    """A literal `inf` has no point of its own as support."""
    return float(term.value) if isinstance(term, Const) and not isinstance(term.value, str) else otherwise


@special("DiscreteUniform")
def _discrete_uniform(scope: Scope, node: tree.Call, event: Axes, observed: bool) -> Term:
    """Of a set, its labels with equal probability; of two numbers, a whole number between them."""
    first = node.arguments[0].value if len(node.arguments) == 1 else None
    if isinstance(first, tree.Name) and first.id in scope.world.sets and first.id not in scope.loops:
        span = scope.place(node.span)
        zero = constant(scope, node, 0.0)
        loop = Loop("k*", first.id, span)
        even = Stack(Type("real", REAL, (Axis(first.id),)), span, zero, loop)
        return Dist(Type("label", axes=event, set=first.id), span, "Categorical", (("logit", even),))
    found = distributions.find("DiscreteUniform")
    if found is None:
        wrong_dists.no_distribution(scope, node, "DiscreteUniform")
        return failed(scope, node, event)
    return plain(scope, node, "DiscreteUniform", found, event, observed)
