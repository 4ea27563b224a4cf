"""Functions that the registry alone cannot type: densities, events, and words of other places."""

from __future__ import annotations

from collections.abc import Callable

from ppl import functions
from ppl.language import tree
from ppl.language.check import operators, wrong_calls
from ppl.language.check.dists import check_distribution
from ppl.language.check.expressions import Axes, check_expr, nothing
from ppl.language.check.scope import Scope
from ppl.language.check.world import is_unknown
from ppl.language.typed import Apply, Term
from ppl.supports.support import EVENT_DIMS, NAMED
from ppl.types import Type

CLAIMS = frozenset((*NAMED, *EVENT_DIMS))
"""Names of supports: as functions they claim that their argument lies there."""


def _logp(scope: Scope, node: tree.Call, expect: Axes) -> Term:
    """``logp(D, x)``: the log density of D at x."""
    found = functions.find("logp")
    assert found is not None
    bound = wrong_calls.bind_arguments(scope, node, found)
    if bound is None:
        return nothing(scope, node)
    parts = dict(bound)
    x = check_expr(scope, parts["x"])
    event = () if is_unknown(x.type) else x.type.axes
    density = check_distribution(scope, parts["distribution"], event)
    return Apply(Type("real"), scope.place(node.span), "logp", (density, x))


def _in_report(scope: Scope, node: tree.Call, expect: Axes) -> Term:
    """``Prob(event)`` and ``quantile(x, p)``: of the posterior, so in `report` only."""
    assert isinstance(node.function, tree.Name)
    name = node.function.id
    found = functions.find(name)
    assert found is not None
    bound = wrong_calls.bind_arguments(scope, node, found)
    terms = tuple(check_expr(scope, a.value, expect) for a in node.arguments)
    if not scope.report:
        scope.error(
            "E208",
            f"`{name}` is known after the fit, so it belongs in `report`",
            node.span,
            "outside `report`",
            help="move the statement under `report:`",
        )
        return nothing(scope, node)
    if bound is None or any(is_unknown(t.type) for t in terms):
        return nothing(scope, node)
    type = operators.result_type(scope, found, terms, node)
    return Apply(type, scope.place(node.span), name, terms)


def _in_network(scope: Scope, node: tree.Call, expect: Axes) -> Term:
    assert isinstance(node.function, tree.Name)
    name = node.function.id
    scope.error(
        "E208",
        f"`{name}` is a network layer, not a function",
        node.span,
        "outside `network`",
        help=f"declare it: `network f(a -> b[c]) = {name}(...)`",
    )
    return nothing(scope, node)


def _in_index(scope: Scope, node: tree.Call, expect: Axes) -> Term:
    text = scope.problems.text(node.span)
    scope.error(
        "E203",
        f"`{text}` makes an index set",
        node.span,
        "not a value",
        help=f"declare it: `index cuts = {text}`",
    )
    return nothing(scope, node)


SPECIAL: dict[str, Callable[[Scope, tree.Call, Axes], Term]] = {
    "logp": _logp,
    "Prob": _in_report,
    "quantile": _in_report,
    "MLP": _in_network,
    "Embedding": _in_network,
    "Conv": _in_network,
    "gaps": _in_index,
    "pairs": _in_index,
}
