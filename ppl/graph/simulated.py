"""What simulation keeps: draws so far, and how one statement's draw is made and noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.evaluate import Evaluator
from ppl.graph.guard import evaluating
from ppl.graph.named import Named, aligned
from ppl.graph.order import observed_column
from ppl.graph.store import stored_dims

if TYPE_CHECKING:
    from ppl.graph.assemble import Layout

Known = Callable[[str, tuple[str, ...]], tuple[np.ndarray, np.ndarray] | None]


@dataclass
class Simulation:
    """Draws by name over stored axes: ``latents`` and ``values`` and ``observed`` (by statement)."""

    at: Evaluator
    latents: dict[str, np.ndarray] = field(default_factory=dict)
    observed: dict[str, np.ndarray] = field(default_factory=dict)


def draw_statement(at: Evaluator, s: g.Statement, draws: int, rng: np.random.Generator) -> Named:
    """One draw of a statement for each posterior draw. Raises `ModelError` (E604) where it has none."""
    try:
        with evaluating(s):
            return densities.draw(at, s.body, s.event, s.place.plates, draws, rng)
    except densities.NoDraw as error:
        message = f"`{s.name}` cannot be simulated: {error}"
        help = "give it a proper prior to draw from"
        raise ModelError((Diagnostic("E604", message, span=s.span, help=help),)) from error


def keep_observed(lay: Layout, out: Simulation, s: g.Statement, value: Named, condition: bool) -> None:
    """Note a drawn observation; where its column is simulated or blank, later reads see it."""
    at = out.at
    dims = (*s.place.plates, *s.event)
    array = aligned(value, [d for d in dims if d in value.dims])
    out.observed[s.name] = np.asarray(array)
    column = observed_column(s)
    if column is None:
        return
    data = lay.data.arrays.get(column)
    name = f"{column[0]}.{column[1]}"
    if condition and data is not None and s.imputes is None:
        return
    if condition and data is not None:
        mask = lay.data.missing.get(column, np.zeros(data.shape, dtype=bool))
        if not mask.any():
            return
        array = np.where(mask, array, data)
    if data is None or np.shape(array)[1:] == data.shape:
        at.values[name] = Named(np.asarray(array), stored_dims(column, np.ndim(array) - 1))
