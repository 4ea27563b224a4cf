"""A Gaussian over the unconstrained coordinates: what a fit hands on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ppl.posterior.bend import Bend
from ppl.posterior.target import Array

LOG_2PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Approximation:
    """A Gaussian ``z = mean + scale eps``: independent (``log_sd``) or correlated (``scale_tril``).

    mean: (D,). Exactly one of log_sd: (D,) and scale_tril: (D, D), lower triangular, is given.
    Coordinates marked in ``point``: (D,) do not vary; their log sd is -inf, their row and column
    of the scale are zero.

    ``response_cov``: (D, D) is the linear-response covariance, when known; ``response_sd``: (D,)
    its standard deviations (nan where not computed). `sample` and `log_q` belong together and
    speak of the fitted Gaussian; `for_summaries` is the Gaussian to report from, and ``bend`` what
    bends it nearer to the posterior, when that pays: `place` follows it.

    >>> q = Approximation(np.zeros(2), log_sd=np.zeros(2))
    >>> float(q.entropy.round(4)), q.sample(np.random.default_rng(0), 3).shape
    (2.8379, (3, 2))
    """

    mean: Array
    log_sd: Array | None = None
    scale_tril: Array | None = None
    response_cov: Array | None = None
    response_sd: Array | None = None
    point: NDArray[np.bool_] | None = None
    bend: Bend | None = None

    @property
    def size(self) -> int:
        """D, the number of coordinates."""
        return int(self.mean.shape[0])

    @property
    def free(self) -> NDArray[np.bool_]:
        """The coordinates that vary: (D,)."""
        return np.ones(self.size, bool) if self.point is None else ~self.point

    @property
    def sd(self) -> Array:
        """Standard deviation of each coordinate: (D,)."""
        if self.log_sd is not None:
            return np.where(self.free, np.exp(self.log_sd), 0.0)
        assert self.scale_tril is not None
        sd: Array = np.sqrt(np.square(self.scale_tril).sum(1))
        return sd

    @property
    def log_det(self) -> float:
        """Log determinant of the scale, over the coordinates that vary."""
        if self.log_sd is not None:
            return float(self.log_sd[self.free].sum())
        assert self.scale_tril is not None
        return float(np.log(np.diag(self.scale_tril)[self.free]).sum())

    @property
    def entropy(self) -> np.float64:
        """``-E log q`` over the coordinates that vary."""
        return np.float64(0.5 * self.free.sum() * (1.0 + LOG_2PI) + self.log_det)

    def transform(self, eps: Array) -> Array:
        """Standard normal draws (n, D) to draws of q (n, D)."""
        if self.log_sd is not None:
            return self.mean + eps * self.sd
        assert self.scale_tril is not None
        return self.mean + eps @ self.scale_tril.T

    def standardise(self, z: Array) -> Array:
        """The inverse of `transform`; zero in the coordinates that do not vary."""
        free, out = self.free, np.zeros_like(z)
        shifted = (z - self.mean)[:, free]
        if self.log_sd is not None:
            out[:, free] = shifted * np.exp(-self.log_sd[free])
        else:
            assert self.scale_tril is not None
            out[:, free] = np.linalg.solve(self.scale_tril[np.ix_(free, free)], shifted.T).T
        return out

    def place(self, eps: Array) -> tuple[Array, Array]:
        """Standard normal e: (n, R), R coordinates vary, to bent draws (n, D) and ``log|dz/de|``: (n,)."""
        if self.bend is not None:
            return self.bend.place(eps)
        whole = np.zeros((len(eps), self.size))
        whole[:, self.free] = eps
        return self.transform(whole), np.full(len(eps), self.log_det)

    def sample(self, rng: np.random.Generator, n: int) -> Array:
        """``n`` independent draws: (n, D)."""
        return self.transform(rng.standard_normal((n, self.size)))

    def log_q(self, z: Array) -> Array:
        """Log density of each draw: (n, D) -> (n,)."""
        eps = self.standardise(z)
        log_q: Array = -0.5 * np.square(eps).sum(1) - 0.5 * self.free.sum() * LOG_2PI - self.log_det
        return log_q

    def for_summaries(self) -> Approximation:
        """The Gaussian that sds, intervals and draws are reported from.

        An independent Gaussian fitted by maximising the ELBO is too narrow along correlated
        coordinates. Where the linear-response covariance is known and positive definite it
        replaces the fitted one; where only some of its sds are, those coordinates are widened.
        """
        if self.response_cov is not None:
            tril = _cholesky(self.response_cov, self.free)
            if tril is not None:
                return Approximation(self.mean, scale_tril=tril, point=self.point, bend=self.bend)
        if self.response_sd is not None and self.log_sd is not None:
            with np.errstate(divide="ignore"):
                wider = np.fmax(self.log_sd, np.log(self.response_sd))
            return replace(self, log_sd=wider, response_cov=None, response_sd=None)
        return self


def _cholesky(cov: Array, free: NDArray[np.bool_]) -> Array | None:
    tril = np.zeros_like(cov)
    try:
        tril[np.ix_(free, free)] = np.linalg.cholesky(cov[np.ix_(free, free)])
    except np.linalg.LinAlgError:
        return None
    return tril
