"""Rows held out of a fit, and how well it predicts them: the log predictive density of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.data import Frame
from ppl.errors import UsageError, fail
from ppl.language import typed as t
from ppl.posterior.bound import Bound, bind_problem
from ppl.posterior.estimates import Array
from ppl.posterior.fit import Fit
from ppl.posterior.inputs import Inputs, gather
from ppl.posterior.predict import bind_new, moved
from ppl.posterior.taken_rows import split_rows

NUMBERS = 20_000_000  # log densities held at once


def held_out(
    program: t.Program,
    data: Any,
    tables: Mapping[str, Any],
    share: float | str | None,
    other: Any,
    seed: int,
    reading: Mapping[str, Any],
) -> tuple[Bound, Callable[[Fit], Array] | None]:
    """Data to fit, bound, and what scores a fit on the rows held out of them or on other data (None: neither)."""
    if share is not None and other is not None:
        raise fail(UsageError, "E705", "rows are held out, or other data are given: not both")
    inputs = gather(program, data, tables)
    if share is not None:
        table, part = share_of(share)
        split = split_rows(program, inputs, part, seed, table)
        bound = _bind(program, split.kept, reading)
        return bound, lambda fit: log_scores(fit, *_given(split.held), seed, **_later(reading))
    bound = _bind(program, inputs, reading)
    if other is None:
        return bound, None
    return bound, lambda fit: log_scores(fit, other, {}, seed, **_later(reading))


def _bind(program: t.Program, inputs: Inputs, reading: Mapping[str, Any]) -> Bound:
    unnamed, named = _given(inputs)
    return replace(bind_problem(program, unnamed, tables=named, **reading), inputs=inputs)


def _given(inputs: Inputs) -> tuple[list[Frame], dict[str, Frame]]:
    return [f for name, f in inputs.frames if name is None], {n: f for n, f in inputs.frames if n is not None}


def _later(reading: Mapping[str, Any]) -> dict[str, Any]:
    """How to read held-out data: the settings are the fit's."""
    return {k: v for k, v in reading.items() if k != "settings"}


def share_of(share: float | str) -> tuple[str | None, float]:
    """The table, where it is named, and the share.

    >>> share_of("pupils=0.2"), share_of(0.1)
    (('pupils', 0.2), (None, 0.1))
    """
    table, equals, text = str(share).rpartition("=")
    try:
        return table.strip() if equals else None, float(text)
    except ValueError:
        raise fail(UsageError, "E705", f"`{share}` is no share of rows", help="0.1, or TABLE=0.1") from None


# ---------------------------------------------------------------- scores


def log_scores(fit: Fit, data: Any, tables: Mapping[str, Any], seed: int, **reading: Any) -> Array:
    """``log p(row | data of the fit)`` of each held-out row: (n,), over draws of the fit.

    Several observations of one row count together; where observations run over different rows, each
    counts by itself. Latents of the new rows, and of levels that the fit has not seen, come from their
    prior given the rest.
    """
    bound = bind_new(fit, data, tables, True, **reading)
    rng = np.random.default_rng([seed, 13])
    cells = max((int(np.size(a)) for a in bound.data.arrays.values()), default=1)
    keep = int(np.clip(NUMBERS // max(cells, 1), 100, fit.draw_count))
    chosen = np.linspace(0, fit.draw_count - 1, keep).astype(int)
    draws = {name: array[chosen] for name, array in fit.draws.items() if "." not in name}
    return _averaged(_row_densities(bound.problem, moved(fit, bound, draws, rng)))


def _row_densities(problem: Any, draws: Mapping[str, Array]) -> Array:
    """Log densities (S, n): of a row's observations together where all are of the same rows, else of each."""
    graph = problem.plain
    observed = [s for s in graph.statements if s.kind == "observed"]
    # two loops over all of one table run over the same rows; a loop with a condition over its own
    rows = {d if d in graph.domains else d.set for s in observed for d in s.place.plates[:1]}
    together = len(rows) == 1 and all(s.place.plates for s in observed)
    if len(observed) > 1 and together and problem.state_values():
        parts = _one_after_another(problem, draws, [s.name for s in observed])
    else:
        parts = list(problem.log_likelihood(draws).values())
    if together:
        total: Array = np.sum([a.reshape(*a.shape[:2], -1).sum(2) for a in parts], axis=0)
        return total
    return np.concatenate([a.reshape(len(a), -1) for a in parts], axis=1)


def _one_after_another(problem: Any, draws: Mapping[str, Array], names: Sequence[str]) -> list[Array]:
    """log p(y1), log p(y2 | y1), ...: observations of a row that share a discrete latent are not independent."""
    return [problem.log_likelihood(draws, names[k + 1 :])[name] for k, name in enumerate(names)]


def _averaged(log_p: Array) -> Array:
    highest = log_p.max(0)
    safe = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        out: Array = safe + np.log(np.exp(log_p - safe).sum(0)) - math.log(len(log_p))
    return out
