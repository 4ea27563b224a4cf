"""Non-centre hierarchies: theta ~ Normal(mu, tau) becomes theta = mu + tau * raw, raw ~ Normal(0, 1).

With a latent scale the two are the same model, but the second has no funnel between the scale and
the elements, which a Gaussian q cannot follow (Papaspiliopoulos, Roberts & Skold 2007).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ppl.graph import nodes as g
from ppl.graph.inline import discrete_names, is_discrete
from ppl.graph.order import mentions, needs
from ppl.supports import REAL
from ppl.types import Axis, Type

# location, the parameter names of the scale with the function that gives the scale, and what stays
_LOCATION_SCALE: dict[str, tuple[str, dict[str, str | None], tuple[str, ...]]] = {
    "Normal": ("mean", {"sd": None, "var": "sqrt", "precision": "rsqrt"}, ()),
    "StudentT": ("loc", {"scale": None}, ("df",)),
    "Cauchy": ("loc", {"scale": None}, ()),
    "Laplace": ("loc", {"scale": None}, ()),
    "Logistic": ("loc", {"scale": None}, ()),
}
_STANDARD = {"Normal": ("mean", "sd")}


def noncentre(graph: g.Graph, only: Callable[[g.Statement], bool] = lambda s: True) -> g.Graph:
    """Rewrite every location-scale latent whose scale (or covariance) is itself latent."""
    discrete = discrete_names(graph)
    latent = {s.name for s in graph.statements if s.kind in ("latent", "param")} - discrete
    reach = _reach(graph, latent)
    out: list[g.Statement] = []
    for s in graph.statements:
        plain = s.kind == "latent" and not needs(s) & discrete and only(s)
        split = _split(s, reach) if plain else None
        out += [s] if split is None else list(split)
    return replace(graph, statements=tuple(out))


def _reach(graph: g.Graph, latent: set[str]) -> set[str]:
    """Names whose value depends on a latent."""
    reached = set(latent)
    changed = True
    while changed:
        changed = False
        for s in graph.statements:
            if s.kind == "value" and s.name not in reached and mentions((s.body,)) & reached:
                reached.add(s.name)
                changed = True
    return reached


def _split(s: g.Statement, reach: set[str]) -> tuple[g.Statement, g.Statement] | None:
    if not isinstance(s.body, g.Distribution) or is_discrete(s) or s.name in mentions((s.body,)):
        return None
    if any(isinstance(a, g.Node) and not isinstance(a, g.Position) for a in s.place.axes):
        return None
    given = dict(s.body.arguments)
    if s.body.name == "MultivariateNormal":
        return _split_vector(s, given, reach)
    if s.body.name not in _LOCATION_SCALE:
        return None
    location, scales, kept = _LOCATION_SCALE[s.body.name]
    name = next((n for n in scales if n in given), None)
    if name is None or not mentions((given[name],)) & reach:
        return None
    scale = _function(scales[name], given[name])
    arguments = tuple((k, given[k]) for k in kept)
    loc_name, scale_name = _STANDARD.get(s.body.name, ("loc", "scale"))
    standard = (*arguments, (loc_name, _number(0.0, s)), (scale_name, _number(1.0, s)))
    raw = _raw(s, s.body.name, standard)
    value = _apply("add", s, (given[location], _apply("multiply", s, (scale, _read(raw, s)))))
    return raw, replace(s, kind="value", body=value)


def _split_vector(
    s: g.Statement, given: dict[str, g.Node], reach: set[str]
) -> tuple[g.Statement, g.Statement] | None:
    scale = given.get("cov") or given.get("scale_tril")
    if scale is None or len(s.event) != 1 or not mentions((scale,)) & reach:
        return None
    factor = _matrix("cholesky", scale) if "cov" in given else scale
    raw = _raw(s, "Normal", (("mean", _number(0.0, s)), ("sd", _number(1.0, s))))
    product = _apply("matmul", s, (factor, _read(raw, s)))
    return raw, replace(s, kind="value", body=_apply("add", s, (given["mean"], product)))


def _raw(s: g.Statement, name: str, arguments: tuple[tuple[str, g.Node], ...]) -> g.Statement:
    """The standardised latent, its plates first and then its event axes."""
    plates = tuple(a for a in s.place.axes if isinstance(a, g.Node))
    axes: tuple[g.Dim | g.Node, ...] = (*plates, *s.event)
    loops: frozenset[g.Dim] = frozenset().union(*(v.loops for _, v in arguments))
    draw_type = replace(s.body.type, support=REAL)
    body = g.Distribution(draw_type, loops, s.body.event, s.span, name, arguments)
    sets = tuple(Axis(a.type.set or "") if isinstance(a, g.Node) else Axis(a.set, len(a.tag)) for a in axes)
    place = g.Place(s.place.plates, axes)
    return replace(s, name=f"{s.name}.raw", place=place, body=body, type=Type("real", REAL, sets))


def _read(raw: g.Statement, s: g.Statement) -> g.Node:
    plates = tuple(a for a in raw.place.axes if isinstance(a, g.Node))
    stored = tuple(g.event_dim(a) for a in raw.type.axes)
    variable = g.Variable(raw.type, frozenset(), stored, s.span, raw.name)
    if not plates:
        return variable
    loops: frozenset[g.Dim] = frozenset().union(*(p.loops for p in plates))
    kind = Type("real", REAL, raw.type.axes[len(plates) :])
    return g.Gather(kind, loops, s.event, s.span, variable, tuple(g.At(p) for p in plates))


def _number(value: float, s: g.Statement) -> g.Node:
    return g.Constant(Type(), frozenset(), (), s.span, value)


def _apply(function: str, s: g.Statement, arguments: tuple[g.Node, ...]) -> g.Node:
    loops: frozenset[g.Dim] = frozenset().union(*(a.loops for a in arguments))
    axes = tuple(Axis(d.set, len(d.tag)) for d in s.event)
    return g.Apply(Type("real", REAL, axes), loops, s.event, s.span, function, arguments)


def _function(name: str | None, x: g.Node) -> g.Node:
    if name is None:
        return x
    root = g.Apply(x.type, x.loops, x.event, x.span, "sqrt", (x,))
    return root if name == "sqrt" else g.Apply(x.type, x.loops, x.event, x.span, "inv", (root,))


def _matrix(name: str, x: g.Node) -> g.Node:
    return g.Apply(x.type, x.loops, x.event, x.span, name, (x,))
