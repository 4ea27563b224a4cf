"""The summands of a sum of products, each by its logarithm, and one dim that runs over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ppl.energy import poly_functions as f
from ppl.energy.alike import together
from ppl.energy.poly import Algebra, Monomial, NotPolynomial, Poly
from ppl.graph.gathers import Index
from ppl.graph.named import Named, constant
from ppl.graph.nodes import Dim
from ppl.supports import Interval, Structured
from ppl.supports.support import element

Array = Any
MOST_SUMMANDS = 100_000


@dataclass(frozen=True, eq=False)
class Summand:
    """``sum over dims of exp(log)``: as many summands as dims have places."""

    log: Poly
    dims: tuple[Dim, ...]

    @property
    def free(self) -> frozenset[Dim]:
        """The dims of the cells."""
        return self.log.free - set(self.dims)


def summands(algebra: Algebra, x: Poly) -> tuple[Summand, ...]:
    """The summands of a polynomial of which every one is positive. Raises `NotPolynomial`."""
    if x.invalid is not None and x.invalid.numpy.any():
        raise NotPolynomial("a sum inside a logarithm with cells that do not exist")
    out = []
    for m in x.monomials:
        m = algebra.whole(m)
        if (m.coefficient.numpy < 0).any() or not all(_positive(algebra, a) for a in m.atoms):
            raise NotPolynomial("a logarithm of a sum whose summands may be negative")
        out.append(Summand(_log(algebra, m), tuple(sorted(m.bound, key=str))))
    return tuple(out)


def _positive(algebra: Algebra, a: Any) -> bool:
    support = algebra.supports[a.name]
    if f.exponent(a) is None:
        return bool(a.stat == "fn:exp(x)")
    if isinstance(support, Structured):
        return support.kind == "simplex"
    return isinstance(support, Interval) and element(support).lower >= 0.0


def _log(algebra: Algebra, m: Monomial) -> Poly:
    """The logarithm of one product at every place, bound dims among its free ones; log 0 where data are 0."""
    zero = m.coefficient.numpy == 0.0
    filled = Named(np.where(zero, 1.0, m.coefficient.numpy), m.coefficient.dims)
    out = f.log(Poly(algebra, (replace(m, coefficient=filled, bound=frozenset()),)))
    if not zero.any():
        return out
    out = algebra.masked(out, Named(~zero, m.coefficient.dims))
    nothing = Monomial(Named(np.where(zero, -np.inf, 0.0), m.coefficient.dims))
    return Poly(algebra, (*out.monomials, nothing))


def common(algebra: Algebra, parts: Sequence[Summand]) -> tuple[Dim, list[Monomial]]:
    """One dim over all summands, and the monomials of their logarithms along it. Raises `NotPolynomial`."""
    if len(parts) == 1 and len(parts[0].dims) == 1:
        (d,) = parts[0].dims
        return d, list(parts[0].log.monomials)
    alike = together(algebra, [p.log for p in parts]) if not any(p.dims for p in parts) else None
    if alike is not None:
        return alike
    sizes = [[algebra.at.size(d) for d in p.dims] for p in parts]
    ends = np.cumsum([0, *(prod(s) for s in sizes)])
    if ends[-1] > MOST_SUMMANDS:
        raise NotPolynomial(f"a logarithm of a sum of {ends[-1]} products")
    state = algebra.fresh(Dim("bool", "summands"))
    algebra.at.define_dim(state, int(ends[-1]))
    out: list[Monomial] = []
    for p, size, low, high in zip(parts, sizes, ends[:-1], ends[1:], strict=True):
        out += _placed(algebra, p, size, state, int(low), int(high)).monomials
    return state, out


def _placed(algebra: Algebra, p: Summand, size: list[int], state: Dim, low: int, high: int) -> Poly:
    """A summand's logarithm at its places along the common dim, 0 at those of others."""
    here = np.arange(algebra.at.size(state))
    inside = (here >= low) & (here < high)
    places = np.unravel_index(np.clip(here - low, 0, high - low - 1), size) if size else ()
    where = {d: Index(constant(c, (state,))) for d, c in zip(p.dims, places, strict=True)}
    moved = algebra.reindexed(p.log, where) if where else p.log
    return algebra.masked(moved, constant(inside, (state,)))
