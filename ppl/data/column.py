"""A column as read, before its declared type is known, and what it converts to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppl.data.where import Array, Where
from ppl.errors import Diagnostic

NO_CODES: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Values:
    """Converted cells: ``missing`` is a mask of the same shape, or None when nothing is missing.

    The value of a missing cell is 0.
    """

    values: Array
    missing: npt.NDArray[np.bool_] | None = None
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Labels:
    """Cells as positions in ``levels``; a missing cell has code -1.

    ``declared``: the levels stand in an order that the file itself declares (a dictionary or
    categorical column); otherwise they stand in order of first appearance.
    """

    codes: npt.NDArray[np.int64]
    levels: tuple[str, ...]
    declared: bool = False

    @property
    def missing(self) -> npt.NDArray[np.bool_] | None:
        """The mask of missing cells, or None when there is none."""
        mask = self.codes < 0
        return mask if mask.any() else None


class Column(ABC):
    """Cells of one name, of any shape (the first axis counts rows), kept as they were read.

    Every conversion raises `DataError` with the places of at most three cells and their count.
    ``na`` holds further texts that mean a missing cell.
    """

    def __init__(self, name: str, shape: tuple[int, ...], where: Where) -> None:
        self.name = name
        self.shape = shape
        self.where = where

    @abstractmethod
    def as_real(self, na: frozenset[str] = NO_CODES, infinite: bool = False) -> Values:
        """Doubles; infinities only where ``infinite`` allows them."""

    @abstractmethod
    def as_int(self, na: frozenset[str] = NO_CODES) -> Values:
        """64-bit whole numbers; 3.0 counts as 3, 2.5 is E403."""

    @abstractmethod
    def as_bool(self, na: frozenset[str] = NO_CODES) -> Values:
        """Truth values: 0/1, true/false, t/f, yes/no."""

    @abstractmethod
    def as_labels(self, na: frozenset[str] = NO_CODES, declared: frozenset[str] = NO_CODES) -> Labels:
        """Labels; a text in ``declared`` is a label even if it looks like a missing cell."""
