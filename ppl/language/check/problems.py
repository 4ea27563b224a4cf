"""Collecting mistakes: every one in a run, each name at most once."""

from __future__ import annotations

from dataclasses import dataclass, field

from ppl.errors import Diagnostic, Note, Source, Span


@dataclass
class Problems:
    """Diagnostics in order of finding; ``names`` are those already complained about."""

    source: Source
    found: list[Diagnostic] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        notes: tuple[Note, ...] = (),
        help: str = "",
        fix: tuple[Span, str] | None = None,
    ) -> None:
        """Record an error; ``fix`` is a piece of text and what to write in its place."""
        suggestion = "" if fix is None else self.corrected(*fix)
        self._add(Diagnostic(code, message, span, label, notes, help, suggestion))

    def warning(self, code: str, message: str, span: Span, label: str = "", *, help: str = "") -> None:
        """Record a warning."""
        self._add(Diagnostic(code, message, span, label, (), help, "", "warning"))

    def once(self, name: str) -> bool:
        """Whether this name is complained about for the first time (and remember it)."""
        if name in self.names:
            return False
        self.names.add(name)
        return True

    def corrected(self, span: Span, text: str) -> str:
        """The source line of ``span`` with ``text`` in its place.

        >>> Problems(Source("m", "a = theta[n]\\n")).corrected(Span(10, 11), "doc[n]")
        'a = theta[doc[n]]'
        """
        number, column = self.source.position(span.start)
        line = self.source.line(number)
        return line[: column - 1] + text + line[column - 1 + span.end - span.start :]

    def text(self, span: Span) -> str:
        """The source text of a span, on one line."""
        return " ".join(self.source.text[span.start : span.end].split())

    def line(self, span: Span) -> int:
        """The line a span starts on."""
        return self.source.position(span.start)[0]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Errors in order of place."""
        return self._sorted("error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Warnings in order of place."""
        return self._sorted("warning")

    def _sorted(self, severity: str) -> tuple[Diagnostic, ...]:
        chosen = {d: None for d in self.found if d.severity == severity}
        return tuple(sorted(chosen, key=lambda d: (d.span.start if d.span else 0, d.code)))

    def _add(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
