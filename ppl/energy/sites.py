"""Residual factors of one Gaussian predictor as products with a site's two coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.site import FIRST, SECOND, SiteBlock
from ppl.energy.lowering import Product, operand_of, plain
from ppl.energy.operands import Operand, Size
from ppl.energy.terms import Residual, Term
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim


def site_of(residual: Residual, size: Size) -> SiteBlock:
    """The block of a residual that has a predictor."""
    assert residual.density is not None
    shape = tuple(size(d) for d in residual.dims)
    weight = np.ones(shape)
    if residual.weight is not None:
        weight = weight * np.broadcast_to(aligned(residual.weight, residual.dims)[0], shape)
    return SiteBlock(residual.statement.name, shape, weight, residual.density)


def site_products(
    residual: Residual, number: int, blocks: Sequence[Block], of: Mapping[str, int], size: Size
) -> list[Product]:
    """c1 u and c2 u^2 of a predictor u = sum of its terms; ``number`` is the site's place among the blocks."""
    assert residual.predictor is not None
    shape = tuple(size(d) for d in residual.dims)
    first = Operand(number, FIRST, residual.dims, shape, size)
    second = Operand(number, SECOND, residual.dims, shape, size)
    terms = residual.predictor
    out = [_product((t,), (first,), 1.0, residual, blocks, of, size) for t in terms]
    for i, a in enumerate(terms):
        for j in range(i, len(terms)):
            b = renamed(terms[j], frozenset(residual.dims), size)
            out.append(_product((a, b), (second,), 1.0 if i == j else 2.0, residual, blocks, of, size))
    return out


def _product(
    terms: tuple[Term, ...],
    site: tuple[Operand, ...],
    factor: float,
    residual: Residual,
    blocks: Sequence[Block],
    of: Mapping[str, int],
    size: Size,
) -> Product:
    joined = replace(terms[0], atoms=tuple(a for t in terms for a in t.atoms))
    grouped: dict[int, list[int]] = {}
    for i, atom in enumerate(joined.atoms):
        grouped.setdefault(of[atom.name], []).append(i)
    operands = [operand_of(blocks[b], b, joined, -1, places, size) for b, places in grouped.items()]
    coefficient, dims = plain(terms[0].coefficient, size)
    more = tuple(plain(t.coefficient, size) for t in terms[1:])
    return Product(factor * coefficient, dims, (*site, *operands), residual.statement, more)


def renamed(term: Term, kept: frozenset[Dim], size: Size) -> Term:
    """A copy of a term whose dims, but for the kept ones, have names of their own."""
    names = {d: size.fresh(size(d)) for d in term.dims if d not in kept}
    atoms = tuple(
        replace(
            a,
            index=tuple(names.get(e, e) if isinstance(e, Dim) else e.renamed(names) for e in a.index),
            state=None if a.state is None else names.get(a.state, a.state),
        )
        for a in term.atoms
    )
    return replace(term, coefficient=_plain(term.coefficient).renamed(names), atoms=atoms)


def _plain(value: Named) -> Named:
    return Named(value.array, value.dims)


def touched(products: Sequence[Product], sites: Mapping[int, SiteBlock]) -> dict[int, tuple[int, ...]]:
    """Which sites each block enters."""
    found: dict[int, set[int]] = {}
    for p in products:
        own = [o.block for o in p.operands if o.block in sites]
        for o in p.operands:
            if own and o.block not in sites:
                found.setdefault(o.block, set()).add(own[0])
    return {b: tuple(sorted(s)) for b, s in found.items()}
