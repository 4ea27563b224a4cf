"""JSON text to arrays of cells, strictly and without recursion.

Numbers stay texts until the model says what they are, so that no digit is lost and a number is
read by one rule wherever it comes from. Beyond JSON, ``NaN``, ``Inf`` and ``Infinity`` are read
bare or quoted, as Stan's tools write them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ppl.data.limits import DEFAULT, Limits
from ppl.errors import DataError, DataPlace, PplError, fail

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_FLAT = re.compile(rf"\[[ \t\r\n]*({_NUMBER}(?:[ \t\r\n]*,[ \t\r\n]*{_NUMBER})*)[ \t\r\n]*\]")
_TOKEN = re.compile(
    r"[ \t\r\n]*(?:([\[\]{}:,])"
    r'|("(?:[^"\\\x00-\x1f]|\\.)*")'
    r"|(true|false|null|[+-]?(?:NaN|Infinity|Inf))(?![A-Za-z0-9_])"
    rf"|({_NUMBER})(?![0-9A-Za-z_.+-]))"
)
_BLANK = re.compile(r"[ \t\r\n]*")
_SPECIAL = {"nan", "inf", "infinity"}
_SHAPE_DEPTH = 8
_DIGITS = 4300


@dataclass(frozen=True)
class Leaves:
    """An array of one key: flat ``texts``, their ``kinds`` and the ``shape``.

    A kind is ``n`` number, ``s`` string, ``b`` truth value, ``0`` null; one letter for each text,
    or the single letter ``n`` when all are numbers.
    """

    texts: list[str]
    kinds: str
    shape: tuple[int, ...]


def read_object(text: str, file: str, limits: Limits = DEFAULT) -> dict[str, Leaves]:
    """The arrays of a JSON object, by key.

    >>> read_object('{"N": 2, "y": [[1, 2.5]]}', "d.json")["y"].shape
    (1, 2)
    """
    scan = _Scan(text, file, limits)
    if scan.next() != "{":
        raise scan.error("the file should hold one object, { ... }")
    found: dict[str, Leaves] = {}
    if scan.peek() == "}":
        scan.next()
    else:
        _members(scan, found)
    if _BLANK.match(text, scan.position).end() != len(text):  # type: ignore[union-attr]
        scan.next_position = _BLANK.match(text, scan.position).end()  # type: ignore[union-attr]
        raise scan.error("there is text after the end of the object")
    return found


class _Scan:
    """A place in the text; `next` moves over one token and keeps it."""

    def __init__(self, text: str, file: str, limits: Limits) -> None:
        self.text, self.file, self.limits = text, file, limits
        self.position = 0
        self.next_position = 0
        self.kind = ""

    def next(self) -> str:
        found = _TOKEN.match(self.text, self.position)
        self.next_position = _BLANK.match(self.text, self.position).end()  # type: ignore[union-attr]
        if found is None:
            raise self.error(self._unreadable())
        mark, string, word, number = found.groups()
        self.kind = "m" if mark else "s" if string else "w" if word else "n"
        self.position = found.end()
        return mark or string or word or number

    def peek(self) -> str:
        at = _BLANK.match(self.text, self.position).end()  # type: ignore[union-attr]
        return self.text[at : at + 1]

    def _unreadable(self) -> str:
        rest = self.text[self.next_position : self.next_position + 20]
        if not rest:
            return "the file ends in the middle of a value"
        if rest.startswith('"'):
            return "this string is not closed, or holds a raw control character"
        return f"{rest.split()[0]!r} is not JSON" if rest.split() else "this is not JSON"

    def error(self, message: str) -> PplError:
        before = self.text[: self.next_position]
        line = before.count("\n") + 1
        column = self.next_position - (before.rfind("\n") + 1) + 1
        place = DataPlace(self.file, line, f"column {column}")
        return fail(DataError, "E410", f"line {line}, column {column}: {message}", place=place)


def _members(scan: _Scan, found: dict[str, Leaves]) -> None:
    while True:
        key = scan.next()
        if scan.kind != "s":
            raise scan.error("a key in double quotes is expected")
        name = _string(scan, key)
        if name in found:
            raise scan.error(f"the key `{name}` appears twice")
        if scan.next() != ":":
            raise scan.error("`:` is expected after a key")
        found[name] = _value(scan, name)
        mark = scan.next()
        if mark == "}":
            return
        if mark != ",":
            raise scan.error("`,` or `}` is expected after a value")


def _string(scan: _Scan, token: str) -> str:
    try:
        value = str(json.loads(token))
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise scan.error("half of a surrogate pair is not a character") from None
    except ValueError:
        raise scan.error("the string has an unknown escape") from None
    return value


def _value(scan: _Scan, name: str) -> Leaves:
    """One value: a scalar, or nested arrays, walked with a stack of counts."""
    texts: list[str] = []
    kinds: list[str] = []
    lengths: list[int | None] = []  # the length of arrays at each depth, once one has ended
    counts: list[int] = []  # elements so far in each open array
    leaf_depth: int | None = None
    while True:
        flat = _FLAT.match(scan.text, _BLANK.match(scan.text, scan.position).end())  # type: ignore[union-attr]
        opened = flat is None and scan.peek() == "["
        if opened:
            scan.next()
            if len(counts) >= scan.limits.depth:
                raise scan.error(f"arrays are nested deeper than {scan.limits.depth}")
            if leaf_depth is not None and len(counts) >= leaf_depth:
                raise _ragged(scan, name, counts, "is nested more deeply than the others")
            counts.append(0)
            if len(lengths) < len(counts):
                lengths.append(None)
            if scan.peek() != "]":
                continue
        else:
            depth = len(counts) + (flat is not None)
            if leaf_depth not in (None, depth) or len(lengths) > max(depth, leaf_depth or 0):
                raise _ragged(scan, name, counts, "is nested more deeply or less deeply than the others")
            leaf_depth = depth
            if flat is not None:
                _take_flat(scan, flat, name, texts, kinds, lengths, counts)
            else:
                _take_leaf(scan, name, texts, kinds)
        if not _close(scan, name, lengths, counts, opened):
            shape = tuple(n or 0 for n in lengths)
            letters = "".join(kinds)
            return Leaves(texts, letters if set(letters) - {"n"} else "n", shape)


def _take_flat(
    scan: _Scan,
    flat: re.Match[str],
    name: str,
    texts: list[str],
    kinds: list[str],
    lengths: list[int | None],
    counts: list[int],
) -> None:
    cells = [t.strip() for t in flat.group(1).split(",")]
    if max(map(len, cells)) > _DIGITS:
        scan.next_position = flat.start()
        raise scan.error(f"a number of `{name}` has more than {_DIGITS} digits")
    depth = len(counts)
    if len(lengths) == depth:
        lengths.append(len(cells))
    elif lengths[depth] is None:
        lengths[depth] = len(cells)
    elif lengths[depth] != len(cells):
        raise _ragged(scan, name, counts, f"has {len(cells)} elements; those before it have {lengths[depth]}")
    texts.extend(cells)
    kinds.append("n" * len(cells))
    scan.position = flat.end()


def _take_leaf(scan: _Scan, name: str, texts: list[str], kinds: list[str]) -> None:
    token = scan.next()
    if token == "{":
        raise scan.error(f"`{name}` holds an object; arrays and single values are read")
    if scan.kind == "m":
        raise scan.error("a value is expected")
    if len(token) > max(_DIGITS, 0) and scan.kind == "n":
        raise scan.error(f"a number of `{name}` has more than {_DIGITS} digits")
    if len(token) > scan.limits.field:
        raise scan.error(f"a string of `{name}` has more than {scan.limits.field} characters")
    if scan.kind == "s":
        token = _string(scan, token)
        kinds.append("n" if token.lower().lstrip("+-") in _SPECIAL else "s")
    elif token == "null":
        kinds.append("0")
    else:
        kinds.append("b" if token in ("true", "false") else "n")
    texts.append(token)


def _close(scan: _Scan, name: str, lengths: list[int | None], counts: list[int], opened: bool) -> bool:
    """After a value: count it, close arrays that end; whether the walk goes on."""
    counted = not opened
    while counts:
        if counted:
            counts[-1] += 1
        mark = scan.next()
        if mark == "," and counted:
            return True
        if mark != "]":
            raise scan.error("`,` or `]` is expected in an array")
        depth = len(counts) - 1
        known = lengths[depth]
        if known is not None and known != counts[-1]:
            counts_before = counts[:-1]
            raise _ragged(
                scan, name, counts_before, f"has {counts[-1]} elements; those before it have {known}"
            )
        lengths[depth] = counts.pop()
        counted = True
    return False


def _ragged(scan: _Scan, name: str, counts: list[int], what: str) -> PplError:
    path = ",".join(str(c + 1) for c in counts)
    shown = f"`{name}[{path}]`" if path else f"`{name}`"
    return scan.error(f"the array is ragged: {shown} {what}")
