"""Replace nodes below a node, keeping everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ppl.graph import nodes as g


def substitute(node: g.Node, change: Callable[[g.Node], g.Node | None]) -> g.Node:
    """The node with every subnode for which ``change`` gives a node replaced by it, bottom first.

    ``change`` sees a node after its children were rebuilt; None keeps it.
    """
    done: dict[int, g.Node] = {}
    stack: list[tuple[g.Node, bool]] = [(node, False)]
    while stack:
        current, ready = stack.pop()
        if id(current) in done:
            continue
        if not ready:
            stack.append((current, True))
            stack += [(c, False) for c in g.children(current)]
            continue
        rebuilt = _rebuilt(current, done)
        done[id(current)] = change(rebuilt) or rebuilt
    return done[id(node)]


def _rebuilt(node: g.Node, done: dict[int, g.Node]) -> g.Node:
    kids = g.children(node)
    if all(done[id(k)] is k for k in kids):
        return node
    new = {id(k): done[id(k)] for k in kids}
    return with_loops(_with_children(node, new))


def _with_children(node: g.Node, new: dict[int, g.Node]) -> g.Node:
    base = (node.type, node.loops, node.event, node.span)
    match node:
        case g.Gather():
            selectors = tuple(_selector(s, new) for s in node.selectors)
            return g.Gather(*base, new[id(node.value)], selectors)
        case g.Apply():
            keywords = tuple((k, new[id(v)]) for k, v in node.keywords)
            return g.Apply(*base, node.function, tuple(new[id(a)] for a in node.arguments), keywords)
        case g.Choose():
            return g.Choose(*base, new[id(node.test)], new[id(node.then)], new[id(node.other)])
        case g.Reduce():
            return g.Reduce(*base, node.function, new[id(node.body)], node.over)
        case g.Segment():
            keys = tuple((d, new[id(k)]) for d, k in node.keys)
            return g.Segment(*base, node.function, new[id(node.body)], node.over, keys)
        case g.Stack():
            return g.Stack(*base, new[id(node.body)], node.loop)
        case g.Items():
            return g.Items(*base, tuple(new[id(i)] for i in node.items))
        case g.NetworkCall():
            arguments, weights = (tuple(new[id(x)] for x in xs) for xs in (node.arguments, node.weights))
            return g.NetworkCall(*base, node.spec, node.part, arguments, weights)
        case g.Distribution():
            return g.Distribution(*base, node.name, tuple((k, new[id(v)]) for k, v in node.arguments))
    return node


def _selector(s: g.Selector, new: dict[int, g.Node]) -> g.Selector:
    if isinstance(s, g.Lag):
        return g.Lag(new[id(s.base)], new[id(s.amount)])
    index = new[id(s.index)]
    if isinstance(index, g.Apply) and index.function == "shift":
        return g.Lag(*index.arguments)
    return g.At(index)


def with_loops(node: g.Node) -> g.Node:
    """The node with its loop dims computed afresh from its children."""
    loops: frozenset[g.Dim] = frozenset().union(*(c.loops for c in g.children(node)))
    match node:
        case g.Reduce():
            loops = loops - set(node.over)
        case g.Segment():
            loops = (loops - {node.over}) | {d for d, _ in node.keys}
        case g.Stack():
            loops = loops - {node.loop}
    fields: dict[str, Any] = {**vars(node), "loops": loops}
    return type(node)(**fields)
