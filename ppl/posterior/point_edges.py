"""Point estimates and weights that a mixture has given up: empty components, collapsed scales, clipped modes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ppl.posterior.boundary_check import at_edge
from ppl.posterior.element_labels import element_labels
from ppl.posterior.estimates import Array
from ppl.posterior.factored import within
from ppl.posterior.record import FitWarning
from ppl.supports import Interval, Structured, Support

SMALL_WEIGHT = 1e-3  # a component's share of the rows, times the number of components
FEWEST_ROWS = 0.5  # rows that a component has to explain
COLLAPSED = 1e-5  # a scale over the median of its fellows
NEXT_TO_NOTHING = 1e-8
SHOWN = 5
LOOKED_AT = 5_000_000  # probabilities of one latent; more are not made to see whether a state is empty


def edges(
    problem: Any, points: frozenset[str], draws: Mapping[str, Array], probabilities: Mapping[str, Array]
) -> tuple[FitWarning, ...]:
    """Warnings on point estimates at an edge, and on components that explain no row."""
    supports = dict(_supports(problem, points))
    at = {name: np.asarray(draws[name])[:1] for name in supports if name in draws}
    found = [
        _clipped(problem, n, s, at[n][0]) or _collapsed(problem, n, s, at[n][0])
        for n, s in supports.items()
        if n in at
    ]
    small = within(probabilities, LOOKED_AT)
    found += [_empty(problem, name, probabilities[name], bool(points)) for name in small]
    return tuple(w for w in found if w is not None)


def _supports(problem: Any, points: frozenset[str]) -> Iterator[tuple[str, Support]]:
    for s in problem.plain.statements:
        if s.name in points and s.kind in ("latent", "param"):
            yield s.name, s.type.support if s.kind == "param" else s.body.type.support


def _labels(problem: Any, name: str, shape: tuple[int, ...]) -> Sequence[str]:
    return element_labels(problem.data, name, problem.stored_sets(name), shape)


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(f"`{label}`" for label in labels[:SHOWN]) + more


def _clipped(problem: Any, name: str, support: Support, value: Array) -> FitWarning | None:
    """A mode on the edge of its support: a probability of 0, or a bounded value at its bound.

    Maximum likelihood may well put a probability at 0; a prior whose mode lies there has none inside.
    """
    if isinstance(support, Structured):
        ends = support.kind in ("simplex", "row_stochastic") and value.shape[-1] > 1
        out = value <= 0.0 if ends else np.zeros(value.shape, bool)
    else:
        ends = math.isfinite(support.lower) and math.isfinite(support.upper)
        out = at_edge(support, value)
    if not out.any():
        return None
    labels = _labels(problem, name, value.shape)
    where = tuple(labels[int(i)] for i in np.flatnonzero(out.ravel()))
    statement = problem.plain.statement(name)
    harmless = ends and statement is not None and statement.kind == "param"
    text = f"the best {_named(where)} lies on the edge of the support"
    text += "" if harmless else ": a prior that keeps it inside mends it"
    return FitWarning("W716", text, where, "note" if harmless else "warn")


def _collapsed(problem: Any, name: str, support: Support, value: Array) -> FitWarning | None:
    """Scales that shrank to next to nothing beside their fellows: a component on a single datum."""
    labels: Sequence[str] = ()
    if isinstance(support, Structured) and support.kind == "covariance" and value.ndim > 2:
        scale = np.linalg.eigvalsh(value)[..., 0]
        labels = _labels(problem, name, value.shape)[:: value.shape[-1] ** 2]
    elif isinstance(support, Interval) and support.lower == 0.0 and math.isinf(support.upper):
        scale = value
        labels = _labels(problem, name, value.shape)
    else:
        return None
    if scale.size < 2:
        return None
    small = scale.ravel() < max(COLLAPSED * float(np.median(scale)), NEXT_TO_NOTHING)
    where = tuple(labels[int(i)] for i in np.flatnonzero(small))
    if not where:
        return None
    text = f"{_named(where)} collapsed to next to nothing: a component on a single datum; give it a prior"
    return FitWarning("W719", text, where)


def _empty(problem: Any, name: str, probabilities: Array, points: bool) -> FitWarning | None:
    """States that no element is in. A Bayesian fit may well leave some empty: only a note."""
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    if len(flat) < 2 * flat.shape[1]:
        return None
    counts = flat.sum(0)
    few = np.flatnonzero(counts < min(FEWEST_ROWS, SMALL_WEIGHT * len(flat) / flat.shape[1]))
    if not len(few):
        return None
    states = [f"{name} = {_state(problem, name, int(k))}" for k in few]
    text = f"no row is in {_named(states)}: fewer components would do as well"
    return FitWarning("W719", text, (name,), "warn" if points else "note")


def _state(problem: Any, name: str, k: int) -> str:
    s = problem.plain.statement(name)
    kind = None if s is None else s.body.type
    if kind is not None and kind.element == "label" and kind.set in problem.data.sets:
        return str(problem.data.label(kind.set, k))
    return f"{problem.state_values()[name][k]:g}"
