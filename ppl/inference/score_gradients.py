"""Unbiased estimates of the ELBO's gradient in the parameters of one factor, from costs per element.

The cost c of an element is the sum of the log terms in its Markov blanket, at one draw. With q the
element's own table and phi its logits,

    grad = E[(c - log q(z)) grad log q(z)],

over the element and everything else (Rao-Blackwellised: terms outside the blanket have mean zero).
"""

from __future__ import annotations

import numpy as np

from ppl.posterior.target import Array


def leave_one_out(f: Array) -> Array:
    """f (S, ...) less the mean over the other draws, S >= 2: a baseline that leaves the estimate unbiased.

    >>> leave_one_out(np.array([[1.0], [3.0]])).ravel().tolist()
    [-2.0, 2.0]
    """
    count = len(f)
    return np.asarray((f - f.mean(0)) * (count / (count - 1.0)))


def score(log_table: Array, codes: Array, advantage: Array) -> Array:
    """mean_s advantage_s grad log q(z_s). log_table: (n, K); codes, advantage: (S, n); (n, 1 or K)."""
    table, count = np.exp(log_table), len(codes)
    if table.shape[1] == 2:
        return np.asarray((advantage * (codes - table[:, 1])).mean(0)[:, None])
    hits = np.stack([(advantage * (codes == k)).sum(0) for k in range(table.shape[1])], axis=1)
    return np.asarray(hits / count - table * advantage.mean(0)[:, None])


def own_log(log_table: Array, codes: Array) -> Array:
    """log q of drawn states: codes (S, n) to (S, n)."""
    return np.asarray(log_table[np.arange(len(log_table)), codes])


def local_expectation(log_table: Array, costs: Array, weights: Array) -> Array:
    """The exact gradient in an element, given the cost of each of its states. costs: (n, K); (n, 1 or K)."""
    table = np.exp(log_table)
    gain = costs - weights[:, None] * log_table
    out = table * (gain - (table * gain).sum(1, keepdims=True))
    return np.asarray(out[:, 1:] if table.shape[1] == 2 else out)


def disarm(logits: Array, codes: Array, costs: Array, weights: Array) -> Array:
    """Antithetic pairs of two-state elements: (n, 1). codes, costs: (S, n), halves paired.

    Dong, Mnih and Tucker 2020, "DisARM: an antithetic gradient estimator for binary latent variables":
    (1/2) (f(b) - f(b')) (-1)^b' [b != b'] sigmoid(|phi|), with the entropy's gradient exact.
    """
    half = len(codes) // 2
    differ = codes[:half] != codes[half:]
    sign = np.where(codes[half:] == 1, -1.0, 1.0)
    size = 1.0 / (1.0 + np.exp(-np.abs(logits[:, 0])))
    pairs = 0.5 * (costs[:half] - costs[half:]) * sign * differ * size
    return np.asarray((pairs.mean(0) + weights * entropy_slope(logits[:, 0]))[:, None])


def entropy_slope(logit: Array) -> Array:
    """d/dphi of the entropy of a two-state element: -phi p (1 - p)."""
    p = 1.0 / (1.0 + np.exp(-logit))
    return np.asarray(-logit * p * (1.0 - p))


def gaussian_score(eps: Array, sd: Array, advantage: Array) -> tuple[Array, Array]:
    """Score-function slopes in means and log sds: (D,) each. eps, advantage: (S, D)."""
    safe = np.where(sd > 0, sd, 1.0)
    return (advantage * eps).mean(0) / safe, (advantage * (np.square(eps) - 1.0)).mean(0)
