"""The log likelihood of a logistic regression as one primitive, block by block in the cache."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array, op

ELEMENTS = 1 << 16  # of a block of predictors: stays in the second-level cache
DRAWS = 64  # taken together: more would shorten the blocks
FACTORS = 512  # numbers in [1, 2] whose product cannot overflow


@op(None, None, None)
def logistic_rows(beta: Array, design: Array, offset: Array | None) -> Array:
    """-sum_n log(1 + exp(t_n)), t = design beta + offset, and its gradient in beta: (S, 1 + K).

    Rows of ``design`` and ``offset`` carry the sign of the outcome (minus for a one), so that all terms
    have one sign and nothing cancels. The logarithms of many factors are taken at once.
    """
    parts = [_some_draws(beta[i : i + DRAWS], design, offset) for i in range(0, len(beta), DRAWS)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _some_draws(beta: Array, design: Array, offset: Array | None) -> Array:
    draws, width = np.shape(beta)
    out = np.zeros((draws, 1 + width))
    step = max(FACTORS, ELEMENTS // max(draws, 1) // FACTORS * FACTORS)
    for start in range(0, len(design), step):
        block = design[start : start + step]
        t = beta @ block.T
        if offset is not None:
            t += offset[start : start + step]
        out[:, 0] -= np.maximum(t, 0.0).sum(axis=1)
        down = np.abs(t)
        np.negative(down, out=down)
        np.exp(down, out=down)
        plus = down + 1.0
        out[:, 0] -= _log_product(plus)
        # exp(min(t, 0)): a maximum costs less than a choice
        np.greater_equal(t, 0.0, out=t)
        np.maximum(down, t, out=down)
        down /= plus
        out[:, 1:] -= down @ block
    return out


def _log_product(x: Array) -> Array:
    """The sum of logarithms of numbers in [1, 2] along the last axis."""
    whole = x.shape[1] // FACTORS * FACTORS
    out = np.log(np.multiply.reduce(x[:, whole:], axis=1))
    if whole:
        parts = np.multiply.reduce(x[:, :whole].reshape(len(x), -1, FACTORS), axis=2)
        out = out + np.log(parts).sum(axis=1)
    return out


@op(lambda g, ans, beta, found: np.asarray(g)[:, None] * found[:, 1:], None)
def first_with_gradient(beta: Array, found: Array) -> Array:
    """The value in ``found[:, 0]``, whose gradient in beta is ``found[:, 1:]``: (S,)."""
    return found[:, 0]
