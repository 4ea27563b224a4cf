"""Run a backend and examine what came of it: the one call above which only models know of targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.inference.base import AbstractBackend
from ppl.inference.run import Options, Run, run
from ppl.posterior.approximation import Approximation
from ppl.posterior.diagnostics import Certificate, certify
from ppl.posterior.target import Array, Target


@dataclass(frozen=True)
class Fit:
    """A run, its Gaussian and its certificate; the last two are None when it failed at the start."""

    run: Run[Any, Approximation]
    certificate: Certificate | None

    @property
    def approximation(self) -> Approximation | None:
        """The fitted Gaussian."""
        return self.run.result

    @property
    def draws(self) -> Array | None:
        """Draws to report from: (n, D)."""
        return None if self.certificate is None else self.certificate.draws


def fit(
    backend: AbstractBackend[Target, Any, Approximation],
    target: Target,
    rng: np.random.Generator,
    how: Options | None = None,
    *,
    draws: int = 4000,
) -> Fit:
    """Fit and certify. The same generator state gives the same bits."""
    fit_rng, certify_rng = rng.spawn(2)
    result = run(backend, target, fit_rng, how)
    if result.result is None or result.state is None:
        return Fit(result, None)
    facts = backend.facts(result.state, result.outcome)
    return Fit(result, certify(target, result.result, certify_rng, facts, draws=draws))
