"""The energy as numbers: its value and its gradient in each array of mean parameters, with a memo.

Every product of a term is affine in each operand, so the gradient in one operand is the contraction of the
others. Contractions are kept with the factors that they were made from and made again only when one of these
was replaced: sums over rows are taken once a sweep, however many global blocks use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.energy.blocks.base import Factor
from ppl.energy.blocks.base import product as times
from ppl.energy.contraction import Part, contract
from ppl.energy.lowering import Product
from ppl.energy.operands import Key, Operand, Size
from ppl.graph.nodes import Dim

Array = Any
KEPT = 2_000_000  # numbers; larger contractions are made anew
LARGE = 256  # a dim at least this long is summed out before anything else

Factors = Sequence[Factor]


@dataclass
class Memo:
    """Contractions with the factors they rest on."""

    known: dict[tuple[Any, ...], tuple[tuple[Factor, ...], Array]] = field(default_factory=dict)

    def get(self, key: tuple[Any, ...], rests_on: tuple[Factor, ...]) -> Array | None:
        """What was kept under ``key``, if it rests on just these factors."""
        entry = self.known.get(key)
        if entry is None or len(entry[0]) != len(rests_on):
            return None
        return entry[1] if all(a is b for a, b in zip(entry[0], rests_on, strict=True)) else None

    def keep(self, key: tuple[Any, ...], rests_on: tuple[Factor, ...], array: Array) -> Array:
        """Keep a contraction unless it is large."""
        if np.size(array) <= KEPT:
            self.known[key] = (rests_on, array)
        return array


@dataclass
class Polynomial:
    """A sum of products over blocks; the memo is the only thing in it that changes."""

    products: tuple[Product, ...]
    size: Size
    memo: Memo = field(default_factory=Memo)

    def __post_init__(self) -> None:
        self.touching: dict[int, list[tuple[int, int]]] = {}
        for p, product in enumerate(self.products):
            for o, operand in enumerate(product.operands):
                self.touching.setdefault(operand.block, []).append((p, o))

    def gradient(
        self, block: int, factors: Factors, without: frozenset[int] = frozenset()
    ) -> dict[Key, Array]:
        """dE / d(every array of a block): key to an array of that array's shape.

        Products that read a block of ``without`` are left out.
        """
        out: dict[Key, Array] = {}
        for p, o in self.touching.get(block, ()):
            if without and any(op.block in without for op in self.products[p].operands):
                continue
            operand = self.products[p].operands[o]
            part = self.partial(p, o, factors)
            known = out.get(operand.key)
            out[operand.key] = part if known is None else known + part
        return out

    def partial(self, p: int, o: int, factors: Factors) -> Array:
        """The gradient of product ``p`` in its operand ``o``, in the shape of the operand's array."""
        product = self.products[p]
        target = product.operands[o]
        others = tuple(i for i in range(len(product.operands)) if i != o)
        rests_on = tuple(factors[product.operands[i].block] for i in others)
        known = self.memo.get((p, o), rests_on)
        if known is not None:
            return known
        parts = self._parts(p, others, target.dims, factors)
        value = target.scatter(contract(parts, target.dims, self.size))
        return self.memo.keep((p, o), rests_on, value)

    def _parts(self, p: int, others: tuple[int, ...], out: tuple[Dim, ...], factors: Factors) -> list[Part]:
        """The coefficient and the other operands; what shares a long dim that ``out`` lacks is summed first."""
        product = self.products[p]
        reads = [product.operands[i] for i in others]
        long = {d for r in reads for d in r.dims if self.size(d) >= LARGE and d not in out}
        long &= set(product.data_dims)
        heavy = [r for r in reads if long & set(r.dims)]
        light = [r for r in reads if not long & set(r.dims)]
        if not heavy or not light:
            return [*product.data, *(read(r, factors) for r in reads)]
        keep = self._kept(product, heavy, light, out)
        return [(self._heavy(p, heavy, keep, factors), keep), *(read(r, factors) for r in light)]

    def _kept(
        self, product: Product, heavy: list[Operand], light: list[Operand], out: tuple[Dim, ...]
    ) -> tuple[Dim, ...]:
        needed = set(out).union(*(r.dims for r in light))
        have = dict.fromkeys((*product.data_dims, *(d for r in heavy for d in r.dims)))
        return tuple(d for d in have if d in needed)

    def _heavy(self, p: int, heavy: list[Operand], keep: tuple[Dim, ...], factors: Factors) -> Array:
        product = self.products[p]
        rests_on = tuple(factors[r.block] for r in heavy)
        key = (p, tuple(id(r) for r in heavy), keep)
        known = self.memo.get(key, rests_on)
        if known is not None:
            return known
        parts = [*product.data, *(read(r, factors) for r in heavy)]
        return self.memo.keep(key, rests_on, contract(parts, keep, self.size))

    def values(self, factors: Factors) -> Array:
        """The expectation of each product: (products,)."""
        return np.array([self.value(p, factors) for p in range(len(self.products))])

    def value(self, p: int, factors: Factors) -> float:
        """The expectation of one product, through the partial of its smallest operand."""
        product = self.products[p]
        if not product.operands:
            return float(np.sum(product.coefficient))
        o = min(range(len(product.operands)), key=lambda i: np.prod(product.operands[i].shape))
        mean = factors[product.operands[o].block].means[product.operands[o].key]
        return float(np.sum(times(self.partial(p, o, factors), mean)))


def read(operand: Operand, factors: Factors) -> Part:
    """An operand's value under the present factors."""
    return operand.gather(factors[operand.block].means[operand.key])
