"""The value of an energy's terms at one point: slow and plain, the reference that everything is held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.energy.statistics import statistic
from ppl.energy.terms import Atom, Energy, Residual, Term
from ppl.graph.named import Named
from ppl.graph.nodes import Dim

Array = Any
Point = Mapping[str, np.ndarray]


def value(energy: Energy, point: Point) -> float:
    """The constant and all terms at one value of every latent (states of discrete ones), residuals left out."""
    return energy.constant + sum(term_value(energy, t, point) for t in energy.terms)


def term_value(energy: Energy, term: Term, point: Point) -> float:
    """One term, summed over all its dims."""
    return float(summed(energy, term, point, ()))


def summed(energy: Energy, term: Term, point: Point, keep: tuple[Dim, ...]) -> np.ndarray:
    """A term summed over all dims but ``keep``, in whose order the result lies."""
    operands: list[tuple[Array, tuple[Dim, ...]]] = [(term.coefficient.numpy[0], term.coefficient.dims)]
    operands += [_atom(energy, a, point) for a in term.atoms]
    dims = tuple(dict.fromkeys((*keep, *sorted(term.dims, key=str))))
    out: Array = np.ones((1,) * len(dims))
    with np.errstate(all="ignore"):
        for array, own in operands:
            out = out * _aligned(array, own, dims)
    out = np.where(_aligned(*operands[0], dims) == 0.0, 0.0, out)  # what does not count may be anything
    full = np.broadcast_to(out, tuple(energy.sizes[d] for d in dims))
    return np.asarray(full.sum(axis=tuple(range(len(keep), len(dims)))))


def _aligned(array: Array, own: tuple[Dim, ...], dims: tuple[Dim, ...]) -> Array:
    moved = np.transpose(array, [own.index(d) for d in dims if d in own])
    return moved.reshape([moved.shape[_place(own, dims, d)] if d in own else 1 for d in dims])


def _place(own: tuple[Dim, ...], dims: tuple[Dim, ...], d: Dim) -> int:
    return [e for e in dims if e in own].index(d)


def _atom(energy: Energy, a: Atom, point: Point) -> tuple[Array, tuple[Dim, ...]]:
    """An atom's value over its dims."""
    x = np.asarray(point[a.name], dtype=float)
    latent = energy.latents[a.name]
    dims = tuple(dict.fromkeys(d for e in a.index for d in ((e,) if isinstance(e, Dim) else e.dims)))
    where = tuple(_codes(energy, e, dims) for e in a.index)
    with np.errstate(all="ignore"):
        if a.stat == "is":
            assert a.state is not None and latent.states is not None
            return (x[where][..., None] == latent.states).astype(float), (*dims, a.state)
        if a.stat == "logdet":
            return np.linalg.slogdet(x)[1][where], dims
        if a.stat == "inverse":
            return np.linalg.inv(x)[where], dims
        return np.asarray(statistic(a)(x[where])), dims


def _codes(energy: Energy, entry: Dim | Named, dims: tuple[Dim, ...]) -> Array:
    shape = tuple(energy.sizes[d] for d in dims)
    if isinstance(entry, Dim):
        entry = Named(np.arange(energy.sizes[entry])[None], (entry,))
    return np.broadcast_to(_aligned(entry.numpy[0], entry.dims, dims), shape)


def residual_value(energy: Energy, residual: Residual, point: Point) -> float:
    """A residual with a predictor, at one point."""
    assert residual.predictor is not None and residual.density is not None
    dims = residual.dims
    shape = tuple(energy.sizes[d] for d in dims)
    eta = sum((summed(energy, t, point, dims) for t in residual.predictor), np.zeros(shape))
    out = np.asarray(residual.density(np.asarray(eta)[None]))[0]
    if residual.weight is not None:
        out = out * _aligned(residual.weight.numpy[0], residual.weight.dims, dims)
    return float(out.sum())
