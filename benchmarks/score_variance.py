"""Variance of score-function gradients on a mixture, relative to the plain estimator: a table.

Run ``python -m benchmarks.score_variance``. The gradient is in the logits of the labels of N rows, K
components, all else known; the same q and the same data for every estimator. "plain" multiplies each
score by the whole log joint less log q.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import ppl
from ppl.inference.score_estimate import ScoreTarget, estimate
from ppl.inference.score_family import Draws
from ppl.inference.score_gradients import leave_one_out, own_log, score
from ppl.inference.score_plan import Plan

Array = np.ndarray
ROWS, COMPONENTS = 200, 8

MODEL = """
index comps = {k}
table points(x: real)
weight[comps] = simplex([{weights}])
centre[comps] = [{centres}]
for i in points:
    z[i] ~ Categorical(weight)
    x[i] ~ Normal(centre[z[i]], 1)
"""


def mixture(rows: int = ROWS, components: int = COMPONENTS, seed: int = 0) -> ScoreTarget:
    """A mixture of normals with known centres and simulated rows."""
    rng = np.random.default_rng(seed)
    centre = np.linspace(-3.0, 3.0, components)
    x = centre[rng.integers(components, size=rows)] + rng.standard_normal(rows)
    text = MODEL.format(
        k=components,
        weights=", ".join([f"1 / {components}"] * components),
        centres=", ".join(f"{c:.6f}" for c in centre),
    )
    problem = ppl.compile(text, path=False).bind({"x": x}).problem
    return ScoreTarget(problem)


def log_q(target: ScoreTarget, theta: Array, drawn: Draws) -> Array:
    """Log q of each element of the only discrete latent: (S, n)."""
    return own_log(target.family.log_tables(theta)[0], drawn.codes[0])


def plain(target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int) -> Array:
    """Whole log joint less whole log q, times the score; no baseline."""
    return _global(target, theta, rng, draws, lambda f: f)


def global_baseline(
    target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int
) -> Array:
    """The same with the leave-one-out baseline."""
    return _global(target, theta, rng, draws, leave_one_out)


def _global(
    target: ScoreTarget,
    theta: Array,
    rng: np.random.Generator,
    draws: int,
    baseline: Callable[[Array], Array],
) -> Array:
    drawn = target.family.draw(theta, rng, draws)
    f = target.values(drawn.x).sum(1) + target.terms.constant - log_q(target, theta, drawn).sum(1)
    table = target.family.log_tables(theta)[0]
    return score(table, drawn.codes[0], np.broadcast_to(baseline(f)[:, None], drawn.codes[0].shape)).ravel()


def per_element(target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int) -> Array:
    """Rao-Blackwellised over the rows; no baseline."""
    drawn, d = target.family.draw(theta, rng, draws), target.family.discretes[0]
    costs = plan.discrete[0].blanket.costs(target.values(drawn.x))[:, d.cells]
    return score(
        target.family.log_tables(theta)[0], drawn.codes[0], costs - log_q(target, theta, drawn)
    ).ravel()


def ours(target: ScoreTarget, plan: Plan, theta: Array, rng: np.random.Generator, draws: int) -> Array:
    """What the fit uses under this plan."""
    return estimate(target, plan, theta, rng, draws).gradient


ESTIMATORS = {
    "plain": (plain, "score"),
    "leave-one-out baseline": (global_baseline, "score"),
    "per element": (per_element, "score"),
    "per element, leave-one-out": (ours, "score"),
    "local expectation": (ours, "local"),
}


def variances(
    target: ScoreTarget, draws: int, repeats: int, names: tuple[str, ...] = tuple(ESTIMATORS), seed: int = 1
) -> dict[str, float]:
    """Summed variance of the gradient's entries under each estimator."""
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal(target.family.count)
    out = {}
    for name in names:
        f, asked = ESTIMATORS[name]
        plan = target.plan(draws, asked)
        found = np.stack([f(target, plan, theta, rng, draws) for _ in range(repeats)])
        out[name] = float(found.var(0, ddof=1).sum())
    return out


def main() -> None:
    """Print the table."""
    target = mixture()
    for draws in (2, 10):
        found = variances(target, draws, 2000)
        print(f"\nS = {draws}, N = {ROWS}, K = {COMPONENTS}: variance, and how many times less than plain")
        for name, value in found.items():
            less = found["plain"] / value if value > 1e-24 else float("inf")
            print(f"  {name:28s} {value:12.4g} {less:12.3g}")


if __name__ == "__main__":
    main()
