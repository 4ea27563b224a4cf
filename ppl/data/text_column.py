"""Columns whose cells are texts: CSV cells, and the numbers and strings of JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ppl.data import cells
from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.where import Array, Cell, Where, refuse, warn
from ppl.errors import Diagnostic

Mask = npt.NDArray[np.bool_]


class TextColumn(Column):
    """Texts in row order (last axis fastest); ``quoted`` holds the flat indices of quoted cells.

    >>> TextColumn("x", ["1", "2.5"], Where("d.csv")).as_real().values
    array([1. , 2.5])
    """

    def __init__(
        self,
        name: str,
        texts: Sequence[str],
        where: Where,
        quoted: frozenset[int] = frozenset(),
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(name, (len(texts),) if shape is None else shape, where)
        self.texts = texts
        self.quoted = quoted

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        if not na:
            values = cells.plain_reals(self.texts)
            if values is not None:
                return self._reals(self.texts, values, None)
        texts, missing = self._stripped(na)
        read = _real_or_infinite if infinite else cells.real
        values = self._each(texts, missing, read, np.float64, "E402", "real")
        return self._reals(texts, values, missing)

    def _reals(self, texts: Sequence[str], values: Array, missing: Mask | None) -> Values:
        return Values(values.reshape(self.shape), self._shaped(missing), self._odd(texts, values))

    def _odd(self, texts: Sequence[str], values: Array) -> tuple[Diagnostic, ...]:
        suspects = np.flatnonzero((values == 0.0) | (np.abs(values) >= 2.0**53)).tolist()
        lost = [i for i in suspects if cells.lost_digits(texts[i], values[i])]
        tiny = [i for i in suspects if cells.underflowed(texts[i], values[i])]
        found = []
        for bad, what in (
            (lost, "lose digits: doubles are exact up to 2^53"),
            (tiny, "are too small and become 0"),
        ):
            if bad:
                row = int(bad[0]) // max(1, len(texts) // max(1, self.shape[0])) if self.shape else None
                shown = self.where.cell(self.name, int(bad[0]), self.shape)
                message = f"{len(bad)} numbers of `{self.name}` {what} (first: {shown} {texts[bad[0]][:40]})"
                found.append(warn(self.where, self.name, message, row))
        return tuple(found)

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        if not na:
            values = cells.plain_ints(self.texts)
            if values is not None:
                return Values(values.reshape(self.shape))
        texts, missing = self._stripped(na)
        self._refuse_fractions(texts, missing)
        found = self._each(texts, missing, cells.whole, np.int64, "E402", "a whole number")
        return Values(found.reshape(self.shape), self._shaped(missing))

    def _refuse_fractions(self, texts: Sequence[str], missing: Mask | None) -> None:
        skip = missing if missing is not None else np.zeros(len(texts), dtype=bool)
        numbers = [(i, t, cells.real(t)) for i, t in enumerate(texts) if not skip[i]]
        bad = [Cell(i, t) for i, t, value in numbers if value is not None and value % 1 != 0]
        if bad and all(value is not None for _, _, value in numbers):
            help = "whole floats such as 3.0 are accepted"
            raise refuse("E403", self.where, self.name, "whole numbers", bad, self.shape, help)

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        texts, missing = self._stripped(na)
        values = self._each(texts, missing, _truth, np.bool_, "E402", "bool (0 or 1, true or false)")
        return Values(values.reshape(self.shape), self._shaped(missing))

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        absent = {t: -1 for t in (cells.MISSING | na) - declared}
        if absent.keys().isdisjoint(self.texts):
            absent = {}
        found: dict[str, int] = {}
        codes = [absent[t] if t in absent else found.setdefault(t, len(found)) for t in self.texts]
        for i in self.quoted if absent else ():
            text = self.texts[i]  # a quoted "NA" is a name, unless declared to be a code
            if text and codes[i] < 0 and text not in na:
                codes[i] = found.setdefault(text, len(found))
        return Labels(np.array(codes, dtype=np.int64).reshape(self.shape), tuple(found))

    def _stripped(self, na: frozenset[str]) -> tuple[list[str], Mask | None]:
        texts = [t.strip(cells.BLANKS) for t in self.texts]
        absent = cells.MISSING | na
        if absent.isdisjoint(texts):
            return texts, None
        return texts, np.fromiter((t in absent for t in texts), dtype=bool, count=len(texts))

    def _shaped(self, missing: Mask | None) -> Mask | None:
        return None if missing is None else missing.reshape(self.shape)

    def _each(
        self,
        texts: Sequence[str],
        missing: Mask | None,
        read: Callable[[str], object],
        dtype: type,
        code: str,
        wanted: str,
    ) -> Array:
        """Cell by cell: reached when a cell is missing, padded with blanks, or wrong."""
        known = {t: read(t) for t in set(texts)}
        skip = set(np.flatnonzero(missing)) if missing is not None else set()
        bad = [
            Cell(i, t, _reason(t, self.name, wanted))
            for i, t in enumerate(texts)
            if known[t] is None and i not in skip
        ]
        if bad:
            raise refuse(code, self.where, self.name, wanted, bad, self.shape)
        values: Array = np.array([known[t] if known[t] is not None else 0 for t in texts], dtype=dtype)
        if missing is not None:
            values[missing] = 0
        return values


def _real_or_infinite(text: str) -> float | None:
    lowered = text.lower().lstrip("+-")
    if lowered in {"inf", "infinity"}:
        return -np.inf if text.startswith("-") else np.inf
    return cells.real(text)


def _truth(text: str) -> bool | None:
    lowered = text.lower()
    return True if lowered in cells.TRUE else False if lowered in cells.FALSE else None


def _reason(text: str, name: str, wanted: str) -> str:
    if wanted.startswith("bool"):
        return ""
    if cells.real(text) is not None:
        return "whole numbers are held up to 2^63 - 1"
    return cells.why_not_number(text, name)
