"""A linear-Gaussian chain: block-tridiagonal precision, exact means, covariances and neighbours' covariances.

q(v) ~ exp(sum_t h_t'v_t - v_t'J_t v_t / 2 + v_t'G_t v_{t-1}),    G_t = dE / dE[v_t v_{t-1}']

or, where a guide asks for it, the best q(v) = prod_t q(v_t): the same means, and covariances J_t^-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ppl.backend.chains.gaussian import NotPositive, gaussian_chain, sample_gaussian_chain
from ppl.energy.blocks.base import Array, Factor, Gradients
from ppl.energy.blocks.gaussian import LOG_TWO_PI, GaussianMembers, NotProper
from ppl.energy.operands import Key, Size
from ppl.energy.relations import relation
from ppl.energy.terms import Atom
from ppl.graph.named import Named


@dataclass(frozen=True, eq=False)
class GaussianChain(GaussianMembers):
    """Cells of the batch axis at place ``chain`` follow one another; other batch axes are separate chains."""

    chain: int = 0
    factorised: bool = False

    @property
    def family(self) -> str:  # type: ignore[override]
        return "Normal" if self.factorised else "GaussianMarkovChain"

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return not self.factorised

    @property
    def chain_axis(self) -> int | None:
        return self.chain

    def gap(self, a: Atom, b: Atom, live: Named, size: Size) -> int:
        """1 where ``a`` lies one step after ``b``, -1 before, 0 at the same time."""
        x = a.index[self.member(a.name).batch[self.chain]]
        y = b.index[self.member(b.name).batch[self.chain]]
        return {"after": 1, "before": -1}.get(relation(x, y, live, size), 0)

    def shapes(self) -> dict[Key, tuple[int, ...]]:
        out = super().shapes()
        for v in self.names:
            for w in self.names:
                out[("lag", v, w)] = self.pair_shape(v, w)
        return out

    def _timed(self, array: Array) -> Array:
        """(cells, ...) to (chains, T, ...)."""
        rest = array.shape[1:]
        moved = np.moveaxis(array.reshape(*self.batch_shape, *rest), self.chain, len(self.batch_shape) - 1)
        return moved.reshape(-1, self.batch_shape[self.chain], *rest)

    def _celled(self, array: Array) -> Array:
        """(chains, T, ...) to (cells, ...)."""
        rest = array.shape[2:]
        others = [n for i, n in enumerate(self.batch_shape) if i != self.chain]
        moved = array.reshape(*others, self.batch_shape[self.chain], *rest)
        return np.moveaxis(moved, len(others), self.chain).reshape(self.cells, *rest)

    def _neighbours(self, gradients: Gradients) -> Array:
        """G: (cells, width, width), what ties a cell to the one before it."""
        g = np.zeros((self.cells, self.width, self.width))
        for key, found in gradients.items():
            if key[0] == "lag":
                p, q = self.parts[key[1]], self.parts[key[2]]
                shape = (self.cells, p.stop - p.start, q.stop - q.start)
                g[:, p, q] += np.broadcast_to(found, self.pair_shape(key[1], key[2])).reshape(shape)
        return g

    def best(self, gradients: Gradients, before: Factor | None) -> Factor:
        h, j, g = self.linear(gradients), self.precision(gradients), self._neighbours(gradients)
        natural = {"linear": h, "diag": j, "lag": g}
        timed = [self._timed(a) for a in (j, g, h)]
        off = np.swapaxes(-timed[1][:, 1:], -1, -2)
        try:
            found = gaussian_chain(timed[0], off, timed[2])
        except NotPositive as error:
            raise NotProper(self.names, str(error)) from None
        if self.factorised:
            log_det = float(np.linalg.slogdet(timed[0])[1].sum())
            return self._factor(natural, found.mean, np.linalg.inv(timed[0]), np.zeros_like(off), log_det)
        return self._factor(natural, found.mean, found.cov, found.lag_cov, float(np.sum(found.logdet)))

    def _factor(
        self, natural: Mapping[str, Array], mean: Array, cov: Array, lag: Array, log_det: float
    ) -> Factor:
        if self.point:
            cov, lag = np.zeros_like(cov), np.zeros_like(lag)
        m, c = self._celled(mean), self._celled(cov)
        means = self.mean_arrays(m, c)
        cross = np.zeros_like(cov)
        cross[:, 1:] = np.swapaxes(lag, -1, -2) + mean[:, 1:, :, None] * mean[:, :-1, None, :]
        flat = self._celled(cross)
        for v in self.names:
            for w in self.names:
                part = flat[:, self.parts[v], self.parts[w]]
                means[("lag", v, w)] = part.reshape(self.pair_shape(v, w))
        entropy = 0.5 * (self.count * (1.0 + LOG_TWO_PI) - log_det)
        variance = np.diagonal(c, axis1=-2, axis2=-1)
        return Factor(means, 0.0 if self.point else entropy, {**natural, "mean": m, "variance": variance})

    def start(self, rng: np.random.Generator, spread: float) -> Factor:
        h = spread * rng.standard_normal((self.cells, self.width))
        gradients: dict[Key, Array] = {}
        for m in self.members:
            gradients[("x", m.latent.name)] = m.unflat(h[:, self.parts[m.latent.name]])
            gradients[("power:2", m.latent.name)] = np.full(m.latent.shape, -0.5)
        return self.best(gradients, None)

    def sample(self, factor: Factor, rng: np.random.Generator, n: int) -> dict[str, Array]:
        if self.point:
            return self.spread_out(np.broadcast_to(factor.natural["mean"], (n, self.cells, self.width)))
        if self.factorised:
            root = np.linalg.inv(np.linalg.cholesky(factor.natural["diag"]))
            eps = rng.standard_normal((n, self.cells, self.width))
            return self.spread_out(factor.natural["mean"] + np.einsum("cji,ncj->nci", root, eps))
        timed = [self._timed(factor.natural[k]) for k in ("diag", "lag", "linear")]
        off = np.swapaxes(-timed[1][:, 1:], -1, -2)
        paths = sample_gaussian_chain(timed[0], off, timed[2], n, rng)
        return self.spread_out(np.stack([self._celled(p) for p in paths]))

    def log_density(self, factor: Factor, draws: Mapping[str, Array]) -> Array | None:
        if self.point:
            return np.zeros(len(draws[self.names[0]]))
        x = self.flat(draws)
        h, j, g = (factor.natural[k] for k in ("linear", "diag", "lag"))
        mean = factor.natural["mean"]
        if self.factorised:
            d = (x - mean) * (1.0 - self.absent)
            apart: Array = -0.5 * np.einsum("nci,cij,ncj->n", d, j, d)
            return apart + 0.5 * (float(np.linalg.slogdet(j)[1].sum()) - self.count * LOG_TWO_PI)
        timed = [self._timed(a) for a in (j, g, h)]
        log_det = float(
            np.sum(gaussian_chain(timed[0], np.swapaxes(-timed[1][:, 1:], -1, -2), timed[2]).logdet)
        )
        energy = self._quadratic(x, h, j, g) - self._quadratic(mean[None], h, j, g)
        out: Array = energy + 0.5 * (log_det - self.cells * self.width * LOG_TWO_PI)
        return out

    def _quadratic(self, x: Array, h: Array, j: Array, g: Array) -> Array:
        """h'x - x'Jx / 2 of each row, neighbours included: (n,)."""
        own = np.einsum("cj,ncj->n", h, x) - 0.5 * np.einsum("nci,cij,ncj->n", x, j, x)
        t = np.stack([self._timed(row) for row in x])
        gt = self._timed(g)
        out: Array = own + np.einsum("nbti,btij,nbtj->n", t[:, :, 1:], gt[:, 1:], t[:, :, :-1])
        return out
