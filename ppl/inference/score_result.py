"""What a score-function fit hands on: a product of Gaussians and tables, with its ELBO and its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ppl.errors import PplError
from ppl.graph.evaluate import StillVector
from ppl.inference.score_estimate import ScoreTarget
from ppl.inference.score_guided import state_shares
from ppl.inference.score_noise import signal_to_noise
from ppl.inference.score_plan import Plan
from ppl.inference.score_trials import AT_ONCE
from ppl.inference.score_weights import joint_count, ratios_on_the_line
from ppl.posterior.factored import POINT, BlockReport, Factored
from ppl.posterior.record import Bound, FitWarning
from ppl.posterior.target import Array

SMALLEST_SNR = 0.1
FEW, MANY = 200, 2000  # draws of the final ELBO
STEEP, TOO_STEEP = 0.5, 2.0  # nats per sd: slopes left in a mean that are told, and that spoil the fit


@dataclass(frozen=True, eq=False)
class ScoreFit(Factored):
    """Independent Gaussians on the real line and tables of states; see `ppl.posterior.factored`."""

    target: ScoreTarget
    theta: Array
    blocks: tuple[BlockReport, ...]
    elbo: float
    elbo_se: float
    elbo_terms: Mapping[str, float]
    snr: Mapping[str, float] = field(default_factory=dict)
    slopes: Mapping[str, float] = field(default_factory=dict)
    log_evidence: float | None = None
    evidence_reason: str = ""
    restarts: tuple[float, ...] = ()
    means: Mapping[str, Array] = field(default_factory=dict)  # a bijection lies between: none in closed form
    sds: Mapping[str, Array] = field(default_factory=dict)

    def sample(self, rng: np.random.Generator, n: int) -> dict[str, Array]:
        """Draws of the continuous latents by name: (n, *shape)."""
        rows = max(1, int(AT_ONCE // max(self.target.family.width, 1)))  # states of many rows take much room
        parts = [
            self._unpacked(self.target.draw(self.theta, rng, min(rows, n - i)).x) for i in range(0, n, rows)
        ]
        if len(parts) == 1:
            return parts[0]
        own = frozenset(self.target.problem.weights)
        out = {name: np.concatenate([p[name] for p in parts]) for name in parts[0] if name not in own}
        return out | {
            name: np.broadcast_to(parts[0][name][0], (n, *parts[0][name].shape[1:])) for name in own
        }

    def _unpacked(self, x: Array) -> dict[str, Array]:
        """Draws (n, width) by name; weights of networks are points: one array, repeated without a copy."""
        terms, weights = self.target.terms, self.target.problem.weights
        out = terms.unpack(x, continuous_names(self.target))
        points = terms.unpack(x[:1], weights)
        return out | {name: np.broadcast_to(a, (len(x), *a.shape[1:])) for name, a in points.items()}

    def weighed(
        self, problem: Any, rng: np.random.Generator, n: int
    ) -> tuple[dict[str, Array], Array | None]:
        """Draws with their weights: those of the continuous factors alone where these have a density."""
        apart = joint_count(self.target) > 0 and super().affordable(problem, self._discrete)[0] == 0
        if not (apart or self._indirect):
            return super().weighed(problem, rng, n)
        drawn = self.target.draw(self.theta, rng, n)
        place = None if apart else problem
        return self._unpacked(drawn.x), ratios_on_the_line(place, self.target, self.theta, drawn)

    def affordable(self, problem: Any, discrete: frozenset[str]) -> tuple[int, str]:
        """How many draws can be weighed: of everything together where the tables cannot be summed out."""
        count, why = super().affordable(problem, discrete)
        together = 0 if count else joint_count(self.target)
        return (together, "") if together else (count, why)

    @property
    def _discrete(self) -> frozenset[str]:
        drawn = (q.name for q in self.target.terms.drawn if q.discrete is not None)
        return frozenset((*(d.name for d in self.target.family.discretes), *drawn))

    @property
    def _indirect(self) -> bool:
        """Whether the continuous latents have no known density by themselves: guides draw, or one is standardised."""
        terms = self.target.terms
        return any(name.endswith(".raw") for name in terms.layout.blocks) or bool(terms.drawn)

    def log_density(self, draws: Mapping[str, Array]) -> Array | None:
        """Log density of the continuous factors; None where guides draw, or for a standardised latent."""
        from ppl.graph.own_space import coordinates

        family, lay = self.target.family, self.target.terms.layout
        if self._indirect:
            return None
        try:
            z, log_det = coordinates(lay, draws)
        except (PplError, StillVector):  # a bound that reads a discrete latent
            return None
        free = family.free
        sd = family.sd(self.theta)[free]
        eps = family.noise_at(self.theta, z)[:, free]
        own = -0.5 * np.square(eps) - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
        return np.asarray(own.sum(1) - log_det)

    def bound(self) -> Bound:
        """The ELBO on fresh draws with its standard error, and its parts."""
        return replace(super().bound(), error=self.elbo_se)

    def probabilities(self) -> dict[str, Array]:
        """Name of each discrete latent to its table (*shape, K); 0 in cells that no plate defines."""
        out = {}
        for d, table in zip(self.target.family.discretes, self._tables(), strict=True):
            full = np.zeros((int(np.prod(d.shape, dtype=int)), len(d.states)))
            full[d.cells] = np.exp(table)
            out[d.name] = full.reshape(*d.shape, len(d.states))
        guided = [q for q in self.target.terms.drawn if q.discrete is not None]
        x = self.target.draw(self.theta, np.random.default_rng(0), FEW).x if guided else np.zeros((0, 0))
        return out | {q.name: state_shares(self.target.terms, q, x) for q in guided}

    def _tables(self) -> tuple[Array, ...]:
        return self.target.family.log_tables(self.theta)

    def arrays(self) -> dict[str, Array]:
        """The parameters of every factor."""
        family = self.target.family
        tables = {
            f"logits({d.name})": self.theta[w] for d, w in zip(family.discretes, family.logits, strict=True)
        }
        return {"mean": self.theta[: family.size], "sd": family.spread(self.theta), **tables}

    def findings(self) -> tuple[FitWarning, ...]:
        """Latents whose gradient was too noisy to be followed, and those along which the ELBO still rises."""
        return (*self._steep(), *self._noisy())

    def _steep(self) -> tuple[FitWarning, ...]:
        steep = {n: v for n, v in self.slopes.items() if v > STEEP}
        if not steep:
            return ()
        name = max(steep, key=lambda n: steep[n])
        text = (
            f"this is no optimum: the ELBO rises by {steep[name]:.2g} nats for each sd that `{name}` moves; "
            "take longer steps (--rate), or rescale the data"
        )
        return (FitWarning("W701", text, tuple(steep), "failed" if steep[name] > TOO_STEEP else "warn"),)

    def _noisy(self) -> tuple[FitWarning, ...]:
        worst = {n: v for n, v in self.snr.items() if v < SMALLEST_SNR}
        for name, value in sorted(worst.items(), key=lambda item: item[1]):
            text = (
                f"the gradient of `{name}` drowns in noise: signal-to-noise {value:.2g}, below {SMALLEST_SNR:g}; "
                "use more draws (--draws-per-step), or marginalise it"
            )
            return (FitWarning("W725", text, tuple(worst)),)
        return ()


def continuous_names(target: ScoreTarget) -> list[str]:
    """Continuous latents, params and imputed columns that a fit reports."""
    found = [q.name for q in target.problem.quantities if q.kind in ("latent", "param", "imputed")]
    return [n for n in found if n in target.terms.at.values]


def result_of(
    target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int, hurry: bool
) -> ScoreFit:
    """Evaluate q on fresh draws: its ELBO with a standard error, its parts, and the gradient's noise."""
    values = _final_values(target, theta, rng, FEW if hurry else MANY)
    totals = values.sum(1) + target.terms.constant
    snr, slopes = ({}, {}) if hurry else signal_to_noise(target, plan, theta, rng, draws)
    entropy = target.family.entropy(theta)
    return ScoreFit(
        target=target,
        theta=theta,
        blocks=_blocks(target, plan, theta, snr),
        elbo=float(totals.mean()) + entropy,
        elbo_se=float(totals.std(ddof=1) / np.sqrt(len(totals))),
        elbo_terms=_parts(target, values.mean(0), theta),
        snr=snr,
        slopes=slopes,
    )


def _final_values(target: ScoreTarget, theta: Array, rng: np.random.Generator, count: int) -> Array:
    """Cells summed by statement at draws: (count, statements); in pieces."""
    rows = max(1, int(AT_ONCE // max(target.terms.program.widest, target.terms.count, 1.0)))
    starts = [t.where.start for t in target.terms.terms]
    pieces = []
    for i in range(0, count, rows):
        cells = target.values(target.draw(theta, rng, min(rows, count - i)).x)
        pieces.append(np.add.reduceat(cells, starts, axis=1) if starts else np.zeros((len(cells), 0)))
    return np.concatenate(pieces)


def _parts(target: ScoreTarget, means: Array, theta: Array) -> dict[str, float]:
    """E log p of each statement and the entropy of each latent (Jacobians are part of that)."""
    out: dict[str, float] = {}
    family = target.family
    for term, mean in zip(target.terms.terms, means, strict=True):
        name = term.statement.name
        key = f"entropy({_plain(name)})" if term.kind in ("jacobian", "guide") else name
        out[key] = out.get(key, 0.0) + float(mean)
    spread = np.where(family.free, theta[family.size : 2 * family.size] + 0.5 * np.log(2 * np.pi * np.e), 0.0)
    for block in target.terms.layout.blocks.values():
        if family.free[block.where].any():
            key = f"entropy({_plain(block.name)})"
            out[key] = out.get(key, 0.0) + float(spread[block.where].sum())
    for d, table in zip(family.discretes, family.log_tables(theta), strict=True):
        out[f"entropy({d.name})"] = -float((d.weights[:, None] * np.exp(table) * table).sum())
    if target.terms.constant:
        out["constants"] = target.terms.constant
    return out


def _plain(name: str) -> str:
    """A latent's name without the mark of its standardised form."""
    return name.removesuffix(".raw")


def _blocks(
    target: ScoreTarget, plan: Plan, theta: Array, snr: Mapping[str, float]
) -> tuple[BlockReport, ...]:
    family, sd = target.family, target.family.spread(theta)
    joint = np.zeros(family.size, dtype=bool)
    for index in family.groups:
        joint[index] = True
    out = []
    for c in plan.continuous:
        parameters = {"mean": theta[c.block.where], "sd": sd[c.block.where]}
        free = "MultivariateNormal" if joint[c.block.where].any() else "Normal on the real line"
        kind = POINT if c.block.point else free
        out.append(
            BlockReport((_plain(c.block.name),), kind, False, _reason(c, snr, c.block.name), parameters)
        )
    for d, table in zip(plan.discrete, family.log_tables(theta), strict=True):
        kind = "Bernoulli" if len(d.latent.states) == 2 else "Categorical"
        reason = _reason(d, snr, d.latent.name)
        out.append(BlockReport((d.latent.name,), kind, False, reason, {"p": np.exp(table)}))
    for q in plan.guided:
        family_name = getattr(q.guide.statement.body, "name", "")
        out.append(BlockReport((q.guide.name,), family_name, False, _reason(q, snr, q.guide.name)))
    return tuple(out)


def _reason(node: Any, snr: Mapping[str, float], name: str) -> str:
    ratio = f"; gradient signal-to-noise {snr[name]:.2g}" if name in snr else ""
    return f"{node.estimator} gradient, {node.reason}{ratio}"
