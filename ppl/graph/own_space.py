"""Draws in the model's own coordinates, moved to the real line: the way back from `constrained`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppl.graph.assemble import Layout, define_values
from ppl.graph.blocks import Block, constrained, unconstrained
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import give
from ppl.graph.named import Named
from ppl.graph.pointwise import values_of
from ppl.supports import Structured

Array = Any
EDGE = 700.0  # exp(700) is still a number
LEAST = 1e-300  # probability


def coordinates(lay: Layout, draws: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (S, D) of draws by name, and ``log|dx/dz|`` of the latents (params count 0): (S,).

    Values on the edge of a support are taken to be just inside it.
    """
    count = len(next(iter(draws.values()))) if draws else 1
    z, log_det = np.zeros((count, lay.size)), np.zeros(count)
    at, part = lay.evaluator(), values_of(draws)
    with np.errstate(all="ignore"):
        for group in lay.groups:
            for s in group:
                own = give(lay, at, s, part)
                block = lay.blocks.get(s.name if s.imputes is None else ".".join(s.imputes))
                if block is None:
                    continue
                if s.imputes is not None:
                    own = Named(np.asarray(part(block.name)), block.batch)
                if own is not None:
                    _place(at, block, own, z, log_det)
            define_values(at, group)
    return z, log_det


def _inside(block: Block, value: Named) -> Named:
    """Probabilities of 0 as the smallest there are: one of them would take all coordinates to infinity."""
    if block.support != Structured("simplex"):
        return value
    return Named(np.maximum(value.numpy, LEAST), value.dims, value.invalid)


def _place(at: Evaluator, block: Block, value: Named, z: np.ndarray, log_det: np.ndarray) -> None:
    """Fill in one block's columns of ``z`` and add its Jacobian."""
    u = unconstrained(at, block, _inside(block, value))
    z[:, block.where] = np.nan_to_num(u, nan=0.0, posinf=EDGE, neginf=-EDGE)
    if not block.point:
        log_det += np.asarray(constrained(at, block, z)[1])
