"""What q is for each latent of a search by stochastic gradients, in words."""

from __future__ import annotations

from collections.abc import Iterator

from ppl.backend.low_rank import LowRank
from ppl.graph import nodes as g
from ppl.graph.flows import Flow
from ppl.graph.stochastic import StochasticElbo


def plan_lines(estimates: StochasticElbo) -> Iterator[str]:
    """A line for each factor: guides as written, flows, and what is left by itself."""
    for name, statement in estimates.guides.items():
        family = statement.body.name if isinstance(statement.body, g.Distribution) else "a choice"
        yield f"q({name}) ~ {family}, its arguments as the guide writes them"
    for flow in estimates.flows:
        yield f"q({', '.join(flow.names)}) ~ {_words(flow)}, {flow.coupling.size} coordinates on the real line"
    together = {b.name for f in estimates.flows for b in f.blocks}
    single = {p.block.name: p.block for p in estimates.parameters if p.block.name not in together}
    weights = [n for n, b in single.items() if b.point and "/" in n]
    if weights:
        yield f"weights of networks: {len(weights)} arrays, points"
    for name, block in single.items():
        if name not in weights:
            what = "a point" if block.point else "independent Gaussians on the real line"
            yield f"q({name.removesuffix('.raw')}) ~ {what}"


def _words(flow: Flow) -> str:
    if isinstance(flow.coupling, LowRank):
        return flow.coupling.words
    words = f"Flow(layers = {flow.coupling.layers}, hidden = {flow.coupling.hidden})"
    if flow.reads is None:
        return words
    given = [n if n != "context" else f"a context of {flow.coupling.context}" for n in flow.reads.given]
    return f"{words} that reads {' and '.join(given)} as the guide writes them"
