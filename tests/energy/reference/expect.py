"""Expectations that every reference needs: means of statistics, expected log densities, entropies."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, multigammaln

from tests.energy.reference.case import Array

Q = dict[str, Array]
LOG_2PI = float(np.log(2 * np.pi))


def q(**arrays: object) -> Q:
    """A block of q from its arrays."""
    return {name: np.asarray(a, dtype=float) for name, a in arrays.items()}


def gamma_mean(g: Q) -> Array:
    """E x."""
    return np.asarray(g["shape"] / g["rate"])


def gamma_log(g: Q) -> Array:
    """E log x."""
    return np.asarray(digamma(g["shape"]) - np.log(g["rate"]))


def dirichlet_log(d: Q) -> Array:
    """E log x."""
    c = d["concentration"]
    return np.asarray(digamma(c) - digamma(c.sum(-1, keepdims=True)))


def wishart_mean(w: Q) -> Array:
    """E X."""
    return w["df"][..., None, None] * w["scale"]


def wishart_log_det(w: Q) -> Array:
    """E log det X."""
    d = w["scale"].shape[-1]
    half = 0.5 * (w["df"][..., None] - np.arange(d))
    return np.asarray(digamma(half).sum(-1) + d * np.log(2.0) + np.linalg.slogdet(w["scale"])[1])


def normal_log_density(x: Array, m: Array, var: Array, precision: Array, log_precision: Array) -> Array:
    """E log Normal(x | m, 1 / precision), ``var`` the sum of the variances of x and m."""
    return np.asarray(0.5 * (log_precision - LOG_2PI - precision * ((x - m) ** 2 + var)))


def normal_entropy(var: Array) -> float:
    """Summed over all elements."""
    return float(0.5 * np.sum(LOG_2PI + 1 + np.log(var)))


def mvnormal_entropy(cov: Array) -> float:
    """Summed over leading axes."""
    d = cov.shape[-1]
    return float(0.5 * np.sum(d * (LOG_2PI + 1) + np.linalg.slogdet(cov)[1]))


def gamma_prior(g: Q, shape: float | Array, rate: float | Array, log_rate: float | Array) -> float:
    """E log Gamma(x | shape, rate), summed; the rate may be a mean with its mean logarithm."""
    shape = np.asarray(shape)
    terms = shape * log_rate - gammaln(shape) + (shape - 1) * gamma_log(g) - rate * gamma_mean(g)
    return float(np.sum(terms))


def gamma_entropy(g: Q) -> float:
    """Summed."""
    a = g["shape"]
    return float(np.sum(a - np.log(g["rate"]) + gammaln(a) + (1 - a) * digamma(a)))


def log_beta(c: Array) -> Array:
    """The log normaliser of a Dirichlet."""
    return np.asarray(gammaln(c).sum(-1) - gammaln(c.sum(-1)))


def dirichlet_gain(d: Q, prior: float) -> float:
    """E log Dirichlet(x | prior) plus the entropy: minus the divergence from the prior."""
    c = d["concentration"]
    moved = ((prior - c) * dirichlet_log(d)).sum(-1)
    return float(np.sum(moved + log_beta(c) - log_beta(np.full(c.shape, prior))))


def gamma_gain(g: Q, shape: float, rate: float) -> float:
    """Minus the divergence from a Gamma prior."""
    return gamma_prior(g, shape, rate, float(np.log(rate))) + gamma_entropy(g)


def normal_gain(n: Q, mean: float, sd: float) -> float:
    """Minus the divergence from a Normal prior."""
    expected = normal_log_density(n["mean"], mean, n["var"], sd**-2.0, -2 * np.log(sd))  # type: ignore[arg-type]
    return float(np.sum(expected)) + normal_entropy(n["var"])


def wishart_log_normaliser(df: Array, scale: Array) -> Array:
    """log of the integral of det(X)^((df-D-1)/2) exp(-tr(inv(scale) X) / 2)."""
    d = scale.shape[-1]
    return np.asarray(0.5 * df * (d * np.log(2.0) + np.linalg.slogdet(scale)[1]) + multigammaln(0.5 * df, d))


def wishart_gain(w: Q, df: float, scale: Array) -> float:
    """Minus the divergence from Wishart(df, scale), summed over leading axes."""
    d = scale.shape[-1]
    mean, log_det = wishart_mean(w), wishart_log_det(w)

    def trace(of: Array) -> Array:
        return np.asarray(np.einsum("...ij,...ji->...", np.linalg.inv(of), mean))

    prior = 0.5 * (df - d - 1) * log_det - 0.5 * trace(scale) - wishart_log_normaliser(np.array(df), scale)
    own = [
        0.5 * (f - d - 1) * e - 0.5 * t - wishart_log_normaliser(f, s)
        for f, e, t, s in zip(w["df"], log_det, trace(w["scale"]), w["scale"], strict=True)
    ]
    return float(np.sum(prior) - np.sum(own))


def softmax(scores: Array) -> Array:
    """Probabilities over the last axis."""
    top = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(top / top.sum(-1, keepdims=True))


def categorical_entropy(p: Array) -> float:
    """Summed."""
    return float(-np.sum(p * np.log(np.where(p > 0, p, 1.0))))
