"""The fixed-draw ELBO of an arrow Gaussian: a few coordinates in full, the rest apart from each other given them.

The head h has G coordinates, each of J elements has k of its own, and

    z_h = m_h + L_h e_h,    z_j = m_j + B_j e_h + L_j e_j,

so that given the head the elements are independent, as in the posterior of a hierarchy without
crossed groups. A Gaussian posterior of that form has a precision with the shape of an arrow and is reached
exactly. As with full rank, z = z0 + F (a + C e) is climbed in a frame F, itself an arrow, that makes the
posterior nearly round; C has J k (G + (k + 1) / 2) + G (G + 1) / 2 entries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ppl.inference.draws import whitened
from ppl.inference.finite import FiniteTarget
from ppl.inference.full_rank import FLATTEST, SHIFT, STEEPEST, TILT, WIDEN, Frame
from ppl.posterior.approximation import Approximation
from ppl.posterior.target import Array


@dataclass(frozen=True)
class Factor:
    """A square root with the shape of an arrow. head: (G, G), arms: (J, k, G), feet: (J, k, k)."""

    head: Array
    arms: Array
    feet: Array

    @property
    def log_det(self) -> float:
        """The log determinant: that of the diagonal blocks."""
        own = np.diagonal(self.feet, axis1=1, axis2=2)
        return float(np.log(np.diag(self.head)).sum() + np.log(own).sum())

    def of(self, v: Array) -> Array:
        """F v: (n, R) -> (n, R), head first, then element by element."""
        first, rest = split(v, self)
        own = np.einsum("jab,njb->nja", self.feet, rest)
        moved = own.reshape(len(v), -1) + first @ self.arms.reshape(-1, len(self.head)).T
        return np.concatenate([first @ self.head.T, moved], 1)

    def back(self, s: Array) -> Array:
        """F' s: (n, R) -> (n, R), which makes slopes in z slopes in v."""
        first, rest = split(s, self)
        own = np.einsum("jab,nja->njb", self.feet, rest).reshape(len(s), -1)
        shared = rest.reshape(len(s), -1) @ self.arms.reshape(-1, len(self.head))
        return np.concatenate([first @ self.head + shared, own], 1)

    def after(self, inner: Factor) -> Factor:
        """The product F F', with the inner factor F' applied first."""
        arms = self.arms @ inner.head + self.feet @ inner.arms
        return Factor(self.head @ inner.head, arms, self.feet @ inner.feet)

    def packed(self) -> Array:
        """One row a coordinate, what it takes of the head and then of its element: (R, G + k)."""
        head, feet = len(self.head), self.feet.shape[1]
        first = np.pad(self.head, ((0, 0), (0, feet)))
        return np.concatenate([first, np.concatenate([self.arms, self.feet], 2).reshape(-1, head + feet)])


def unpacked(rows: Array, elements: int) -> Factor:
    """The inverse of `Factor.packed`.

    >>> F = Factor(np.eye(2), np.ones((3, 1, 2)), np.full((3, 1, 1), 2.0))
    >>> bool(np.array_equal(unpacked(F.packed(), 3).of(np.ones((1, 5))), F.of(np.ones((1, 5)))))
    True
    """
    size, width = rows.shape
    # R = G + J k and width = G + k
    own = (size - width) // (elements - 1)
    head = width - own
    rest = rows[head:].reshape(elements, own, width)
    return Factor(rows[:head, :head], rest[:, :, :head], rest[:, :, head:])


def split(v: Array, like: Factor) -> tuple[Array, Array]:
    """The head's part (n, G) and the elements' (n, J, k) of (n, R)."""
    head = len(like.head)
    return v[:, :head], v[:, head:].reshape(len(v), *like.feet.shape[:2])


def arrow_draws(rng: np.random.Generator, count: int, head: int, shape: tuple[int, int]) -> Array:
    """Antithetic draws (count, G + J k), white within the head and each element and between the two.

    On a quadratic log density with the precision of an arrow averages over them are exact. Raises
    `ValueError` where count < 2 (G + k).

    >>> e = arrow_draws(np.random.default_rng(0), 12, 2, (5, 3))
    >>> bool(np.allclose(e[:, [0, 1, 5, 6, 7]].T @ e[:, [0, 1, 5, 6, 7]] / 12, np.eye(5)))
    True
    """
    elements, own = shape
    half = count // 2
    if half < head + own:
        raise ValueError(f"whitening {head + own} coordinates takes at least {2 * (head + own)} draws")
    first = whitened(rng, count, head)[:half]
    raw = rng.standard_normal((half, elements * own))
    raw -= first @ (first.T @ raw / half)
    apart = raw.reshape(half, elements, own).transpose(1, 0, 2)
    tril = np.linalg.cholesky(apart.transpose(0, 2, 1) @ apart / half)
    white = np.linalg.solve(tril, apart.transpose(0, 2, 1)).transpose(2, 0, 1).reshape(half, -1)
    both = np.concatenate([first, white], 1)
    return np.concatenate([both, -both])


@dataclass(frozen=True)
class Arrow:
    """The objective over x = (a: R, tril of C's head, its arms, trils of its feet), eps: (S, R).

    places: (J, k) are the elements' coordinates in the model's order; the others are the head. No
    coordinate is a point.
    """

    target: FiniteTarget
    eps: Array
    frame: Frame  # its tril is a packed factor
    places: NDArray[np.int64]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The model's coordinates, head first: (R,)."""
        return arrow_order(self.places, self.target.size)

    @cached_property
    def base(self) -> Factor:
        """F."""
        return unpacked(self.frame.tril, len(self.places))

    @cached_property
    def _lower(self) -> tuple[tuple[NDArray[np.intp], ...], tuple[NDArray[np.intp], ...]]:
        return np.tril_indices(len(self.base.head)), np.tril_indices(self.places.shape[1])

    @cached_property
    def diagonal(self) -> NDArray[np.bool_]:
        """Which entries of C in x are diagonal."""
        (hr, hc), (fr, fc) = self._lower
        arms = np.zeros(self.base.arms.size, bool)
        return np.concatenate([np.equal(hr, hc), arms, np.tile(np.equal(fr, fc), len(self.places))])

    @property
    def origin(self) -> Array:
        """The frame itself as a point: a = 0, C = I."""
        return np.zeros(self.target.size + len(self.diagonal))

    def _entries(self, c: Factor) -> Array:
        heads, feet = self._lower
        return np.concatenate([c.head[heads], c.arms.ravel(), c.feet[:, feet[0], feet[1]].ravel()])

    def _factor(self, entries: Array) -> Factor:
        heads, feet = self._lower
        n, elements = len(heads[0]), len(self.places)
        c = Factor(*(np.zeros_like(a) for a in (self.base.head, self.base.arms, self.base.feet)))
        c.head[heads] = entries[:n]
        arms = c.arms.size
        c.feet[:, feet[0], feet[1]] = entries[n + arms :].reshape(elements, -1)
        return replace(c, arms=entries[n : n + arms].reshape(c.arms.shape))

    def inner(self, x: Array) -> Factor:
        """C."""
        entries = x[self.target.size :]
        with np.errstate(over="ignore"):
            return self._factor(
                np.where(self.diagonal, np.exp(np.where(self.diagonal, entries, 0.0)), entries)
            )

    def gaussian(self, x: Array) -> Frame:
        """Mean (D,) and packed factor in the model's coordinates."""
        mean = self.frame.mean.copy()
        mean[self.order] += self.base.of(x[None, : self.target.size])[0]
        return Frame(mean, self.base.after(self.inner(x)).packed())

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Value and gradient, both at x."""
        size = self.target.size
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.repeat(self.frame.mean[None], len(self.eps), 0)
            z[:, self.order] += self.base.of(x[:size] + self.inner(x).of(self.eps))
            values, slopes = self.target.value_and_grad(z)
            white = self.base.back(slopes[:, self.order])
            scales = x[size:]
            in_c = self._outer(white) * np.where(
                self.diagonal, np.exp(np.where(self.diagonal, scales, 0.0)), 1.0
            )
            value = float(values.mean() + scales[self.diagonal].sum() + self.base.log_det)
            return value, np.concatenate([white.mean(0), in_c + self.diagonal])

    def _outer(self, white: Array) -> Array:
        """``mean_s w_s e_s'`` in the entries of C."""
        count = len(white)
        (w_head, w_feet), (e_head, e_feet) = split(white, self.base), split(self.eps, self.base)
        arms = (w_feet.reshape(count, -1).T @ e_head).reshape(self.base.arms.shape)
        feet = np.einsum("nja,njb->jab", w_feet, e_feet)
        return self._entries(Factor(w_head.T @ e_head, arms, feet)) / count

    def metric(self, x: Array, grad: Array) -> Array:
        """Diagonal of the initial inverse Hessian: 1 for a and off the diagonal of C, 1/2 on it."""
        return np.concatenate([np.ones(self.target.size), np.where(self.diagonal, 0.5, 1.0)])

    def cap(self, x: Array, move: Array) -> float:
        """The fraction of a move that stays within a step's reach; elements move apart from each other."""
        shift = self._length(move[None, : self.target.size])
        entries = np.abs(move[self.target.size :]) / np.where(self.diagonal, WIDEN, TILT)
        return 1.0 / max(1.0, shift / SHIFT, float(entries.max(initial=0.0)))

    def _length(self, move: Array) -> float:
        """The furthest that the head or an element moves."""
        head, elements = split(move, self.base)
        return math.sqrt(max(np.square(head).sum(), np.square(elements).sum(2).max(), 1e-300))

    def scaled_gradient(self, x: Array, grad: Array) -> Array:
        """The gradient in posterior sds, which the frame has made it."""
        return grad

    def predicted(self, grad: Array) -> tuple[Array, Array]:
        """How far the optimum lies from the frame, by the slope there: shifts in sds and of log sds, (R,) each."""
        return np.abs(grad[: self.target.size]), np.abs(grad[self.target.size :][self.diagonal]) / 2.0

    def newton(self, grad: Array, rate: float) -> Frame:
        """The frame after one smoothed Newton step from the gradient at the origin; see `newton_frame`.

        The average negative Hessian has the shape of an arrow too: its inverse needs no more than
        the elements' blocks and a Schur complement of the size of the head.
        """
        size = self.target.size
        hessian = self._factor(self.diagonal - grad[size:])
        own, roots = _inverse(hessian.feet, rate)
        arms = rate * hessian.arms
        tied = own @ arms
        damped = (1.0 - rate) * np.eye(len(hessian.head)) + rate * _symmetric(hessian.head)
        root = _inverse((damped - np.einsum("jag,jah->gh", arms, tied))[None], 1.0)[1][0]
        inner = Factor(root, -tied @ root, roots)
        shift = inner.of(inner.back(grad[None, :size]))
        mean = self.frame.mean.copy()
        mean[self.order] += self.base.of(shift)[0] * (rate * min(1.0, SHIFT / self._length(shift)))
        return Frame(mean, _triangular(self.base.after(inner)).packed())


def approximation(frame: Frame, places: NDArray[np.int64]) -> Approximation:
    """The Gaussian of a frame whose factor is packed, with its whole covariance made."""
    size = len(frame.mean)
    order, f = arrow_order(places, size), unpacked(frame.tril, len(places))
    shared = np.concatenate([f.head, f.arms.reshape(-1, len(f.head))])
    cov = np.zeros((size, size))
    cov[np.ix_(order, order)] = shared @ shared.T
    cov[places[:, :, None], places[:, None, :]] += f.feet @ np.swapaxes(f.feet, 1, 2)
    tril = np.asarray(np.linalg.cholesky(cov), dtype=np.float64)
    return Approximation(frame.mean, scale_tril=tril, point=np.zeros(size, bool))


def diagonal_frame(mean: Array, log_sd: Array, places: NDArray[np.int64]) -> Frame:
    """An independent Gaussian as a frame with a packed factor."""
    sd, head = np.exp(log_sd[arrow_order(places, len(mean))]), len(mean) - places.size
    elements, own = places.shape
    feet = sd[head:].reshape(elements, own)[:, :, None] * np.eye(own)
    return Frame(mean, Factor(np.diag(sd[:head]), np.zeros((elements, own, head)), feet).packed())


def arrow_order(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """All coordinates, those of no element first: (D,)."""
    return np.concatenate([np.setdiff1d(np.arange(size), places), places.ravel()])


def _symmetric(lower: Array) -> Array:
    """Symmetric matrices from their lower triangles: (..., n, n)."""
    below = np.tril(lower, -1)
    out: Array = np.tril(lower) + np.swapaxes(below, -1, -2)
    return out


def _inverse(lower: Array, rate: float) -> tuple[Array, Array]:
    """Inverses of ``(1 - rate) I + rate A``, curvatures made positive, and a root of each: (n, k, k)."""
    values, vectors = np.linalg.eigh(lower)  # reads the lower triangles only
    precision = (1.0 - rate) + rate * np.clip(np.abs(values), FLATTEST, STEEPEST)
    roots = vectors / np.sqrt(precision)[:, None, :]
    return roots @ np.swapaxes(roots, 1, 2), roots


def _triangular(f: Factor) -> Factor:
    """The same covariance with lower triangles on the diagonal."""
    upper, turn = np.linalg.qr(f.head.T)[::-1]
    signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
    feet = np.linalg.qr(np.swapaxes(f.feet, 1, 2))[1]
    feet = feet * np.where(np.diagonal(feet, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, :, None]
    # head = upper' turn', so that arms must be turned along: e_h becomes turn' e_h
    return Factor((upper * signs[:, None]).T, (f.arms @ turn) * signs, np.swapaxes(feet, 1, 2))
