"""The network of an amortised posterior: rows pooled, then a perceptron, with its gradient by hand.

A data set is its summary s (fixed size) and rows r (as many as there are). Rows go through a small
perceptron and are averaged, so that their order does not matter; then

    outputs = W3 tanh(W2 tanh(W1 [s, pooled] + b1) + b2) + b3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.posterior.target import Array

ROW_HIDDEN, POOLED = 16, 8


@dataclass(frozen=True)
class Network:
    """Sizes: of the summary, of a row (0 where nothing is pooled), of a hidden layer, of the outputs."""

    summary: int
    row: int
    hidden: int
    outputs: int

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Weights and biases in order."""
        pooled = POOLED if self.row else 0
        rows = ((self.row, ROW_HIDDEN), (ROW_HIDDEN,), (ROW_HIDDEN, POOLED), (POOLED,)) if self.row else ()
        head: tuple[tuple[int, ...], ...] = (
            (self.summary + pooled, self.hidden), (self.hidden,),
            (self.hidden, self.hidden), (self.hidden,),
            (self.hidden, self.outputs), (self.outputs,),
        )  # fmt: skip
        return (*rows, *head)

    @property
    def count(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(s)) for s in self.shapes)

    def start(self, rng: np.random.Generator, spread: float, last: float = 0.01) -> Array:
        """Glorot normal weights, zero biases; those of the last layer ``last`` times as large, its biases spread."""
        parts = []
        for i, shape in enumerate(self.shapes):
            if len(shape) == 1:
                end = i == len(self.shapes) - 1
                parts.append(spread * rng.standard_normal(shape) if end else np.zeros(shape))
            else:
                scale = last if i == len(self.shapes) - 2 else 1.0
                parts.append(scale * np.sqrt(2.0 / sum(shape)) * rng.standard_normal(shape))
        return np.concatenate([p.ravel() for p in parts])

    def _parts(self, weights: Array) -> list[Array]:
        stops = np.cumsum([int(np.prod(s)) for s in self.shapes])[:-1]
        return [p.reshape(s) for p, s in zip(np.split(weights, stops), self.shapes, strict=True)]

    def forward(self, weights: Array, s: Array, rows: Array | None) -> tuple[Array, Any]:
        """Outputs (n, outputs) of summaries (n, summary) and rows (n, m, row); and what the way back needs."""
        w = self._parts(weights)
        kept: list[Array] = []
        if rows is not None and self.row:
            short = [
                part.astype(rows.dtype) for part in w[:4]
            ]  # rows are many: single precision halves the work
            hidden = np.tanh(rows @ short[0] + short[1])
            features = np.tanh(hidden @ short[2] + short[3])
            kept = [rows, hidden, features]
            s = np.concatenate([s, features.mean(1, dtype=float)], axis=1)
        first = np.tanh(s @ w[-6] + w[-5])
        second = np.tanh(first @ w[-4] + w[-3])
        return second @ w[-2] + w[-1], (w, kept, s, first, second)

    def backward(self, slope: Array, memory: Any) -> Array:
        """The slope in every parameter, given the slope (n, outputs) in the outputs."""
        w, kept, s, first, second = memory
        back = (slope @ w[-2].T) * (1.0 - np.square(second))
        front = (back @ w[-4].T) * (1.0 - np.square(first))
        head = [
            s.T @ front, front.sum(0), first.T @ back, back.sum(0), second.T @ slope, slope.sum(0)
        ]  # fmt: skip
        if not kept:
            return np.concatenate([p.ravel() for p in head])
        rows, hidden, features = kept
        pooled = ((front @ w[-6].T)[:, self.summary :] / rows.shape[1]).astype(rows.dtype)
        outer = pooled[:, None, :] * (1.0 - np.square(features))
        inner = (outer @ w[2].T.astype(rows.dtype)) * (1.0 - np.square(hidden))
        flat = (-1,)
        lower = [
            np.tensordot(rows, inner, ((0, 1), (0, 1))), inner.sum((0, 1)),
            np.tensordot(hidden, outer, ((0, 1), (0, 1))), outer.sum((0, 1)),
        ]  # fmt: skip
        return np.concatenate([p.reshape(flat) for p in (*lower, *head)])
