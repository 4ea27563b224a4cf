"""A fitted model: arrays and figures. It knows no inference method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.errors import Diagnostic, UsageError, fail
from ppl.posterior.approximation import Approximation
from ppl.posterior.estimates import Array, Estimates
from ppl.posterior.factored import Factored, FactoredRecord
from ppl.posterior.factored_text import bound_sentence
from ppl.posterior.record import Bound, DataSource, FitWarning, ImputedCell, Level, finite
from ppl.posterior.redrawn import count_of
from ppl.posterior.states import StateTable
from ppl.posterior.summary import Summary

if TYPE_CHECKING:
    from ppl.posterior.predicted import Prediction

SCHEMA = 1
USABLE = ("ok", "warn")


@dataclass(frozen=True)
class Fit:
    """What one run found.

    status: ``ok`` (every check passed), ``warn`` (a check failed; see ``warnings``), or why the
    result is not to be used as it is: ``not_converged``, ``unbounded``, ``time_limit``,
    ``interrupted``, ``failed``.
    draws: name to (S, ...) draws of every latent, param and imputed column in the model's own
    parameterisation, elements ordered as ``estimates`` names them.
    states: posterior probabilities of the states of discrete latents, which were summed out.
    factored: the factors of q, where the method gave it some; ``approximation`` then comes with a fresh
    fit only.
    """

    model_name: str
    model_text: str
    method: str
    status: str
    verdict: str
    seed: int
    estimates: tuple[Estimates, ...]
    draws: Mapping[str, Array]
    approximation: Approximation | Factored | None
    bound: Bound
    warnings: tuple[FitWarning, ...] = ()
    log_evidence: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Array] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    sources: tuple[DataSource, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    imputed: tuple[ImputedCell, ...] = ()
    states: tuple[StateTable, ...] = ()
    factored: FactoredRecord | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    data_warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)
    unused: tuple[str, ...] = field(default=(), compare=False)
    problem: Any = field(default=None, repr=False, compare=False)

    @property
    def usable(self) -> bool:
        """Whether the result may be used, warnings or not."""
        return self.status in USABLE

    @property
    def elbo(self) -> float:
        """The evidence lower bound on fresh draws."""
        return self.bound.elbo

    def summary(self) -> Summary:
        """Mean, sd and quantiles of every element; prints as a table."""
        told = (
            self.bound.sentence()
            if self.factored is None
            else bound_sentence(self.bound, self.factored, self.log_evidence)
        )
        return Summary(self.estimates, f"{told}\n\n{self.verdict}")

    def to_dict(self, posterior: bool = True) -> dict[str, Any]:
        """The JSON form, version 1; only strict JSON values. posterior: whether with every element's figures."""
        return {
            "schema": SCHEMA,
            "status": self.status,
            "method": self.method,
            "seed": self.seed,
            "elbo": finite(self.elbo),
            "log_evidence": finite(self.log_evidence),
            "bound": self.bound.to_dict(),
            "seconds": {k: round(float(v), 6) for k, v in self.seconds.items()},
            "verdict": self.verdict,
            "warnings": self._all_warnings(),
            "notes": [w.to_dict() for w in self.warnings if w.severity == "note"],
            **({"posterior": self.summary().to_dict()} if posterior else {}),
            **({} if self.factored is None else {"factored": self.factored.to_dict()}),
        }

    def _all_warnings(self) -> list[dict[str, Any]]:
        data = [FitWarning(d.code, d.message).to_dict() for d in self.data_warnings]
        return data + [w.to_dict() for w in self.warnings if w.severity != "note"]

    def sample(self, n: int | None = None, seed: int = 0) -> dict[str, Array]:
        """Joint draws of every latent: name to (n, ...).

        Up to as many as were kept, without repeats; all of them when n is left out.
        """
        kept = self.draw_count
        if n is None:
            return {name: draws.copy() for name, draws in self.draws.items()}
        if n < 0:
            raise fail(UsageError, "E702", f"cannot draw {n} times")
        rng = np.random.default_rng(seed)
        rows = rng.permutation(kept)[:n] if n <= kept else rng.integers(kept, size=n)
        return {name: draws[rows] for name, draws in self.draws.items()}

    @property
    def draw_count(self) -> int:
        """How many joint draws are kept."""
        return count_of(self.draws)

    def predict(
        self,
        data: Any = None,
        *,
        new_levels: str = "error",
        seed: int = 0,
        of: tuple[str, ...] = (),
        **tables: Any,
    ) -> Prediction:
        """Predict the observed columns for new data, or again for the data of the fit.

        new_levels: ``prior`` draws effects of unseen levels from their prior. of: deterministic
        quantities to predict besides.
        """
        from ppl.posterior.predict import predict

        return predict(self, data, tables, new_levels=new_levels, seed=seed, of=of)

    def save(self, path: Any) -> None:
        """Write everything to one file that `ppl.load` and ``ppl summary`` read in another process."""
        from ppl.posterior.store import save

        save(self, str(path))

    def __str__(self) -> str:
        return str(self.summary())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
