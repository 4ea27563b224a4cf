"""Text columns of large CSV files, held and converted by Arrow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ppl.data import cells
from ppl.data.arrow_buffers import joined, mask, numbers, strings
from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.text_column import TextColumn
from ppl.data.where import Array, Where
from ppl.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowTextColumn(Column):
    """Texts as an Arrow string array; whatever Arrow does not read at once goes cell by cell.

    ``quoted`` gives the flat indices of quoted cells and is asked only when a cell of a label
    column could be either a missing cell or a name.
    """

    def __init__(
        self, name: str, texts: pa.ChunkedArray, where: Where, quoted: Callable[[], frozenset[int]]
    ) -> None:
        super().__init__(name, (len(texts),), where)
        self.texts = texts
        self.quoted = quoted

    @cached_property
    def _cells(self) -> TextColumn:
        return TextColumn(self.name, self.texts.to_pylist(), self.where)

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        import pyarrow as pa

        found = self._cast(na, pa.float64(), np.float64)
        if found is None or infinite or not self._ordinary(found):
            return self._cells.as_real(na, infinite)
        return found

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        import pyarrow as pa

        return self._cast(na, pa.int64(), np.int64) or self._cells.as_int(na)

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        found = self.as_labels(na)
        levels = TextColumn(self.name, found.levels, self.where)
        try:
            truth = levels.as_bool(na)
        except DataError:
            return self._cells.as_bool(na)
        missing = found.codes < 0
        if truth.missing is not None:
            missing |= truth.missing[found.codes]
        values = np.where(missing, False, truth.values[found.codes]) if found.levels else missing & False
        return Values(values, missing if missing.any() else None)

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        encoded = self.texts.dictionary_encode().unify_dictionaries()
        levels: list[str] = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
        codes = joined([numbers(c.indices) for c in encoded.chunks], np.int64)
        absent = (cells.MISSING | na) - declared
        unclear = absent.intersection(levels) - {""} - na
        if unclear:
            cells_of = TextColumn(self.name, self.texts.to_pylist(), self.where, self.quoted())
            return cells_of.as_labels(na, declared)
        if absent.isdisjoint(levels):
            return Labels(codes, tuple(levels))
        kept = [t for t in levels if t not in absent]
        new = {t: k for k, t in enumerate(kept)}
        return Labels(np.array([new.get(t, -1) for t in levels], dtype=np.int64)[codes], tuple(kept))

    def _cast(self, na: frozenset[str], kind: pa.DataType, dtype: type) -> Values | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        absent = pc.is_in(self.texts, value_set=strings(sorted(cells.MISSING | na)))
        some = pc.any(absent).as_py()
        try:
            cast = pc.cast(self.texts.filter(pc.invert(absent)) if some else self.texts, kind)
        except pa.ArrowInvalid:
            return None
        present = joined([numbers(c) for c in cast.chunks], dtype)
        if not some:
            return Values(present)
        blank: Array = numbers(absent)
        values: Array = np.zeros(len(blank), dtype=dtype)
        values[~blank] = present
        return Values(values, blank)

    def _ordinary(self, found: Values) -> bool:
        """Whether no value is infinite, possibly underflowed, or beyond exact whole numbers."""
        import pyarrow.compute as pc

        values = found.values
        if not np.isfinite(values).all() or (np.abs(values) >= 2.0**53).any():
            return False
        zeros = values == 0.0
        if found.missing is not None:
            zeros &= ~found.missing
        texts = pc.unique(self.texts.filter(mask(zeros))).to_pylist() if zeros.any() else []
        return not any(cells.underflowed(t, 0.0) for t in texts)
