"""Diagnostics and fit warnings as plain JSON values."""

from __future__ import annotations

from ppl.errors import Diagnostic, Source

Form = dict[str, object]


def diagnostic_form(d: Diagnostic, source: Source | None = None) -> Form:
    """A diagnostic as a JSON object; lines and columns count from 1, absent things are left out.

    >>> diagnostic_form(Diagnostic("E401", "the file has no `income`"))
    {'code': 'E401', 'severity': 'error', 'message': 'the file has no `income`'}
    """
    form: Form = {"code": d.code, "severity": d.severity, "message": d.message}
    if d.span is not None and source is not None and source.name:
        line, column = source.position(d.span.start)
        form |= {"file": source.name, "line": line, "column": column}
    elif d.place is not None:
        place = {"file": d.place.file, "line": d.place.line, "column": d.place.column}
        form |= {k: v for k, v in place.items() if v is not None}
    form |= {k: v for k, v in (("help", d.help), ("suggestion", d.suggestion)) if v}
    return form
