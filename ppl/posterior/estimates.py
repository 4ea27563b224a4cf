"""Means, standard deviations and quantiles of one quantity's elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["latent", "param", "imputed", "value", "discrete", "report", "predicted"]

COLUMNS = ("mean", "sd", "q5", "q50", "q95")
LEVELS = (0.05, 0.50, 0.95)
CHUNK = 2_000_000  # draws sorted at once


@dataclass(frozen=True)
class Row:
    """One element of the posterior; ``khat`` is None where it was not computed."""

    name: str
    mean: float
    sd: float
    q5: float
    q50: float
    q95: float
    khat: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """Strict JSON values: None for what is not a finite number.

        >>> Row("mu", 1.0, 0.5, 0.2, 1.0, float("inf")).to_dict()["q95"] is None
        True
        """
        found = {c: getattr(self, c) for c in (*COLUMNS, "khat")}
        return {c: float(v) if v is not None and np.isfinite(v) else None for c, v in found.items()}


@dataclass(frozen=True)
class Estimates:
    """The elements of one quantity. labels: n names such as ``theta[A]``; values: (n, 5); khat: (n,)."""

    name: str
    kind: Kind
    labels: Sequence[str]
    values: Array
    khat: Array

    def row(self, i: int) -> Row:
        """The i-th element."""
        mean, sd, q5, q50, q95 = (float(v) for v in self.values[i])
        khat = float(self.khat[i])
        return Row(self.labels[i], mean, sd, q5, q50, q95, None if np.isnan(khat) else khat)

    def rows(self) -> list[Row]:
        """Every element, in the order of the labels."""
        return [self.row(i) for i in range(len(self.labels))]


def estimate(
    name: str, kind: Kind, labels: Sequence[str], draws: Array, khat: Array | None = None
) -> Estimates:
    """Summarise draws: (S, ...) with as many elements as labels.

    >>> e = estimate("mu", "latent", ("mu",), np.arange(101.0))
    >>> e.row(0).q5, e.row(0).mean
    (5.0, 50.0)
    """
    return estimate_parts(name, kind, labels, [draws], khat)


def estimate_parts(
    name: str, kind: Kind, labels: Sequence[str], parts: Iterable[Array], khat: Array | None = None
) -> Estimates:
    """The same from draws of some elements after others, (S, ...) each, of which one is looked at at a time."""
    n, done = len(labels), 0
    values = np.empty((n, len(COLUMNS)))
    for draws in parts:
        flat = np.asarray(draws, dtype=np.float64).reshape(len(draws), -1)
        size = flat.shape[1]
        if done + size <= n:
            _fill(values[done : done + size], flat)
        done += size
    if done != n:
        raise ValueError(f"{name}: {done} elements, {n} labels")
    return Estimates(name, kind, labels, values, np.broadcast_to(np.nan, n) if khat is None else khat)


def _fill(values: Array, flat: Array) -> None:
    step = max(1, CHUNK // max(len(flat), 1))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, flat.shape[1], step):
            values[start : start + step] = _five(flat[:, start : start + step])


def _five(part: Array) -> Array:
    centre = part[0]  # a shift by one draw keeps the sd of near-constant columns from cancelling
    shifted = np.where(np.isfinite(centre), part - centre, part)
    mean = np.where(np.isfinite(centre), centre, 0.0) + shifted.mean(0)
    sd = shifted.std(0, ddof=1) if len(part) > 1 else np.zeros(part.shape[1])
    return np.column_stack([mean, sd, quantiles(part, LEVELS).T])


def quantiles(draws: Array, levels: tuple[float, ...]) -> Array:
    """Linear-interpolated quantiles over the first axis: (S, n) to (len(levels), n)."""
    ordered = np.sort(draws, axis=0)
    out = np.empty((len(levels), draws.shape[1]))
    for k, level in enumerate(levels):
        place = level * (len(draws) - 1)
        low = int(place)
        high = min(low + 1, len(draws) - 1)
        part = place - low
        out[k] = ordered[low] if part == 0 else ordered[low] * (1 - part) + ordered[high] * part
    return out
