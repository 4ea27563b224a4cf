"""A file as read: its columns by name, before the model says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from ppl.data.column import Column
from ppl.data.where import Where
from ppl.errors import DataError, Diagnostic, fail

_LISTED = 8


@dataclass(frozen=True)
class Frame:
    """Columns by name. ``size`` is the number of rows, or None for named arrays of any shape.

    ``names`` lists everything the file holds in file order, also what was not read.
    """

    file: str
    names: tuple[str, ...]
    columns: Mapping[str, Column]
    where: Where
    size: int | None = None
    warnings: tuple[Diagnostic, ...] = field(default=())

    def column(self, name: str) -> Column:
        """The column of a name; E401 names the nearest ones when there is none."""
        if name in self.columns:
            return self.columns[name]
        raise self.no_column(name)

    def no_column(self, name: str, wanted: str = "") -> DataError:
        """The error for a name that the file does not have; ``wanted`` is how the model declares it."""
        near = nearest(name, self.names)
        help = f'did you mean "{near}"? map it: `{wanted or name} = "{near}"`' if near else ""
        message = f"the file has no `{name}`; it has {listed(self.names)}"
        error = fail(DataError, "E401", message, help=help, place=self.where.place(column=name))
        assert isinstance(error, DataError)
        return error

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The names that a pattern such as ``gene_*`` matches, in file order."""
        return tuple(n for n in self.names if n in self.columns and fnmatchcase(n, pattern))

    def lines(self) -> npt.NDArray[np.integer] | None:
        """The file line of every row; None where the file has no lines."""
        return None if self.where.lines is None else self.where.lines()


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names in a sentence, at most eight.

    >>> listed(("a", "b"))
    '`a`, `b`'
    """
    shown = ", ".join(f"`{n[:60]}`" for n in names[:_LISTED])
    return (shown or "nothing") + (f", ... ({len(names)} in all)" if len(names) > _LISTED else "")


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The known name most like ``name``: the same but for case and blanks, else by spelling.

    >>> nearest("income", ("Income ", "age"))
    'Income '
    """
    folded = _folded(name)
    same = next((k for k in known if _folded(k) == folded), None)
    if same is not None:
        return same
    import difflib

    by_folded = {_folded(k): k for k in known[:5000]}
    wanted = _folded(name)
    close = difflib.get_close_matches(wanted, list(by_folded), n=1)
    if close:
        return by_folded[close[0]]
    starts = [k for k in by_folded if len(wanted) > 2 and k.startswith(wanted)]
    return by_folded[starts[0]] if len(starts) == 1 else None


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
