"""The array namespace (``xp``) of densities, functions and bijections."""

# ruff: noqa: F401

from ppl.backend.chain import affine_scan, chain_log_partition
from ppl.backend.elementwise import (
    abs_ as abs,
)
from ppl.backend.elementwise import (
    add,
    arctan,
    cos,
    divide,
    equal,
    exp,
    expm1,
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    log1p,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    reciprocal,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
    xlog1py,
    xlogy,
)
from ppl.backend.linalg import cholesky, design, inverse, logdet, matmul, matvec, solve
from ppl.backend.reductions import cumsum, logsumexp, prod
from ppl.backend.reductions import max_ as max
from ppl.backend.reductions import min_ as min
from ppl.backend.reductions import sum_ as sum
from ppl.backend.shaping import (
    broadcast_last,
    concatenate,
    diagonal,
    diagonal_matrix,
    expand_dims,
    matrix_transpose,
    pick,
    place,
    reshape_last,
    segment_sum,
    slice_last,
    squeeze,
    take,
    take_along,
    transpose,
)
from ppl.backend.special import digamma, erf, lbeta, lgamma, log_ndtr, ndtr, ndtri, trigamma
from ppl.backend.special_kernels import (
    binomial_logit,
    deviance,
    factorial_kernel,
    gamma_kernel,
    log1mexp,
    log_beta,
    log_deviance,
    log_diff_exp,
    normal_log_density,
    zeros_like,
)
from ppl.backend.special_normal import (
    gaussian_log_density,
    logdet_pd,
    mahalanobis,
    solve_lower,
    trace_ratio,
)
from ppl.backend.special_probability import inner_sigmoid, log_probability, log_scaled_exp1, log_sigmoid_slope
from ppl.backend.special_tails import (
    log_betainc,
    log_betaincc,
    log_cauchy_cdf,
    log_erf,
    log_gammainc,
    log_gammaincc,
    log_stdtr,
)

__all__ = [name for name in dir() if not name.startswith("_")]
