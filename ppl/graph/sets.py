"""What the evaluator asks of bound index sets: sizes, codes, translation between sets, lags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.graph.bind import BoundData, BoundSet

Array = Any
_BOOL = BoundSet("bool", 2, ("false", "true"), low=0)


@dataclass(frozen=True)
class Sets:
    """Lookups on the sets of bound data; codes count from 0."""

    data: BoundData

    @cached_property
    def _codes(self) -> dict[str, dict[str, int]]:
        return {}

    def get(self, name: str) -> BoundSet:
        """The bound set; ``bool`` is the built-in two-label set."""
        if name == "bool":
            return _BOOL
        return self.data.sets[name]

    def size(self, name: str) -> int:
        """How many labels."""
        return self.get(name).size

    def code(self, name: str, label: Any) -> int:
        """The code of a label text, or -1."""
        if name not in self._codes:
            bound = self.get(name)
            texts = bound.labels or tuple(str(bound.low + i) for i in range(bound.size))
            self._codes[name] = {text: i for i, text in enumerate(texts)}
        return self._codes[name].get(str(label), -1)

    def translate(self, codes: Array, source: str, target: str) -> Array:
        """Codes of one set as codes of a related one; -1 where a label is not in the target."""
        if source == target:
            return codes
        down = self._to_ancestor(source, target)
        if down is not None:
            return down[codes]
        up = self._to_ancestor(target, source)
        if up is not None:
            back = np.full(self.size(source), -1)
            back[up] = np.arange(len(up))
            return back[codes]
        return self._through_common(codes, source, target)

    def _through_common(self, codes: Array, source: str, target: str) -> Array:
        """Two sets derived from one, or sets whose labels read alike (``bool``, 1..K)."""
        parent = self.get(source).parent
        if parent is not None:
            return self.translate(self.translate(codes, source, parent), parent, target)
        bound = self.get(source)
        texts = bound.labels or tuple(str(bound.low + i) for i in range(bound.size))
        return np.array([self.code(target, x) for x in texts])[codes]

    def _to_ancestor(self, name: str, ancestor: str) -> Array | None:
        """For each code of ``name`` its code in a set it is derived from, or None."""
        bound = self.get(name)
        positions = None
        while bound.parent is not None and bound.positions is not None:
            positions = bound.positions if positions is None else bound.positions[positions]
            if bound.parent == ancestor:
                return positions
            bound = self.get(bound.parent)
        return None

    def shifted(self, codes: Array, amount: Array, name: str) -> Array:
        """The code ``amount`` rows before, -1 outside the set or the row's group."""
        bound = self.get(name)
        out = codes - amount
        inside = (out >= 0) & (out < bound.size)
        if bound.group is not None:
            safe = np.clip(out, 0, max(bound.size - 1, 0))
            inside &= bound.group[safe] == bound.group[np.clip(codes, 0, bound.size - 1)]
        return np.where(inside, out, -1)

    def is_first(self, codes: Array, name: str) -> Array:
        """Whether a row is the first of its set or group."""
        return self.shifted(codes, np.ones_like(codes), name) < 0

    def is_last(self, codes: Array, name: str) -> Array:
        """Whether a row is the last of its set or group."""
        return self.shifted(codes, -np.ones_like(codes), name) < 0

    def position(self, codes: Array, name: str) -> Array:
        """The place of a row in its set or group, counted from 1."""
        bound = self.get(name)
        if bound.group is None:
            return codes + 1
        starts = np.r_[True, bound.group[1:] != bound.group[:-1]]
        first = np.maximum.accumulate(np.where(starts, np.arange(bound.size), 0))
        return codes - first[codes] + 1

    def number(self, codes: Array, name: str) -> Array:
        """The whole number that a label of a fixed or range set stands for."""
        return codes + self.get(name).low
