"""A fitted model with a guide, used on rows: codes, log likelihood, and what the guide leaves undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ppl.errors import FitError, UsageError, fail
from ppl.graph.batch import batch_plan
from ppl.graph.by_row import by_row
from ppl.graph.problem import Problem
from ppl.graph.stochastic import StochasticElbo
from ppl.inference import adam
from ppl.inference.stochastic_result import ACTIVE
from ppl.posterior.fit import Fit
from ppl.posterior.predict import bind_new
from ppl.posterior.target import Array

Rows = Any  # places of rows, whole numbers

AT_ONCE = 2e7  # numbers of one intermediate
DRAWS, PART = 400, 20  # draws of the moments of a flow, and those made together


@dataclass(frozen=True)
class RowTerms:
    """Per row, in nats: minus the log likelihood of the row, and the divergence of its latents' q."""

    distortion: Array
    rate: Array

    @property
    def elbo(self) -> Array:
        """The bound on each row's log likelihood."""
        return -self.distortion - self.rate


class Autoencoder:
    """A fit by ``--method advi_stochastic`` of a model with a guide, on the fit's data or on others.

    plate: the set whose elements are coded, such as the table of images. Raises `FitError` (E802) for
    a fit without a guide.
    """

    def __init__(self, fit: Fit, plate: str, data: Any = None, **tables: Any) -> None:
        if fit.factored is None or "parameters" not in fit.factored.arrays:
            raise fail(FitError, "E802", "this fit has no guide", help="fit with --method advi_stochastic")
        self.bound = _bound(fit, data, tables)
        self.x: Array = np.asarray(fit.factored.arrays["parameters"], dtype=float)
        self.estimates = StochasticElbo(self.bound.problem, plate)
        self.plan = batch_plan(self.bound.program, self.bound.data, plate)
        if self.estimates.size != len(self.x):
            message = "latents of single rows without a guide cannot be carried over to other rows"
            raise fail(UsageError, "E705", message, help="give them a `q` in the guide")

    @property
    def rows(self) -> int:
        """Elements of the plate."""
        return self.estimates.rows

    # ---------------------------------------------------------------- codes

    @cached_property
    def means(self) -> dict[str, Array]:
        """The mean of q of every guided latent: name -> (rows, ...); over draws where it is a flow."""
        return self._at(0.0) | {name: mean for name, (mean, _) in self._flowing.items()}

    @cached_property
    def sds(self) -> dict[str, Array]:
        """The sd of q of every guided latent with a Normal q, or a flow that reads its row."""
        middle, above = self._at(0.0), self._at(1.0)
        return {k: above[k] - middle[k] for k in middle} | {k: sd for k, (_, sd) in self._flowing.items()}

    @property
    def coded(self) -> tuple[str, ...]:
        """Latents whose q the guide gives, so that other rows have one."""
        return (*self.estimates.guides, *self.estimates.reading)

    @cached_property
    def _flowing(self) -> dict[str, tuple[Array, Array]]:
        """Mean and sd over draws of the latents in flows."""
        if not self.estimates.reading:
            return {}
        rng = np.random.default_rng(0)
        sums: dict[str, tuple[Any, Any]] = dict.fromkeys(self.estimates.reading, (0.0, 0.0))
        for _ in range(DRAWS // PART):
            found = self.estimates.sample(self.x, rng, PART)
            sums = {k: (a + found[k].sum(0), b + np.square(found[k]).sum(0)) for k, (a, b) in sums.items()}
        means = {k: a / DRAWS for k, (a, _) in sums.items()}
        return {k: (m, np.sqrt(np.maximum(sums[k][1] / DRAWS - m * m, 0.0))) for k, m in means.items()}

    def _at(self, value: float) -> dict[str, Array]:
        found = self.estimates.drawn(self.x, lambda name, shape: np.full(shape, value), 1)
        return {name: found[name][0] for name in self.estimates.guides}

    def active_units(self, name: str) -> int:
        """How many units of a latent tell rows apart: their mean varies over rows by more than 0.01."""
        means = self.means[name]
        return int((means.reshape(len(means), -1).var(axis=0) > ACTIVE).sum())

    def values(self, names: tuple[str, ...], latents: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Deterministic quantities at the means of q, or at latents given as (n, rows, ...)."""
        weights = {
            k: v for k, v in self.estimates.sample(self.x, np.random.default_rng(0), 1).items()
            if k not in self.coded
        }  # fmt: skip
        latents = latents or {k: v[None] for k, v in self.means.items()}
        count = len(next(iter(latents.values())))
        draws = {k: np.broadcast_to(v, (count, *v.shape[1:])) for k, v in weights.items()} | dict(latents)
        found: dict[str, Array] = self.bound.problem.values(draws, names)
        return found

    # ---------------------------------------------------------------- how well

    def terms(self, draws: int = 20, seed: int = 0) -> RowTerms:
        """Distortion and rate of every row, averaged over draws; divergences in closed form where they have one."""
        rng, parts = np.random.default_rng(seed), []
        for rows in self._pieces(draws):
            found, at = self.estimates.parts(
                self.x, self.estimates.batch(rows), self.estimates.noise(rng), draws
            )
            likelihood = by_row(at, self.plan, found.factors).mean(axis=0)
            parts.append((-likelihood, by_row(at, self.plan, tuple(found.rates.values())).mean(axis=0)))
        distortion, rate = (np.concatenate(p) for p in zip(*parts, strict=True))
        return RowTerms(distortion, rate)

    def log_likelihood(self, draws: int = 64, seed: int = 0) -> Array:
        """``log mean_k p(x, z_k) / q(z_k | x)`` of every row: (rows,), a bound that rises with draws.

        Burda, Grosse & Salakhutdinov 2016.
        """
        rng = np.random.default_rng(seed)
        return np.concatenate([self._weighted(rows, draws, rng) for rows in self._pieces(draws)])

    def _weighted(self, rows: Rows, draws: int, rng: np.random.Generator) -> Array:
        noise, view = self.estimates.noise(rng), self.estimates.batch(rows)
        found, at = self.estimates.parts(self.x, view, noise, draws, closed=False)
        weights = by_row(at, self.plan, found.factors) - by_row(at, self.plan, tuple(found.rates.values()))
        top = weights.max(axis=0)
        summed: Array = np.log(np.exp(weights - top).mean(axis=0)) + top
        return summed

    def _pieces(self, draws: int) -> list[Rows]:
        width = max(
            (int(np.size(a)) // max(self.rows, 1) for a in self.bound.data.arrays.values()), default=1
        )
        at = self.estimates.layout.evaluator()
        widest = max(width, *(int(np.prod([at.size(d) for d in dims])) for dims in self._hidden), 1)
        count = max(1, int(AT_ONCE / (draws * widest)))
        return [np.arange(i, min(i + count, self.rows)) for i in range(0, self.rows, count)]

    @property
    def _hidden(self) -> list[tuple[Any, ...]]:
        return [dims for n in self.estimates.graph.networks for dims in n.layers]

    def amortisation_gap(self, rows: int = 50, steps: int = 500, draws: int = 10, seed: int = 0) -> float:
        """Nats a row that a q of its own, fitted to each of some rows, gains over the guide's."""
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(self.rows)[:rows])
        free = _without_guide(self, chosen)
        x = free.start(0, 0.0)
        for p in free.parameters:
            p.of(x)[...] = self._beginning(p, chosen)
        at = adam.begin(x)
        fixed = [0.0 if p.block.name not in self.coded else 1.0 for p in free.parameters]
        before = _averaged(free, x, rng)
        for t in range(steps):
            found = free.slopes(at.x, free.everything, rng, draws)
            pace = 0.03 * (1.0 - t / steps)
            at = adam.moved(at, found.pieces, found.slopes, [pace * f for f in fixed], 1.0)
        return (_averaged(free, at.average, rng) - before) / len(chosen)

    def _beginning(self, p: Any, chosen: Rows) -> Array:
        name = p.block.name
        if name in self.coded:
            value = self.means[name] if p.role == "mean" else np.log(self.sds[name])
            return _in_block(p, value[chosen])
        own = next(q for q in self.estimates.parameters if q.block.name == name and q.role == p.role)
        found: Array = own.of(self.x)
        return found


def _bound(fit: Fit, data: Any, tables: Mapping[str, Any]) -> Any:
    """The data named, or those of the fit."""
    if data is not None or tables:
        return bind_new(fit, data, tables, True)
    if fit.problem is None:
        raise fail(UsageError, "E705", "a saved fit has no data", help="name a data file")
    return fit.problem


def _in_block(p: Any, value: Array) -> Array:
    """A latent's stored array in the order of its block's axes."""
    stored = [a if not hasattr(a, "dim") else a.dim for a in p.block.statement.place.axes]
    return np.transpose(value, [stored.index(d) for d in p.block.batch])


def _averaged(free: StochasticElbo, x: Array, rng: np.random.Generator) -> float:
    found, _ = free.parts(x, free.everything, free.noise(rng), 200)
    return float(np.mean(found.log_likelihood - found.rate - found.kl))


def _without_guide(whole: Autoencoder, rows: Rows) -> StochasticElbo:
    """The same model on some rows, every latent free."""
    program = replace(whole.estimates.program, guide=())
    data = whole.estimates.batch(rows).layout.data
    weights = {k: v for k, v in data.weights.items() if k not in whole.plan.cut}
    return StochasticElbo(Problem(program, replace(data, weights=weights), noncentre=False))
