"""Independent discrete latents: q(z = k) ~ exp(dE / dr_k), one softmax for each element."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ppl.energy.blocks.base import Array, Block, Factor, Gradients, inner
from ppl.energy.collapsed import Collapsed
from ppl.energy.families._tilts import Tilt
from ppl.energy.operands import Key
from ppl.energy.row_sums import KEPT, Codes, Dense, Means, RowPart, RowSums, softmax_down
from ppl.energy.terms import Latent


@dataclass(frozen=True, eq=False)
class DiscreteBlock(Block):
    """Elements of one discrete latent, each with its own probabilities r: (*shape, K).

    An element that stands for m equal ones (a weighted row) counts m times. ``parts``: what terms read of r as
    sums over elements; ``dense``: whether some term reads r itself, which is then kept. ``form``: the family that r
    is to be in, element by element; None for any probabilities.
    """

    latent: Latent
    parts: tuple[RowPart, ...] = ()
    dense: bool = True
    form: Tilt | None = None

    @property
    def family(self) -> str:  # type: ignore[override]
        return "Categorical" if self.form is None else self.form.name

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Whether r is the conditional."""
        return self.form is None

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.latent.name,)

    @property
    def key(self) -> Key:
        return ("is", self.latent.name)

    @property
    def shape(self) -> tuple[int, ...]:
        assert self.latent.states is not None
        return (*self.latent.shape, len(self.latent.states))

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps between elements along each axis, in the order of the sums."""
        shape = self.latent.shape
        return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        return {self.key: self.shape}

    @cached_property
    def rows(self) -> RowSums:
        """The sums over elements, and how often each element counts."""
        latent, n = self.latent, prod(self.latent.shape)
        count = (
            None if latent.multiplicity is None else np.ravel(latent.multiplicity).astype(float, copy=False)
        )
        weight = count
        if latent.defined is not None:
            defined = np.ravel(np.broadcast_to(latent.defined, latent.shape)).astype(float)
            weight = defined if count is None else defined * count
        allowed = None if latent.allowed is None else self._front(latent.allowed)
        return RowSums(n, self.shape[-1], self.parts, count, weight, allowed)

    def _front(self, array: Array) -> Array:
        """(*shape, K) to (K, N)."""
        return np.ascontiguousarray(np.broadcast_to(array, self.shape).reshape(-1, self.shape[-1]).T)

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        scores = self._given(gradients)
        return self._softmax(gradients, scores, self.dense if scores is None else True)

    def log_normaliser(self, gradients: Gradients, before: Factor | None) -> float:
        """sum_n m_n log sum_k exp(score), from the scores of every element."""
        tables, given, total = self.rows.tables(gradients), self._given(gradients), 0.0
        for lo, hi in self.rows.chunks():
            x = self.rows.scores(tables, None if given is None else given(lo, hi), lo, hi)
            total += self.rows.counted(softmax_down(x), lo, hi)
        return total

    def _given(self, gradients: Gradients) -> Dense | None:
        """Scores that are not sums over elements."""
        given = gradients.get(self.key)
        if given is None:
            return None
        scores = self._front(given)
        if self.rows.weight is not None:
            scores = np.where(self.rows.weight > 0, scores, 0.0)
        return lambda lo, hi: scores[:, lo:hi]

    @cached_property
    def collapsed(self) -> Collapsed | None:
        """The shorter pass, where every part of the scores is a row of a table, as often as its element counts."""
        latent = self.latent
        plain = latent.allowed is None and latent.defined is None and not self.dense
        codes = tuple(p for p in self.parts if isinstance(p, Codes) and _as_often(p.weight, self.rows.count))
        if not plain or len(codes) != len(self.parts) or not codes:
            return None
        return Collapsed(codes, self.shape[-1], self.rows.count)

    def _softmax(self, gradients: Gradients, dense: Dense | None, keep: bool) -> Factor:
        if self.form is not None:
            gradients, dense, keep = {}, self._tilted(self.form, gradients, dense), True
        whole = dense is None and not keep and all(p.key in gradients for p in self.parts)
        if whole and self.collapsed is not None:
            found = self.collapsed.softmax(gradients)
        else:
            found = self.rows.softmax(gradients, dense, keep)
        if found.probabilities is None:
            made = {self.key: lambda: self.rows.probabilities(gradients, dense).reshape(self.shape)}
            means = Means(found.sums, made)
        else:
            means = Means({**found.sums, self.key: found.probabilities.reshape(self.shape)})
        told = {key: g for key, g in gradients.items() if key != self.key}
        return Factor(means, found.log_normaliser - found.carried - inner(told, means))

    def _tilted(self, form: Tilt, gradients: Gradients, dense: Dense | None) -> Dense:
        """The scores of the family's members that are closest to those given."""
        rows, states = self.rows, self.latent.states
        tables = rows.tables(gradients)
        found = np.empty((rows.states, rows.elements))
        for lo, hi in rows.chunks():
            given = rows.scores(tables, None if dense is None else dense(lo, hi), lo, hi)
            found[:, lo:hi] = form.closest(given, np.asarray(states))
        if rows.count is not None:
            found *= rows.count
        return lambda lo, hi: found[:, lo:hi]

    def entropy_of(self, factor: Factor) -> float:
        """-sum r log r, each element as often as it counts; the factor's own where r is too large to be kept."""
        if prod(self.shape) > KEPT:
            return factor.entropy
        r = self._front(factor.means[self.key])
        each = -np.sum(np.where(r > 0, r * np.log(np.where(r > 0, r, 1.0)), 0.0), 0)
        return self.rows.counted(each, 0, self.rows.elements)

    def completed(self, factor: Factor) -> Factor:
        """A factor that has r but not its sums, with these."""
        if all(p.key in factor.means for p in self.parts):
            return factor
        r = factor.means[self.key]
        sums = self.rows.of(self._front(r))
        return Factor(
            Means({**sums, self.key: r}), factor.entropy, factor.natural, factor.notes, factor.made_from
        )

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        """Random scores, of which none are kept: a chunk's come from a generator of its own."""
        seed, rows = int(rng.integers(2**62)), self.rows

        def scores(lo: int, hi: int) -> Array:
            noise = np.random.default_rng([seed, lo]).standard_normal((rows.states, hi - lo))
            return spread * (noise if rows.weight is None else noise * rows.weight[lo:hi])

        return self._softmax({}, scores, self.dense)

    def labelled(self, labels: Array, odds: float) -> Factor:
        """A factor that holds to labels (N,), one a element, by these log odds."""
        k = np.arange(self.rows.states)[:, None]
        return self._softmax({}, lambda lo, hi: odds * (labels[lo:hi] == k), self.dense)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        r = factor.means[self.key]
        u = rng.random((n, *self.latent.shape))
        codes = (u[..., None] > np.cumsum(r, -1)[..., :-1]).sum(-1)
        assert self.latent.states is not None
        return {self.latent.name: self.latent.states[codes]}

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        return None


def _as_often(weight: Array | None, count: Array | None) -> bool:
    """Whether scores weigh each element just as often as it counts."""
    if weight is None or count is None:
        return weight is count
    return bool(np.all(count > 0) and np.array_equal(weight, count))
