"""Latents whose factors are no polynomials: which ones a Gaussian on the real line has to cover together.

What such factors touch leaves the energy's latents and becomes one component for each connected group. Of the
component the energy reads means of statistics: of single elements, of products of several, and of the log
densities over the states of discrete latents. All of these are averages over draws, so that every other block's
update stays exact given them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ppl.energy.declare import orders_of, supports_of
from ppl.energy.poly import Algebra
from ppl.energy.sampled_walk import Part, dims_size, part_of, repeats, walk, weighted
from ppl.energy.states import indicator
from ppl.energy.terms import Atom, Energy, Latent, Residual, Term
from ppl.errors import Span
from ppl.graph import nodes as g
from ppl.graph.assemble import row_weights
from ppl.graph.evaluate import Evaluator
from ppl.graph.lower import prior_start
from ppl.graph.named import Named, aligned, constant
from ppl.graph.nodes import Dim
from ppl.graph.potentials import same_cell

SIMPLE = ("x", "log", "log1m")
MOST_CELLS = 200_000  # of a product of elements; statements with larger ones are evaluated whole


@dataclass(frozen=True, eq=False)
class Table:
    """A statement's log density over its dims and the states it reads: the statistic called ``name``.

    ``take``: flat positions in the density as it is evaluated (over ``raw``), where two reads are of one cell.
    """

    name: str
    statement: g.Statement
    raw: tuple[Dim, ...]
    shape: tuple[int, ...]
    take: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Joint:
    """A product of statistics of elements of the component: each atom's statistic at flat positions of its latent."""

    name: str
    shape: tuple[int, ...]
    factors: tuple[tuple[str, str, np.ndarray], ...]


@dataclass(frozen=True, eq=False)
class Component:
    """Latents that are drawn together, what is evaluated at them, and what the energy reads of them.

    whole: statements evaluated at the draws with how often each counts. singles: statistics (stat, name).
    """

    latents: tuple[Latent, ...]
    points: tuple[bool, ...]
    part: Part
    whole: tuple[tuple[g.Statement, float], ...]
    tables: tuple[Table, ...]
    joints: tuple[Joint, ...]
    singles: tuple[tuple[str, str], ...]
    start: np.ndarray
    reason: str
    span: Span | None
    blame: g.Statement | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The latents."""
        return tuple(x.name for x in self.latents)


@dataclass(frozen=True)
class Cause:
    """Why a latent is drawn: a sentence and its place."""

    text: str
    span: Span | None = None


def with_drawn(energy: Energy, causes: Mapping[str, Cause], points: Iterable[str] = ()) -> Energy:
    """The energy with every latent that needs it in a component; ``causes`` names further ones.

    Raises `ppl.errors.PplError` where a statement cannot be evaluated.
    """
    latents = {n: x for n, x in energy.latents.items() if x.states is None}
    inside, forced = closure(energy, latents, causes)
    if not inside or energy.layout is None:
        return energy
    whole = whole_statements(energy, inside, forced, latents)
    out = energy
    for names in components(inside, whole):
        own = [(s, found) for s, found in whole if found & names]
        out = _drawn(out, energy, names, own, causes, frozenset(points))
    latents_left = {n: x for n, x in energy.latents.items() if n not in inside}
    kept = {id(s) for s, _ in whole}
    residuals = tuple(r for r in energy.residuals if id(r.statement) not in kept)
    return replace(out, latents=latents_left, residuals=residuals)


def closure(
    energy: Energy, latents: Mapping[str, Latent], causes: Mapping[str, Cause]
) -> tuple[frozenset[str], frozenset[int]]:
    """Every latent to be drawn, and the polynomial statements (by id) that must be evaluated whole."""
    inside = set(causes) & set(latents)
    by_statement = _names_by_statement(energy)
    forced: set[int] = set()
    while True:
        before = len(inside), len(forced)
        for r in energy.residuals:
            own = r.names & set(latents)
            if own and (r.predictor is None or own & inside):
                inside |= own
        for t in energy.terms:
            if t.origin is not None and id(t.origin) not in forced and _odd(t, inside, energy):
                forced.add(id(t.origin))
        for s, names in by_statement:
            if id(s) in forced:
                inside |= names & set(latents)
        if (len(inside), len(forced)) == before:
            return frozenset(inside), frozenset(forced)


def _odd(term: Term, inside: set[str], energy: Energy) -> bool:
    """Whether a term reads drawn latents in a way that no mean of simple statistics serves."""
    own = [a for a in term.atoms if a.name in inside]
    if any(a.stat not in SIMPLE and not a.stat.startswith("power:") for a in own):
        return True
    cells = prod(energy.sizes.get(d, 1) for d in frozenset().union(*(a.dims for a in own))) if own else 0
    return len(own) > 1 and cells > MOST_CELLS


def _names_by_statement(energy: Energy) -> list[tuple[g.Statement, frozenset[str]]]:
    found: dict[int, tuple[g.Statement, set[str]]] = {}
    for t in energy.terms:
        if t.origin is not None:
            found.setdefault(id(t.origin), (t.origin, set()))[1].update(a.name for a in t.atoms)
    return [(s, frozenset(names)) for s, names in found.values()]


def whole_statements(
    energy: Energy, inside: frozenset[str], forced: frozenset[int], latents: Mapping[str, Latent]
) -> list[tuple[g.Statement, frozenset[str]]]:
    """Statements that are evaluated at draws, with the drawn latents that they mention."""
    out = [(r.statement, r.names & inside) for r in energy.residuals if r.names & inside]
    for s, names in _names_by_statement(energy):
        if id(s) in forced or (names and names <= inside):
            out.append((s, names & inside))
    return out


def components(
    inside: frozenset[str], whole: list[tuple[g.Statement, frozenset[str]]]
) -> list[frozenset[str]]:
    """Latents that statements evaluated whole connect."""
    groups = [frozenset([n]) for n in sorted(inside)]
    for _, names in whole:
        touched = [x for x in groups if x & names]
        if len(touched) > 1:
            groups = [x for x in groups if not x & names] + [frozenset().union(*touched)]
    return groups


def _drawn(
    out: Energy,
    energy: Energy,
    names: frozenset[str],
    whole: list[tuple[g.Statement, frozenset[str]]],
    causes: Mapping[str, Cause],
    points: frozenset[str],
) -> Energy:
    """One component taken out of the energy."""
    lay = energy.layout
    assert lay is not None
    number = len(out.drawn)
    latents = tuple(x for n, x in energy.latents.items() if n in names)
    part = part_of(lay, energy.states, tuple(names), [s for s, _ in whole], points)
    start = _start(part)
    found = walk(part, start[None])
    gone = {id(s) for s, _ in whole}
    terms = [t for t in out.terms if id(t.origin) not in gone]
    lost = sum(c for s, c in energy.constants if id(s) in gone)
    tables: list[Table] = []
    counted: list[tuple[g.Statement, float]] = []
    sizes = dict(out.sizes)
    supports, axes = supports_of(lay)
    algebra = Algebra(found.at, supports, axes, orders_of(lay))
    for s, density in found.densities:
        times = repeats(part, found.at, s, density)
        if not any(d in found.at.reads for d in density.dims):
            counted.append((s, times))
            continue
        table, term = _table(f"#density.{number}.{len(tables)}", s, density, times, part, algebra)
        tables.append(table)
        terms.append(term)
        sizes |= {d: found.at.size(d) for d in term.dims}
    terms, joints, singles = _reads(terms, names, number, energy)
    reason, span = _reason(energy, names, latents, causes)
    blame = next((r.statement for r in energy.residuals if r.names & names), None)
    component = Component(
        latents,
        tuple(x.kind == "param" or x.name in points for x in latents),
        part,
        tuple(counted),
        tuple(tables),
        joints,
        singles,
        start,
        reason,
        span,
        blame,
    )
    return replace(
        out, terms=tuple(terms), constant=out.constant - lost, sizes=sizes, drawn=(*out.drawn, component)
    )


def _start(part: Part) -> np.ndarray:
    whole = prior_start(part.layout)
    out = np.zeros(part.size)
    for name, block in part.blocks.items():
        out[block.where] = whole[part.layout.blocks[name].where]
    return out


def _table(
    name: str, s: g.Statement, density: Named, times: float, part: Part, algebra: Algebra
) -> tuple[Table, Term]:
    """A density over states: the statistic that it is, and the term that reads it."""
    at = algebra.at
    alias: dict[Dim, Dim] = {}
    states: list[Dim] = []
    for d in sorted((d for d in density.dims if d in at.reads), key=str):
        twin = next((e for e in states if _one_cell(at, d, e)), None)
        if twin is None:
            states.append(d)
        else:
            alias[d] = twin
    dims = tuple(d for d in density.dims if d not in alias)
    shape = dims_size(at, dims)
    take = None if not alias else _diagonal(at, density.dims, dims, alias)
    atoms = (Atom(name, "x", dims), *(indicator(algebra, d, d) for d in states))
    weight = weighted(Named(np.full((1, *(1,) * len(dims)), times), dims), row_weights(part.layout, at))
    kept = [i for i, d in enumerate(dims) if np.shape(weight.array)[1 + i] > 1]
    squeezed = np.squeeze(weight.numpy, tuple(1 + i for i in range(len(dims)) if i not in kept))
    coefficient = Named(squeezed, tuple(dims[i] for i in kept))
    return Table(name, s, density.dims, shape, take), Term(coefficient, atoms, s, s.span)


def _one_cell(at: Evaluator, d: Dim, e: Dim) -> bool:
    a, b = at.reads[d], at.reads[e]
    return a.name == b.name and all(same_cell(at, x, y) for x, y in zip(a.cells, b.cells, strict=True))


def _diagonal(
    at: Evaluator, raw: tuple[Dim, ...], dims: tuple[Dim, ...], alias: Mapping[Dim, Dim]
) -> np.ndarray:
    """Flat positions in an array over ``raw`` of the cells over ``dims``."""
    grid = dict(zip(dims, np.indices(dims_size(at, dims)), strict=True))
    flat = np.zeros(dims_size(at, dims), dtype=np.intp)
    for d in raw:
        flat = flat * at.size(d) + grid[alias.get(d, d)]
    return flat.ravel()


def _reads(
    terms: list[Term], names: frozenset[str], number: int, energy: Energy
) -> tuple[list[Term], tuple[Joint, ...], tuple[tuple[str, str], ...]]:
    """Terms with at most one read of the component each."""
    out: list[Term] = []
    joints: list[Joint] = []
    singles: dict[tuple[str, str], None] = {}
    for t in terms:
        own = [a for a in t.atoms if a.name in names]
        if len(own) > 1:
            dims = tuple(sorted(frozenset().union(*(a.dims for a in own)), key=str))
            joint = _joint(f"#product.{number}.{len(joints)}", own, dims, energy)
            joints.append(joint)
            rest = tuple(a for a in t.atoms if a.name not in names)
            t = replace(t, atoms=(Atom(joint.name, "x", dims), *rest))
        for a in own if len(own) == 1 else ():
            singles[(a.stat, a.name)] = None
        out.append(t)
    return out, tuple(joints), tuple(singles)


def _joint(name: str, atoms: list[Atom], dims: tuple[Dim, ...], energy: Energy) -> Joint:
    shape = tuple(energy.sizes[d] for d in dims)
    factors = tuple((a.stat, a.name, _flat(a, dims, shape, energy)) for a in atoms)
    return Joint(name, shape, factors)


def _flat(a: Atom, dims: tuple[Dim, ...], shape: tuple[int, ...], energy: Energy) -> np.ndarray:
    """Flat positions in its latent's array of what an atom reads at each cell of ``dims``."""
    latent = energy.latents[a.name]
    flat = np.zeros((1,) * len(dims), dtype=np.intp)
    for length, entry in zip(latent.shape, a.index, strict=True):
        own = constant(np.arange(length), (entry,)) if isinstance(entry, Dim) else entry
        flat = flat * length + aligned(own, dims)[0].astype(np.intp)
    return np.broadcast_to(flat, shape).ravel()


def _reason(
    energy: Energy, names: frozenset[str], latents: tuple[Latent, ...], causes: Mapping[str, Cause]
) -> tuple[str, Span | None]:
    listed = ", ".join(x.name for x in latents)
    found: Residual | None = next((r for r in energy.residuals if r.names & names), None)
    cause = next((causes[n] for n in sorted(names) if n in causes), None)
    if found is not None and (found.predictor is None or cause is None):
        return f"{listed}: {found.reason}, so that they are drawn", found.span
    text = cause.text if cause is not None else "a factor is no polynomial"
    return f"{listed}: {text}, so that they are drawn", None if cause is None else cause.span
