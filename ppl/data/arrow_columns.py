"""Arrow arrays to columns; types that are not data of a model are refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.data.array_column import LabelColumn, NumberColumn
from ppl.data.arrow_buffers import numbers
from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.where import Array, Where
from ppl.errors import DataError, fail

if TYPE_CHECKING:
    import pyarrow as pa


def column_of_arrow(name: str, array: pa.ChunkedArray, where: Where) -> Column:
    """The column of an Arrow array.

    Numbers and truth values keep their type; strings become levels in order of first appearance,
    dictionaries keep their order; fixed-size lists of numbers become a second axis.
    """
    import pyarrow as pa

    kind = array.type
    if pa.types.is_null(kind):
        return LabelColumn(name, np.full(len(array), -1), (), where, False)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(name, array, where)
    if pa.types.is_dictionary(kind) and _is_text(kind.value_type):
        return _labels(name, array.unify_dictionaries().combine_chunks(), where, True)
    if _is_text(kind):
        return _labels(name, array.cast(pa.string()).combine_chunks().dictionary_encode(), where, False)
    if pa.types.is_fixed_size_list(kind) and _is_number(kind.value_type):
        return _wide(name, array, where)
    return RefusedColumn(name, str(kind), len(array), where)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view())


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numbers(name: str, array: pa.ChunkedArray, where: Where) -> Column:
    values, missing = _values(array)
    return NumberColumn(name, values, where, missing, own=True)


def _values(array: Any) -> tuple[Array, Array | None]:
    return numbers(array), numbers(array.is_null()) if array.null_count else None


def _labels(name: str, encoded: Any, where: Where, declared: bool) -> Column:
    levels = [str(v) for v in encoded.dictionary.to_pylist()]
    codes = numbers(encoded.indices).astype(np.int64)
    if encoded.null_count:
        codes = np.where(numbers(encoded.indices.is_null()), -1, codes)
    return LabelColumn(name, codes, levels, where, declared)


def _wide(name: str, array: Any, where: Where) -> Column:
    width = array.type.list_size
    whole = array.combine_chunks()
    if whole.null_count:
        return RefusedColumn(name, f"{array.type} with missing lists", len(array), where)
    values, missing = _values(whole.flatten())
    shape = (len(array), width)
    return NumberColumn(
        name, values.reshape(shape), where, None if missing is None else missing.reshape(shape)
    )


class RefusedColumn(Column):
    """A column of a type that no model column has (lists, decimals, times, binary, objects)."""

    def __init__(self, name: str, kind: str, rows: int, where: Where) -> None:
        super().__init__(name, (rows,), where)
        self.kind = kind

    def _refused(self) -> DataError:
        message = f"`{self.name}` has the type {self.kind}; numbers, truth values and texts are read"
        error = fail(DataError, "E402", message, place=self.where.place(column=self.name))
        assert isinstance(error, DataError)
        return error

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        raise self._refused()

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        raise self._refused()

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        raise self._refused()

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        raise self._refused()
