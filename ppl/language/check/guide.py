"""`guide:` statements against the model: E202, E502, E504, E505."""

from __future__ import annotations

from collections.abc import Iterator

from ppl import distributions
from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.define import target_subscripts, uncovered
from ppl.language.check.dists import check_distribution
from ppl.language.check.expressions import check_expr
from ppl.language.check.flows import check_flow, flow_arguments
from ppl.language.check.loops import enter
from ppl.language.check.operators import listed, renumbered
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.check.world import World, is_unknown
from ppl.language.check.wrong_targets import index_missing
from ppl.language.typed import Definition, Dist, GuideDef, Loop, Ref, Term
from ppl.supports import Interval, Structured, Support, describe, within
from ppl.supports.support import element
from ppl.types import Axis, Type

STRATEGIES = ("Point", "Exact", "MeanField", "MarkovChain", "MultivariateNormal", "LowRankNormal", "Flow")
EXACT_LIMIT = 1_000_000


def check_guide(world: World, model: tree.Model, definitions: list[Definition]) -> tuple[GuideDef, ...]:
    """Every `q` statement of the text."""
    by_name = {d.name: d for d in definitions}
    found: list[GuideDef] = []
    seen: dict[str, tree.QStatement] = {}
    for statement, bindings in _flat(model):
        one = _statement(world, statement, bindings, by_name, seen)
        if one is not None:
            found.append(one)
    return tuple(found)


def mentioned(guide: tuple[GuideDef, ...]) -> frozenset[str]:
    """Names of the quantities that the distributions of a guide read."""
    found: set[str] = set()
    pending: list[object] = [q.family for q in guide]
    while pending:
        part = pending.pop()
        if isinstance(part, Ref):
            found.add(part.name)
        elif isinstance(part, Term):
            pending.extend(vars(part).values())
        elif isinstance(part, tuple):
            pending.extend(part)
    return frozenset(found)


def _flat(model: tree.Model) -> Iterator[tuple[tree.QStatement, tuple[tree.Binding, ...]]]:
    for guide in (s for s in model.statements if isinstance(s, tree.Guide)):
        stack: list[tuple[tree.Statement, tuple[tree.Binding, ...]]] = [(s, ()) for s in reversed(guide.body)]
        while stack:
            statement, bindings = stack.pop()
            if isinstance(statement, tree.For):
                stack.extend((s, (*bindings, *statement.bindings)) for s in reversed(statement.body))
            elif isinstance(statement, tree.QStatement):
                yield statement, (*bindings, *statement.bindings)


def _statement(
    world: World,
    node: tree.QStatement,
    bindings: tuple[tree.Binding, ...],
    by_name: dict[str, Definition],
    seen: dict[str, tree.QStatement],
) -> GuideDef | None:
    scope, loops = enter(Scope(world, guide=True), bindings)
    targets = [_target(scope, t, by_name, seen, node, loops) for t in node.targets]
    for given in node.given:
        check_expr(scope, given)
    known = [d for d in targets if d is not None]
    strategy, family = _family(scope, node, known)
    if len(known) != len(node.targets):
        return None
    settings: tuple[tuple[str, int], ...] = ()
    if strategy == "Exact":
        _check_exact(scope, node, known)
    if strategy == "Flow":
        check_flow(scope, node, known)
        settings, family = flow_arguments(scope, node, known, _event(node, known))
    subscripts = _subscripts(scope, node.targets[0], known[0])
    names = tuple(d.name for d in known)
    return GuideDef(names, loops, strategy, family, node.span, subscripts, settings)


def _subscripts(scope: Scope, target: tree.Target, found: Definition) -> tuple[Loop | Axis, ...]:
    """The subscripts written, then the latent's own axes that are not."""
    written = target_subscripts(scope, target, ()) if target.subscripts else ()
    whole = (*written, *(Axis(s.set) for s in found.subscripts[len(written) :]))
    axes = iter(renumbered(tuple(s for s in whole if isinstance(s, Axis))))
    return tuple(next(axes) if isinstance(s, Axis) else s for s in whole)


def _target(
    scope: Scope,
    target: tree.Target,
    by_name: dict[str, Definition],
    seen: dict[str, tree.QStatement],
    node: tree.QStatement,
    loops: tuple[Loop, ...],
) -> Definition | None:
    found = by_name.get(target.name)
    if found is None or (found.kind != "latent" and found.imputes is None):
        _not_latent(scope, target, by_name)
        return None
    if target.name in seen:
        scope.error(
            "E204",
            f"`{target.name}` already has a `q` on line {scope.problems.line(seen[target.name].span)}",
            target.span,
            "second q",
            notes=(Note(seen[target.name].span, "first here"),),
            help="one name, one `q`",
        )
        return None
    seen[target.name] = node
    _check_axes(scope, target, found, loops)
    return found


def _not_latent(scope: Scope, target: tree.Target, by_name: dict[str, Definition]) -> None:
    """E502 for data and values, E202 for names that are not there."""
    known = scope.world.symbols.get(target.name)
    if known is None:
        if scope.problems.once(f"name {target.name}"):
            near = scope.world.nearest(target.name, [d.name for d in by_name.values() if d.kind == "latent"])
            hint = f"; did you mean {quoted(near)}?" if near else ""
            scope.error(
                "E202",
                f"no latent `{target.name}`{hint}",
                target.span,
                "not defined",
                fix=(target.span, near[0]) if near and not target.subscripts else None,
            )
        return
    data = target.name in scope.world.columns or target.name in scope.world.givens
    what = (
        "is data"
        if data
        else {"value": "is computed from others", "param": "is a `param`, a single value"}.get(
            known[0], f"is a {known[0]}"
        )
    )
    scope.error(
        "E502",
        f"`{target.name}` {what}; it has no posterior of its own",
        target.span,
        "no latent",
        notes=(Note(known[1], "declared here" if data else "defined here"),),
        help="drop this `q`",
    )


def _check_axes(scope: Scope, target: tree.Target, found: Definition, loops: tuple[Loop, ...]) -> None:
    """The subscripts of a q are the first axes of the latent, in their order."""
    if not target.subscripts:
        return
    subscripts = target_subscripts(scope, target, ())
    have, want = [s.set for s in subscripts], [s.set for s in found.subscripts]
    fits = all(scope.world.labels_fit(h, w) for h, w in zip(have, want, strict=False))
    if not fits or len(have) > len(want):
        by = listed(tuple(Axis(w) for w in want)) if want else "by nothing"
        scope.error(
            "E312" if sorted(have) == sorted(want) else "E311",
            f"`{target.name}` is indexed {by}; here [{', '.join(have)}]",
            target.span,
            "other axes",
            notes=(Note(found.span, "defined here"),),
        )
    missing = uncovered(list(subscripts), loops)
    if missing:
        index_missing(scope, target, missing[-1])


# ---------------------------------------------------------------- families


def _family(scope: Scope, node: tree.QStatement, known: list[Definition]) -> tuple[str | None, Term | None]:
    match node.family:
        case tree.Name(id=name) | tree.Call(function=tree.Name(id=name), arguments=()) if name in STRATEGIES:
            return name, None
        case tree.Call(function=tree.Name(id="Flow")):
            return "Flow", None
        case tree.Name(id=name):
            return _bare(scope, node, name, known), None
    family = check_distribution(scope, node.family, _event(node, known))
    if isinstance(family, Dist) and not is_unknown(family.type):
        for d in known:
            _check_support(scope, node, d, family.type, family.name)
    return None, family


def _event(node: tree.QStatement, known: list[Definition]) -> tuple[Axis, ...]:
    """The axes of one draw of the first latent."""
    if not known:
        return ()
    taken = len(node.targets[0].subscripts)
    listed_axes = [s for s in known[0].subscripts[:taken] if isinstance(s, Axis)]
    rest = [Axis(s.set) for s in known[0].subscripts[taken:]]
    return renumbered((*listed_axes, *rest))


def _bare(scope: Scope, node: tree.QStatement, name: str, known: list[Definition]) -> str | None:
    found = distributions.find(name)
    if found is None:
        near = scope.world.nearest(name, (*STRATEGIES, *distributions.names()))
        hint = f"; did you mean {quoted(near)}?" if near else ""
        if scope.problems.once(f"distribution {name}"):
            scope.error(
                "E201",
                f"no family `{name}`{hint}",
                node.family.span,
                "not a family",
                help="" if near else f"the families are {quoted(STRATEGIES)}, or any distribution",
            )
        return None
    parameters = {p.name: p.support for p in found.parameters if p.name in found.signatures[0]}
    try:
        support = found.support(**parameters)
    except (KeyError, TypeError):
        return name
    for d in known:
        _check_support(scope, node, d, Type(found.element, support), name)
    return name


def _check_support(scope: Scope, node: tree.QStatement, d: Definition, q: Type, name: str) -> None:
    """E504: a q lives exactly where the latent does."""
    if is_unknown(d.type) or (q.element == "label" and d.type.element == "label"):
        return
    need = d.type.support
    if name in _bounded(need):  # as many trials as the latent can reach
        return
    if _matches(q.support, need) and (q.element == "label") == (d.type.element == "label"):
        return
    text = scope.problems.text(node.targets[0].span)
    where = f"the {describe(need)}" if isinstance(need, Structured) else f"the {describe(need)} numbers"
    where = "the labels" if d.type.element == "label" else where
    verb = (
        "leaves"
        if not within(element(q.support), element(need)) or isinstance(need, Structured)
        else "does not cover"
    )
    scope.error(
        "E504",
        f"`q({text}) ~ {name}` {verb} {where}; use {quoted(_available(need, d.type))}",
        node.family.span,
        f"draws {describe(q.support)} values",
        notes=(Note(d.span, f"`{d.name}` is {d.type}"),),
    )


def _matches(q: Support, need: Support) -> bool:
    if isinstance(need, Structured) or isinstance(q, Structured):
        return within(q, need)
    if need.integer != q.integer:
        return False
    return within(
        element(q),
        Interval(need.lower, need.upper, need.lower > -float("inf"), need.upper < float("inf"), need.integer),
    ) and ((q.lower == need.lower and q.upper == need.upper) or need.integer)


def _bounded(need: Support) -> list[str]:
    """Families of counts up to a bound that the latent itself gives."""
    whole = isinstance(need, Interval) and need.integer and need.lower == 0
    return ["Binomial"] if whole and 1 < need.upper < float("inf") else []  # type: ignore[union-attr]


def _available(need: Support, type: Type) -> list[str]:
    """The families that live on a support, as far as there are any here."""
    return [n for n in _better(need, type) if n in STRATEGIES or distributions.find(n)] or ["MeanField"]


def _better(need: Support, type: Type) -> list[str]:
    """Families that live on a support."""
    if type.element == "label":
        return ["Categorical"]
    if isinstance(need, Structured):
        return {"simplex": ["LogisticNormal", "Dirichlet"], "covariance": ["Wishart", "InverseWishart"]}.get(
            need.kind, ["MeanField"]
        )
    if need.integer:
        counts = _bounded(need) or ["Poisson"] if need.lower == 0 else []
        return ["Bernoulli"] if type.element == "bool" else [*counts, "MeanField"]
    if need.lower == 0 and need.upper == float("inf"):
        return ["LogNormal", "Gamma"]
    if (need.lower, need.upper) == (0, 1):
        return ["Beta"]
    return ["Normal"] if need.lower == -float("inf") and need.upper == float("inf") else ["MeanField"]


def _check_exact(scope: Scope, node: tree.QStatement, known: list[Definition]) -> None:
    """E505: too many joint states to sum, as far as the text tells; E504 for continuous latents."""
    states = 1.0
    for d in known:
        if d.type.element == "real" and not is_unknown(d.type):
            scope.error(
                "E504",
                f"`Exact` sums over states, and `{d.name}` is continuous; use `MeanField`",
                node.family.span,
                "no states to sum",
                notes=(Note(d.span, f"`{d.name}` is {d.type}"),),
            )
            return
        states *= _states(scope.world, d)
    if states > EXACT_LIMIT:
        names = quoted([d.name for d in known], "and")
        scope.error(
            "E505",
            f"summing {names} out exactly needs {states:.0e} joint states".replace("e+0", "e").replace(
                "e+", "e"
            ),
            node.family.span,
            "too many",
            help="choose `MarkovChain` for a chain, or `MeanField`",
        )


def _states(world: World, d: Definition) -> float:
    """Joint states of the event axes of one draw (plates are independent, and not counted)."""
    if d.type.element == "label":
        one = world.constant_size(d.type.set or "") or 1
    else:
        span = element(d.type.support)
        one = (
            int(span.upper - span.lower) + 1
            if span.upper < float("inf") and span.lower > -float("inf")
            else 1
        )
    copies = 1
    for s in d.subscripts:
        if isinstance(s, Axis):
            copies *= world.constant_size(s.set) or 1
    return float(one) ** min(copies, 1000) if one > 1 else 1.0
