"""Scratch arrays that outlive a call: fresh pages cost as much as the arithmetic on them."""

from __future__ import annotations

from math import prod
from threading import local
from typing import final

import numpy as np

from ppl.backend.op import Array

MOST_KEPT = 8_000_000  # elements; a larger scratch array goes back after its call


@final
class Workspace:
    """Named scratch arrays, kept from call to call and never handed out as results.

    One workspace serves one caller at a time; it grows to the largest call it has seen.

    >>> work = Workspace()
    >>> a = work.take("a", 2, 3)
    >>> a.shape, work.take("a", 6).base is a.base
    ((2, 3), True)
    """

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def take(self, name: str, *shape: int) -> Array:
        """An array of that shape whose content is anything."""
        size = prod(shape)
        held = self._arrays.get(name)
        if held is None or held.size < size:
            held = np.empty(size)
            if size <= MOST_KEPT:
                self._arrays[name] = held
        return held[:size].reshape(shape)


_own = local()


def own_workspace() -> Workspace:
    """This thread's workspace, for callers that bring none."""
    found: Workspace | None = getattr(_own, "workspace", None)
    if found is None:
        found = _own.workspace = Workspace()
    return found
