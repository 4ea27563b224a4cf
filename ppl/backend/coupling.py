"""Affine coupling layers: an invertible map of many coordinates whose Jacobian is triangular.

A layer leaves the coordinates of a mask m alone and moves the others by what it computes of those:

    y = x exp(s) + t,      (t, s) = net(m x, context) (1 - m),      log|det dy/dx| = sum s,

with net one hidden layer of tanh units and s bounded. Masks follow the binary digits of the coordinates'
places, each before its complement, so that any two coordinates are told apart by some of the layers.
(Dinh, Sohl-Dickstein and Bengio 2017; the masks: Gao, Isaacson and Krause 2020.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Array

BOUND = 3.0  # of the log scale of one layer


@dataclass(frozen=True)
class Coupling:
    """A flow of D coordinates: ``layers`` layers of ``hidden`` units, which may read ``context`` numbers.

    linear: a unit lower triangular matrix comes last, so that every Gaussian is among the maps after scaling.
    Arrays are (A, B, D), the context (A or 1, B or 1, C), weights (1, count): all may be traced.

    >>> flow = Coupling(3, layers=2, hidden=4)
    >>> w = flow.start(np.random.default_rng(0))[None]
    >>> v, log_scales = flow.forward(w, np.ones((5, 1, 3)))
    >>> v.shape, bool((v == 1.0).all()), float(log_scales.sum())
    ((5, 1, 3), True, 0.0)
    """

    size: int
    layers: int
    hidden: int
    context: int = 0
    linear: bool = False

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one layer's weights: from coordinates, from the context, biases, to shifts and log scales, biases."""
        d, h = self.size, self.hidden
        return (d, h), (self.context, h), (1, h), (h, 2 * d), (1, 2 * d)

    @property
    def each(self) -> int:
        """Weights of one layer."""
        return sum(a * b for a, b in self.shapes)

    @property
    def count(self) -> int:
        """Weights of all, the triangle's last."""
        return self.layers * self.each + (self.size * (self.size - 1) // 2 if self.linear else 0)

    @cached_property
    def masks(self) -> tuple[Array, ...]:
        """What each layer leaves alone: (D,) of zeros and ones."""
        digits = max(1, (self.size - 1).bit_length())
        found = []
        for k in range(self.layers):
            digit = (np.arange(self.size) >> (k // 2 % digits)) & 1
            found.append((digit if k % 2 else 1 - digit).astype(float))
        return tuple(found)

    def start(self, rng: np.random.Generator) -> Array:
        """Weights (count,) of the identity: nothing is moved, but hidden units differ."""
        out = np.zeros(self.count)
        d, c, h = self.size, self.context, self.hidden
        for k in range(self.layers):
            at = k * self.each
            out[at : at + (d + c) * h] = rng.standard_normal((d + c) * h) * np.sqrt(2.0 / (d + c + h))
        return out

    # ---------------------------------------------------------------- the map

    def forward(self, weights: Array, e: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The image v of e, and by coordinate the log scales, whose sum is ``log|det dv/de|``: both (A, B, D)."""
        total = np.zeros((1, 1, self.size))
        for part, mask in zip(self._parts(weights), self.masks, strict=True):
            shift, log_scale = self._moves(part, mask, e, context)
            e = e * xp.exp(log_scale) + shift
            total = total + log_scale
        if self.linear:
            e = e + xp.dense(e, xp.matrix_transpose(self._triangle(weights)))
        return e, total

    def inverse(self, weights: Array, v: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The e whose image v is, and the log scales of the map from e to v there: both (A, B, D)."""
        if self.linear:
            unit = self._triangle(weights) + np.eye(self.size)
            v = xp.matrix_transpose(xp.solve(unit, xp.matrix_transpose(v)))
        total = np.zeros((1, 1, self.size))
        for part, mask in reversed(list(zip(self._parts(weights), self.masks, strict=True))):
            shift, log_scale = self._moves(part, mask, v, context)
            v = (v - shift) * xp.exp(xp.negative(log_scale))
            total = total + log_scale
        return v, total

    def _moves(self, part: list[Array], mask: Array, x: Array, context: Array | None) -> tuple[Array, Array]:
        """Shifts and log scales, zero where the mask is one."""
        own, given, bias, out, last = part
        hidden = xp.dense(x * mask, own) + bias
        if context is not None:
            hidden = hidden + xp.dense(context, given)
        moves = xp.dense(xp.tanh(hidden), out) + last
        rest = 1.0 - mask
        shift = xp.slice_last(moves, 0, self.size) * rest
        raw = xp.slice_last(moves, self.size, 2 * self.size)
        return shift, xp.tanh(raw * (1.0 / BOUND)) * (BOUND * rest)

    def _parts(self, weights: Array) -> Iterator[list[Array]]:
        """Each layer's weights, as matrices (1, rows, columns)."""
        for k in range(self.layers):
            layer = xp.slice_last(weights, k * self.each, (k + 1) * self.each)
            parts, at = [], 0
            for shape in self.shapes:
                stop = at + shape[0] * shape[1]
                parts.append(xp.reshape_last(xp.slice_last(layer, at, stop), 1, shape))
                at = stop
            yield parts

    def _triangle(self, weights: Array) -> Array:
        """What the last matrix has below its diagonal: (1, D, D)."""
        rows, columns = np.tril_indices(self.size, -1)
        entries = xp.slice_last(weights, self.layers * self.each, self.count)
        return xp.place(entries, rows * self.size + columns, shape=(self.size, self.size))
