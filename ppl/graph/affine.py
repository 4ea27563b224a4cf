"""Affine predictors: whether a node is affine in latents with coefficients that are data, row by row.

    eta_n = offset_n + sum_t w_tn u_t[c_t(n)]

Each term has a weight (data), a pool (any function of latents that no row enters: a vector of P values for
each draw) and codes (data: which element of the pool). Nodes are walked, not text: sums, products with
data, products of latents that share their codes, choices by data, subscripts, sums over features, `dot`
and `matmul` are recognised; whatever else depends on the row raises `NotAffine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim, stored_name

Array = Any
DEEPEST = 150
MOST_TERMS = 1024


class NotAffine(Exception):
    """A predictor that is not affine in latents with data as coefficients."""


@dataclass(frozen=True, eq=False)
class Term:
    """``weight * pool[codes]``: data over some dims, a traced (draw, P) array, flat positions in it."""

    weight: Named
    pool: Array
    codes: Named


@dataclass(frozen=True, eq=False)
class Affine:
    """A sum of terms; ``offset`` is the data part, None where it is zero."""

    offset: Named | None
    terms: tuple[Term, ...] = ()


@dataclass
class AffineReader:
    """Reads nodes as affine functions of latents; ``dim`` runs over the rows."""

    at: Evaluator
    dim: Dim
    _data: dict[g.Node, bool] = field(default_factory=dict)

    def read(self, node: g.Node, depth: int = 0) -> Affine:
        """A scalar node; raises `NotAffine`."""
        if depth > DEEPEST or node.event:
            raise NotAffine
        if self.is_data(node):
            return Affine(_plain(self.at.named(node)))
        if self.dim not in node.loops:
            return self._pool(node)
        match node:
            case g.Gather():
                return self._gathered(node)
            case g.Choose():
                return self._chosen(node, depth)
            case g.Reduce(function="sum"):
                return self._summed(node, depth)
            case g.Apply(function="dot", arguments=(x, y)):
                return self._add(*self._pairs(self.vector(x, depth + 1), self.vector(y, depth + 1)))
            case g.Apply(function="sum", arguments=(x,)) if not node.keywords:
                return self._add(*self.vector(x, depth + 1))
            case g.Apply():
                return self._combined(node.function, [self.read(a, depth + 1) for a in node.arguments])
        raise NotAffine

    def is_data(self, node: g.Node) -> bool:
        """Whether nothing but data enters a node."""
        known = self._data.get(node)
        if known is None:
            known = self._data[node] = is_data(self.at, node)
        return known

    # ---------------------------------------------------------------- sums and products

    def _combined(self, function: str, parts: list[Affine]) -> Affine:
        if function == "add":
            return self._add(*parts)
        if function == "subtract":
            return self._add(parts[0], self._negative(parts[1]))
        if function == "negative":
            return self._negative(parts[0])
        if function == "multiply":
            return reduce(self._times, parts)
        if function == "divide":
            return self._times(parts[0], self._reciprocal(parts[1]))
        raise NotAffine

    def _add(self, *parts: Affine) -> Affine:
        offsets = [p.offset for p in parts if p.offset is not None]
        terms = tuple(t for p in parts for t in p.terms)
        if len(terms) > MOST_TERMS:
            raise NotAffine
        total = offsets[0] if offsets else None
        for more in offsets[1:]:
            assert total is not None
            total = self._data_op(np.add, total, more)
        return Affine(total, terms)

    def _negative(self, x: Affine) -> Affine:
        return self._scaled(x, constant(np.float64(-1.0)))

    def _scaled(self, x: Affine, by: Named | None) -> Affine:
        if by is None:
            return Affine(None)
        offset = None if x.offset is None else self._data_op(np.multiply, x.offset, by)
        terms = (replace(t, weight=self._data_op(np.multiply, t.weight, by)) for t in x.terms)
        return Affine(offset, tuple(terms))

    def _times(self, x: Affine, y: Affine) -> Affine:
        cross = tuple(self._crossed(a, b) for a in x.terms for b in y.terms)
        left = self._scaled(Affine(x.offset, x.terms), y.offset)
        right = self._scaled(Affine(None, y.terms), x.offset)
        return self._add(left, right, Affine(None, cross))

    def _crossed(self, a: Term, b: Term) -> Term:
        """A product of latents: of a scalar and any, or of two read at the same codes."""
        weight = self._data_op(np.multiply, a.weight, b.weight)
        if a.pool.shape[-1] == 1:
            return Term(weight, a.pool * b.pool, b.codes)
        same = a.codes.dims == b.codes.dims and np.array_equal(a.codes.numpy, b.codes.numpy)
        if b.pool.shape[-1] == 1 or (same and a.pool.shape[-1] == b.pool.shape[-1]):
            return Term(weight, a.pool * b.pool, a.codes)
        raise NotAffine

    def _reciprocal(self, x: Affine) -> Affine:
        if not x.terms and x.offset is not None:
            return Affine(_plain(Named(1.0 / x.offset.numpy, x.offset.dims)))
        if len(x.terms) != 1 or x.offset is not None:
            raise NotAffine
        (t,) = x.terms
        return Affine(None, (Term(Named(1.0 / t.weight.numpy, t.weight.dims), 1.0 / t.pool, t.codes),))

    def _data_op(self, function: Any, x: Named, y: Named) -> Named:
        if function is np.multiply:
            for one, other in ((x, y), (y, x)):
                if not one.dims and float(one.numpy[0]) == 1.0:
                    return other
        dims = union((x.dims, y.dims), self.at.size)
        return Named(function(aligned(x, dims), aligned(y, dims)), dims)

    # ---------------------------------------------------------------- leaves

    def _pool(self, node: g.Node) -> Affine:
        """A function of latents that no row enters; it may run over the dims of enclosing sums."""
        value = self.at.named(node)
        if value.invalid is not None:
            raise NotAffine
        shape = tuple(self.at.size(d) for d in value.dims)
        codes = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
        pool = xp.reshape_last(_full(value, value.dims, shape), count=len(shape), shape=(codes.size,))
        return Affine(None, (Term(_one(), pool, constant(codes, value.dims)),))

    def _gathered(self, node: g.Gather) -> Affine:
        if isinstance(node.value, g.Apply) and node.value.function == "matmul":
            return self._row_of_product(node)
        pool, codes = self._picked(node)
        return Affine(None, (Term(_one(), pool, codes),))

    def _picked(self, node: g.Gather) -> tuple[Array, Named]:
        """The whole value as one pool, and the flat codes (times the size of the axes that are kept)."""
        value = node.value
        reads_row = isinstance(value, g.Variable | g.Input) and stored_name(value) in self.at.rows
        if value.loops or reads_row or not all(map(self.is_data, g.children(node)[1:])):
            raise NotAffine
        whole = self.at.named(value)
        if whole.invalid is not None or set(whole.dims) - set(value.event):
            raise NotAffine
        shape = tuple(self.at.size(d) for d in value.event)
        pool = xp.reshape_last(
            _full(whole, value.event, shape), count=len(shape), shape=(int(np.prod(shape, dtype=int)),)
        )
        return pool, self._flat(node, shape)

    def _flat(self, node: g.Gather, shape: tuple[int, ...]) -> Named:
        axes = node.value.event[: len(node.selectors)]
        found = [self.at.index(s, a).codes for s, a in zip(node.selectors, axes, strict=True)]
        flat: Named | None = None
        for codes, size in zip(found, shape, strict=False):
            bad = codes.invalid is not None or not codes.constant
            if bad or (codes.numpy.size and (codes.numpy.min() < 0 or codes.numpy.max() >= size)):
                raise NotAffine
            if flat is not None:
                scaled = Named(flat.numpy * size, flat.dims)
                codes = self._data_op(np.add, scaled, codes)
            flat = codes
        assert flat is not None
        rest = int(np.prod(shape[len(axes) :], dtype=int))
        return flat if rest == 1 else Named(flat.numpy * rest, flat.dims)

    def _row_of_product(self, node: g.Gather) -> Affine:
        """``matmul(X, b)[i]`` for data X: the row of X times the elements of b."""
        assert isinstance(node.value, g.Apply)
        x, b = node.value.arguments
        ok = len(x.event) == 2 and len(b.event) == 1 and not x.loops and not b.loops
        if not ok or not self.is_data(x) or len(node.selectors) != 1:
            raise NotAffine
        rows = self.at.index(node.selectors[0], node.value.event[0])
        matrix = aligned(_plain(self.at.named(x)), x.event)[0]
        if rows.codes.invalid is not None or not rows.codes.constant:
            raise NotAffine
        picked = matrix if rows.along is not None else matrix[rows.codes.numpy[0]]
        columns = [Affine(Named(picked[None, ..., k], rows.codes.dims)) for k in range(matrix.shape[1])]
        return self._add(*self._pairs(columns, self.vector(b, 0)))

    def _chosen(self, node: g.Choose, depth: int) -> Affine:
        """A choice by data is a sum with weights 0 and 1."""
        if not self.is_data(node.test):
            raise NotAffine
        test = _plain(self.at.named(node.test))
        yes = Named(test.numpy.astype(float), test.dims)
        no = Named(1.0 - yes.numpy, test.dims)
        then, other = self.read(node.then, depth + 1), self.read(node.other, depth + 1)
        for part in (then, other):
            weights = [part.offset, *(t.weight for t in part.terms)]
            if not all(w is None or np.isfinite(w.numpy).all() for w in weights):
                raise NotAffine  # zero times a value that does not exist is not zero
        return self._add(self._scaled(then, yes), self._scaled(other, no))

    # ---------------------------------------------------------------- sums over features

    def _summed(self, node: g.Reduce, depth: int) -> Affine:
        body = self.read(node.body, depth + 1)
        cells = [self.at.size(d) for d in node.over]
        if int(np.prod(cells)) * max(len(body.terms), 1) > MOST_TERMS:
            raise NotAffine
        parts = []
        for where in product(*map(range, cells)):
            place = dict(zip(node.over, where, strict=True))
            offset = None if body.offset is None else _at(body.offset, place)
            terms = (Term(_at(t.weight, place), t.pool, _at(t.codes, place)) for t in body.terms)
            parts.append(Affine(offset, tuple(terms)))
        return self._add(*parts)

    def vector(self, node: g.Node, depth: int) -> list[Affine]:
        """The elements of a vector node, each affine."""
        if depth > DEEPEST or len(node.event) > 1:
            raise NotAffine
        if not node.event:
            return [self.read(node, depth)]
        size = self.at.size(node.event[0])
        if size > MOST_TERMS:
            raise NotAffine
        if self.is_data(node):
            x = _plain(self.at.named(node))
            return [Affine(_at(x, {node.event[0]: k})) for k in range(size)]
        if not node.loops:
            pool = _full(self.at.named(node), node.event, (size,))
            return [Affine(None, (Term(_one(), pool, constant(np.intp(k))),)) for k in range(size)]
        if isinstance(node, g.Gather):
            pool, codes = self._picked(node)
            return [
                Affine(None, (Term(_one(), pool, Named(codes.numpy + k, codes.dims)),)) for k in range(size)
            ]
        if isinstance(node, g.Apply) and node.function in ("add", "subtract", "multiply", "negative"):
            parts = [self.vector(a, depth + 1) for a in node.arguments]
            wide = [p * size if len(p) == 1 else p for p in parts]
            return [self._combined(node.function, list(row)) for row in zip(*wide, strict=True)]
        raise NotAffine

    def _pairs(self, x: list[Affine], y: list[Affine]) -> list[Affine]:
        if len(x) != len(y):
            raise NotAffine
        return [self._times(a, b) for a, b in zip(x, y, strict=True)]


def is_data(at: Evaluator, node: g.Node) -> bool:
    """Whether nothing but data enters a node (no latent, network, imputed cell or summed-out label)."""
    if isinstance(node, g.Distribution):
        return False
    for below in g.walk([node]):
        if isinstance(below, g.Variable | g.NetworkCall):
            return False
        if isinstance(below, g.Input):
            name = f"{below.table}.{below.name}"
            if name in at.values or name in at.states:
                return False
    return True


def _one() -> Named:
    return constant(np.float64(1.0))


def _plain(x: Named) -> Named:
    """Data that exists everywhere."""
    if not x.constant or x.invalid is not None:
        raise NotAffine
    return x


def _full(x: Named, dims: tuple[Dim, ...], shape: tuple[int, ...]) -> Array:
    array = aligned(x, dims)
    if not dims or all(d in x.dims for d in dims):
        return array
    return xp.broadcast_last(array, shape)


def _at(x: Named, place: dict[Dim, int]) -> Named:
    """One place along some dims of a data value (a view)."""
    array, dims = x.numpy, x.dims
    for d, k in place.items():
        if d in dims:
            axis = dims.index(d)
            where: tuple[Any, ...] = (slice(None), *[slice(None)] * axis, k)
            array = array[where]
            dims = tuple(e for e in dims if e != d)
    return Named(array, dims)
