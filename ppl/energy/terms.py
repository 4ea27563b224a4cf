"""The expected log joint, spelled out: products of statistics of latents with data as coefficients.

    log p(x, z) = sum over terms, sum over all dims of a term, of coefficient * prod_j atom_j  + residuals

An atom is a statistic (``x``, ``log``, ``power:-2``, ``is``...) of one latent at elements that data, loop
dims or the states of a discrete latent name. If the atoms of a term belong to independent blocks of q, its
expectation is the product of their mean parameters: the energy is affine in each block's mean parameters, and
its gradient in them is the natural parameter of the block's best q (Winn & Bishop 2005; Johnson et al. 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.errors import Span
from ppl.graph.assemble import Layout
from ppl.graph.named import Named
from ppl.graph.nodes import Dim, Statement
from ppl.supports import Support

Array = Any


@dataclass(frozen=True, eq=False)
class Atom:
    """A statistic of one latent at some of its elements.

    index: one entry for each stored axis of the latent (event axes last): a `Dim` where the axis runs along
    that whole dim (element i at place i), or a constant `Named` of integer codes, all valid.
    Statistics: ``x`` (an element; a product of two ``x`` atoms stays two atoms), ``log``, ``log1m``
    (log(1 - x)), ``power:p`` (x^p elementwise, p not 1, ``power:2`` for one element twice), ``is`` (1 where a discrete
    latent is in the state that dim ``state`` runs over), of matrices ``logdet`` and ``inverse`` (elements of the
    inverse; ``logdet`` has no entries for the two event axes), and ``fn:...`` with an elementwise ``function``
    for any other function of one scalar latent (equal texts are equal functions).
    """

    name: str
    stat: str
    index: tuple[Dim | Named, ...] = ()
    state: Dim | None = None
    function: Callable[[Array], Array] | None = None

    @property
    def dims(self) -> frozenset[Dim]:
        """The dims it runs over, the state dim among them."""
        found = [frozenset([i]) if isinstance(i, Dim) else frozenset(i.dims) for i in self.index]
        own = frozenset() if self.state is None else frozenset([self.state])
        return frozenset(own.union(*found))


@dataclass(frozen=True, eq=False)
class Term:
    """``sum over all dims of coefficient * prod atoms``.

    coefficient: data, with a leading axis of size 1; row weights and the sizes of plates that no other part
    mentions are already in it. Dims that only atoms have are summed too.
    """

    coefficient: Named
    atoms: tuple[Atom, ...]
    origin: Statement | None = None
    span: Span | None = None

    @property
    def dims(self) -> frozenset[Dim]:
        """Every dim that is summed over."""
        return frozenset(self.coefficient.dims).union(*(a.dims for a in self.atoms))


@dataclass(frozen=True, eq=False)
class Latent:
    """A latent, param or imputed column that q has to cover.

    dims: its stored axes, event axes last; ``event`` of them belong to one draw. A discrete one has
    ``states`` (its values); ``allowed``: (*shape, K) booleans where data rule states out.
    ``multiplicity``: (*shape) counts
    where one element stands for several equal ones (weighted rows). ``defined``: (*shape) which elements the model
    defines (None: all).
    """

    name: str
    kind: str  # "latent", "param", "discrete", "imputed", "auxiliary" (labels that the model does not have)
    dims: tuple[Dim, ...]
    shape: tuple[int, ...]
    event: int
    support: Support
    states: np.ndarray | None = None
    allowed: np.ndarray | None = None
    multiplicity: np.ndarray | None = None
    defined: np.ndarray | None = None
    statement: Statement | None = None


@dataclass(frozen=True, eq=False)
class Residual:
    """A factor that is no such sum, and why.

    dims: the batch dims of its log density, which are summed with ``weight``. Where it is a function of one scalar
    predictor that is affine in Gaussian latents, ``predictor`` holds that predictor's terms (to be summed
    over all dims but ``dims``) and ``density`` is log f at values of it: (G, *dims in order) -> the same
    shape. ``names`` are the latents it mentions.
    """

    statement: Statement
    reason: str
    span: Span | None
    names: frozenset[str]
    dims: tuple[Dim, ...] = ()
    weight: Named | None = None
    predictor: tuple[Term, ...] | None = None
    density: Callable[[Array], Array] | None = None


@dataclass(frozen=True, eq=False)
class Energy:
    """The whole log joint: ``constant + sum of terms + residuals``.

    ``constants``: each statement's share of the constant. ``layout`` and ``states``: the graph that it was made
    from, for statements that are evaluated rather than spelled out; ``drawn``: the latents of these
    (`ppl.energy.sampled.Component`), which are then no longer among ``latents``.
    """

    latents: dict[str, Latent]
    terms: tuple[Term, ...]
    residuals: tuple[Residual, ...] = ()
    constant: float = 0.0
    sizes: dict[Dim, int] = field(default_factory=dict)
    centres: Mapping[str, np.ndarray] = field(default_factory=dict, kw_only=True)
    constants: tuple[tuple[Statement, float], ...] = ()
    layout: Layout | None = None
    states: dict[str, np.ndarray] = field(default_factory=dict)
    drawn: tuple[Any, ...] = ()
