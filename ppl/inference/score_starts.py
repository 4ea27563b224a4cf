"""Where to start: short runs from draws of the prior, of which the better half is gone on with, until one is left.

Latents that name interchangeable groups are all alike at the middle of the prior, where gradients
vanish; draws of the prior differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ppl.errors import PplError
from ppl.graph.drawn_guides import reads
from ppl.graph.evaluate import StillVector
from ppl.graph.own_space import coordinates
from ppl.graph.simulate import from_draws, simulate
from ppl.inference.base import NotFinite
from ppl.inference.score_ascent import Ascent, begin
from ppl.inference.score_estimate import ScoreTarget
from ppl.posterior.target import Array
from ppl.supports import REAL

SHORT = 40  # steps of each trial run in the first round; a round has twice as many as the one before
LABELLED, FEW = 16, 2
JUDGED = 20  # of its last noisy ELBOs are averaged
FAR = 20.0  # coordinates of a start that stand for bounded numbers lie within this of 0

Step = Callable[[Ascent, np.random.Generator], Ascent]


def best_start(
    target: ScoreTarget,
    step: Step,
    rng: np.random.Generator,
    count: int,
    log_sd: float,
    spread: float,
    rate: float,
) -> Ascent:
    """The best of ``count`` trial runs. Raises `NotFinite` where no start has a finite log joint."""
    tried: list[Ascent] = []
    trouble = "the log joint is not finite at any start"
    for centre, sd in _centres(target, rng, max(count, 1), log_sd, spread):
        if len(tried) == max(count, 1):
            break
        theta = target.family.start(centre, rng, sd, spread)
        try:
            tried.append(step(begin(theta, _blocks(target), rate), rng))
        except NotFinite as error:
            trouble = str(error)
    if not tried:
        raise NotFinite(trouble)
    steps = SHORT
    while len(tried) > 1:
        run = [_run(at, step, rng, steps) for at in tried]
        tried = sorted(run, key=_height, reverse=True)[: (len(tried) + 1) // 2]
        steps *= 2
    return begin(tried[0].theta, _blocks(target), rate)


def usual_count(target: ScoreTarget) -> int:
    """How many starts: many where labels name groups of unknown properties, one where nothing is discrete."""
    kinds = {d.statement.body.type.element for d in target.family.discretes}
    return LABELLED if "label" in kinds and target.family.size else FEW if kinds else 1


def _height(at: Ascent) -> float:
    return float(at.elbos[-JUDGED:].mean())


def _blocks(target: ScoreTarget) -> int:
    return len(target.terms.layout.blocks) + len(target.family.discretes)


def _run(at: Ascent, step: Step, rng: np.random.Generator, steps: int) -> Ascent:
    """Further steps of one stage; a run that leaves the finite goes no further."""
    for _ in range(steps):
        try:
            at = step(at, rng)
        except NotFinite:
            return replace(at, elbos=np.array([-np.inf]))
    return at


def _centres(
    target: ScoreTarget, rng: np.random.Generator, count: int, log_sd: float, spread: float
) -> Iterator[tuple[Array, float]]:
    """Means and log sds to try: the prior's middle, draws of it, then ever closer to the middle."""
    size = target.family.size
    yield target.start + spread * rng.standard_normal(size), log_sd
    for _ in range(count - 1):
        yield prior_draw(target, rng), log_sd
    for halved in range(1, 4):
        yield target.start * 0.5**halved, log_sd - halved
    yield np.zeros(size), log_sd - 4.0


def prior_draw(target: ScoreTarget, rng: np.random.Generator) -> Array:
    """Coordinates (D,) of one draw of the prior; near its middle where it cannot be drawn from."""
    lay = target.terms.layout
    try:
        with np.errstate(all="ignore"):
            drawn = simulate(lay, 1, rng, from_draws(_points(target)), observe=False).latents
            z, _ = coordinates(lay, {n: a for n, a in drawn.items() if n not in lay.discrete})
    except (PplError, StillVector, ArithmeticError, ValueError, KeyError, TypeError):
        return target.start + rng.standard_normal(target.family.size)
    most = np.full(len(z[0]), FAR)
    for block in lay.blocks.values():
        if block.support == REAL:
            most[block.where] = np.inf
    return np.clip(np.where(np.isfinite(z[0]), z[0], target.start), -most, most)


def _points(target: ScoreTarget) -> dict[str, Array]:
    """The params that guides read, at their start: a prior is drawn from without them."""
    lay = target.terms.layout
    values = {s.name: s for s in lay.graph.statements if s.kind == "value"}
    read = {name for q in lay.graph.guide for name in reads(q, values)}
    points = sorted(name for name in read if name in lay.blocks and lay.blocks[name].point)
    if not points:
        return {}
    at = np.zeros((1, target.family.width))
    at[0, : target.family.size] = target.start
    return target.terms.unpack(at, points)
