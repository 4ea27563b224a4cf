"""Stan's JSON as a frame of named arrays."""

from __future__ import annotations

from ppl.data.column import NO_CODES, Column, Labels, Values
from ppl.data.csv_file import decoded
from ppl.data.frame import Frame
from ppl.data.json_text import Leaves, read_object
from ppl.data.limits import DEFAULT, Limits
from ppl.data.text_column import TextColumn
from ppl.data.where import Cell, Where, refuse

_WORDS = {"s": "text", "b": "a truth value", "0": "null"}


def frame_of_json(file: str, data: bytes, limits: Limits = DEFAULT) -> Frame:
    """The frame of a JSON object's arrays and scalars.

    >>> frame_of_json("d.json", b'{"y": [1, 3.0]}').column("y").as_int().values
    array([1, 3])
    """
    where = Where(file, "path")
    arrays = read_object(decoded(file, data), file, limits)
    columns: dict[str, Column] = {
        name: TextColumn(name, leaves.texts, where, shape=leaves.shape)
        if leaves.kinds == "n" and not _special(leaves)
        else JsonColumn(name, leaves, where)
        for name, leaves in arrays.items()
    }
    return Frame(file, tuple(arrays), columns, where)


def _special(leaves: Leaves) -> bool:
    return any(t[-1] in "fyFYnN" for t in leaves.texts)


class JsonColumn(Column):
    """An array that holds more than plain numbers: strings, truth values, nulls, NaN or Inf."""

    def __init__(self, name: str, leaves: Leaves, where: Where) -> None:
        super().__init__(name, leaves.shape, where)
        kinds = leaves.kinds if leaves.kinds != "n" else "n" * len(leaves.texts)
        self.kinds = kinds
        self.texts = [
            "" if k == "0" else _plain(t) if k == "n" else t for t, k in zip(leaves.texts, kinds, strict=True)
        ]

    def _read_as(self, allowed: str, wanted: str) -> TextColumn:
        bad = [
            Cell(i, t or "null", f"it is {_WORDS[k]}" if k in _WORDS else "it is a number")
            for i, (t, k) in enumerate(zip(self.texts, self.kinds, strict=True))
            if k not in allowed
        ]
        if bad:
            raise refuse("E402", self.where, self.name, wanted, bad, self.shape)
        return TextColumn(self.name, self.texts, self.where, shape=self.shape)

    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        return self._read_as("n0", "real").as_real(na, infinite)

    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._read_as("n0", "whole numbers").as_int(na)

    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        return self._read_as("nb0", "bool (0 or 1, true or false)").as_bool(na)

    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        allowed = "s0" if "s" in self.kinds else "n0"
        texts = self._read_as(allowed, "labels, all texts or all numbers").texts
        quoted = frozenset(i for i, k in enumerate(self.kinds) if k == "s")
        return TextColumn(self.name, texts, self.where, quoted, self.shape).as_labels(na, declared)


def _plain(text: str) -> str:
    lowered = text.lower().lstrip("+-")
    return "NaN" if lowered == "nan" else text
