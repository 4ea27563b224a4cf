"""Affine coupling layers: an invertible map of many coordinates whose Jacobian is triangular.

A layer leaves the coordinates of a mask m alone and moves the others by what it computes of those:

    y = x exp(s) + t,      (t, s) = net(m x, context) (1 - m),      log|det dy/dx| = sum s,

with net one hidden layer of tanh units and s bounded. Masks follow the binary digits of the coordinates'
places, each before its complement, so that any two coordinates are told apart by some of the layers.
(Dinh, Sohl-Dickstein and Bengio 2017; the masks: Gao, Isaacson and Krause 2020.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend.coupling_layers import Layer, run, run_back
from ppl.backend.dense import dense
from ppl.backend.linalg import solve
from ppl.backend.op import Array, op
from ppl.backend.shaping import matrix_transpose, place, slice_last


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
            found.append((digit if k % 2 else 1 - digit).astype(np.float32))  # and single numbers stay single
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
        v, total = self._layers(weights, e, context, back=False)
        if self.linear:
            v = v + dense(v, matrix_transpose(self._triangle(weights)))
        return v, total

    def inverse(self, weights: Array, v: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The e whose image v is, and the log scales of the map from e to v there: both (A, B, D)."""
        if self.linear:
            unit = self._triangle(weights) + np.eye(self.size)
            v = matrix_transpose(solve(unit, matrix_transpose(v)))
        return self._layers(weights, v, context, back=True)

    def _layers(self, weights: Array, x: Array, context: Array | None, back: bool) -> tuple[Array, Array]:
        given = np.zeros((1, 1, 0)) if context is None else context
        both = coupled(slice_last(weights, 0, self.layers * self.each), x, given, flow=self, back=back)
        return slice_last(both, 0, self.size), slice_last(both, self.size, 2 * self.size)

    def _triangle(self, weights: Array) -> Array:
        """What the last matrix has below its diagonal: (1, D, D)."""
        rows, columns = np.tril_indices(self.size, -1)
        entries = slice_last(weights, self.layers * self.each, self.count)
        return place(entries, rows * self.size + columns, shape=(self.size, self.size))

    def parts(self, weights: Array) -> list[Layer]:
        """Each layer's weights, as matrices, of plain weights (count,)."""
        out, at = [], 0
        for mask in self.masks:
            parts = []
            for a, b in self.shapes:
                parts.append(weights[at : at + a * b].reshape(a, b))
                at += a * b
            own, given, bias, last_matrix, last = parts
            out.append(Layer(own, given, bias, last_matrix, last, mask))
        return out


def _pulled(which: int) -> Any:
    """The slope in weights (0), x (1) or the context (2); all of them come from one way back."""

    def vjp(g: Array, ans: Array, w: Array, x: Array, context: Array, flow: Coupling, back: bool) -> Array:
        layers = flow.parts(w[0])
        _, _, kept = run(layers, x, context, back)
        slopes = run_back(layers, kept, context, g[..., : flow.size], g[..., flow.size :], back)
        return np.reshape(slopes[which], np.shape((w, x, context)[which]))

    return vjp


@op(_pulled(0), _pulled(1), _pulled(2))
def coupled(weights: Array, x: Array, context: Array, flow: Coupling, back: bool) -> Array:
    """The layers of a flow, or their inverses, on x (A, B, D): the image and the log scales, (A, B, 2 D)."""
    y, total, _ = run(flow.parts(weights[0]), x, context, back, keep=False)
    return np.concatenate([y, total], axis=-1)
