"""Logarithms of distribution functions, in both tails, with every derivative.

The derivative in the argument is the density over the tail. The derivatives in shape parameters
have no closed form; a five-point difference at a step tied to the parameter's own scale is good to
about 1e-9, because the functions are smooth on that scale and known to about 1e-14.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ppl.backend.lazy import special
from ppl.backend.op import Array, op
from ppl.backend.special_kernels import _gamma_kernel, _lbeta

_TINY = 1e-280


def _slope(f: Callable[..., Array], args: tuple[Array, ...], i: int) -> Array:
    """df/d args[i] by five-point central differences (Abramowitz & Stegun 25.3.6)."""
    a = np.asarray(args[i], dtype=float)
    h = 0.005 * np.minimum(a, np.sqrt(a))

    def at(k: float) -> Array:
        return f(*args[:i], a + k * h, *args[i + 1 :])

    return (8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * h)


def _paired(
    f: Callable[..., Array], other: Callable[..., Array], args: tuple[Array, ...], i: int, ans: Array
) -> Array:
    """The slope of f = log F given other = log(1 - F), through whichever of them is the smaller."""
    out = _slope(f, args, i)
    near_one = ans > -0.5
    if not np.any(near_one):
        return out
    return np.where(near_one, -np.exp(other(*args) - ans) * _slope(other, args, i), out)


def _weighted(g: Array, slope: Array) -> Array:
    """g * slope, without 0 * NaN."""
    return np.where(np.equal(g, 0), 0.0, g * slope)


def _continued(step: Callable[[int], tuple[Array, Array]], first: Array) -> Array:
    """b0 + a1/(b1 + a2/(b2 + ...)) by the modified Lentz method (Thompson & Barnett 1986)."""
    f = first
    c, d = f, np.zeros_like(f)
    for n in range(1, 2000):
        a, b = step(n)
        d = 1.0 / (b + a * d)
        c = b + a / c
        f = f * c * d
        if np.all(np.abs(c * d - 1.0) < 1e-15):
            break
    return f


def _series(ratio: Callable[[int], Array]) -> Array:
    """1 + r1 + r1 r2 + ... until terms no longer matter."""
    total = term = np.ones_like(ratio(1))
    for n in range(1, 20000):
        term = term * ratio(n)
        total = total + term
        if np.all(term <= 1e-17 * total):
            break
    return total


def _gamma_log_density(a: Array, x: Array) -> Array:
    """log(x^a exp(-x) / Gamma(a)), which is x times the density."""
    safe = np.where(np.equal(x, 0), 1.0, x)
    deviance = a * np.log(a / safe) + safe - a
    return np.where(np.equal(x, 0), -np.inf, _gamma_kernel(a) - deviance)


def _patched(value: Array, deep: Callable[..., Array], *args: Array) -> Array:
    """log(value), by ``deep`` where value has underflowed."""
    with np.errstate(all="ignore"):
        out = np.log(value)
        low = value < _TINY
        if np.any(low):
            wide = np.broadcast_arrays(*args, out)[:-1]
            out = np.array(np.broadcast_to(out, wide[0].shape))
            low = np.broadcast_to(low, out.shape)
            out[low] = deep(*[w[low] for w in wide])
    return out


def _deep_lower_gamma(a: Array, x: Array) -> Array:
    return _gamma_log_density(a, x) - np.log(a) + np.log(_series(lambda n: x / (a + n)))


def _deep_upper_gamma(a: Array, x: Array) -> Array:
    b0 = x + 1.0 - a
    fraction = _continued(lambda n: (-n * (n - a), b0 + 2.0 * n), b0)
    return np.where(np.isinf(x), -np.inf, _gamma_log_density(a, x) - np.log(fraction))


def _f(*args: Array) -> list[Array]:
    return [np.asarray(a, dtype=float) for a in args]


def _log_gammainc(a: Array, x: Array) -> Array:
    a, x = _f(a, x)
    return _patched(special.gammainc(a, x), _deep_lower_gamma, a, x)


def _log_gammaincc(a: Array, x: Array) -> Array:
    a, x = _f(a, x)
    return _patched(special.gammaincc(a, x), _deep_upper_gamma, a, x)


def _gamma_x(sign: float) -> Callable[..., Array]:
    def vjp(g: Array, ans: Array, a: Array, x: Array) -> Array:
        safe = np.maximum(x, 1e-300)
        return _weighted(g, sign * np.exp(_gamma_log_density(a, safe) - ans) / safe)

    return vjp


@op(
    lambda g, ans, a, x: _weighted(g, _paired(_log_gammainc, _log_gammaincc, (a, x), 0, ans)),
    _gamma_x(1.0),
    broadcasts=True,
)
def log_gammainc(a: Array, x: Array) -> Array:
    """log P(a, x), the lower regularised incomplete gamma function."""
    return _log_gammainc(a, x)


@op(
    lambda g, ans, a, x: _weighted(g, _paired(_log_gammaincc, _log_gammainc, (a, x), 0, ans)),
    _gamma_x(-1.0),
    broadcasts=True,
)
def log_gammaincc(a: Array, x: Array) -> Array:
    """log Q(a, x), the upper regularised incomplete gamma function."""
    return _log_gammaincc(a, x)


def _beta_log_density(a: Array, b: Array, x: Array) -> Array:
    """log(x^a (1 - x)^b / B(a, b))."""
    return special.xlogy(a, x) + special.xlog1py(b, -x) - _lbeta(a, b)


def _deep_beta(a: Array, b: Array, x: Array) -> Array:
    total = _series(lambda n: (a + b + n - 1.0) / (a + n) * x)
    return _beta_log_density(a, b, x) - np.log(a) + np.log(total)


def _log_betainc(a: Array, b: Array, x: Array) -> Array:
    a, b, x = _f(a, b, x)
    return _patched(special.betainc(a, b, x), _deep_beta, a, b, x)


def _log_betaincc(a: Array, b: Array, x: Array) -> Array:
    a, b, x = _f(a, b, x)
    return _patched(special.betaincc(a, b, x), lambda a, b, x: _deep_beta(b, a, 1.0 - x), a, b, x)


def _beta_x(sign: float) -> Callable[..., Array]:
    def vjp(g: Array, ans: Array, a: Array, b: Array, x: Array) -> Array:
        safe = np.clip(x, 1e-300, 1.0 - 1e-16)
        return _weighted(g, sign * np.exp(_beta_log_density(*_f(a, b, safe)) - ans) / (safe * (1.0 - safe)))

    return vjp


@op(
    lambda g, ans, a, b, x: _weighted(g, _paired(_log_betainc, _log_betaincc, (a, b, x), 0, ans)),
    lambda g, ans, a, b, x: _weighted(g, _paired(_log_betainc, _log_betaincc, (a, b, x), 1, ans)),
    _beta_x(1.0),
    broadcasts=True,
)
def log_betainc(a: Array, b: Array, x: Array) -> Array:
    """log I_x(a, b), the regularised incomplete beta function."""
    return _log_betainc(a, b, x)


@op(
    lambda g, ans, a, b, x: _weighted(g, _paired(_log_betaincc, _log_betainc, (a, b, x), 0, ans)),
    lambda g, ans, a, b, x: _weighted(g, _paired(_log_betaincc, _log_betainc, (a, b, x), 1, ans)),
    _beta_x(-1.0),
    broadcasts=True,
)
def log_betaincc(a: Array, b: Array, x: Array) -> Array:
    """log(1 - I_x(a, b)) = log I_{1-x}(b, a)."""
    return _log_betaincc(a, b, x)


@np.errstate(all="ignore")
def _log_stdtr(df: Array, t: Array) -> Array:
    df, t = _f(df, t)
    s: Array = np.square(t)
    wide = np.isinf(t)
    near = _log_betaincc(0.5, 0.5 * df, np.where(wide, 1.0, s / (df + s)))
    far = _log_betainc(0.5 * df, 0.5, np.where(wide, 0.0, df / (df + s)))
    tail: Array = np.where(s < df, near, far)
    tail = tail - math.log(2.0)
    return np.where(t <= 0, tail, np.log1p(-np.exp(np.minimum(tail, 0.0))))


def _student_log_density(df: Array, t: Array) -> Array:
    return -_lbeta(0.5 * df, 0.5) - 0.5 * np.log(df) - 0.5 * (df + 1.0) * np.log1p(t * t / df)


@op(
    lambda g, ans, df, t: _weighted(
        g, _paired(_log_stdtr, lambda df, t: _log_stdtr(df, np.negative(t)), (df, t), 0, ans)
    ),
    lambda g, ans, df, t: _weighted(g, np.exp(_student_log_density(*_f(df, t)) - ans)),
    broadcasts=True,
)
def log_stdtr(df: Array, t: Array) -> Array:
    """log P(T <= t) of Student's t distribution with df degrees of freedom."""
    return _log_stdtr(df, t)


@op(
    lambda g, ans, z: _weighted(g, np.exp(-ans) / (math.pi * (1.0 + np.square(z)))),
    broadcasts=True,
)
def log_cauchy_cdf(z: Array) -> Array:
    """log(1/2 + arctan(z) / pi), accurate in the lower tail."""
    return np.log(np.arctan2(1.0, -np.asarray(z, dtype=float)) / math.pi)


@op(
    lambda g, ans, z: _weighted(g, np.exp(-ans - np.square(z)) * (2.0 / math.sqrt(math.pi))),
    broadcasts=True,
)
def log_erf(z: Array) -> Array:
    """log erf(z), z >= 0."""
    z = np.asarray(z, dtype=float)
    return np.where(z < 1.0, np.log(special.erf(z)), np.log1p(-special.erfc(z)))
