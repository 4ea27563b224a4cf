"""The malformed-data corpus: for each case the file, the declared type, and what must happen.

``found`` is ``OK`` (with the values), or the error's code with its line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One file read as one column ``x`` of a declared kind."""

    number: int
    what: str
    data: bytes | str
    kind: str = "real"
    code: str = "OK"
    line: int | None = None
    contains: str = ""
    values: Any = None
    warns: str = ""
    file: str = "d.csv"
    column: str = "x"

    @property
    def content(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else self.data.encode()


def _long_rows() -> str:
    return "x,y\n" + "1,2,3\n" * 4


CSV = [
    Case(1, "empty file", "", code="E410", contains="is empty"),
    Case(1, "only blanks", "\n\n", code="E410", contains="is empty"),
    Case(2, "header only", "x,y\n", code="E410", contains="0 rows"),
    Case(3, "duplicate header", "x,y,x\n1,2,3\n", code="E410", line=1, contains="`x` more than once"),
    Case(4, "blank header, used", ",y\n1,2\n", code="E401", contains="no `x`"),
    Case(4, "blank header, unused", "x,\n1,2\n", values=[1.0], warns="no name in the header"),
    Case(5, "header case", "X,y\n1,2\n", code="E401", contains='did you mean "X"'),
    Case(5, "header blank", " x ,y\n1,2\n", code="E401", contains='did you mean " x "'),
    Case(6, "missing column", "a,b\n1,2\n", code="E401", contains="it has `a`, `b`"),
    Case(7, "extra column", "a,x\n1,2\n", values=[2.0]),
    Case(8, "UTF-8 mark", b"\xef\xbb\xbfx\n1\n", values=[1.0]),
    Case(8, "UTF-8 mark, quoted", b'\xef\xbb\xbf"x","y"\n1,2\n', values=[1.0]),
    Case(9, "UTF-16", "x\n1\n".encode("utf-16"), code="E410", contains="UTF-16"),
    Case(9, "UTF-16 without mark", "x\n1\n12\n".encode("utf-16-le"), code="E410", contains="UTF-16"),
    Case(10, "Latin-1", b"x\n1\n\xe9\n", code="E410", line=3, contains="byte 4 (line 3) is 0xe9"),
    Case(11, "NUL", b"x\n1\n2\x003\n", code="E410", line=3, contains="NUL"),
    Case(
        12, "short row", "x,y\n1,2\n3\n4,5\n", code="E410", line=3, contains="has 1 field; the header has 2"
    ),
    Case(13, "long row", "x,y\n1,2\n3,4,5\n", code="E410", line=3, contains="has 3 fields; the header has 2"),
    Case(14, "all rows longer", _long_rows(), code="E410", line=2, contains="every row has one field more"),
    Case(15, "trailing comma", "x,y\n1,2,\n3,4,\n", code="E410", line=2, contains="each ends in a comma"),
    Case(16, "unclosed quote", 'x,y\n1,2\n"3,4\n5,6\n', code="E410", line=3, contains="opened on line 3"),
    Case(17, "newline in quotes", 'x,y\n1,"a\nb"\nbad,c\n', code="E402", line=4, contains='line 4 "bad"'),
    Case(18, "stray quote", 'x,y\n1"2,3\n', code="E410", line=2, contains="quote inside a field"),
    Case(18, "text after quote", 'x,y\n"1"2,3\n', code="E410", line=2, contains="text after a closing quote"),
    Case(19, "carriage returns only", "x\r1\r2\r", values=[1.0, 2.0]),
    Case(19, "mixed ends", "x\n1\r\n2\r3", values=[1.0, 2.0, 3.0]),
    Case(20, "no final newline", "x\n1\n2", values=[1.0, 2.0]),
    Case(21, "blank line", "x,y\n1,2\n\n3,4\n", code="E410", line=3, contains="line 3 is blank"),
    Case(22, "semicolons", "x;y\n1;2\n", code="E410", line=1, contains="delimiter?"),
    Case(22, "tabs", "x\ty\n1\t2\n", code="E410", line=1, contains="delimiter?"),
    Case(23, "decimal comma", 'x\n"3,14"\n', code="E402", line=2, contains="decimal point"),
    Case(24, "thousands", 'x\n1\n"1,234"\n', code="E402", line=3, contains="thousands separators"),
    Case(26, "NA as a label, quoted", 'x\n"NA"\nb\n', "labels", values=["NA", "b"]),
    Case(26, "NA as a label, bare", "x\nNA\nb\n", "labels", values=[None, "b"]),
    Case(27, "inf", "x\n1\ninf\n", code="E402", line=3, contains="infinite"),
    Case(27, "-Infinity", "x\n1\n-Infinity\n", code="E402", line=3, contains="infinite"),
    Case(28, "overflow", "x\n1\n1e400\n", code="E402", line=3, contains="too large"),
    Case(29, "underflow", "x\n1\n1e-400\n", values=[1.0, 0.0], warns="too small"),
    Case(30, "hexadecimal", "x\n0x1F\n", code="E402", line=2, contains="decimal notation"),
    Case(31, "underscores", "x\n1_000\n", code="E402", line=2, contains="without underscores"),
    Case(32, "Arabic digits", "x\n١٢\n", code="E402", line=2, contains="digits as 0 to 9"),
    Case(32, "full-width digits", "x\n１２\n", code="E402", line=2, contains="digits as 0 to 9"),
    Case(33, "minus sign", "x\n\u22125\n", code="E402", line=2, contains="U+2212"),
    Case(34, "percent", "x\n5%\n", code="E402", line=2, contains="percent"),
    Case(34, "currency", "x\n$5\n", code="E402", line=2, contains="currency"),
    Case(34, "accounting", "x\n(5)\n", code="E402", line=2, contains="negative number"),
    Case(35, "truth in a real column", "x\nTRUE\nyes\n", code="E402", line=2, contains="`x: bool`"),
    Case(35, "truth in a bool column", "x\nTRUE\nno\n1\n", "bool", values=[True, False, True]),
    Case(36, "fraction", "x\n1\n2.5\n", "int", code="E403", line=3, contains="3.0 are accepted"),
    Case(36, "whole floats", "x\n1.0\n2e0\n", "int", values=[1, 2]),
    Case(37, "2^63", "x\n9223372036854775808\n", "int", code="E402", line=2, contains="2^63 - 1"),
    Case(37, "2^64", "x\n18446744073709551616\n", "int", code="E402", line=2, contains="2^63 - 1"),
    Case(37, "2^53 + 1 as real", "x\n9007199254740993\n", values=[2.0**53], warns="lose digits"),
    Case(37, "2^53 + 1 as int", "x\n9007199254740993\n", "int", values=[2**53 + 1]),
    Case(38, "leading zeros", "x\n007\n7\n", "labels", values=["007", "7"]),
    Case(47, "comment at the top", "# made by hand\nx\n1\n", code="E410", line=1, contains="comment"),
    Case(47, "comment inside", "x,y\n1,2\n# more\n3,4\n", code="E410", line=3, contains="comment"),
    Case(
        48, "a field of 1 MB", "x,y\n1,2\n" + "z" * 1_000_000 + ",3\n", code="E410", line=3, contains="limit"
    ),
    Case(50, "a formula", "x\n=cmd()\n", "labels", values=["=cmd()"]),
    Case(51, "a hostile header", "__import__('os'),y\n1,2\n", column="__import__('os')", values=[1.0]),
    Case(51, "a semicolon in a header", "x;y,z\n1,2\n", column="x;y", values=[1.0]),
    Case(51, "a Greek header", "σ,z\n1,2\n", column="σ", values=[1.0]),
    Case(51, "a long header", "q" * 300 + ",z\n1,2\n", column="q" * 300, values=[1.0]),
    Case(52, "gzip", b"\x1f\x8b\x08\x00rest", code="E410", contains="gzip"),
    Case(52, "zip", b"PK\x03\x04rest", code="E410", contains="zip"),
    Case(52, "xlsx", b"PK\x03\x04....[Content_Types].xml", code="E410", contains="Excel"),
    Case(52, "HTML", "<!DOCTYPE html><html>", code="E410", contains="HTML"),
    Case(52, "Parquet", b"PAR1....", code="E410", contains="Parquet"),
    Case(52, "PDF", b"%PDF-1.7", code="E410", contains="PDF"),
]

MISSING = [
    Case(25, "NA", "x,y\nNA,1\n2,1\n", line=2),
    Case(25, "null", "x,y\n1,1\nnull,1\n", line=3),
    Case(25, "nan", "x,y\n1,1\nnan,1\n", line=3),
    Case(25, "nothing", "x,y\n1,1\n,1\n", line=3),
]

JSON = [
    Case(56, "depth", '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", code="E410", line=1, contains="nested"),
    Case(56, "depth of objects", '{"x": ' + '{"a":' * 100_000, code="E410", line=1, contains="object"),
    Case(57, "duplicate key", '{"x": 1,\n "x": 2}', code="E410", line=2, contains="twice"),
    Case(58, "bare NaN", '{"x": [1, NaN]}', values=[1.0, None]),
    Case(58, "quoted Inf", '{"x": [1, "-Inf"]}', values=[1.0, float("-inf")]),
    Case(58, "Inf as a count", '{"x": [1, Inf]}', "int", code="E402", contains="`x[2]`"),
    Case(59, "overflow", '{"x": [1, 1e400]}', code="E402", contains='`x[2]` "1e400"'),
    Case(60, "5000 digits", '{"x": [1,\n ' + "9" * 5000 + "]}", code="E410", contains="digits"),
    Case(61, "ragged", '{"x": [[1, 2], [3, 4], [5]]}', code="E410", contains="`x[3]` has 1 element"),
    Case(61, "ragged depth", '{"x": [[1, 2], 3]}', code="E410", contains="`x[2]`"),
    Case(62, "mixed", '{"x": [1, true, null, "3"]}', code="E402", contains='`x[2]` "true"'),
    Case(62, "numbers and texts as labels", '{"x": ["a", 1]}', "labels", code="E402", contains="`x[2]`"),
    Case(63, "mark", b'\xef\xbb\xbf{"x": [1, 2]}', values=[1.0, 2.0]),
    Case(64, "lone surrogate", '{"x": ["\\ud800"]}', "labels", code="E410", contains="surrogate"),
    Case(65, "trailing junk", '{"x": [1]}\n  oops', code="E410", line=2, contains="line 2, column 3"),
    Case(65, "truncated", '{"x": [1,\n', code="E410", line=2, contains="ends in the middle"),
    Case(65, "no object", "[1, 2]", code="E410", line=1, contains="one object"),
    Case(0, "3.0 for 3", '{"x": [3.0, 4]}', "int", values=[3, 4]),
    Case(0, "leading zero", '{"x": [01]}', code="E410", line=1),
    Case(0, "scalar", '{"x": 5}', "int", values=5),
    Case(0, "labels", '{"x": ["b", "a"]}', "labels", values=["b", "a"]),
    Case(0, "fraction", '{"x": [[1, 2.5]]}', "int", code="E403", contains="`x[1,2]`"),
    Case(0, "empty array", '{"x": []}', values=[]),
    Case(0, "empty object", "{}", code="E401"),
]
