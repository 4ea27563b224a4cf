"""CSV text to cells, strictly: every row as long as the header, quotes only around whole fields.

Follows RFC 4180 with any of the three line ends. Nothing is guessed: what spreadsheet programs
and lenient readers repair in silence (rows shifted by one, stray quotes) is an error with a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ppl.data.limits import DEFAULT, Limits
from ppl.errors import DataError, DataPlace, PplError, fail

_FIELD = {d: re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^"{d}\n]*))({d}|\n|\Z)') for d in (",", "\t")}
_LIKELY = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Cells:
    """Header and columns of texts. ``lines``: the file line each row starts on.

    ``quoted``: for every column the rows whose cell is quoted.
    """

    header: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    lines: npt.NDArray[np.int64]
    quoted: dict[int, frozenset[int]] = field(default_factory=dict)


def split(text: str, file: str, delimiter: str = ",", limits: Limits = DEFAULT) -> Cells:
    """The cells of a CSV text; E410 where it is not a table.

    >>> split('a,b\\n1,"x, y"\\n', "d.csv").columns
    (('1',), ('x, y',))
    """
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise malformed(file, f"line {line} holds a NUL character", line)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.rstrip("\n")
    if not text.strip():
        raise malformed(file, f"{file} is empty")
    rows = _quoted_rows(text, file, delimiter) if '"' in text else _plain_rows(text, delimiter)
    return _table(rows, file, delimiter, limits)


def split_header(text: str, file: str, delimiter: str = ",", limits: Limits = DEFAULT) -> list[str]:
    """The names in a header row, checked; ``text`` holds that row alone.

    >>> split_header('a,"b, c"', "d.csv")
    ['a', 'b, c']
    """
    text = text.rstrip("\r")
    rows = _quoted_rows(text, file, delimiter) if '"' in text else _plain_rows(text, delimiter)
    _check_header(rows.fields[0], file, delimiter, limits)
    return rows.fields[0]


@dataclass(frozen=True)
class _Rows:
    """Rows of fields, the line each starts on, and the (row, column) of quoted fields."""

    fields: list[list[str]]
    lines: npt.NDArray[np.int64]
    quoted: list[tuple[int, int]]


def _plain_rows(text: str, delimiter: str) -> _Rows:
    lines = text.split("\n")
    return _Rows([line.split(delimiter) for line in lines], np.arange(1, len(lines) + 1), [])


def _quoted_rows(text: str, file: str, delimiter: str) -> _Rows:
    match = _FIELD[delimiter].match
    rows: list[list[str]] = [[]]
    starts, quoted = [1], []
    position, line = 0, 1
    while True:
        found = match(text, position)
        if found is None:
            raise _bad_quote(text, position, line, file)
        inner, bare, end = found.groups()
        if inner is not None:
            quoted.append((len(rows) - 1, len(rows[-1])))
            line += inner.count("\n")
            bare = inner.replace('""', '"')
        rows[-1].append(bare)
        position = found.end()
        if end == "\n":
            line += 1
            rows.append([])
            starts.append(line)
        elif not end:
            return _Rows(rows, np.array(starts, dtype=np.int64), quoted)


def _bad_quote(text: str, position: int, line: int, file: str) -> PplError:
    if text[position] != '"':
        return malformed(file, f"line {line} has a quote inside a field that does not begin with one", line)
    closing = re.compile(r'"(?:[^"]|"")*?"(?!")').match(text, position)
    if closing is None:
        return malformed(file, f"the quote opened on line {line} is never closed", line)
    inside = text[position : closing.end()]
    at = line + inside.count("\n")
    rest = text[closing.end() :].count('"')
    if rest % 2 == 0 and "\n" in inside:
        return malformed(file, f"the quote opened on line {line} is closed in the middle of a field", line)
    return malformed(file, f"line {at} has text after a closing quote", at)


def _table(rows: _Rows, file: str, delimiter: str, limits: Limits) -> Cells:
    header, body = rows.fields[0], rows.fields[1:]
    width = len(header)
    _check_header(header, file, delimiter, limits)
    if not body:
        raise malformed(file, f"{file} has a header and 0 rows")
    if set(map(len, body)) != {width}:
        raise _bad_lengths(header, body, rows.lines, file)
    columns = tuple(zip(*body, strict=True))
    _check_lengths(columns, header, rows.lines[1:], file, limits)
    flags: dict[int, set[int]] = {}
    for row, column in rows.quoted:
        if row:
            flags.setdefault(column, set()).add(row - 1)
    return Cells(tuple(header), columns, rows.lines[1:], {c: frozenset(r) for c, r in flags.items()})


def _check_header(header: list[str], file: str, delimiter: str, limits: Limits) -> None:
    limits_columns(file, len(header), limits)
    if header[0].startswith("#"):
        help = "comment lines are not part of a CSV file: remove them"
        raise malformed(file, "line 1 begins with `#`, but should be the header", 1, help)
    if len(header) == 1:
        for other, word in _LIKELY.items():
            if other in header[0] and other != delimiter:
                help = "write the file with commas (and a decimal point)" + (
                    ", or name it .tsv" if other == "\t" else ""
                )
                raise malformed(file, f"the columns seem to be separated by {word}: delimiter?", 1, help)
    if len(set(header)) < len(header):
        twice = sorted({h for h in header if h.strip() and header.count(h) > 1})[:3]
        if twice:
            names = ", ".join(f"`{h}`" for h in twice)
            raise malformed(file, f"the header names {names} more than once", 1)


def limits_columns(file: str, count: int, limits: Limits) -> None:
    """Refuse a table with more columns than the limit."""
    limits.check(file, count * (limits.memory // limits.columns) if count > limits.columns else 0)


def _check_lengths(
    columns: Sequence[tuple[str, ...]],
    header: Sequence[str],
    lines: npt.NDArray[np.int64],
    file: str,
    limits: Limits,
) -> None:
    for name, column in zip(header, columns, strict=True):
        if len(max(column, key=len)) > limits.field:
            row = next(i for i, t in enumerate(column) if len(t) > limits.field)
            message = (
                f"line {lines[row]} has a field of {len(column[row])} characters; the limit is {limits.field}"
            )
            raise malformed(file, message, int(lines[row]), column=name)


def _bad_lengths(
    header: list[str], body: list[list[str]], lines: npt.NDArray[np.int64], file: str
) -> PplError:
    width = len(header)
    lengths = np.array([len(r) for r in body])
    bad = np.flatnonzero(lengths != width)
    first = body[bad[0]]
    line = int(lines[bad[0] + 1])
    if first[0].lstrip().startswith("#"):
        help = "comment lines are not part of a CSV file: remove them"
        return malformed(file, f"line {line} is a comment", line, help)
    if (lengths == width + 1).all():
        trailing = all(not r[-1].strip() for r in body)
        why = (
            "each ends in a comma"
            if trailing
            else "a name is missing in the header, or a field is not quoted"
        )
        return malformed(
            file, f"every row has one field more than the header ({width + 1}, not {width})", line, why
        )
    if first == [""]:
        return malformed(file, f"line {line} is blank{_others(bad, lines)}", line, "remove blank lines")
    count = f"{lengths[bad[0]]} field{'s' if lengths[bad[0]] > 1 else ''}"
    help = "a field that holds a comma needs quotes" if lengths[bad[0]] > width else ""
    return malformed(
        file, f"line {line} has {count}; the header has {width}{_others(bad, lines)}", line, help
    )


def _others(bad: npt.NDArray[np.intp], lines: npt.NDArray[np.int64]) -> str:
    if len(bad) == 1:
        return ""
    shown = ", ".join(str(int(lines[i + 1])) for i in bad[:3])
    return f" ({len(bad)} such lines: {shown}{', ...' if len(bad) > 3 else ''})"


def malformed(
    file: str, message: str, line: int | None = None, help: str = "", column: str | None = None
) -> PplError:
    """The error for a file that is not what it should be (E410)."""
    return fail(DataError, "E410", message, help=help, place=DataPlace(file, line, column))
