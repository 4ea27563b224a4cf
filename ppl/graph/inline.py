"""Inline deterministic values that depend on discrete latents, so that these can be summed out."""

from __future__ import annotations

from dataclasses import replace

from ppl.graph import nodes as g
from ppl.graph.order import needs
from ppl.graph.rewrite import substitute


def is_discrete(s: g.Statement) -> bool:
    """Whether a statement's quantity takes whole numbers or labels."""
    return s.type.element != "real" or getattr(s.type.support, "integer", False)


def discrete_names(graph: g.Graph) -> set[str]:
    """Names of discrete latents, and of discrete columns with cells to impute."""
    names = {s.name for s in graph.statements if s.kind == "latent" and is_discrete(s)}
    for s in graph.statements:
        if s.imputes is not None and s.observed is not None and s.body.type.element != "real":
            names.add(".".join(s.imputes))
    return names


def inline_discrete(graph: g.Graph) -> g.Graph:
    """Substitute each value that a discrete latent reaches into its users.

    A sum over states needs every factor to mention the latent itself; a stored value would have
    fixed its state. Values read whole (as vectors) stay, and are refused when lowered.
    """
    touched = discrete_names(graph)
    bodies: dict[str, g.Statement] = {}
    pending = [s for s in graph.statements if s.kind == "value" and not s.recurrent]
    changed = True
    while changed:
        changed = False
        for s in list(pending):
            if needs(s) & (touched | set(bodies)):
                bodies[s.name] = s
                pending.remove(s)
                changed = True
    if not bodies:
        return graph
    inlined = {s: _inlined(s, bodies) for s in graph.statements}
    kept = _still_read(inlined, set(bodies))
    statements = tuple(
        new for s, new in inlined.items() if s.kind != "value" or s.name not in bodies or s.name in kept
    )
    return replace(
        graph,
        statements=statements,
        inlined=tuple(s for s in graph.statements if s.name in set(bodies) - kept),
    )


def _still_read(inlined: dict[g.Statement, g.Statement], names: set[str]) -> set[str]:
    """Values that something still mentions, because it reads them whole."""
    kept: set[str] = set()
    count = -1
    while count < len(kept):
        count = len(kept)
        for s, new in inlined.items():
            if s.kind != "value" or s.name not in names or s.name in kept:
                kept |= (needs(new) & names) - {s.name}
    return kept


def _inlined(s: g.Statement, bodies: dict[str, g.Statement]) -> g.Statement:
    body = expand(s.body, bodies)
    observed = None if s.observed is None else expand(s.observed, bodies)
    return replace(s, body=body, observed=observed)


def expand(node: g.Node, bodies: dict[str, g.Statement]) -> g.Node:
    """Substitute until no inlined value is mentioned (values refer to each other acyclically)."""
    while g.variables([node]) & set(bodies):
        new = substitute(node, lambda n: read_value(n, bodies))
        if new is node:
            return node
        node = new
    return node


def read_value(node: g.Node, bodies: dict[str, g.Statement]) -> g.Node | None:
    """The body of the value that a node reads one cell of; None for any other node."""
    if isinstance(node, g.Gather) and isinstance(node.value, g.Variable) and node.value.name in bodies:
        return _read(bodies[node.value.name], node.selectors)
    if isinstance(node, g.Variable) and node.name in bodies and not bodies[node.name].place.axes:
        return bodies[node.name].body
    return None


def _read(s: g.Statement, selectors: tuple[g.Selector, ...]) -> g.Node:
    labels = dict(zip((a for a in s.place.axes if isinstance(a, g.Node)), selectors, strict=False))

    def change(node: g.Node) -> g.Node | None:
        selector = labels.get(node)
        if selector is None:
            return None
        if isinstance(selector, g.At):
            return selector.index
        parts = (selector.base, selector.amount)
        loops = selector.base.loops | selector.amount.loops
        return g.Apply(selector.base.type, loops, (), node.span, "shift", parts)

    return substitute(s.body, change)
