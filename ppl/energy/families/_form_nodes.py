"""Nodes for expectations under Gamma and Beta densities on their unconstrained lines, and a Gamma's entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ppl.backend.lazy import special

Array = Any
NODES = 257
FAR = 45.0  # nats below the peak where nodes end
LARGE = 1e3  # shapes beyond which the entropy is a series, without differences of large numbers
HALF_LOG = 0.5 * math.log(2.0 * math.pi * math.e)


def gamma_entropy(shape: Array) -> np.ndarray:
    """Entropy of Gamma(shape, 1): a + lgamma(a) + (1 - a) psi(a), by Stirling's series for large shapes.

    >>> round(float(gamma_entropy(np.array(1.0))), 12)
    1.0
    """
    a = np.asarray(shape, dtype=float)
    far = np.maximum(a, LARGE)
    series = 0.5 * np.log(far) + HALF_LOG - 1.0 / (3.0 * far) - 1.0 / (12.0 * far**2) - 1.0 / (90.0 * far**3)
    near = np.minimum(a, LARGE)
    plain = near + special.gammaln(near) + (1.0 - near) * special.digamma(near)
    return np.asarray(np.where(a > LARGE, series, plain))


def around(left: Array, right: Array) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a density of u that falls like exp(left u) on the left, from its peak at 0.

    On the right it falls like exp(-right u), or where ``right`` is infinite like exp(-left e^u): Beta and
    Gamma on their unconstrained lines. (*batch, 1) to (*batch, NODES): places and probabilities.
    """
    finite = np.all(np.isfinite(right))
    sd = np.sqrt(1.0 / left + (1.0 / right if finite else 0.0))
    low = FAR / left + 10.0 * sd
    high = FAR / right + 10.0 * sd if finite else 1.1 * np.log1p(FAR / left + 10.0 * sd)
    share = np.linspace(0.0, 1.0, NODES)
    ends = -np.arcsinh(low / sd), np.arcsinh(high / sd)
    t = ends[0] + (ends[1] - ends[0]) * share
    d = sd * np.sinh(t)
    if finite:
        total = np.log(left + right)
        rise = -np.logaddexp(np.log(right) - total - d, np.log(left) - total)
        height = left * rise + right * -np.logaddexp(np.log(left) - total + d, np.log(right) - total)
    else:
        height = left * (d - np.expm1(d))
    logs = height + np.log(np.cosh(t))
    weight = np.exp(logs - logs.max(-1, keepdims=True))
    return d, weight / weight.sum(-1, keepdims=True)
