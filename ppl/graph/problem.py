"""A graph with its data: the target to fit, and everything that draws of the fit can tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np

from ppl.backend.tape import Tape
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, joint, layout, walk
from ppl.graph.bind_types import BoundData
from ppl.graph.build import build
from ppl.graph.draws_at_once import draws_at_once, pieces
from ppl.graph.element_labels import labels_of
from ppl.graph.inline import is_discrete
from ppl.graph.lower import GraphTarget, require_latents
from ppl.graph.network_sizes import with_hidden_layers
from ppl.graph.networks import is_weight
from ppl.graph.order import groups
from ppl.graph.passes import run_passes
from ppl.graph.simulate import from_draws, simulate
from ppl.graph.simulated import Simulation
from ppl.graph.store import axis_sets
from ppl.graph.unsupported import refuse_unsupported
from ppl.language import typed as t

Array = Any
NAMED_STATES = 100_000  # discrete elements, one for each row, of which more are not named one by one
Kind = Literal["latent", "param", "imputed", "value", "discrete"]


@dataclass(frozen=True)
class Quantity:
    """Something a fit reports: its name, axes and the names of its elements in order.

    ``sets`` are the index sets of the stored axes. ``of_rows``: it has a value for every row of a
    table (left out of the default summary unless it is a latent).
    """

    name: str
    kind: Kind
    sets: tuple[str, ...]
    shape: tuple[int, ...]
    of_rows: bool
    labels: Sequence[str]


class Problem:
    """A program bound to data."""

    def __init__(
        self, program: t.Program, data: BoundData, *, noncentre: bool = True, fold: bool = True
    ) -> None:
        refuse_unsupported(program)
        self.program = program
        self.data = data = with_hidden_layers(program, data)
        self.fold = fold
        source = build(program)
        skip = () if noncentre else ("noncentre",)
        self.graph = run_passes(source, skip)
        self.plain = run_passes(source, ("noncentre",))
        self._rows = frozenset(program.tables)
        self._levels = self._rows | {n for n, s in program.sets.items() if s.kind in ("columns", "glob")}

    # ---------------------------------------------------------------- inference

    @property
    def data_sets(self) -> frozenset[str]:
        """The sets whose elements come from data: rows of tables, levels of columns."""
        return self._levels

    @cached_property
    def layout(self) -> Layout:
        """Where the unconstrained coordinates of every latent lie."""
        found = layout(self.graph, self.data, self._levels, groups(self.graph))
        return replace(found, fold=self.fold)

    @cached_property
    def _plain_layout(self) -> Layout:
        return layout(self.plain, self.data, self._levels, groups(self.plain))

    def target(self) -> GraphTarget:
        """The log joint over unconstrained coordinates."""
        require_latents(self.layout)
        return GraphTarget(self.layout)

    # ---------------------------------------------------------------- draws in the model's own coordinates

    @cached_property
    def own_target(self) -> GraphTarget:
        """The log joint over coordinates of every latent as written, none of them non-centred."""
        return GraphTarget(replace(self._plain_layout, fold=self.fold))

    def coordinates(self, draws: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Draws by name to coordinates (S, D) of `own_target`, and the latents' ``log|dx/dz|``: (S,)."""
        from ppl.graph.own_space import coordinates

        return coordinates(self._plain_layout, draws)

    def state_values(self) -> dict[str, np.ndarray]:
        """The states (K,) of each discrete latent."""
        lay = self._plain_layout
        at = lay.evaluator()
        with np.errstate(all="ignore"):
            walk(lay, at, np.zeros((1, lay.size)), None)
        return {name: np.asarray(at.states[name]) for name in sorted(lay.discrete)}

    def stored_sets(self, name: str) -> tuple[str, ...]:
        """The index sets of the axes of a quantity, or of a ``table.column``."""
        s = self.plain.statement(name)
        return (name.split(".", 1)[0],) if s is None else axis_sets(s)

    # ---------------------------------------------------------------- what is reported

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Latents, params and imputed cells in the order of writing, then deterministic values."""
        out = [self._quantity(d) for d in self.plain.statements if d.kind in ("latent", "param")]
        out = [q for q in out if q.name not in self.weights]
        out += [q for s in self.plain.statements if s.imputes is not None for q in self._imputed(s)]
        out += [self._quantity(d) for d in self.plain.statements if d.kind == "value"]
        order = {d.name: i for i, d in enumerate(self.program.definitions)}
        rank = {"latent": 0, "param": 0, "imputed": 1, "discrete": 2, "value": 3}
        return tuple(sorted(out, key=lambda q: (rank[q.kind], order.get(q.name, len(order)))))

    def _quantity(self, s: g.Statement) -> Quantity:
        sets = axis_sets(s)
        kind: Kind = "discrete" if s.kind == "latent" and is_discrete(s) else s.kind  # type: ignore[assignment]
        shape = tuple(self.data.sets[n].size if n in self.data.sets else 2 for n in sets)
        of_rows = any(n in self._rows for n in sets)
        unnamed = of_rows and (kind == "value" or (kind == "discrete" and prod(shape) > NAMED_STATES))
        labels: Sequence[str] = () if unnamed else self._labels(s.name, sets)
        return Quantity(s.name, kind, sets, shape, of_rows, labels)

    def _labels(self, name: str, sets: tuple[str, ...]) -> Sequence[str]:
        return labels_of(name, [[self.data.label(n, i) for i in range(self.data.sets[n].size)] for n in sets])

    def _imputed(self, s: g.Statement) -> list[Quantity]:
        assert s.imputes is not None
        table, column = s.imputes
        mask = self.data.missing.get(s.imputes)
        if mask is None or not mask.any() or s.body.type.element != "real":
            return []
        cells = np.argwhere(mask)
        cell_names = [
            [self.data.label(table, int(c[0])), *(str(int(part) + 1) for part in c[1:])] for c in cells
        ]
        labels = tuple(f"{column}[{','.join(parts)}]" for parts in cell_names)
        return [Quantity(f"{table}.{column}", "imputed", (), (len(cells),), True, labels)]

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """Arrays of networks that are fitted as points; too many numbers to be reported one by one."""
        return tuple(s.name for s in self.plain.statements if s.kind == "param" and is_weight(s.name))

    def constrain(self, z: Array, own: bool = False) -> dict[str, np.ndarray]:
        """Latents, params, imputed cells and weights of networks at draws z (S, D): name -> (S, *shape).

        Draws of a weight are one array, repeated without a copy. ``own``: z are coordinates of `own_target`.
        """
        z = np.asarray(z, dtype=float)
        wanted = {q.name for q in self.quantities if q.kind in ("latent", "param", "imputed")}
        wanted |= set(self.weights)
        lay = replace(_restricted(self._plain_layout if own else self.layout, wanted), fold=False)
        at = lay.evaluator()
        with np.errstate(all="ignore"):
            walk(lay, at, z, None)
        out = {}
        for q in self.quantities:
            if q.name in at.values and q.name in wanted:
                array = np.asarray(at.values[q.name].array)
                if q.kind == "imputed":
                    array = array[:, self.data.missing[tuple(q.name.split(".", 1))]]  # type: ignore[index]
                out[q.name] = np.broadcast_to(array, (len(z), *array.shape[1:]))
        for name in self.weights:
            first = np.array(at.values[name].array[:1])
            out[name] = np.broadcast_to(first, (len(z), *first.shape[1:]))
        return out

    def values(self, draws: Mapping[str, np.ndarray], names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """Deterministic quantities at draws of the latents: name -> (S, *shape).

        Without names: those that have no value per row of a table.
        """
        wanted = set(names) or {q.name for q in self.quantities if q.kind == "value" and not q.of_rows}
        if not wanted:
            return {}
        lay = _restricted(self._plain_layout, wanted)
        out = self._at_draws(lay, draws, observe=False)
        count = _count(draws)
        found = {n: np.asarray(out.at.values[n].array) for n in wanted if n in out.at.values}
        return {n: np.broadcast_to(a, (count, *a.shape[1:])) for n, a in found.items()}

    def report(self, draws: Mapping[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The quantities of the ``report`` block at draws of the latents."""
        if not self.program.report:
            return {}
        source = build(self.program)
        graph = g.Graph((*source.statements, *source.report), (), source.domains)
        graph = run_passes(graph, ("noncentre",))
        lay = layout(graph, self.data, self._levels, groups(graph))
        wanted = {s.name for s in source.report}
        out = self._at_draws(_restricted(lay, wanted), draws, observe=False, rng=rng)
        count = _count(draws)
        found = {n: np.asarray(out.at.values[n].array) for n in wanted if n in out.at.values}
        return {n: np.broadcast_to(a, (count, *a.shape[1:])) for n, a in found.items()}

    def predictive(self, draws: Mapping[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """New observations at draws of the latents: observed name -> (S, *shape).

        Discrete latents are drawn from their prior given the rest; columns that later rows read
        (autoregressions) keep their data.
        """
        lay, count = self._plain_layout, _count(draws)
        step = draws_at_once(lay)
        if step >= count:
            return self._at_draws(lay, draws, observe=True, rng=rng).observed
        found = [self._at_draws(lay, d, observe=True, rng=rng).observed for d in pieces(draws, count, step)]
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def transfer(
        self, draws: Mapping[str, np.ndarray], levels: Mapping[str, tuple[str, ...]], rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draws of a fit for this problem's data: elements copied by label, new ones from the prior."""

        def known(name: str, sets: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray] | None:
            old = draws.get(name)
            return None if old is None else self._by_label(old, sets, levels)

        return simulate(self._plain_layout, _count(draws), rng, known, observe=False, condition=True).latents

    def _by_label(
        self, old: np.ndarray, sets: tuple[str, ...], levels: Mapping[str, tuple[str, ...]]
    ) -> tuple[np.ndarray, np.ndarray]:
        mask: Array = np.ones((), dtype=bool)
        array = old[:1] if old.strides[0] == 0 else old  # equal draws stay one array
        for axis, name in enumerate(sets):
            bound = self.data.sets[name]
            if name in levels:
                where = {label: i for i, label in enumerate(levels[name])}
                codes = np.array([where.get(bound.label(i), -1) for i in range(bound.size)], dtype=int)
            elif name in self._rows:
                codes = np.full(bound.size, -1)
            else:
                codes = np.where(np.arange(bound.size) < old.shape[axis + 1], np.arange(bound.size), -1)
            mask = mask[..., None] & (codes >= 0)
            if len(codes) == old.shape[axis + 1] and (codes == np.arange(len(codes))).all():
                continue
            array = np.take(array, np.maximum(codes, 0), axis=axis + 1)
        return np.broadcast_to(array, (len(old), *array.shape[1:])), mask

    def discrete(self, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Probabilities of the states of each discrete latent at draws: name -> (S, *shape, K)."""
        from ppl.graph.pointwise import state_probabilities

        return state_probabilities(self._plain_layout, draws)

    def log_likelihood(
        self, draws: Mapping[str, np.ndarray], without: Collection[str] = ()
    ) -> dict[str, np.ndarray]:
        """log p(each observation | all others, latents) at draws: observed name -> (S, *shape).

        Discrete latents are summed out; where none is shared this is the observation's own density.
        without: observations to leave out altogether.
        """
        from ppl.graph.pointwise import log_likelihood

        lay = self._plain_layout
        if without:
            kept = (tuple(s for s in group if s.name not in without) for group in lay.groups)
            lay = replace(lay, groups=tuple(group for group in kept if group))
        return log_likelihood(lay, draws)

    def prior(self, draws: int, rng: np.random.Generator) -> Simulation:
        """Ancestral draws of all latents and observations."""
        return simulate(self._plain_layout, draws, rng)

    def prior_of(self, names: Collection[str], draws: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Prior draws of some latents and of what they need, without the observations."""
        lay = _restricted(self._plain_layout, set(names))
        return simulate(lay, draws, rng, observe=False).latents

    def _at_draws(
        self,
        lay: Layout,
        draws: Mapping[str, np.ndarray],
        observe: bool,
        rng: np.random.Generator | None = None,
    ) -> Simulation:
        read = (s.name for group in lay.groups for s in group)
        complete = {n: draws[n] for n in read if n in draws}  # the only ones that have to be made
        source = rng if rng is not None else np.random.default_rng(0)
        with np.errstate(all="ignore"):
            return simulate(lay, _count(draws), source, from_draws(complete), observe=observe, condition=True)

    # ---------------------------------------------------------------- the density itself

    def log_joint(self, values: Mapping[str, Array]) -> tuple[float, dict[str, np.ndarray]]:
        """log p(values, data) in the user's own coordinates, and its gradient in every value."""
        lay = self._plain_layout
        shapes = {n: np.shape(v) for n, v in values.items()}
        parts = [np.ravel(np.asarray(v, dtype=float)) for v in values.values()]
        flat = np.concatenate([np.zeros(0), *parts])[None]
        tape = Tape(np.concatenate([flat, flat]))
        at = lay.evaluator()
        terms = Terms()
        from ppl.graph.given_values import sliced, walk_given

        with np.errstate(all="ignore"):
            walk_given(lay, at, sliced(tape.input, shapes), terms)
            prior, rest = joint(lay, at, terms)
        value, grad = tape.finish(prior.array + rest.array).value_and_grad(flat)
        out, start = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape, dtype=int))
            out[name] = grad[0, start : start + size].reshape(shape)
            start += size
        return float(value[0]), out


def _count(draws: Mapping[str, np.ndarray]) -> int:
    told = getattr(draws, "count", None)  # draws that are made when asked for say how many they are
    return int(told) if told else len(next(iter(draws.values()))) if draws else 1


def _restricted(lay: Layout, wanted: set[str]) -> Layout:
    """The layout with only the groups that the wanted names need."""
    from ppl.graph.order import needs

    need = set(wanted)
    kept = []
    for group in reversed(lay.groups):
        names = {s.name for s in group} | {".".join(s.imputes) for s in group if s.imputes}
        if names & need:
            kept.append(group)
            for s in group:
                need |= needs(s)
    return replace(lay, groups=tuple(reversed(kept)))
