"""The discrete latents of a fit: probabilities of states, and figures where the states are numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ppl.graph.marginals import Marginal, marginals
from ppl.posterior.element_labels import element_labels
from ppl.posterior.estimates import Array, Estimates
from ppl.posterior.factored import within
from ppl.posterior.states import StateTable, of_numbers

DRAWS = 400  # draws of the continuous latents that probabilities are averaged over
MOST = 5_000_000  # probabilities of one latent that are kept


def discrete_states(problem: Any, z: Array) -> tuple[tuple[StateTable, ...], tuple[Estimates, ...]]:
    """State probabilities at draws z (S, D) of the coordinates; figures for numbers and truth values."""
    thinned = z[:: max(1, len(z) // DRAWS)]
    return state_tables(problem, marginals(problem.layout, thinned))


def given_states(
    problem: Any, probabilities: Mapping[str, Array]
) -> tuple[tuple[StateTable, ...], tuple[Estimates, ...]]:
    """The same from probabilities (*shape, K) by name; latents of more than `MOST` are left out."""
    small = {name: probabilities[name] for name in within(probabilities, MOST)}
    states = problem.state_values() if small else {}
    return state_tables(
        problem,
        tuple(
            Marginal(name, problem.stored_sets(name), states[name], array) for name, array in small.items()
        ),
    )


def state_tables(
    problem: Any, found_marginals: tuple[Marginal, ...]
) -> tuple[tuple[StateTable, ...], tuple[Estimates, ...]]:
    """Tables of the states' probabilities, and figures of those that are numbers."""
    found = list(_elements(problem, found_marginals))
    tables = tuple(
        StateTable(name, labels, _state_names(problem, m, kind), table)
        for name, labels, m, kind, table in found
    )
    numbers = tuple(
        of_numbers(name, labels, m.states.astype(float), table)
        for name, labels, m, kind, table in found
        if kind.element != "label"
    )
    return tables, numbers


def _elements(
    problem: Any, found: tuple[Marginal, ...]
) -> Iterator[tuple[str, Sequence[str], Marginal, Any, Array]]:
    """Name, element names, marginal, type and probabilities (n, K); blank cells only of a data column."""
    for m in found:
        flat = m.probabilities.reshape(-1, m.probabilities.shape[-1])
        table, dot, column = m.name.partition(".")
        if dot:
            blank = np.flatnonzero(problem.data.missing[(table, column)])
            labels: Sequence[str] = tuple(f"{column}[{problem.data.label(table, int(i))}]" for i in blank)
            cells = flat if len(flat) == len(blank) else flat[blank]
            yield column, labels, m, _column_type(problem, table, column), cells
        else:
            labels = element_labels(problem.data, m.name, m.sets, m.probabilities.shape[:-1])
            yield m.name, labels, m, _latent_type(problem, m.name), flat


def _column_type(problem: Any, table: str, column: str) -> Any:
    return next(c.type for c in problem.program.tables[table].columns if c.name == column)


def _latent_type(problem: Any, name: str) -> Any:
    return next(d.type for d in problem.program.definitions if d.name == name)


def _state_names(problem: Any, m: Marginal, kind: Any) -> tuple[str, ...]:
    if kind.element == "label" and kind.set in problem.data.sets:
        return tuple(problem.data.label(kind.set, int(k)) for k in m.states)
    return tuple(f"{state:g}" for state in m.states)
