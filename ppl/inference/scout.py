"""Look around before a fit: which of several places that Newton's method leads to is the best start.

Models whose discrete latents are summed out have modes apart from permutations: states may share
the data in more than one way, and the worse can be worse by many nats. Each scout starts from a
shifted place and is judged by the ELBO of the Gaussian that its curvature suggests.
"""

from __future__ import annotations

import numpy as np

from ppl.inference.approach import LARGEST, approach
from ppl.inference.draws import fixed
from ppl.inference.finite import FiniteTarget, Tally
from ppl.inference.full_rank import Frame
from ppl.posterior.target import Array, HiddenTarget, Target

MOST = 64
SPREADS = (2.0, 3.0, 1.0)  # of the shifts, in turn; the first scout is not shifted
USUAL_STEPS, JUDGES = 15, 20  # steps a scout usually takes, draws that judge where it came to
ELEMENTS = 4e8  # that all scouts together should touch


def best_start(target: Target, start: Array, rng: np.random.Generator) -> Array:
    """The start to use: (D,); the given one where there is nothing hidden or looking costs too much."""
    if not isinstance(target, HiddenTarget) or not target.hidden or target.size > LARGEST:
        return start
    each = max(target.work, 1.0) * (USUAL_STEPS * (2 * target.size + 18) + JUDGES)
    count = int(min(MOST, ELEMENTS / each))
    best, found = -np.inf, start
    for k in range(count):
        spread = SPREADS[k % len(SPREADS)] if k else 0.0
        frame = approach(target, start + spread * rng.standard_normal(target.size))
        score = -np.inf if frame is None else judged(target, frame, rng)
        if frame is not None and score > best:
            best, found = score, frame.mean
    return found


def judged(target: Target, frame: Frame, rng: np.random.Generator) -> float:
    """The ELBO of a frame's Gaussian, up to a constant; -inf where its draws have no density."""
    free = np.flatnonzero(~target.point)
    z = np.repeat(frame.mean[None], JUDGES, 0)
    z[:, free] += fixed(rng, JUDGES, len(free)) @ frame.tril.T
    values = FiniteTarget(target, Tally()).value_and_grad(z)[0]
    return float(values.mean()) + frame.log_det if np.isfinite(values).all() else -np.inf
