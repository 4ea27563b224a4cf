"""How many draws can be worked on at once where every row reads a whole vector of its own."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ppl.graph.assemble import Layout
from ppl.graph.drawn_states import table_of
from ppl.graph.order import mentions

CELLS = 50_000_000  # numbers of one array


def draws_at_once(lay: Layout) -> int:
    """Draws whose widest gather, rows times the elements of the vector that each reads, stays within `CELLS`.

    States that are looked up in a table of probabilities read no vector for each row.
    """
    at = lay.evaluator()
    statements = [s for group in lay.groups for s in group]
    vector = {s.name: prod(at.size(d) for d in s.event) for s in statements if s.kind != "observed"}
    widest = max((prod(at.size(d) for d in s.place.plates) for s in statements), default=1)
    for s in statements:
        if s.kind in ("latent", "observed") and table_of(s.body) is None:
            read = max((vector.get(name, 1) for name in mentions((s.body,))), default=1)
            widest = max(widest, prod(at.size(d) for d in s.place.plates) * read)
    return max(1, CELLS // widest)


def pieces(draws: Mapping[str, np.ndarray], count: int, step: int) -> list[dict[str, np.ndarray]]:
    """The draws, ``step`` at a time.

    >>> [len(p["a"]) for p in pieces({"a": np.zeros(5)}, 5, 2)]
    [2, 2, 1]
    """
    return [{name: a[lo : lo + step] for name, a in draws.items()} for lo in range(0, count, step)]
