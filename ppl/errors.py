"""Everything that can go wrong, as values with a place.

PplError
├── ModelError      the text of the model is wrong             exit 2
├── UsageError      the command or call is wrong                exit 2
├── DataError       the data do not fit the model               exit 3
├── FitError        the fit cannot be used                      exit 4
├── LimitError      a memory, time or size limit was reached    exit 5
└── InternalError   our own bug, at a statement of the model    exit 1

Anything else that escapes is our own bug (exit 1).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Span:
    """A half-open range of character offsets ``[start, end)`` in one source text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that holds both.

        >>> Span(3, 5).to(Span(8, 9))
        Span(start=3, end=9)
        """
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Source:
    """A model text and the name it is reported under."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offset of the first character of every line."""
        starts = [0]
        for offset, character in enumerate(self.text):
            if character == "\n":
                starts.append(offset + 1)
        return tuple(starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1.

        >>> Source("m.model", "a\\nbc").position(3)
        (2, 2)
        """
        line = bisect.bisect_right(self.line_starts, offset) - 1
        return line + 1, offset - self.line_starts[line] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end]


@dataclass(frozen=True)
class Note:
    """A second place in the model text that a diagnostic points at."""

    span: Span
    text: str


@dataclass(frozen=True)
class DataPlace:
    """Where in the data something is wrong: the line is the file's own, the header being line 1."""

    file: str
    line: int | None = None
    column: str | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One mistake: what, where, why, and what to write instead.

    ``message`` is the headline and stands alone; ``label`` is the text beside the caret;
    ``notes`` show the other places that disagree; ``help`` says what to do;
    ``suggestion`` is the corrected source line, when there is one.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    help: str = ""
    suggestion: str = ""
    severity: Severity = "error"
    place: DataPlace | None = None


@dataclass
class PplError(Exception):
    """The root of every error this package raises on purpose."""

    diagnostics: tuple[Diagnostic, ...] = field(default_factory=tuple)
    source: Source | None = None
    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return "\n".join(_sentence(d, self.source) for d in self.diagnostics)


def _sentence(d: Diagnostic, source: Source | None) -> str:
    where = ""
    if d.span is not None and source is not None:
        line, column = source.position(d.span.start)
        where = f"{source.name}:{line}:{column}: "
    elif d.place is not None:
        parts = [d.place.file, str(d.place.line) if d.place.line else "", d.place.column or ""]
        where = ":".join(p for p in parts if p) + ": "
    tail = f" ({d.help})" if d.help else ""
    return f"{where}{d.severity}[{d.code}]: {d.message}{tail}"


class ModelError(PplError):
    """The text of the model is wrong."""

    exit_code: ClassVar[int] = 2


class UsageError(PplError):
    """The command line or the call is wrong."""

    exit_code: ClassVar[int] = 2


class DataError(PplError):
    """The data do not fit the model."""

    exit_code: ClassVar[int] = 3


class FitError(PplError):
    """The fit ended without a result that may be used."""

    exit_code: ClassVar[int] = 4


class LimitError(PplError):
    """A limit on memory, time or size was reached."""

    exit_code: ClassVar[int] = 5


class InternalError(PplError):
    """Our own bug, met while a statement of the model was evaluated; it asks for a report."""

    exit_code: ClassVar[int] = 1


def fail(
    kind: type[PplError], code: str, message: str, *, help: str = "", place: DataPlace | None = None
) -> PplError:
    """An error with one diagnostic and no place in the model text.

    >>> raise_me = fail(DataError, "E401", "the file has no `income`")
    >>> str(raise_me)
    'error[E401]: the file has no `income`'
    """
    return kind((Diagnostic(code, message, help=help, place=place),))
