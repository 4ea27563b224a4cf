"""What a ``guide:`` statement draws: its parameters are values of the graph, its draws differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.errors import Diagnostic, ModelError
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.divergence import Drawn, Gaussian
from ppl.graph.evaluate import Evaluator
from ppl.graph.given_values import own_value
from ppl.graph.named import Named, add
from ppl.graph.nodes import Dim
from ppl.graph.store import to_stored
from ppl.language import typed as t

Array = Any
Noise = Callable[[str, tuple[int, ...]], Array]
HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
PATHWISE = ("Normal", "LogNormal")
BARE = ("MeanField", "Normal")  # what a latent gets that the guide leaves out


def guide_parameters(at: Evaluator, guide: g.Statement) -> tuple[dict[str, Array], tuple[Dim, ...]]:
    """The arguments of a guide's distribution over (draws, *dims), and the dims: plates and event axes.

    Networks and params that it reads must have their values in ``at``.
    """
    assert isinstance(guide.body, g.Distribution)
    ready = densities.prepare(at, guide.body, guide.event, None, guide.place.plates)
    return dict(ready.applied.given), ready.batch


def refuse_guides(
    program: t.Program, graph: g.Graph, families: tuple[str, ...], method: str, bare: tuple[str, ...] = BARE
) -> None:
    """Raise `ModelError` (E605) for what a guide says and a method would not do.

    families: distributions with arguments that the method obeys; bare: names alone.
    """
    written = {q.name for q in graph.guide}
    for asked in program.guide:
        obeyed = set(asked.names) <= written if asked.family is not None else asked.strategy in bare
        if not obeyed:
            names, what = ", ".join(asked.names), asked.strategy or "a distribution of several"
            message = f"`q({names}) ~ {what}` is not obeyed by {method}"
            help = (
                f"it takes {', '.join(families)} with arguments, one latent each, or {', '.join(bare)} alone"
            )
            raise ModelError((Diagnostic("E605", message, span=asked.span, help=help),))
    for q in graph.guide:
        name = q.body.name if isinstance(q.body, g.Distribution) else "a choice"
        if name not in families:
            help = f"{method} takes {', '.join(families)}; `--method bbvi` takes discrete ones"
            message = f"`q({q.name}) ~ {name}` has no draws that can be differentiated here"
            raise ModelError((Diagnostic("E605", message, span=q.span, help=help),))


def draw_guided(
    at: Evaluator, s: g.Statement, guide: g.Statement, noise: Noise, draws: int, closed: bool = True
) -> Drawn:
    """Draw a latent from its guide, and store its value under the model's axes.

    closed: give the entropy in place of minus the log density at the draws.
    """
    assert isinstance(guide.body, g.Distribution)
    given, dims = guide_parameters(at, guide)
    mean, sd = given["mean"], densities.normal_sd(given)
    shape = tuple(at.size(d) for d in dims)
    eps = noise(s.name, (draws, *shape))
    u = mean + sd * eps
    log_sd = xp.broadcast_last(xp.log(sd), shape)
    spread = HALF_LOG_2PI + 0.5 if closed else HALF_LOG_2PI + 0.5 * eps * eps
    minus_entropy = xp.negative(log_sd + spread)
    if guide.body.name == "Normal":
        moved = [_moved(at, s, guide, Named(xp.broadcast_last(x, shape), dims)) for x in (mean, sd)]
        log_q = _moved(at, s, guide, Named(minus_entropy, dims))
        value = _stored(at, s, guide, Named(u, dims))
        return Drawn(value, log_q, Gaussian(*moved) if closed else None)
    log_q = _moved(at, s, guide, add([Named(minus_entropy, dims), Named(xp.negative(u), dims)], at.size))
    return Drawn(_stored(at, s, guide, Named(xp.exp(u), dims)), log_q)


def _stored(at: Evaluator, s: g.Statement, guide: g.Statement, value: Named) -> Named:
    at.values[s.name] = to_stored(at, guide, value)
    return own_value(s, at)


def _moved(at: Evaluator, s: g.Statement, guide: g.Statement, value: Named) -> Named:
    """A value over the guide's dims, over the model's own."""
    at.values[s.name] = to_stored(at, guide, value)
    out = own_value(s, at)
    del at.values[s.name]
    return out
