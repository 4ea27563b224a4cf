"""The array namespace (``xp``) of densities, functions and bijections."""

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
    squeeze,
    take,
    take_along,
    transpose,
)
from ppl.backend.special import digamma, erf, lbeta, lgamma, log_ndtr, ndtr, ndtri, trigamma

__all__ = [name for name in dir() if not name.startswith("_")]
