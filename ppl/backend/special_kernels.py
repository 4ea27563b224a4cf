"""Pieces of log densities that lose digits when written out: deviances and Stirling remainders.

Writing ``lgamma`` and ``x log m`` apart costs eps * 1e5 at counts of 1e4. The saddle-point form
(C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000) keeps only small terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ppl.backend.elementwise import floating
from ppl.backend.lazy import special
from ppl.backend.op import Array, op

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_SLOPE = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)
LARGE = 10.0


def _polynomial(y: Array, coefficients: tuple[float, ...]) -> Array:
    out = 0.0
    for c in reversed(coefficients):
        out = out * y + c
    return out


def _stirling(x: Array) -> Array:
    """lgamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) for x >= LARGE (abs error 1e-15)."""
    return _polynomial(1.0 / np.square(x), _SERIES) / x


def _by_size(x: Array, small: Callable[[Array], Array], large: Callable[[Array], Array]) -> Array:
    """small(x) below LARGE and large(x) from there on, each computed only where it is used."""
    x = np.asarray(x, dtype=float)
    big = x >= LARGE
    if big.all():
        return large(x)
    if not big.any():
        return small(x)
    out = np.empty(x.shape)
    out[big] = large(x[big])
    out[~big] = small(x[~big])
    return out


def _slope_tail(a: Array) -> Array:
    return 0.5 / a + _polynomial(1.0 / np.square(a), _SLOPE) / np.square(a)


def _log_minus_digamma(a: Array) -> Array:
    """log a - digamma(a), with all its digits for large a too."""
    return _by_size(a, lambda a: np.log(a) - special.digamma(a), _slope_tail)


def _gamma_kernel(a: Array) -> Array:
    return _by_size(
        a,
        lambda a: special.xlogy(a, a) - a - special.gammaln(a),
        lambda a: 0.5 * np.log(a) - HALF_LOG_TWO_PI - _stirling(a),
    )


@op(lambda g, ans, a: g * _log_minus_digamma(np.asarray(a, dtype=float)), broadcasts=True)
def gamma_kernel(a: Array) -> Array:
    """a log a - a - lgamma(a), a > 0."""
    return _gamma_kernel(a)


def _factorial_slope(g: Array, ans: Array, k: Array) -> Array:
    safe = np.where(np.equal(k, 0), 1.0, k)
    return g * np.where(np.equal(k, 0), 0.0, _log_minus_digamma(safe) - 1.0 / safe)


@op(_factorial_slope, broadcasts=True)
def factorial_kernel(k: Array) -> Array:
    """k log k - k - log k!, k >= 0; 0 at 0."""
    return _by_size(
        k,
        lambda k: special.xlogy(k, k) - k - special.gammaln(k + 1.0),
        lambda k: -0.5 * np.log(k) - HALF_LOG_TWO_PI - _stirling(k),
    )


def _ratio(x: Array, m: Array) -> Array:
    """x / m - 1, and -1 where both vanish."""
    both = np.equal(x, 0) & np.equal(m, 0)
    return np.where(both, -1.0, np.subtract(x, m) / np.where(both, 1.0, m))


def _log_ratio(x: Array, m: Array, skip: Array) -> Array:
    """log(x / m) with all its digits where x and m are close; 0 where ``skip`` holds."""
    u = np.where(skip, 0.0, _ratio(x, m))
    out = np.log1p(u)
    low = u < -0.5
    if np.any(low):  # 1 + u has lost its digits
        out = np.where(low, np.log(np.where(low, x, 1.0)) - np.log(np.where(low, m, 1.0)), out)
    return out


def _deviance_x(g: Array, ans: Array, x: Array, m: Array) -> Array:
    return g * _log_ratio(x, m, np.equal(x, 0) | np.isinf(ans))


def _deviance_m(g: Array, ans: Array, x: Array, m: Array) -> Array:
    return g * np.where(np.isinf(ans), 0.0, -_ratio(x, m))


@op(_deviance_x, _deviance_m, broadcasts=True)
def deviance(x: Array, m: Array) -> Array:
    """x log(x / m) + m - x for x, m >= 0: m at x = 0, inf at m = 0 < x (derivative 0 there).

    The error is about eps * |x - m|, however large x is.
    """
    zero = np.equal(x, 0)
    return np.where(zero, m, x * _log_ratio(x, m, zero) - np.subtract(x, m))


def _excess(x: Array, log_m: Array) -> Array:
    """log(m / x), and log m at x = 0."""
    return log_m - np.log(np.where(np.equal(x, 0), 1.0, x))


def _log_deviance_m(g: Array, ans: Array, x: Array, log_m: Array) -> Array:
    s = _excess(x, log_m)
    return g * np.where(np.equal(x, 0), np.exp(s), x * np.expm1(s))


@op(
    lambda g, ans, x, log_m: g * np.where(np.equal(x, 0), 0.0, -_excess(x, log_m)),
    _log_deviance_m,
    broadcasts=True,
)
def log_deviance(x: Array, log_m: Array) -> Array:
    """x log(x / m) + m - x given log m: finite where m itself underflows."""
    s = _excess(x, log_m)
    e = np.expm1(s)
    return np.where(np.equal(x, 0), e + 1.0, x * (e - s))


def _lbeta(a: Array, b: Array) -> Array:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    cross = a * np.log1p(b / a) + b * np.log1p(a / b)
    return _gamma_kernel(a + b) - _gamma_kernel(a) - _gamma_kernel(b) - cross


def _digamma_gap(a: Array, b: Array) -> Array:
    """digamma(a) - digamma(a + b), keeping digits where both are large."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return -np.log1p(b / a) - _log_minus_digamma(a) + _log_minus_digamma(a + b)


@op(
    lambda g, ans, a, b: g * _digamma_gap(a, b),
    lambda g, ans, a, b: g * _digamma_gap(b, a),
    broadcasts=True,
)
def log_beta(a: Array, b: Array) -> Array:
    """log Beta(a, b) to a relative error of a few eps at any size of a, b > 0."""
    return _lbeta(a, b)


@op(
    lambda g, ans, k, n, logit: g * logit,
    lambda g, ans, k, n, logit: g * -(np.maximum(logit, 0.0) + np.log1p(np.exp(-np.abs(logit)))),
    lambda g, ans, k, n, logit: g * (k - n / (1.0 + np.exp(np.negative(logit)))),
    broadcasts=True,
)
def binomial_logit(k: Array, n: Array, logit: Array) -> Array:
    """k log p + (n - k) log(1 - p) with p = 1 / (1 + exp(-logit)); infinite logits are exact."""
    logit = floating(logit)
    shape = np.broadcast_shapes(np.shape(k), np.shape(n), logit.shape)
    if not shape:
        return _binomial_at_infinity(k, n, logit)
    logit = np.broadcast_to(logit, shape)
    # in place, since fresh memory costs more than arithmetic; log(1 + e) is five times faster than
    # log1p and as exact absolutely
    out = np.abs(logit)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1.0
    np.log(out, out=out)
    out *= n
    part = np.maximum(logit, 0.0)
    down = part - logit
    down *= k
    part *= np.subtract(n, k)
    out += part
    out += down
    np.negative(out, out=out)
    return out if not np.isnan(out).any() else _binomial_at_infinity(k, n, logit)


def _binomial_at_infinity(k: Array, n: Array, logit: Array) -> Array:
    """The same with 0 * inf = 0."""
    missed = np.where(np.greater_equal(logit, 0), n - k, k)
    size = np.abs(logit)
    safe = np.where(np.equal(missed, 0), 0.0, size)
    return -(missed * safe + n * np.log1p(np.exp(-size)))


@op(
    lambda g, ans, x: g * np.where(np.equal(g, 0), 0.0, 1.0 / np.expm1(np.maximum(x, 1e-300))),
    broadcasts=True,
)
def log1mexp(x: Array) -> Array:
    """log(1 - exp(-x)), x >= 0 (M. Maechler, Accurately Computing log(1 - exp(-|a|)), 2012)."""
    x = np.asarray(x, dtype=float)
    small = np.minimum(x, 1.0)
    return np.where(x < math.log(2.0), np.log(-np.expm1(-small)), np.log1p(-np.exp(-np.maximum(x, 0.5))))


def _gap(a: Array, b: Array) -> Array:
    """a - b, counting equal infinities as no gap."""
    same = np.equal(a, b)
    return np.where(same, 0.0, np.subtract(np.where(same, 0.0, a), np.where(same, 0.0, b)))


def _share_vjp(sign: float) -> Callable[..., Array]:
    def vjp(g: Array, ans: Array, a: Array, b: Array) -> Array:
        gap = _gap(a, b)
        return np.where(np.equal(g, 0) | (gap <= 0), 0.0, sign * g / np.expm1(np.maximum(gap, 1e-300)))

    return vjp


@op(_share_vjp(1.0), _share_vjp(-1.0), broadcasts=True)
def log1m_ratio(a: Array, b: Array) -> Array:
    """log(1 - exp(b - a)) for a >= b; -inf (derivative 0) where they agree, infinite or not."""
    return log1mexp.forward(_gap(a, b))


def _diff_a(g: Array, ans: Array, a: Array, b: Array) -> Array:
    gap = _gap(a, b)
    return np.where(np.equal(g, 0) | (gap <= 0), 0.0, -g / np.expm1(-np.maximum(gap, 1e-300)))


def _diff_b(g: Array, ans: Array, a: Array, b: Array) -> Array:
    gap = _gap(a, b)
    return np.where(np.equal(g, 0) | (gap <= 0), 0.0, -g / np.expm1(np.maximum(gap, 1e-300)))


@op(_diff_a, _diff_b, broadcasts=True)
def log_diff_exp(a: Array, b: Array) -> Array:
    """log(exp(a) - exp(b)) for a >= b; -inf (derivative 0) where they agree."""
    gap = _gap(a, b)
    small = np.minimum(gap, 1.0)
    tail = np.where(gap < math.log(2.0), np.log(-np.expm1(-small)), np.log1p(-np.exp(-np.maximum(gap, 0.5))))
    return np.where(gap < 0, np.nan, np.where(gap == 0, -np.inf, np.where(gap == 0, 0.0, a) + tail))


def _normal_sd(g: Array, ans: Array, x: Array, mean: Array, sd: Array) -> Array:
    z = np.subtract(x, mean) / sd
    return g * ((z * z - 1.0) / sd)


def _normal_mean(g: Array, ans: Array, x: Array, mean: Array, sd: Array) -> Array:
    return g * (np.subtract(x, mean) / np.square(sd))


@op(lambda g, ans, x, mean, sd: -_normal_mean(g, ans, x, mean, sd), _normal_mean, _normal_sd, broadcasts=True)
def normal_log_density(x: Array, mean: Array, sd: Array) -> Array:
    """-((x - mean) / sd)^2 / 2 - log sd - log(2 pi) / 2, in one pass over the data."""
    z = np.subtract(x, mean) / sd
    return -0.5 * (z * z) - (np.log(sd) + HALF_LOG_TWO_PI)


@op(None)
def zeros_like(x: Array) -> Array:
    """Zeros of x's shape; carries a shape to a value that does not depend on x."""
    return np.zeros(np.shape(x))
