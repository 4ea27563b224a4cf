"""Log densities written out once more, plainly, in 60-digit arithmetic: what the table is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp

mp.mp.dps = 60
F = mp.mpf
ORACLE: dict[str, Callable[..., Any]] = {}


def entry(function: Callable[..., Any]) -> Callable[..., Any]:
    ORACLE[function.__name__] = function
    return function


def log_choose(n, k):
    return mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)


def times_log(k, p):
    return mp.mpf(0) if k == 0 else k * mp.log(p)


def log_b(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def unit(logit):
    return 1 / (1 + mp.exp(-logit))


@entry
def Normal(x, mean, sd=None, var=None, precision=None):
    v = sd**2 if sd is not None else var if var is not None else 1 / precision
    return -((x - mean) ** 2) / (2 * v) - mp.log(2 * mp.pi * v) / 2


@entry
def HalfNormal(x, scale):
    return Normal(x, 0, scale) + mp.log(2)


@entry
def Cauchy(x, loc, scale):
    return -mp.log(mp.pi * scale * (1 + ((x - loc) / scale) ** 2))


@entry
def HalfCauchy(x, scale):
    return Cauchy(x, 0, scale) + mp.log(2)


@entry
def Uniform(x, lower, upper):
    return -mp.log(upper - lower)


@entry
def Exponential(x, rate=None, scale=None):
    rate = 1 / scale if rate is None else rate
    return mp.log(rate) - rate * x


@entry
def Gamma(x, shape=None, rate=None, scale=None, mean=None, sd=None):
    if mean is not None:
        shape, rate = (mean / sd) ** 2, mean / sd**2
    rate = 1 / scale if rate is None else rate
    return shape * mp.log(rate) + (shape - 1) * mp.log(x) - rate * x - mp.loggamma(shape)


@entry
def InverseGamma(x, shape, scale):
    return shape * mp.log(scale) - (shape + 1) * mp.log(x) - scale / x - mp.loggamma(shape)


@entry
def Beta(x, a=None, b=None, mean=None, concentration=None):
    if mean is not None:
        a, b = mean * concentration, (1 - mean) * concentration
    return times_log(a - 1, x) + times_log(b - 1, 1 - x) - log_b(a, b)


@entry
def StudentT(x, df, loc, scale):
    z = (x - loc) / scale
    top = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(scale)
    return top - (df + 1) / 2 * mp.log(1 + z**2 / df)


@entry
def LogNormal(x, mean, sd):
    return Normal(mp.log(x), mean, sd) - mp.log(x)


@entry
def Laplace(x, loc, scale):
    return -abs(x - loc) / scale - mp.log(2 * scale)


@entry
def Logistic(x, loc, scale):
    z = (x - loc) / scale
    return -z - 2 * mp.log(1 + mp.exp(-z)) - mp.log(scale)


@entry
def Weibull(x, shape, scale):
    h = mp.log(x / scale) * shape
    return mp.log(shape) + h - mp.log(x) - mp.exp(h)


@entry
def Pareto(x, scale, shape):
    return mp.log(shape) + shape * mp.log(scale / x) - mp.log(x)


@entry
def Horseshoe(x, scale):
    u = (x / scale) ** 2 / 2
    return u + mp.log(mp.e1(u)) - mp.log(scale) - mp.log(2 * mp.pi**3) / 2


@entry
def Bernoulli(x, p=None, logit=None):
    p = unit(logit) if p is None else p
    return mp.log(p if x == 1 else 1 - p)


@entry
def Binomial(x, n, p=None, logit=None):
    p = unit(logit) if p is None else p
    return log_choose(n, x) + times_log(x, p) + times_log(n - x, 1 - p)


@entry
def Poisson(x, rate=None, log_rate=None):
    log_rate = mp.log(rate) if log_rate is None else log_rate
    return x * log_rate - mp.exp(log_rate) - mp.loggamma(x + 1)


@entry
def NegativeBinomial(x, mean=None, concentration=None, log_mean=None, n=None, p=None):
    if p is None:
        mean = mp.exp(log_mean) if mean is None else mean
        n, p = concentration, concentration / (concentration + mean)
    return mp.loggamma(x + n) - mp.loggamma(n) - mp.loggamma(x + 1) + n * mp.log(p) + times_log(x, 1 - p)


@entry
def Geometric(x, p=None, logit=None):
    p = unit(logit) if p is None else p
    return times_log(x, 1 - p) + mp.log(p)


@entry
def BetaBinomial(x, n, a=None, b=None, mean=None, concentration=None):
    if mean is not None:
        a, b = mean * concentration, (1 - mean) * concentration
    return log_choose(n, x) + log_b(x + a, n - x + b) - log_b(a, b)


@entry
def DiscreteUniform(x, lower=None, upper=None, size=None):
    return -mp.log(size if lower is None else upper - lower + 1)


@entry
def Categorical(x, p=None, logit=None):
    if p is not None:
        return mp.log(p[int(x)])
    return logit[int(x)] - mp.log(sum(mp.exp(v) for v in logit))


@entry
def OrderedLogistic(x, eta, cutpoints):
    edges = [-mp.inf, *cutpoints, mp.inf]
    return mp.log(unit(edges[int(x) + 1] - eta) - unit(edges[int(x)] - eta))


@entry
def Dirichlet(x, concentration):
    top = mp.loggamma(sum(concentration)) - sum(mp.loggamma(a) for a in concentration)
    return top + sum(times_log(a - 1, v) for a, v in zip(concentration, x, strict=True))


@entry
def Multinomial(x, n=None, p=None, logit=None):
    if p is None:
        e = [mp.exp(v) for v in logit]
        p = [v / sum(e) for v in e]
    n = sum(x)
    ways = mp.loggamma(n + 1) - sum(mp.loggamma(v + 1) for v in x)
    return ways + sum(times_log(v, q) for v, q in zip(x, p, strict=True))


@entry
def ZeroSumNormal(x, sd):
    k = len(x)
    return -sum(v**2 for v in x) / (2 * sd**2) - (k - 1) * mp.log(2 * mp.pi * sd**2) / 2


def _cov(cov=None, precision=None, scale_tril=None):
    if cov is not None:
        return mp.matrix(cov)
    if precision is not None:
        return mp.matrix(precision) ** -1
    lower = mp.matrix(scale_tril)
    return lower * lower.T


def _quadratic(x, mean, cov):
    r = mp.matrix([a - b for a, b in zip(x, mean, strict=True)])
    return (r.T * (cov**-1) * r)[0]


@entry
def MultivariateNormal(x, mean, **spread):
    cov = _cov(**spread)
    return -_quadratic(x, mean, cov) / 2 - mp.log(mp.det(cov)) / 2 - len(x) * mp.log(2 * mp.pi) / 2


@entry
def MultivariateStudentT(x, df, loc, **spread):
    cov, k = _cov(**spread), len(x)
    top = mp.loggamma((df + k) / 2) - mp.loggamma(df / 2) - k * mp.log(df * mp.pi) / 2
    return top - mp.log(mp.det(cov)) / 2 - (df + k) / 2 * mp.log(1 + _quadratic(x, loc, cov) / df)


def _log_multigamma(a, k):
    return F(k * (k - 1)) / 4 * mp.log(mp.pi) + sum(mp.loggamma(a - F(j) / 2) for j in range(k))


def _trace(a):
    return sum(a[i, i] for i in range(a.rows))


@entry
def Wishart(x, df, scale):
    x, scale = mp.matrix(x), mp.matrix(scale)
    k = x.rows
    top = (df - k - 1) / 2 * mp.log(mp.det(x)) - _trace(scale**-1 * x) / 2
    return top - df * k / 2 * mp.log(2) - df / 2 * mp.log(mp.det(scale)) - _log_multigamma(df / 2, k)


@entry
def InverseWishart(x, df, scale):
    x, scale = mp.matrix(x), mp.matrix(scale)
    k = x.rows
    top = -(df + k + 1) / 2 * mp.log(mp.det(x)) - _trace(scale * x**-1) / 2
    return top - df * k / 2 * mp.log(2) + df / 2 * mp.log(mp.det(scale)) - _log_multigamma(df / 2, k)


def _log_lkj(eta, k):
    """Normaliser by the recursion of the C-vine: a product of beta functions (reference as in LKJ)."""
    out = F(0)
    for j in range(1, k):
        a = eta + F(k - j - 1) / 2
        out += (k - j) * ((2 * a - 1) * mp.log(2) + log_b(a, a))
    return out


@entry
def LKJ(x, eta):
    return (eta - 1) * mp.log(mp.det(mp.matrix(x))) - _log_lkj(eta, len(x))


@entry
def LKJCholesky(x, eta):
    k = len(x)
    top = sum((k - 1 - i + 2 * (eta - 1)) * mp.log(x[i][i]) for i in range(k))
    return top - _log_lkj(eta, k)


@entry
def MatrixNormal(x, mean, row_cov, column_cov):
    r = mp.matrix(x) - mp.matrix(mean)
    u, v = mp.matrix(row_cov), mp.matrix(column_cov)
    n, p = r.rows, r.cols
    square = _trace(v**-1 * r.T * u**-1 * r)
    logdet = p * mp.log(mp.det(u)) + n * mp.log(mp.det(v))
    return -square / 2 - logdet / 2 - n * p * mp.log(2 * mp.pi) / 2
