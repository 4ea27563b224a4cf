"""Columns that come with a type: Parquet, Arrow, NPZ and arrays from Python."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ppl.data import cells
from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.text_column import TextColumn
from ppl.data.where import Array, Cell, Where, refuse, warn
from ppl.errors import Diagnostic

Mask = npt.NDArray[np.bool_]
_INT64 = 2**63


class NumberColumn(Column):
    """A numpy array of bool, integer or float elements; NaN and ``missing`` cells are missing.

    >>> NumberColumn("n", np.array([1.0, np.nan]), Where("d.npz")).as_int().missing
    array([False,  True])
    """

    def __init__(
        self, name: str, values: Array, where: Where, missing: Mask | None = None, own: bool = False
    ) -> None:
        """``own``: nobody else writes to the values, so that they need no copy."""
        super().__init__(name, values.shape, where)
        self.values = values
        self.given_missing = missing
        self.own = own

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        missing = self._missing(na)
        values = self.values.astype(np.float64, copy=not self.own)
        if not infinite:
            self._refuse(np.isinf(values), missing, "E402", "real", "an observation cannot be infinite")
        return Values(_zeroed(values, missing), missing, self._lost(values))

    def _lost(self, values: Array) -> tuple[Diagnostic, ...]:
        if self.values.dtype.kind not in "iu":
            return ()
        if not values.size or max(values.max(), -values.min()) < 2.0**53:
            return ()
        huge = np.flatnonzero(np.abs(values) >= 2.0**53)
        lost = [i for i in huge if int(values.flat[i]) != int(self.values.flat[i])]
        if not lost:
            return ()
        message = f"{len(lost)} numbers of `{self.name}` lose digits: doubles are exact up to 2^53"
        return (warn(self.where, self.name, message),)

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        missing = self._missing(na)
        values = _zeroed(self.values, missing)
        if values.dtype.kind == "f":
            self._refuse(~np.isfinite(values), missing, "E402", "a whole number", "")
            fractions = values != np.floor(values)
            self._refuse(fractions, missing, "E403", "whole numbers", "whole floats such as 3.0 are accepted")
        if values.dtype.kind in "fu":
            too_large = (values >= float(_INT64)) | (values < -float(_INT64))
            self._refuse(
                too_large, missing, "E402", "a whole number", "whole numbers are held up to 2^63 - 1"
            )
        return Values(values.astype(np.int64), missing)

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        missing = self._missing(na)
        values = _zeroed(self.values, missing)
        self._refuse((values != 0) & (values != 1), missing, "E402", "bool (0 or 1, true or false)", "")
        return Values(values.astype(bool), missing)

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        missing = self._missing(na)
        levels, codes = ranked(self.values if missing is None else self.values[~missing])
        names = tuple(number_label(v) for v in levels.tolist())
        if missing is None:
            return Labels(codes.reshape(self.shape), names)
        found = np.full(self.shape, -1, dtype=np.int64)
        found[~missing] = codes
        return Labels(found, names)

    def _missing(self, na: frozenset[str]) -> Mask | None:
        mask = np.isnan(self.values) if self.values.dtype.kind == "f" else np.zeros(self.shape, dtype=bool)
        if self.given_missing is not None:
            mask |= self.given_missing
        for code in na:
            number = cells.real(code)
            if number is not None:
                mask |= self.values == number
        return mask if mask.any() else None

    def _refuse(self, bad: Mask, missing: Mask | None, code: str, wanted: str, help: str) -> None:
        if missing is not None:
            bad = bad & ~missing
        if bad.any():
            found = [Cell(int(i), number_label(self.values.flat[i].item())) for i in np.flatnonzero(bad)]
            raise refuse(code, self.where, self.name, wanted, found, self.shape, help)


class LabelColumn(Column):
    """Positions in a list of levels (a dictionary or categorical column); code -1 is missing."""

    def __init__(self, name: str, codes: Array, levels: Iterable[str], where: Where, declared: bool) -> None:
        super().__init__(name, codes.shape, where)
        self.codes = codes.astype(np.int64)
        self.levels = tuple(levels)
        self.declared = declared

    def _texts(self) -> TextColumn:
        texts = [self.levels[c] if c >= 0 else "" for c in self.codes.ravel().tolist()]
        return TextColumn(self.name, texts, self.where, shape=self.shape)

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        return self._texts().as_real(na, infinite)

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._texts().as_int(na)

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._texts().as_bool(na)

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        absent = (na | {""}) - declared  # typed data say what is missing: "NA" is a name here
        if absent.isdisjoint(self.levels):
            return Labels(self.codes, self.levels, self.declared)
        kept = tuple(t for t in self.levels if t not in absent)
        new = np.array([kept.index(t) if t not in absent else -1 for t in self.levels] + [-1], dtype=np.int64)
        return Labels(new[self.codes], kept, self.declared)


def number_label(value: float | int | bool) -> str:
    """A number as a label: whole floats without the point.

    >>> number_label(3.0), number_label(2.5), number_label(7)
    ('3', '2.5', '7')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


def ranked(values: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """The distinct values in order, and which of them each one is; whole numbers close together without a sort.

    Numbers that are 0, 1, ... already are their own codes: they are not copied, and come back read-only.

    >>> ranked(np.array([7, 3, 7]))
    (array([3, 7]), array([1, 0, 1]))
    """
    if values.dtype.kind in "iu" and np.can_cast(values.dtype, np.int64) and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low <= 4 * values.size + 1000:
            whole = values.astype(np.int64, copy=False).ravel()
            shifted = whole if low == 0 else whole - low
            seen = np.bincount(shifted) > 0
            levels = np.flatnonzero(seen) + low
            if len(levels) < len(seen):
                return levels.astype(values.dtype), (np.cumsum(seen) - 1)[shifted]
            own = shifted.view()
            own.flags.writeable = False
            return levels.astype(values.dtype), own
    levels, codes = np.unique(values, return_inverse=True)
    return levels, codes.astype(np.int64, copy=False).ravel()


def _zeroed(values: Array, missing: Mask | None) -> Array:
    return values if missing is None else np.where(missing, np.zeros((), dtype=values.dtype), values)
