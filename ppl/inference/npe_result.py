"""What a network trained on simulations hands on for the data at hand: a mixture, and how well it is calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ppl.errors import PplError
from ppl.graph.evaluate import StillVector
from ppl.inference.npe_calibration import LEVEL, Calibration, calibrate
from ppl.inference.npe_data import simulated
from ppl.inference.npe_posterior import Amortised
from ppl.inference.npe_target import Simulated
from ppl.inference.reweighted import Reweighted, reweighted
from ppl.posterior.factored import BlockReport, Factored
from ppl.posterior.record import Bound, FitWarning
from ppl.posterior.target import Array

CHECKED = 500  # fresh simulations
WEIGHED = 2000  # draws of the ELBO
FAR = 4.0  # standard errors of a coverage, and robust sds of a distance, that are worth telling
SHOWN = 5


@dataclass(frozen=True, eq=False)
class LearntFit(Factored):
    """q(latents | the data) of a trained network; see `ppl.posterior.factored`."""

    target: Simulated
    q: Amortised
    blocks: tuple[BlockReport, ...]
    elbo: float
    elbo_se: float
    calibration: Calibration | None
    distance: tuple[float, float]
    better: Reweighted | None = None
    elbo_terms: Mapping[str, float] = field(default_factory=dict)
    log_evidence: float | None = None
    evidence_reason: str = ""
    restarts: tuple[float, ...] = ()
    means: Mapping[str, Array] = field(default_factory=dict)
    sds: Mapping[str, Array] = field(default_factory=dict)

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws by name: (n, *shape)."""
        draws: dict[str, Array] = self.target.problem.constrain(
            self.q.sample(self.target.data, rng, n)[0], own=True
        )
        return draws

    def draws(self, seed: tuple[int, ...], n: int) -> Mapping[str, Array]:
        """The draws to report from: corrected where the model's density allows it."""
        rng = np.random.default_rng(seed)
        return self.sample(rng, n) if self.better is None else self.better.resampled(rng, n)

    @property
    def corrected(self) -> bool:
        """Whether `draws` are."""
        return self.better is not None

    def log_density(self, draws: Mapping[str, Array]) -> Array | None:
        """Log q of draws by name: (n,)."""
        z, log_det = self.target.problem.coordinates(draws)
        return np.asarray(self.q.log_density(self.target.data, z) - log_det)

    def probabilities(self) -> dict[str, Array]:
        """None: discrete latents are simulated, and left out of q."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """The network, enough to use it on other data, and its calibration."""
        sizes = self.q.sizes.array()
        found = {
            "weights": self.q.weights,
            "sizes": sizes,
            "inputs": self.target.inputs,
            **self.q.scaling.arrays(),
        }
        if self.calibration is None:
            return found
        return {**found, "ranks": self.calibration.ranks.astype(float), "coverage": self.calibration.coverage}

    def bound(self) -> Bound:
        """The ELBO on fresh draws with its standard error."""
        return Bound(self.elbo, self.elbo_se)

    def findings(self) -> tuple[FitWarning, ...]:
        """Coverage that is off, and data unlike any simulated."""
        out = []
        at, (distance, usual) = self.calibration, self.distance
        if at is not None:
            worst = float(at.coverage[np.argmax(np.abs(at.coverage - LEVEL))])
            if abs(worst - LEVEL) > FAR * at.error:
                text = (
                    f"the network is not calibrated: a 90 % interval held the truth in {100 * worst:.0f} % of "
                    f"{len(at.ranks)} simulations; train longer or on more (--simulations)"
                )
                out.append(FitWarning("W726", text, (), "note" if self.corrected else "warn"))
        if distance > usual:
            text = (
                "the data lie outside what the prior simulates, where the network has learnt nothing: "
                f"distance {distance:.1f}, and {usual:.1f} is exceeded by 1 in 1000 simulations"
            )
            out.append(FitWarning("W727", text))
        return tuple(out)


def result_of(
    target: Simulated,
    q: Amortised,
    rng: np.random.Generator,
    distances: Array | None,
    hurry: bool,
    correct: bool = True,
) -> LearntFit:
    """Examine a trained posterior: its ELBO on the data, its calibration on fresh simulations."""
    elbo, error = _elbo(target, q, rng)
    checked = None
    if not hurry:
        checked = calibrate(q, simulated(target.problem, target.reading, CHECKED, rng), rng)
    usual = np.inf if distances is None else float(np.quantile(distances, 0.999))
    own = float(np.sqrt(np.square(q.scaling.summaries(target.data)).mean()))
    found = LearntFit(target, q, _blocks(target, q, checked), elbo, error, checked, (own, usual))
    if hurry or not correct:
        return found
    return replace(found, better=reweighted(found, target.problem, rng))


def summary_distances(s: Array) -> Array:
    """How far each simulated summary lies from the middle: root mean square over features."""
    return np.asarray(np.sqrt(np.square(s).mean(1)))


def _elbo(target: Simulated, q: Amortised, rng: np.random.Generator) -> tuple[float, float]:
    """E_q[log p - log q] on the real line, where the density can be had."""
    z = q.sample(target.data, rng, WEIGHED)[0]
    try:
        with np.errstate(all="ignore"):
            ratio = target.problem.own_target.log_density(z) - q.log_density(target.data, z)
    except (PplError, StillVector):
        return float("nan"), float("nan")
    if not np.isfinite(ratio).all():
        return float("nan"), float("nan")
    return float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(len(ratio)))


def _blocks(target: Simulated, q: Amortised, checked: Calibration | None) -> tuple[BlockReport, ...]:
    lay = target.reading.layout
    names = tuple(lay.blocks)
    family = f"{q.head.family} on the real line"
    reason = "learnt from simulations"
    if checked is not None:
        low, high = checked.coverage.min(), checked.coverage.max()
        reason += f"; 90 % intervals held the truth in {100 * low:.1f} to {100 * high:.1f} % of {len(checked.ranks)}"
    return (BlockReport(names, family, False, reason),)
