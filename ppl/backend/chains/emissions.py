"""The two long products of an expectation step around a chain: scores of the states, and their statistics."""

from __future__ import annotations

import numpy as np

from ppl.backend.op import Array


def emission_scores(features: Array, weights: Array, *, out: Array | None = None) -> Array:
    """Log potentials G Phi: features Phi (F, T) and natural parameters G (K, F) to (K, T).

    Of a Gaussian emission the features are 1, y and y^2; of a categorical one, the indicators of the symbols.

    >>> emission_scores(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([[-1.0, 3.0]]))
    array([[-1.,  5.]])
    """
    return np.matmul(weights, features, out=out)


def statistics(node: Array, features: Array) -> Array:
    """Expected sufficient statistics: marginals (K, T) and features Phi (F, T) to sums over time (K, F).

    >>> statistics(np.array([[0.5, 1.0]]), np.array([[1.0, 1.0], [0.0, 2.0]]))
    array([[1.5, 2. ]])
    """
    return np.matmul(node, features.T)
