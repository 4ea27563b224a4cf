"""Simulated data sets as numbers: what a network sees of the data, and the latents it is to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.errors import FitError, ModelError, UsageError, fail
from ppl.graph.assemble import Layout
from ppl.graph.named import aligned
from ppl.posterior.target import Array

LARGEST = 1000  # coordinates of latents
FLAT = 256  # observed cells up to which a data set is read cell by cell
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DROPPED = 0.1  # share of simulations that may overflow
AT_ONCE = 2_000_000  # observed cells simulated at once


@dataclass(frozen=True, eq=False)
class Sets:
    """Data sets. latents: (n, D) on the real line; cells: (n, observed cells); rows: (n, m, F) or None."""

    latents: Array
    cells: Array
    rows: Array | None

    def some(self, which: slice) -> Sets:
        """A part of the data sets."""
        return Sets(self.latents[which], self.cells[which], None if self.rows is None else self.rows[which])


@dataclass(frozen=True, eq=False)
class Reading:
    """How observed values become numbers: over which table they pool, or flat where ``pooled`` is empty."""

    layout: Layout
    names: tuple[str, ...]
    pooled: str
    covariates: Array

    def observed(self) -> dict[str, Array]:
        """The data's own observed values, as one data set: name to (1, ...)."""
        at = self.layout.evaluator()
        out = {}
        for s in _observations(self.layout):
            assert s.observed is not None
            value = at.named(s.observed)
            dims = [d for d in (*s.place.plates, *s.event) if d in value.dims]
            out[s.name] = np.asarray(aligned(value, dims), dtype=float)
        return out

    def numbers(self, observed: dict[str, Array], latents: Array) -> Sets:
        """Values by name (n, ...) to arrays; summaries are moments and quantiles where rows are pooled."""
        parts = [np.asarray(observed[n], dtype=float) for n in self.names]
        n = len(latents)
        flat = np.concatenate([np.broadcast_to(p, (n, *p.shape[1:])).reshape(n, -1) for p in parts], axis=1)
        if not self.pooled:
            return Sets(latents, flat, None)
        m = parts[0].shape[1]
        columns = np.concatenate(
            [np.broadcast_to(p, (n, *p.shape[1:])).reshape(n, m, -1) for p in parts], axis=2
        )
        shared = np.broadcast_to(self.covariates, (n, *self.covariates.shape))
        rows = np.concatenate([columns, shared], axis=2)
        return Sets(latents, _moments(rows, columns), rows)


def _moments(rows: Array, values: Array) -> Array:
    """Means, mean products and quantiles over rows: (n, features)."""
    n, m, f = rows.shape
    products = np.einsum("nmi,nmj->nij", rows, rows, optimize=True) / m
    upper = products[(slice(None), *np.triu_indices(f))]
    quantiles = np.quantile(values, QUANTILES, axis=1)
    return np.concatenate([rows.mean(1), upper, np.moveaxis(quantiles, 0, 1).reshape(n, -1)], axis=1)


def _observations(lay: Layout) -> list[Any]:
    return [s for s in lay.graph.statements if s.kind == "observed"]


def reading_of(problem: Any, asked: str) -> Reading:
    """Check that a problem can be learnt from simulations. Raises `ModelError` naming what stands in the way."""
    lay = problem.own_target.layout
    _refuse(problem, lay)
    seen = _observations(lay)
    at = lay.evaluator()
    cells = sum(int(np.prod([at.size(d) for d in (*s.place.plates, *s.event)], dtype=int)) for s in seen)
    tables = {s.place.plates[0].set if len(s.place.plates) == 1 else "" for s in seen}
    table = next(iter(tables)) if len(tables) == 1 else ""
    can = table in problem.program.tables and not any(s.place.plates[0] in lay.graph.domains for s in seen)
    if asked == "pooled" and not can:
        message = "rows can be pooled only where every observation runs over the rows of one table"
        raise fail(UsageError, "E705", message, help="--summary flat")
    pooled = table if can and (asked == "pooled" or (asked == "auto" and cells > FLAT)) else ""
    names = tuple(s.name for s in seen)
    return Reading(lay, names, pooled, _covariates(problem, pooled) if pooled else np.zeros((0, 0)))


def _refuse(problem: Any, lay: Layout) -> None:
    trouble = ""
    if any(b.point for b in lay.blocks.values()):
        trouble = "a `param` has no prior to simulate from: give it one"
    elif any(b.cells is not None for b in lay.blocks.values()) or any("." in n for n in lay.discrete):
        trouble = "blank cells cannot be simulated: fill or drop them"
    elif any(s.kind == "factor" for s in lay.graph.statements):
        trouble = "a `factor` cannot be simulated: write it as a distribution"
    elif not lay.size:
        trouble = "there is no continuous latent to tell"
    elif lay.size > LARGEST:
        trouble = f"{lay.size} coordinates are too many, {LARGEST} at most: take another method"
    if trouble:
        raise fail(ModelError, "E605", f"this model cannot be learnt from simulations: {trouble}")


def _covariates(problem: Any, table: str) -> Array:
    """Numeric columns of a table that the model does not draw, standardised: (rows, columns)."""
    from ppl.posterior.predict import observed_columns

    drawn = observed_columns(problem.program)
    size = problem.data.sets[table].size
    found = []
    for column in problem.program.tables[table].columns:
        array = problem.data.arrays.get((table, column.name))
        if (table, column.name) in drawn or array is None or array.dtype.kind not in "fiub":
            continue
        wide = np.asarray(array, dtype=float).reshape(size, -1)
        spread = wide.std(0)
        found.append((wide - wide.mean(0)) / np.where(spread > 0, spread, 1.0))
    return np.concatenate(found, axis=1) if found else np.zeros((size, 0))


def simulated(problem: Any, reading: Reading, count: int, rng: np.random.Generator) -> Sets:
    """Data sets drawn from the prior; those that overflow are left out. Raises `FitError` where many do."""
    cells = sum(int(np.prod(a.shape[1:], dtype=int)) for a in reading.observed().values())
    step = max(1, min(count, AT_ONCE // max(cells, 1)))
    parts = [_some(problem, reading, min(step, count - i), rng) for i in range(0, count, step)]
    rows = None if parts[0].rows is None else np.concatenate([p.rows for p in parts if p.rows is not None])
    out = Sets(np.concatenate([p.latents for p in parts]), np.concatenate([p.cells for p in parts]), rows)
    if len(out.latents) < (1.0 - DROPPED) * count:
        text = f"{count - len(out.latents)} of {count} data sets simulated from the prior are not finite"
        raise fail(FitError, "E801", text, help="narrow the priors: `ppl simulate` shows what they mean")
    return out


def _some(problem: Any, reading: Reading, count: int, rng: np.random.Generator) -> Sets:
    drawn = problem.prior(count, rng)
    continuous = {n: a for n, a in drawn.latents.items() if n not in reading.layout.discrete}
    z, _ = problem.coordinates(continuous)
    with np.errstate(all="ignore"):
        found = reading.numbers(drawn.observed, z)
    good = np.isfinite(found.cells).all(1) & np.isfinite(found.latents).all(1)
    return Sets(found.latents[good], found.cells[good], None if found.rows is None else found.rows[good])
