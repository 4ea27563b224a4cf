"""One estimate of the ELBO and of its gradient in every parameter of q."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.errors import DataError, fail
from ppl.graph.discrete_guides import guided_logits
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.graph.trace_terms import sampled_layout, trace_terms
from ppl.inference.base import NotFinite
from ppl.inference.score_family import Draws, Family
from ppl.inference.score_gradients import (
    disarm,
    gaussian_score,
    leave_one_out,
    local_expectation,
    own_log,
    score,
)
from ppl.inference.score_guided import guided_slopes
from ppl.inference.score_guides import Amortised, amortised
from ppl.inference.score_joint import joint_groups, refuse_scored
from ppl.inference.score_plan import ContinuousNode, DiscreteNode, Plan, make_plan
from ppl.inference.score_sleep import Sleep
from ppl.inference.score_trials import AT_ONCE, possible, state_costs
from ppl.posterior.target import Array


@dataclass(frozen=True, eq=False)
class Estimate:
    """elbo: its estimate; values: log joint of each draw (S,); gradient: (parameters,)."""

    elbo: float
    values: Array
    gradient: Array


class ScoreTarget:
    """A bound problem's log joint term by term, and the family that fits it."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        joint = [q.names for q in problem.program.guide if q.strategy == "MultivariateNormal"]
        self.terms: TermsAtDraws = trace_terms(
            sampled_layout(problem.program, problem.data, problem.data_sets),
            frozenset(name for names in joint for name in names),
        )
        if self.terms.width == 0:
            raise fail(DataError, "E603", "the model has no latent or param to fit")
        point = np.zeros(self.terms.size, dtype=bool)
        for block in self.terms.layout.blocks.values():
            point[block.where] = block.point
        guided = self.terms.width - len(point) - sum(d.count for d in self.terms.discretes)
        groups = joint_groups(self.terms, problem.program)
        self.family = Family(point, self.terms.discretes, self.terms.held, guided, groups)
        self.amortised: Amortised | None = amortised(self.terms, self.family, guided_logits(self.terms))
        self._plans: dict[tuple[int, str], Plan] = {}

    def plan(self, draws: int, asked: str) -> Plan:
        """The plan for that many draws, made once."""
        key = (draws, asked)
        if key not in self._plans:
            guided = () if self.amortised is None else self.amortised.guided.latents
            plan = make_plan(self.terms, draws, asked, frozenset(guided))
            refuse_scored(plan, self.problem.program)
            self._plans[key] = plan
        return self._plans[key]

    def dreams(self) -> Sleep:
        """What guides learn from simulations, made once. Raises `UsageError` where there is nothing to learn."""
        return self._dreams

    @cached_property
    def _dreams(self) -> Sleep:
        return Sleep(self.terms)

    def settled(self, theta: Array) -> Array:
        """Parameters as they may be: tables that rule nothing out, guided ones as their guides give them."""
        near = self.family.kept_near(theta)
        return near if self.amortised is None else self.amortised.settled(near)

    def chained(self, theta: Array, gradient: Array) -> Array:
        """The gradient in what is free: slopes in guided logits go to the params of their guides."""
        return gradient if self.amortised is None else self.amortised.chained(theta, gradient)

    @cached_property
    def start(self) -> Array:
        """Prior medians where they are known (D,)."""
        from ppl.errors import PplError
        from ppl.graph.evaluate import StillVector
        from ppl.graph.lower import prior_start

        try:
            return prior_start(self.terms.layout, far=np.inf)
        except (PplError, StillVector):  # a prior that reads discrete latents has no median of its own
            return np.zeros(self.terms.size)

    def draw(self, theta: Array, rng: np.random.Generator, count: int, paired: bool = False) -> Draws:
        """Draws of the whole q: the free factors, then what guides draw from them."""
        drawn = self.family.draw(theta, rng, count, paired)
        for guide in self.terms.drawn:
            guide.draw(drawn.x, rng)
        return drawn

    def log_joint(self, x: Array) -> Array:
        """Log joint of draws (S, width), less log q of what guides draw: (S,)."""
        rows = max(1, int(AT_ONCE // max(self.terms.program.widest, 1.0)))
        pieces = [self.values(x[i : i + rows]).sum(1) for i in range(0, len(x), rows)]
        return np.concatenate(pieces) + self.terms.constant

    def values(self, x: Array) -> Array:
        """Every cell of every term (S, cells)."""
        return possible(self.terms.program.value(x), len(x))

    def values_and_slopes(self, x: Array) -> tuple[Array, Array]:
        """The cells (S, cells), averaged where there is a closed form, and the slopes of their sum (as x).

        x: draws with their moments.
        """
        if self.terms.size == 0:
            return self.values(x), np.zeros_like(x)
        values, slopes = self.terms.averaged.value_and_grad(x)
        return possible(values, len(x)), slopes

    def with_moments(self, theta: Array, x: Array) -> Array:
        """Draws (S, width), and the means and sds of Gaussians whose priors have a closed form."""
        sd, parts = self.family.sd(theta), []
        for m in self.terms.moments:
            parts += [theta[m.block.where], sd[m.block.where]]
        more = np.concatenate(parts) if parts else np.zeros(0)
        return np.concatenate([x, np.broadcast_to(more, (len(x), len(more)))], axis=1)

    def offender(self, values: Array) -> str:
        """The statement with a cell that is no number, in words; empty where there is none."""
        for term in self.terms.terms:
            if np.isnan(values[:, term.where]).any():
                return f"`{term.statement.name}` is not a number"
        return ""


def estimate(target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int) -> Estimate:
    """An unbiased estimate from ``draws`` draws. Raises `NotFinite` naming the statement."""
    family = target.family
    drawn = target.draw(theta, rng, draws, plan.paired)
    x = target.with_moments(theta, drawn.x)
    drawn = replace(drawn, x=x)
    values, found = target.values_and_slopes(x)
    totals = values.sum(1) + target.terms.constant
    if not np.isfinite(totals).all():
        raise NotFinite(target.offender(values) or "the log joint is not finite")
    gradient = np.zeros(family.count)
    found = np.nan_to_num(found)
    slopes = found[:, : family.size]
    for guided in plan.guided:
        slopes = slopes + guided_slopes(guided, x, values)[:, : family.size]
    _continuous(family, plan, theta, drawn, values, slopes, gradient)
    for m in target.terms.moments:
        where, size, sd = m.block.where, family.size, family.sd(theta)
        gradient[where] += found[:, m.mean].mean(0)
        gradient[size + where.start : size + where.stop] += found[:, m.sd].mean(0) * sd[where]
    tables = family.log_tables(theta)
    for i, node in enumerate(plan.discrete):
        where = family.logits[i]
        part = _discrete(target, node, theta[where], tables[i], drawn, i, values)
        gradient[where] = part.ravel()
    return Estimate(float(totals.mean()) + family.entropy(theta), totals, gradient)


def _continuous(
    family: Family, plan: Plan, theta: Array, drawn: Draws, values: Array, slopes: Array, out: Array
) -> None:
    """Slopes in means and log sds, the entropy's 1 included."""
    size, sd = family.size, family.sd(theta)
    out[:size] = np.where(family.held, 0.0, slopes.mean(0))
    out[size : 2 * size] = np.where(family.free, (slopes * drawn.eps).mean(0) * sd + 1.0, 0.0)
    for k, corner in enumerate(family.corners):
        out[corner] = family.corner_slopes(slopes, drawn.eps, k)
    for node in plan.continuous:
        if node.estimator == "score":
            where = node.block.where
            spread = slice(size + where.start, size + where.stop)
            out[where], out[spread] = _scored(node, theta, size, sd, drawn, values)


def _scored(
    node: ContinuousNode, theta: Array, size: int, sd: Array, drawn: Draws, values: Array
) -> tuple[Array, Array]:
    assert node.blanket is not None and node.elements is not None
    where = node.block.where
    eps = drawn.eps[:, where]
    own = -0.5 * np.square(eps) - theta[size + where.start : size + where.stop]
    f = node.blanket.costs(values)[:, node.elements] - own
    return gaussian_score(eps, sd[where], leave_one_out(f))


def _discrete(
    target: ScoreTarget, node: DiscreteNode, logits: Array, table: Array, drawn: Draws, i: int, values: Array
) -> Array:
    d, codes = node.latent, drawn.codes[i]
    if node.estimator == "local":
        assert node.trial is not None
        return local_expectation(table, state_costs(node.trial, drawn.x).mean(0), d.weights)
    costs = node.blanket.costs(values)[:, d.cells]
    if node.estimator == "disarm":
        return disarm(logits.reshape(d.count, 1), codes, costs, d.weights)
    return score(table, codes, leave_one_out(costs - d.weights * own_log(table, codes)))
