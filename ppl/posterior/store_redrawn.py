"""Draws that a saved fit does not hold: the factor of q that they are made from, and their seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppl.posterior.factored import FactoredRecord
from ppl.posterior.fit import Fit
from ppl.posterior.redrawn import Draws, Redrawn


def made(fit: Fit) -> dict[str, int]:
    """Of each quantity whose draws need not be kept the number of its block."""
    if not isinstance(fit.draws, Draws) or fit.factored is None:
        return {}
    place = {b.names: i for i, b in enumerate(fit.factored.blocks)}
    return {n: place[(n,)] for n, d in fit.draws.made.items() if _same(fit.factored, place.get((n,)), d)}


def _same(record: FactoredRecord, place: int | None, draws: Redrawn) -> bool:
    """Whether the block that is kept is the factor that was drawn from."""
    if place is None:
        return False
    block = record.blocks[place]
    return block.family == draws.family and all(
        block.parameters.get(k) is a or _equal(block.parameters.get(k), a)
        for k, a in draws.parameters.items()
    )


def _equal(one: Any, other: Any) -> bool:
    return one is not None and one.shape == other.shape and bool((one == other).all())


def form(fit: Fit) -> dict[str, Any]:
    """The JSON form, where there are such draws."""
    found = made(fit)
    if not found or not isinstance(fit.draws, Draws):
        return {}
    draws = fit.draws.made
    return {
        "redrawn": {
            n: {"block": i, "shape": list(draws[n].shape), "seed": list(draws[n].seed), "rows": draws[n].rows}
            for n, i in found.items()
        }
    }


def read(record: Mapping[str, Any], factored: FactoredRecord | None) -> dict[str, Redrawn]:
    """The draws again. Raises `KeyError`, `TypeError`, `ValueError` where the form is not as written here."""
    out = {}
    for name, saved in record.get("redrawn", {}).items():
        if factored is None or not 0 <= saved["block"] < len(factored.blocks):
            raise ValueError(f"draws of {name}")
        block = factored.blocks[saved["block"]]
        shape, seed = tuple(map(int, saved["shape"])), tuple(map(int, saved["seed"]))
        count, rows = int(record["draw_count"]), int(saved["rows"])
        out[str(name)] = Redrawn(block.family, block.parameters, count, shape, seed, rows)
    return out
