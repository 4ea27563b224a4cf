"""Give discrete latents plates in place of event axes, so that each cell is summed out by itself."""

from __future__ import annotations

from dataclasses import replace

from ppl.graph import nodes as g
from ppl.graph.inline import is_discrete
from ppl.types import Axis, Type


def spread_events(graph: g.Graph) -> g.Graph:
    """``z[n, F] ~ Bernoulli(p)`` becomes ``z[n, f] ~ Bernoulli(p[f]) for f in F``."""
    return replace(graph, statements=tuple(_spread(s) for s in graph.statements))


def _spread(s: g.Statement) -> g.Statement:
    if s.kind != "latent" or not s.event or not is_discrete(s) or not _scalar(s.body):
        return s
    loops = {d: g.Dim(d.set, f"{d.tag}{s.name}.each") for d in s.event}
    labels = {
        d: g.Position(Type("label", set=d.set), frozenset({e}), (), s.span, e, "") for d, e in loops.items()
    }
    axes = tuple(labels[a] if isinstance(a, g.Dim) else a for a in s.place.axes)
    place = g.Place((*s.place.plates, *loops.values()), axes)
    return replace(s, place=place, event=(), body=_each(s.body, labels))


def _scalar(body: g.Node) -> bool:
    """Whether one draw is a scalar: a distribution none of whose parameters is one of a vector."""
    from ppl.graph.densities import event_dims

    return event_dims(body) == 0


def _each(body: g.Node, labels: dict[g.Dim, g.Position]) -> g.Node:
    """The distribution of one element: arguments over the event axes are read at its labels."""
    if isinstance(body, g.Choose):
        parts = (_element(body.test, labels, 0), _each(body.then, labels), _each(body.other, labels))
        return g.Choose(body.type.over(()), _loops(parts), (), body.span, *parts)
    assert isinstance(body, g.Distribution)
    arguments = tuple((k, _argument(body, k, v, labels)) for k, v in body.arguments)
    loops = _loops(tuple(v for _, v in arguments))
    return g.Distribution(body.type.over(()), loops, (), body.span, body.name, arguments)


def _argument(body: g.Distribution, name: str, node: g.Node, labels: dict[g.Dim, g.Position]) -> g.Node:
    from ppl.graph.densities import distribution

    if isinstance(node, g.Distribution):
        return _each(node, labels)
    if isinstance(node, g.Items) and isinstance(node.items[0], g.Distribution):
        items = tuple(_each(i, labels) for i in node.items)
        return g.Items(node.type, _loops(items), node.event, node.span, items)
    parameter = next((p for p in distribution(body).parameters if p.name == name), None)
    return _element(node, labels, 0 if parameter is None else parameter.event_dims)


def _element(node: g.Node, labels: dict[g.Dim, g.Position], consumed: int) -> g.Node:
    """A value at the element's labels, its last ``consumed`` axes kept."""
    axes = node.event[: len(node.event) - consumed]
    if not axes:
        return node
    free = dict(labels)
    chosen = []
    for axis in axes:
        dim = axis if axis in free else next((d for d in free if d.set == axis.set), None)
        if dim is None:
            return node
        chosen.append(free.pop(dim))
    rest = tuple(Axis(d.set, len(d.tag)) for d in node.event[len(axes) :])
    loops = node.loops | frozenset().union(*(p.loops for p in chosen))
    return g.Gather(
        node.type.over(rest), loops, node.event[len(axes) :], node.span, node, tuple(map(g.At, chosen))
    )


def _loops(parts: tuple[g.Node, ...]) -> frozenset[g.Dim]:
    return frozenset().union(*(p.loops for p in parts)) if parts else frozenset()
