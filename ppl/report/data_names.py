"""Names for folded data: a coefficient of a term as a multiple of (sums of) columns that the text mentions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, islice
from itertools import product as iter_product
from typing import Any

import numpy as np

from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.report.latex import symbol
from ppl.report.letters import Letters

MOST = 12  # data expressions of one statement whose products are tried
NICE = frozenset(n / d for n in range(1, 9) for d in (1, 2, 4, 8))
SIGNS = {"add": " + ", "multiply": r" \, ", "subtract": " - "}
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Datum:
    """A data-only expression of a statement, with its value over the statement's dims."""

    node: g.Node | None
    value: Named
    text: str = ""
    opposite: bool = False
    moved: tuple[tuple[Dim, Dim], ...] = ()

    def shown(self, letters: Letters) -> str:
        """In LaTeX, under the letters of a term."""
        if self.node is None:
            return self.text
        text = rendered(self.node, {**letters, **{a: letters[b] for a, b in self.moved}})
        if self.node.type.element != "bool":
            return text
        return rf"[\text{{not }}{text}]" if self.opposite else f"[{text}]"


@dataclass(frozen=True)
class Match:
    """``ratio * prod data``, summed over the folded dims ``over`` as well."""

    ratio: float
    data: tuple[Datum, ...]
    over: tuple[Dim, ...]


def data_of(at: Evaluator, graph: g.Graph, statement: g.Statement) -> tuple[Datum, ...]:
    """The data-only expressions of a statement and of the values that it reads, the largest first."""
    found: list[Datum] = []
    for node in _nodes(graph, statement):
        if len(found) == MOST:
            break
        datum = _evaluated(at, node)
        if datum is not None and not any(_equal(datum.value, d.value) for d in found):
            found.append(datum)
            if node.type.element == "bool":
                found.append(Datum(node, Named(1.0 - datum.value.numpy, datum.value.dims), opposite=True))
    return tuple(found)


def _nodes(graph: g.Graph, statement: g.Statement) -> Iterator[g.Node]:
    roots = [statement.body] + ([statement.observed] if statement.observed is not None else [])
    seen: set[str] = set()
    while roots:
        root = roots.pop()
        for node in g.walk([root]):
            if isinstance(node, g.Variable) and node.name not in seen:
                seen.add(node.name)
                inner = graph.statement(node.name)
                if inner is not None and inner.kind == "value":
                    roots.append(inner.body)
            if isinstance(node, g.Choose):
                yield node.test
            if not isinstance(node, g.Constant | g.Position | g.Distribution | g.Variable | g.Input):
                yield node


def _evaluated(at: Evaluator, node: g.Node) -> Datum | None:
    if g.variables([node]) or any(isinstance(n, g.Distribution) for n in g.walk([node])):
        return None
    if not rendered(node, {}) or not (node.loops or node.event):
        return None
    try:
        value = at.named(node)
    except (ArithmeticError, KeyError, LookupError, TypeError, ValueError):
        return None
    if value.numpy.dtype.kind not in "biuf":
        return None
    return Datum(node, Named(value.numpy.astype(float), value.dims))


def _equal(a: Named, b: Named) -> bool:
    return a.dims == b.dims and a.numpy.shape == b.numpy.shape and bool(np.array_equal(a.numpy, b.numpy))


# ---------------------------------------------------------------- matching


def match(
    coefficient: Named,
    data: Sequence[Datum],
    folded: Sequence[Dim],
    sizes: Mapping[Dim, int],
    inside: Sequence[Dim],
    plates: Sequence[Dim],
    weights: Sequence[Datum] = (),
) -> Match | None:
    """The coefficient as a multiple of a product of at most two data, summed over the folded dims.

    ``inside`` are the dims that the term itself has, ``plates`` the folded ones that are no event axes; the
    ``weights`` of rows multiply everything. Simple fractions first: a scalar is matched by these only.
    """
    here = (*inside, *(d for d in folded if d not in inside))
    usable = [m for d in data for m in _moved(d, here, sizes)]
    sums = dict.fromkeys([tuple(plates), tuple(folded), ()])
    rough: Match | None = None
    for count in (0, 1, 2):
        for picked in combinations_with_replacement(usable, count):
            chosen = (*weights, *picked)
            for over in sums:
                ratio = _ratio(coefficient, [d.value for d in chosen], over, sizes)
                if ratio is not None and abs(ratio) in NICE:
                    return Match(ratio, chosen, over)
                if ratio is not None and rough is None:
                    rough = Match(ratio, chosen, over)
    return rough


def _moved(datum: Datum, here: Sequence[Dim], sizes: Mapping[Dim, int]) -> Iterator[Datum]:
    """With its dims called as in the term, set by set, in every way that fits."""
    shape = dict(zip(datum.value.dims, datum.value.numpy.shape[1:], strict=True))
    fits = [[h for h in here if h.set == d.set and sizes[h] == shape[d]] for d in datum.value.dims]
    for chosen in islice(iter_product(*fits), MOST):
        if len(set(chosen)) == len(chosen):
            names = dict(zip(datum.value.dims, chosen, strict=True))
            yield replace(datum, value=datum.value.renamed(names), moved=tuple(names.items()))


def _ratio(
    coefficient: Named, factors: Sequence[Named], folded: Sequence[Dim], sizes: Mapping[Dim, int]
) -> float | None:
    dims = tuple(dict.fromkeys((*coefficient.dims, *folded, *(d for f in factors for d in f.dims))))
    if any(d not in coefficient.dims and d not in folded for d in dims):
        return None
    shape = tuple(sizes[d] for d in dims)
    if np.prod(shape, dtype=float) > 2e6:
        return None
    product = np.ones(shape)
    for f in factors:
        product = product * aligned(f, dims)[0]
    total = product.sum(tuple(i for i, d in enumerate(dims) if d not in coefficient.dims))
    kept = tuple(d for d in dims if d in coefficient.dims)
    target = np.broadcast_to(aligned(coefficient, kept)[0], tuple(sizes[d] for d in kept))
    return _constant_ratio(np.asarray(target, float), np.asarray(total, float))


def _constant_ratio(target: Any, total: Any) -> float | None:
    weight = float(np.sum(total * total))
    if weight == 0.0:
        return None
    ratio = float(np.sum(target * total)) / weight
    if np.max(np.abs(target - ratio * total)) > TOLERANCE * max(np.max(np.abs(target)), 1e-300):
        return None
    nearest = round(8.0 * ratio) / 8.0
    if abs(nearest - ratio) <= TOLERANCE * abs(ratio) and abs(nearest) in NICE:
        return nearest
    return ratio if target.size > 2 and np.ptp(target) > 0 else None


# ---------------------------------------------------------------- nodes in LaTeX


def rendered(node: g.Node, letters: Letters) -> str:
    """An expression in LaTeX; empty where it has no short form. Expressions are shallow: the parser bounds them."""
    match node:
        case g.Constant(value=value):
            return str(value)
        case g.Input(name=name):
            return symbol(name)
        case g.Position(dim=dim, variable=variable):
            return letters.get(dim, variable or "i")
        case g.Gather():
            return _gather(node, letters)
        case g.Apply(function=function, arguments=arguments) if not node.keywords:
            return _apply(function, [rendered(a, letters) for a in arguments])
    return ""


def _gather(node: g.Gather, letters: Letters) -> str:
    head = rendered(node.value, letters)
    picks = [
        rendered(s.index, letters)
        if isinstance(s, g.At)
        else f"{rendered(s.base, letters)}-{rendered(s.amount, letters)}"
        for s in node.selectors
    ]
    rest = [letters.get(d, d.set[0]) for d in node.event]
    if not head or not all(picks):
        return ""
    return f"{{{head}}}_{{{','.join([*picks, *rest])}}}"


def _apply(function: str, parts: list[str]) -> str:
    if not all(parts):
        return ""
    if function in SIGNS:
        inner = SIGNS[function].join(parts)
        return inner if function == "multiply" else rf"\left({inner}\right)"
    if function == "negative":
        return f"-{parts[0]}"
    if function == "divide":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if function == "power":
        return f"{{{parts[0]}}}^{{{parts[1]}}}"
    return rf"\mathrm{{{function}}}({', '.join(parts)})".replace("_", r"\_")
