"""The ELBO of an approximation written in the graph: free Gaussians, point estimates, and guides.

Every continuous latent has a q: the one its ``guide:`` statement gives, whose parameters are values of
the graph (networks of the data, other latents), or else a Gaussian over its unconstrained coordinates
with a mean and a log sd for each. One evaluation walks the statements once, on a tape made for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.assemble import (
    Layout,
    Terms,
    add_factor,
    deferred,
    define_values,
    joint,
    row_weights,
    states_of,
)
from ppl.graph.blocks import Block, bijection_of
from ppl.graph.divergence import Drawn, Gaussian, divergence
from ppl.graph.eliminate import plate_sum
from ppl.graph.evaluate import Evaluator
from ppl.graph.flows import Flow, Warps
from ppl.graph.guard import evaluating
from ppl.graph.guides import draw_guided
from ppl.graph.named import Named, add
from ppl.graph.order import groups
from ppl.graph.store import stored_dims, to_stored

Array = Any
Noise = Callable[[str, tuple[int, ...]], Array]
HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
HALF_LOG_2PI_E = HALF_LOG_2PI + 0.5


@dataclass(frozen=True, eq=False)
class Elbo:
    """One estimate of the ELBO's parts, each over draws: (S,) or (1,), traced or not.

    ``elbo = log_likelihood - rate - kl``: rate is the divergence of latents in plates over data, kl
    that of the others. ``rates`` has the former by name, ``factors`` the terms of the log likelihood,
    each over the plates it stands in.
    """

    log_likelihood: Array
    rate: Array
    kl: Array
    rates: Mapping[str, Named] = field(default_factory=dict)
    factors: tuple[Named, ...] = ()

    def objective(self, rate_weight: float) -> Array:
        """``log_likelihood - rate_weight rate - kl``."""
        return self.log_likelihood - rate_weight * self.rate - self.kl


@dataclass(frozen=True, eq=False)
class Family:
    """Where q's parameters come from: ``arrays`` has (1, *shape) of each block's mean and log sd.

    ``noise(name, shape)`` gives standard normal draws. closed: take expectations over q where they have
    a closed form; else everything is at the draws, as importance weights need it. ``flows``, each with its
    weights, give the noise of their blocks instead.
    """

    guides: Mapping[str, g.Statement]
    means: Mapping[str, Array]
    log_sds: Mapping[str, Array]
    noise: Noise
    draws: int
    closed: bool = True
    flows: tuple[tuple[Flow, Array], ...] = ()

    def warps(self, at: Evaluator) -> Warps:
        """Draws of every block that is in a flow."""
        return Warps(self.flows, self.noise, self.draws, self.closed, at)


def ordered(graph: g.Graph) -> tuple[tuple[g.Statement, ...], ...]:
    """The statements in an order in which what a guide mentions comes before the latent it is of."""
    guides = {q.name: q for q in graph.guide}
    own = {id(s): s for s in graph.statements}
    more, back = [], {}
    for s in graph.statements:
        new = s
        if s.kind == "latent" and s.name in guides:
            new = replace(s, observed=guides[s.name].body)
        back[id(new)] = own[id(s)]
        more.append(new)
    return tuple(tuple(back[id(s)] for s in part) for part in groups(replace(graph, statements=tuple(more))))


def evaluate(lay: Layout, q: Family, at: Evaluator | None = None) -> Elbo:
    """Walk the statements at draws of q, and gather the parts of the ELBO."""
    at = at or lay.evaluator()
    out = _Walk(lay, at, q, Terms(), q.warps(at))
    for group in lay.groups:
        drawn = {s.name: out.define(s) for s in group if s.kind != "value"}
        if not deferred(at, group):
            define_values(at, group)
        for s in group:
            out.measure(s, drawn.get(s.name))
    return out.finish()


def draw(lay: Layout, q: Family) -> Evaluator:
    """An evaluator with draws of every latent, param and imputed column, and of nothing else."""
    at = lay.evaluator()
    out = _Walk(lay, at, q, Terms(), q.warps(at))
    for group in lay.groups:
        for s in group:
            if s.kind != "value":
                out.define(s)
        if not deferred(at, group):
            define_values(at, group)
    return at


@dataclass(frozen=True, eq=False)
class _Walk:
    lay: Layout
    at: Evaluator
    q: Family
    terms: Terms
    warps: Warps
    rates: dict[str, Named] = field(default_factory=dict)
    kls: list[Named] = field(default_factory=list)

    # ---------------------------------------------------------------- values

    def define(self, s: g.Statement) -> Drawn | None:
        """Give a latent, param or imputed column its value."""
        with evaluating(s):
            if s.name in self.lay.discrete and s.kind == "latent":
                self.at.states[s.name] = states_of(self.lay, self.at, s)
            elif s.kind == "latent" and s.name in self.q.guides:
                return draw_guided(
                    self.at, s, self.q.guides[s.name], self.q.noise, self.q.draws, self.q.closed
                )
            elif s.name in self.lay.blocks and s.kind in ("latent", "param"):
                return self._free(s, self.lay.blocks[s.name])
            elif s.imputes is not None:
                self._imputed(s)
        return None

    def _free(self, s: g.Statement, block: Block) -> Drawn:
        at, mean = self.at, self.q.means.get(block.name)
        bijection = bijection_of(at, block)
        if block.point:
            value, _ = bijection.forward(mean)
            out = Drawn(Named(value, block.dims))
        else:
            u, entropy, sd = self._unconstrained(block)
            value, log_det = bijection.forward(u)
            plain = not block.inner or block.inner == tuple(at.size(d) for d in block.consumed)
            identity = plain and type(bijection).__name__ == "Identity"
            gaussian = None
            if identity and self.q.closed and sd is not None:
                gaussian = Gaussian(Named(mean, block.dims), Named(sd, block.dims))
            log_q = Named(
                xp.negative(add([entropy, Named(log_det, block.batch)], at.size).array), entropy.dims
            )
            out = Drawn(Named(value, block.dims), log_q, gaussian)
        at.values[s.name] = to_stored(at, s, out.value)
        return out

    def _unconstrained(self, block: Block) -> tuple[Array, Named, Array | None]:
        """Draws u, their entropy (or minus their log q) over the block's batch dims, and the sd where Gaussian."""
        warped, sd = self.warps.of(block.name), None
        if warped is not None and warped.whole:
            u, entropy = warped.over(block.batch)
        else:
            mean, log_sd = self.q.means[block.name], self.q.log_sds[block.name]
            scale = xp.exp(log_sd)
            if warped is not None:
                eps, spread = warped.over(block.batch)
                entropy = log_sd + spread
            else:
                sd, eps = scale, self.q.noise(block.name, (self.q.draws, *np.shape(_example(mean))[1:]))
                entropy = log_sd + (HALF_LOG_2PI_E if self.q.closed else 0.5 * eps * eps + HALF_LOG_2PI)
            u = mean + scale * eps
        axes = tuple(range(-len(block.inner), 0))
        return u, Named(xp.sum(entropy, axis=axes) if axes else entropy, block.batch), sd

    def _imputed(self, s: g.Statement) -> None:
        assert s.imputes is not None
        name = ".".join(s.imputes)
        if name in self.lay.discrete:
            self.at.states[name] = states_of(self.lay, self.at, s)
        block = self.lay.blocks.get(name)
        if block is None:
            return
        assert block.cells is not None
        u, entropy, _ = self._unconstrained(block)
        value, log_det = bijection_of(self.at, block).forward(u)
        base = self.lay.data.arrays[s.imputes].astype(float)
        known = np.where(self.lay.data.missing[s.imputes], 0.0, base)[None]
        full = xp.place(value, block.cells, shape=base.shape) + known
        self.at.values[name] = Named(full, stored_dims(s.imputes, base.ndim))
        weights = row_weights(self.lay, self.at)(g.Dim(s.imputes[0]))
        each = add([entropy, Named(log_det, block.batch)], self.at.size).array
        if weights is not None:
            rows = block.cells // max(int(np.prod(base.shape[1:], dtype=int)), 1)
            each = each * weights[rows]
        self.terms.likelihood.append(Named(xp.sum(each, axis=(-1,))))

    # ---------------------------------------------------------------- terms

    def measure(self, s: g.Statement, drawn: Drawn | None) -> None:
        """Add the terms of a statement: a latent's divergence, or a factor's log density."""
        if s.kind in ("param", "value"):
            return
        if s.kind != "latent" or drawn is None:
            add_factor(self.lay, self.at, self.terms, s)
            return
        with evaluating(s):
            each = divergence(self.at, s, drawn)
        weight = row_weights(self.lay, self.at)
        block = self.lay.blocks[s.name]
        if block.is_global:
            self.kls.append(plate_sum(self.at, weight, each))
        else:
            self.rates[s.name] = each

    def finish(self) -> Elbo:
        """The parts, summed over plates with the weights of rows."""
        at, weight = self.at, row_weights(self.lay, self.at)
        prior, rest = joint(self.lay, at, self.terms)
        none = Named(np.zeros(1))
        rate = add([none, *(plate_sum(at, weight, r) for r in self.rates.values())], at.size)
        kl = add([none, *self.kls], at.size)
        factors = (*self.terms.prior, *self.terms.likelihood)
        return Elbo(xp.add(prior.array, rest.array), rate.array, kl.array, self.rates, factors)


def _example(x: Array) -> Array:
    return getattr(x, "example", x)
