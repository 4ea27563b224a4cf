"""Forward messages of a chain in logs, all blocks at once: for sums that underflow, and for maxima.

The recursion m_t[j] = unary[j, t] + op_i (m_{t-1}[i] + pair[codes[t], i, j]) with op the log of a sum of
exponentials (soft) or the maximum (hard). The backward messages are those of the chain read backwards.
"""

from __future__ import annotations

from typing import final

import numpy as np

from ppl.backend.chains.cut import Cut, cut
from ppl.backend.op import Array

MOST_STATES = 14  # with more, products of a block's steps take longer than going step by step


def log_messages(unary: Array, pair: Array, codes: Array, *, hard: bool) -> Array:
    """m (K, T): unary (K, T), pair (U, K, K), codes (T,).

    >>> log_messages(np.zeros((2, 3)), np.zeros((1, 2, 2)), np.zeros(3, int), hard=True).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    with np.errstate(all="ignore"):
        return _Logs(unary, pair, codes, hard).messages()


def backward_log_messages(unary: Array, pair: Array, codes: Array) -> Array:
    """log sum over s_{t+1..} of everything from t on, the unary potential at t too: (K, T).

    >>> backward_log_messages(np.zeros((2, 3)), np.zeros((1, 2, 2)), np.zeros(3, int)).round(3)[0].tolist()
    [1.386, 0.693, 0.0]
    """
    turned = np.concatenate([codes[:1], codes[:0:-1]])
    return log_messages(unary[:, ::-1], pair.swapaxes(1, 2), turned, hard=False)[:, ::-1]


@final
class _Logs:
    def __init__(self, unary: Array, pair: Array, codes: Array, hard: bool) -> None:
        self.k, steps = unary.shape
        self.cut, self.hard = cut(steps, self.k) if self.k <= MOST_STATES else Cut(steps, steps, 1), hard
        self.unary, self.codes = blocked(self.cut, unary), blocked(self.cut, codes)
        self.tables = np.ascontiguousarray(np.moveaxis(pair, 0, -1))

    def messages(self) -> Array:
        """All messages, block by block."""
        x = self._starts()
        out = np.empty((self.k, self.cut.blocks * self.cut.length))
        view = self.cut.blocked(out)
        for step in range(self.cut.length):
            x = view[:, step] = self._moved(x[:, None], step)[:, 0]
        return out[:, self.cut.padding :]

    def _starts(self) -> Array:
        """The messages before each block: (K, B)."""
        starts = np.zeros((self.k, self.cut.blocks))
        if self.cut.blocks > 1:
            x = np.broadcast_to(np.where(np.eye(self.k), 0.0, -np.inf)[:, :, None], (self.k, *starts.shape))
            for step in range(self.cut.length):
                x = self._moved(x, step)
            for b in range(self.cut.blocks - 1):
                starts[:, b + 1] = self._together((x[:, :, b] + starts[:, b]).T)
        return starts

    def _moved(self, x: Array, step: int) -> Array:
        """One step of messages (K, S, B); the first step of the chain forgets what was before it."""
        code = self.codes[step] if self.tables.shape[-1] > 1 else slice(None)
        out = self._together(self.tables[:, :, None, code] + x[:, None])
        if step == self.cut.padding:
            out[..., 0] = np.where(np.arange(x.shape[1]) == 0, 0.0, -np.inf)
        return out + self.unary[:, step, None]

    def _together(self, x: Array) -> Array:
        """op over the first axis."""
        top: Array = x.max(axis=0)
        if self.hard:
            return top
        top = np.where(np.isfinite(top), top, 0.0)
        return top + np.log(np.exp(x - top).sum(axis=0))


def blocked(where: Cut, x: Array) -> Array:
    """x (..., T) as a new array (..., L, B), the padding in front filled with zeros.

    >>> blocked(Cut(3, 2, 2), np.array([1, 2, 3])).tolist()
    [[0, 2], [1, 3]]
    """
    front = np.zeros((*x.shape[:-1], where.padding), dtype=x.dtype)
    return np.ascontiguousarray(where.blocked(np.concatenate([front, x], axis=-1)))
