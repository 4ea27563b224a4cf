"""Correlated Gaussians in q, where a guide asks for them: ``q(a, b) ~ MultivariateNormal``, or one an element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph.blankets import coordinate_elements, stored_shape
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.inference.score_plan import Plan
from ppl.language import typed as t

LARGEST = 500  # coordinates of one Gaussian


def joint_groups(terms: TermsAtDraws, program: t.Program) -> tuple[np.ndarray, ...]:
    """For each such guide the coordinates of its Gaussians, (Gaussians, coordinates of each).

    Raises `ModelError` (E605), at its line, for what cannot be correlated.
    """
    asked = [q for q in program.guide if q.strategy == "MultivariateNormal"]
    return tuple(_group(terms, q, program) for q in asked)


def refuse_scored(plan: Plan, program: t.Program) -> None:
    """Refuse correlated Gaussians over latents whose gradient is that of the score function (E605)."""
    scored = {c.block.name for c in plan.continuous if c.estimator == "score"}
    for q in program.guide:
        if q.strategy == "MultivariateNormal" and scored & set(q.names):
            raise _refused(q, program, "the score function takes independent factors")


def _group(terms: TermsAtDraws, q: t.GuideDef, program: t.Program) -> np.ndarray:
    blocks = [terms.layout.blocks[name] for name in q.names]
    plates = [i for i, s in enumerate(q.subscripts) if isinstance(s, t.Loop)]
    if not plates:
        found = np.concatenate([np.arange(b.where.start, b.where.stop) for b in blocks])[None]
    elif len(blocks) > 1:
        raise _refused(q, program, "latents in plates are named one by one")
    else:
        found = _by_plate(terms, blocks[0], plates)
    if found.shape[1] > LARGEST:
        raise _refused(q, program, f"{found.shape[1]} coordinates are too many, {LARGEST} at most")
    return found


def _by_plate(terms: TermsAtDraws, block: Any, plates: list[int]) -> np.ndarray:
    """The coordinates of each element of the plates: (elements, coordinates of each)."""
    shape = stored_shape(terms.layout, terms.at, block)
    places = np.unravel_index(coordinate_elements(terms.layout, terms.at, block), shape)
    key = np.zeros(block.where.stop - block.where.start, dtype=np.int64)
    for i in plates:
        key = key * shape[i] + places[i]
    order = np.argsort(key, kind="stable")
    count = len(np.unique(key))
    return np.asarray(block.where.start + order.reshape(count, -1))


def _refused(q: t.GuideDef, program: t.Program, why: str) -> ModelError:
    message = f"`q({', '.join(q.names)}) ~ MultivariateNormal` is not obeyed by --method bbvi: {why}"
    return ModelError((Diagnostic("E605", message, q.span, help="leave it out"),), program.source)
