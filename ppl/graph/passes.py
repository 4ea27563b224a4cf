"""The passes over the log-joint graph, in order. Each leaves the log joint unchanged."""

from __future__ import annotations

from collections.abc import Callable

from ppl.graph.inline import inline_discrete
from ppl.graph.nodes import Graph
from ppl.graph.noncentre import noncentre
from ppl.graph.order import sort_statements
from ppl.graph.spread import spread_events

Pass = Callable[[Graph], Graph]

# Values that depend on summed-out latents must be inlined before anything asks what a statement
# needs; non-centring turns latents into values, so the order is settled last.
PASSES: tuple[Pass, ...] = (spread_events, inline_discrete, noncentre, sort_statements)


def run_passes(graph: Graph, skip: tuple[str, ...] = ()) -> Graph:
    """Run every pass that is not skipped by name."""
    for one in PASSES:
        if one.__name__ not in skip:
            graph = one(graph)
    return graph
