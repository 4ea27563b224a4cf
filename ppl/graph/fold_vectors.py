"""Rows of labels, of counts and of Gaussian vectors, folded by classes of equal parameters.

    Categorical, Multinomial   sum_c sum_k x_ck log p_ck, x_ck being the class's counts of label k
    MultivariateNormal         sum_c n_c log N(ybar_c; m_c, S_c) - tr(S_c^-1 Q_c) / 2

Q_c, the class's centred cross products, enters through a root of it, whose rows are evaluated like
observations of mean 0: that is as exact far from zero. Where all classes share a covariance, one Q does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions import Applied
from ppl.distributions.multinomial import counted_logs, log_ways
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.affine import is_data
from ppl.graph.classes import group_rows
from ppl.graph.cost import LARGEST_SHARE, Folding
from ppl.graph.design import BLOCK
from ppl.graph.evaluate import Evaluator
from ppl.graph.gram import Rows, rows_of
from ppl.graph.named import Named, aligned
from ppl.graph.observation import Observation
from ppl.graph.rowwise import columns_of_rows, restricted

Array = Any


@dataclass(frozen=True, eq=False)
class Grouped:
    """An observation whose rows fall into classes, and the evaluator at their first rows."""

    at: Evaluator
    rows: Rows
    of: Observation

    def applied(self, y: np.ndarray | None) -> Applied:
        """The distribution with its arguments by class; y (G, K) or (G,) takes part in their alignment."""
        o = self.of
        dims = (o.dim, *o.statement.event)
        value = Named(np.zeros((1, len(self.rows.count))), (o.dim,)) if y is None else Named(y[None], dims)
        return densities.prepare(self.at, o.body, o.statement.event, value).applied


def fold_vectors(at: Evaluator, o: Observation) -> tuple[Named, Folding] | None:
    """The summed log density of all rows (draw,); None where it would not touch fewer elements.

    Raises `CannotFold` where a row's parameters depend on other rows.
    """
    body = _without_trials(at, o)
    if body is None:
        return None
    o = replace(o, body=body)
    n = len(o.y)
    classes = group_rows(columns_of_rows(at, body, o.dim), n, LARGEST_SHARE * n)
    if classes is None:
        return None
    grouped = Grouped(
        restricted(at, o.dim, classes.rows), rows_of(classes.of_row, classes.rows, o.weights), o
    )
    found = VECTORS[body.name](grouped)
    if found is None:
        return None
    density, word, before, after = found
    kept = len(classes.rows)
    how = f"{word} of {kept} classes of equal rows" if kept > 1 else f"{word} of all rows"
    return Named(density), Folding(o.statement.name, how, n, kept, before, after)


def _without_trials(at: Evaluator, o: Observation) -> g.Distribution | None:
    """The distribution less Multinomial's trials, which counts already tell; None where they differ."""
    given = dict(o.body.arguments)
    trials = given.pop("n", None)
    if trials is None:
        return o.body
    if not is_data(at, trials):
        return None
    found = at.named(trials)
    if found.invalid is not None or set(found.dims) - {o.dim}:
        return None
    if not np.array_equal(np.broadcast_to(aligned(found, (o.dim,))[0], (len(o.y),)), o.y.sum(axis=1)):
        return None
    return replace(o.body, arguments=tuple(given.items()))


Found = tuple[Array, str, int, int]


def _blocks(n: int, width: int) -> list[slice]:
    step = max(1, BLOCK // max(width, 1))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


# ---------------------------------------------------------------- counts


def _labels(c: Grouped) -> Found | None:
    given = c.applied(None).given
    groups, n = len(c.rows.count), len(c.of.y)
    size = (given["p"] if "p" in given else given["logit"]).shape[-1]
    codes = np.asarray(c.of.y)
    if codes.dtype.kind == "f":
        codes = codes.astype(np.intp)
    if groups * size > LARGEST_SHARE * n * size or codes.min() < 0 or codes.max() >= size:
        return None
    cells = c.rows.of_row * size + codes
    counts = np.bincount(cells, c.rows.weights, minlength=groups * size).astype(float)
    term = counted_logs(counts.reshape(1, groups, size), **given)
    return xp.sum(term, axis=-1), "counts of labels", n * (size + 1), groups * (size + 1)


def _counts(c: Grouped) -> Found | None:
    n, size = c.of.y.shape
    counts = np.stack([c.rows.sum(x) for x in np.asarray(c.of.y).T], axis=-1)
    given = c.applied(counts).given
    base = 0.0
    for part in _blocks(n, size):
        y = np.asarray(c.of.y[part], dtype=float)
        ways = log_ways(y, y.sum(axis=-1))
        base += float(ways.sum() if c.rows.weights is None else ways @ c.rows.weights[part])
    term = counted_logs(counts[None], **given)
    return xp.sum(term, axis=-1) + base, "counts", n * (size + 1), len(counts) * (size + 1)


# ---------------------------------------------------------------- Gaussian vectors


def _gaussian(c: Grouped) -> Found | None:
    n, size = c.of.y.shape
    spread = (a for k, a in c.of.body.arguments if k != "mean")
    by_class = any(columns_of_rows(c.at, a, c.of.dim) for a in spread)
    groups = len(c.rows.count)
    before, after = n * size * (size + 1), (groups + (groups if by_class else 1) * size) * size * (size + 1)
    if after > LARGEST_SHARE * before:
        return None
    y = np.asarray(c.of.y, dtype=float)
    mean = np.stack([c.rows.mean(x) for x in y.T], axis=-1)
    applied = c.applied(mean)
    middle = xp.sum(applied.log_density(mean[None]) * c.rows.count, axis=-1)
    root, weights = _roots(c.rows, y, mean, by_class)
    given = {k: xp.expand_dims(v, axis=-3) if by_class else v for k, v in applied.given.items()}
    apart = Applied(applied.distribution, {**given, "mean": np.zeros((1,) * root.ndim)}).log_density(root)
    around = xp.sum(apart * weights, axis=(-1, -2) if by_class else -1)
    return middle + around, "Gaussian: moments", before, after


def _roots(rows: Rows, y: np.ndarray, mean: np.ndarray, by_class: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose squares are Q, and a row of zeros to take the constants of the others away: with weights."""
    size = y.shape[1]
    columns, centres = list(y.T), list(mean.T)
    gram = np.zeros((len(mean) if by_class else 1, size, size))
    for part in rows.blocks(size):
        x = rows.centred(part, columns, centres)
        if by_class:
            where = rows.of_row[part]
            for i in range(size):
                for j in range(size):
                    gram[:, i, j] += np.bincount(where, x[:, i] * x[:, j], minlength=len(mean))
        else:
            gram[0] += x.T @ x
    scale = np.sqrt(np.maximum(np.einsum("gii->gi", gram), 1e-300))
    values, vectors = np.linalg.eigh(gram / (scale[:, :, None] * scale[:, None, :]))
    root = np.sqrt(np.maximum(values, 0.0))[:, :, None] * np.swapaxes(vectors, 1, 2) * scale[:, None, :]
    root = np.concatenate([root, np.zeros((len(gram), 1, size))], axis=1)
    weights = np.append(np.ones(size), -float(size))
    return (root[None], weights) if by_class else (root, weights)


VECTORS: dict[str, Callable[[Grouped], Found | None]] = {
    "Categorical": _labels,
    "Multinomial": _counts,
    "MultivariateNormal": _gaussian,
}
