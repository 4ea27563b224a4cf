"""Forward-backward sums over a long chain of discrete states, cut into blocks that advance together.

First the product of every block's steps, then messages from block to block, then messages inside all blocks at
once (Rabiner 1989 for the recursions; the cut is the two-level scan of Blelloch 1990). Probabilities have their
maximum over the states divided out at every step and are rescaled every few steps. The result is withheld where
that underflows: the caller then rescales at every step, or takes the sums in logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from ppl.backend.chains.cut import Cut
from ppl.backend.chains.steps import Steps
from ppl.backend.chains.workspace import Workspace
from ppl.backend.op import Array

SMALLEST = 1e-300  # a mass below is none: whether it mattered is seen from the marginals' own mass
TRUSTED = 1e-260  # marginals with less mass before normalising are made again with more care
AGREE = 1e-8  # messages at the ends of blocks, found in two ways, differ by less
RESCALE = 6  # steps between two rescalings


@final
@dataclass(frozen=True)
class ChainResult:
    """log Z (N,), marginals (N, K, T), pair marginals summed by table (N, U, K, K).

    The leading axis is there where the potentials had one; without it `log_partition` has shape (1,). Where Z
    is 0, `log_partition` is -inf and the marginals are 0.
    """

    log_partition: Array
    node: Array
    pair_sums: Array


@final
class Sweep:
    """One forward-backward sweep over arrays (K, L, B): L steps of B blocks."""

    def __init__(self, steps: Steps, where: Cut, states: int, every: int, work: Workspace) -> None:
        self.steps, self.cut, self.k, self.every, self.work = steps, where, states, every, work
        self.ones = np.ones((1, states))

    def result(self, unary: Array) -> ChainResult | None:
        """The sums, or nothing where they cannot be trusted."""
        with np.errstate(all="ignore"):
            shift = self._load(unary)
            left, right = self._ends()
            sizes = self._forward(left)
            self._backward(right)
            return self._joined(left, right, sizes, shift)

    def _load(self, unary: Array) -> Array:
        """Weights exp(unary - max over states), in blocks; the padding has weight 1."""
        shape, front = (self.k, self.cut.length, self.cut.blocks), self.cut.padding
        flat = self.work.take("flat", self.k, self.cut.steps + front)
        top = finite(unary.max(axis=0))
        flat[:, :front] = 1.0
        np.subtract(unary, top, out=flat[:, front:])
        np.exp(flat[:, front:], out=flat[:, front:])
        self.weights = self.work.take("weights", *shape)
        np.copyto(self.weights, self.cut.blocked(flat))
        if self.cut.apart:
            return np.asarray(top.reshape(self.cut.blocks, -1).sum(axis=1))
        return np.array([top.sum()])

    def _rescales(self, step: int) -> bool:
        return step % self.every == self.every - 1 or step == self.cut.length - 1

    def _products(self) -> tuple[Array, Array]:
        """The product of every block's steps (K_next, K_start, B), and the logs its columns were divided by."""
        shape = (self.k, self.k, self.cut.blocks)
        x, y = self.work.take("product", *shape), self.work.take("next product", *shape)
        x[...] = np.eye(self.k)[:, :, None]
        logs = np.zeros(shape[1:])
        for step in range(self.cut.length):
            self.steps.forward(step, x, y)
            if step == self.cut.padding:
                y[..., :1] = 1.0
                logs[:, 0] = 0.0
            y *= self.weights[:, step, None, :]
            if self._rescales(step):
                size = np.maximum(self.ones @ y.reshape(self.k, -1), SMALLEST).reshape(logs.shape)
                y /= size
                logs += np.log(size)
            x, y = y, x
        return x, logs

    def _ends(self) -> tuple[Array, Array]:
        """The messages that enter each block from the left and from the right: (B, K)."""
        left = np.full((self.cut.blocks, self.k), 1.0 / self.k)
        right = np.full_like(left, 1.0 / self.k)
        if self.cut.blocks > 1 and not self.cut.apart:
            product, logs = self._products()
            matrices = np.ascontiguousarray(product.T)  # (B, start, next)
            if self.every > 1:
                matrices *= np.exp(logs - logs.max(axis=0)).T[:, :, None]
                _scan(left, right, matrices)
            else:
                _scan_in_logs(left, right, matrices, logs.T)
        return left, right

    def _forward(self, left: Array) -> Array:
        """Messages from the left after every step; what those at rescaled steps were divided by."""
        self.before = self.work.take("alpha", self.k, self.cut.length + 1, self.cut.blocks)
        self.before[:, 0] = left.T
        sizes = np.ones((self.cut.length, self.cut.blocks))
        for step in range(self.cut.length):
            message = self.before[:, step + 1]
            self.steps.forward(step, self.before[:, step], message)
            if step == self.cut.padding:
                message[:, self.cut.fresh] = 1.0
            message *= self.weights[:, step]
            if self._rescales(step):
                np.matmul(self.ones, message, out=sizes[step : step + 1])
                message /= sizes[step]
        sizes[: self.cut.padding, 0] = 1.0
        return sizes

    def _backward(self, right: Array) -> None:
        """Messages from the right after every step; the weights are multiplied by them."""
        self.after = self.work.take("beta", *self.weights.shape)
        self.after[:, -1] = right.T
        self.first = np.empty((self.k, self.cut.blocks))
        for step in reversed(range(self.cut.length)):
            ahead = self.weights[:, step]
            ahead *= self.after[:, step]
            message = self.after[:, step - 1] if step else self.first
            self.steps.backward(step, ahead, message)
            if self._rescales(step):
                message /= self.ones @ message

    def _joined(self, left: Array, right: Array, sizes: Array, shift: Array) -> ChainResult | None:
        """Marginals from the messages, which are overwritten."""
        front, node = self.cut.padding, self.after
        node *= self.before[:, 1:]
        mass = np.add.reduce(node, axis=0)
        mass[:front, 0] = 1.0
        if not self._trusted(mass, sizes, left, right):
            return None
        np.divide(1.0, mass, out=mass)
        node *= mass
        mass /= sizes
        ahead = self.weights
        ahead *= mass
        ahead[:, : front + 1, self.cut.fresh] = 0.0
        self.before[:, : front + 1, self.cut.fresh] = 0.0
        out = np.empty((self.k, self.cut.blocks * self.cut.length))
        np.copyto(self.cut.blocked(out), node)
        rescaled = [step for step in range(self.cut.length) if self._rescales(step)]
        total = np.log(sizes[rescaled]).sum(axis=0)
        pairs = self.steps.pair_sums(self.before[:, :-1], ahead)
        return ChainResult(
            (total if self.cut.apart else total.sum(keepdims=True)) + shift, out[:, front:], pairs
        )

    def _trusted(self, mass: Array, sizes: Array, left: Array, right: Array) -> bool:
        """Whether nothing that mattered underflowed, and messages found in two ways agree."""
        if not min(mass.min(), sizes.min(), (mass * sizes).min()) > TRUSTED:
            return False
        if self.cut.apart:
            return True
        last, first = self.before[:, -1, :-1], self.first[:, 1:] / (self.ones @ self.first[:, 1:])
        off = np.abs(last.T - left[1:]).max(initial=0.0) + np.abs(first.T - right[:-1]).max(initial=0.0)
        return bool(off < AGREE)


def _scan(left: Array, right: Array, matrices: Array) -> None:
    """Messages from block to block, in place: matrices (B, start, next)."""
    ones, last = np.ones(left.shape[1]), len(left) - 1
    for b in range(last):
        np.dot(left[b], matrices[b], out=left[b + 1])
        if b % RESCALE == 0:
            left[b + 1] /= left[b + 1].dot(ones)
    for b in range(last, 0, -1):
        np.dot(matrices[b], right[b], out=right[b - 1])
        if b % RESCALE == 0:
            right[b - 1] /= right[b - 1].dot(ones)
    left /= (left @ ones)[:, None]
    right /= (right @ ones)[:, None]


def _scan_in_logs(left: Array, right: Array, matrices: Array, logs: Array) -> None:
    """The same where the rows of the matrices have the weights exp(logs), which would underflow."""
    for b in range(len(left) - 1):
        weight = np.log(left[b]) + logs[b]
        out = np.exp(weight - weight.max()) @ matrices[b]
        left[b + 1] = out / out.sum()
    for b in range(len(left) - 1, 0, -1):
        weight = np.log(matrices[b] @ right[b]) + logs[b]
        out = np.exp(weight - weight.max())
        right[b - 1] = out / out.sum()


def finite(x: Array) -> Array:
    """x, with 0 for what is not finite.

    >>> finite(np.array([1.0, -np.inf])).tolist()
    [1.0, 0.0]
    """
    return np.where(np.isfinite(x), x, 0.0)
