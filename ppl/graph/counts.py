"""A finite range for an unbounded count latent, from the counts that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.order import mentions

if TYPE_CHECKING:
    from ppl.graph.assemble import Layout


def largest_count(at: Evaluator, lay: Layout, s: g.Statement) -> int | None:
    """Twice the largest observed count that the latent reaches, plus 50; None where there is none.

    Mass beyond it is cut off: `Truncated(D, upper = K)` sets the bound by hand.
    """
    largest = None
    for other in lay.graph.statements:
        if other.kind != "observed" or other.observed is None or s.name not in mentions((other.body,)):
            continue
        value = at.named(other.observed).numpy
        if value.size and np.all(value == np.floor(value)):
            largest = max(largest or 0, int(value.max()))
    return None if largest is None else 2 * largest + 50


def counts_up_to(at: Evaluator, lay: Layout, s: g.Statement) -> np.ndarray:
    """0, 1, ..., bound. Raises `ModelError` (E505) where no data bound the latent."""
    bound = largest_count(at, lay, s)
    if bound is not None:
        return np.arange(bound + 1, dtype=float)
    name = s.body.name if isinstance(s.body, g.Distribution) else "..."
    message = f"the discrete latent `{s.name}` has no largest value, so it cannot be summed out"
    help = f"bound it: `{s.name} ~ Truncated({name}(...), upper = K)`"
    raise ModelError((Diagnostic("E505", message, span=s.span, help=help),))
