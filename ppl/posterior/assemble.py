"""From a run's approximation to a fit: draws, figures, names, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ppl.posterior.discrete import discrete_states
from ppl.posterior.element_labels import element_labels
from ppl.posterior.element_names import quantity_of
from ppl.posterior.estimates import Array, Estimates, estimate, estimate_parts
from ppl.posterior.record import ImputedCell, Level
from ppl.posterior.redrawn import parts_of, shape_of
from ppl.posterior.states import StateTable

KEPT = 4000  # joint draws kept where memory allows
FEWEST = 200
FEWEST_OF_MANY = 50  # where one draw is larger than `MANY` numbers
MANY = 200_000
KEPT_NUMBERS = 20_000_000  # of all draws together
ROWS_REPORTED = 50  # elements of a quantity over a table's rows that are still listed
REPORTED = 1000  # a larger deterministic quantity is reported only when asked for


@dataclass(frozen=True)
class Drawn:
    """Draws by name, the figures made from them, and the states of discrete latents."""

    draws: Mapping[str, Array]
    estimates: tuple[Estimates, ...]
    states: tuple[StateTable, ...] = ()


def draw_count(elements: int, asked: int | None) -> int:
    """How many joint draws to keep.

    >>> draw_count(10, None), draw_count(10**6, None), draw_count(10, 50)
    (4000, 50, 50)
    """
    if asked is not None:
        return asked
    fewest = FEWEST if elements <= MANY else FEWEST_OF_MANY
    return int(np.clip(KEPT_NUMBERS // max(elements, 1), fewest, KEPT))


def summarise(problem: Any, z: Array, khat: Mapping[str, Array], rng: np.random.Generator) -> Drawn:
    """Draws (S, D) on the real line to figures for every quantity of a problem.

    khat: name to the k-hat of each element, where it is known.
    """
    return figures(problem, problem.constrain(z), khat, discrete_states(problem, z), rng)


def figures(
    problem: Any,
    draws: Mapping[str, Array],
    khat: Mapping[str, Array],
    discrete: tuple[tuple[StateTable, ...], tuple[Estimates, ...]],
    rng: np.random.Generator,
) -> Drawn:
    """The same from draws by name, and from what is known of the discrete latents."""
    listed = [q for q in problem.quantities if q.kind in ("latent", "param", "imputed")]
    found = [_estimate(problem, q, draws, khat) for q in listed]
    states, numbers = discrete
    found += [e for e in numbers if len(e.labels) <= REPORTED]
    small = [q for q in problem.quantities if q.kind == "value" and 0 < prod(q.shape) <= _limit(q)]
    if small:
        values = problem.values(draws, tuple(q.name for q in small))
        found += [_estimate(problem, q, values, khat) for q in small if q.name in values]
    found += [
        estimate(name, "report", _numbered(problem, name, array), array)
        for name, array in problem.report(draws, rng).items()
        if prod(array.shape[1:]) <= REPORTED
    ]
    return Drawn(draws, tuple(found), states)


def _limit(q: Any) -> int:
    """Elements a deterministic quantity may have and still be listed: few where it runs over rows."""
    return ROWS_REPORTED if q.of_rows else REPORTED


def _numbered(problem: Any, name: str, array: Array) -> Sequence[str]:
    """Names of the elements of a reported quantity, by the labels of its axes."""
    definition = next(d for d in problem.program.report if d.name == name)
    return element_labels(problem.data, name, tuple(a.set for a in definition.type.axes), array.shape[1:])


def _estimate(problem: Any, q: Any, draws: Mapping[str, Array], khat: Mapping[str, Array]) -> Estimates:
    labels = q.labels or element_labels(problem.data, q.name, q.sets, shape_of(draws, q.name))
    known = khat.get(q.name)
    fitting = np.ravel(known) if known is not None and known.size == len(labels) else None
    return estimate_parts(q.name, q.kind, labels, parts_of(draws, q.name), fitting)


def levels_of(sets: Mapping[str, Any]) -> dict[str, Level]:
    """The index sets of bound data, to be kept with the fit."""
    return {s.name: Level(s.name, int(s.size), s.labels, int(getattr(s, "low", 1))) for s in sets.values()}


def imputed_cells(problem: Any, data: Any) -> tuple[ImputedCell, ...]:
    """Every imputed cell with its place in the file."""
    cells: list[ImputedCell] = []
    for (table, column), missing in data.missing.items():
        rows = np.argwhere(missing)
        names = _names_of(problem, column, table, len(rows))
        if names is None:
            continue
        lines = data.lines.get(table) if table else None
        file = data.files.get(table, "data") if table else "data"
        for name, where in zip(names, rows, strict=True):
            line = int(lines[where[0]]) if lines is not None else None
            cells.append(ImputedCell(name, file, line, column))
    return tuple(cells)


def _names_of(problem: Any, column: str, table: str | None, count: int) -> Sequence[str] | None:
    for q in problem.quantities:
        if q.kind == "imputed" and q.name in (column, f"{table}.{column}") and len(q.labels) == count:
            labels: Sequence[str] = q.labels
            return labels
    return None


def spread_khat(problem: Any, groups: Sequence[Any], khat: Array | None) -> dict[str, Array]:
    """k-hat of coordinates to k-hat of elements; a quantity whose bijection mixes them gets the largest."""
    return dict(_spread(problem, groups, khat)) if khat is not None else {}


def _spread(problem: Any, groups: Sequence[Any], khat: Array) -> Iterator[tuple[str, Array]]:
    sizes = {q.name: len(q.labels) for q in problem.quantities}
    for group in groups:
        name = quantity_of(group.name)
        if name not in sizes:
            continue
        part = khat[group.where]
        size = sizes[name]
        if len(part) == size:
            yield name, part
        elif len(part):
            largest = np.nan if np.isnan(part).all() else np.nanmax(part)
            yield name, np.full(size, largest)
