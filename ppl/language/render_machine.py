"""Diagnostics for programs: JSON, GitHub workflow commands, SARIF."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ppl.errors import Diagnostic, Source, Span


def render_json(diagnostics: Sequence[Diagnostic], source: Source | None) -> str:
    """A JSON list; lines and columns count from 1, offsets from 0, ends are exclusive.

    >>> d = Diagnostic("E202", "no `mu` here", Span(4, 6))
    >>> json.loads(render_json([d], Source("m.model", "x = mu")))[0]["place"]["column"]
    5
    """
    return json.dumps([_as_json(d, source) for d in diagnostics], indent=2) + "\n"


def _as_json(d: Diagnostic, source: Source | None) -> dict[str, Any]:
    data = None
    if d.place is not None:
        data = {"file": d.place.file, "line": d.place.line, "column": d.place.column}
    return {
        "code": d.code,
        "severity": d.severity,
        "message": d.message,
        "label": d.label,
        "place": _json_place(d.span, source),
        "data": data,
        "notes": [{"place": _json_place(n.span, source), "text": n.text} for n in d.notes],
        "help": d.help,
        "suggestion": d.suggestion,
    }


def _json_place(span: Span | None, source: Source | None) -> dict[str, Any] | None:
    if span is None or source is None:
        return None
    line, column = source.position(span.start)
    end_line, end_column = source.position(span.end)
    return {
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": span.start,
        "end": span.end,
    }


def render_github(diagnostics: Sequence[Diagnostic], source: Source | None) -> str:
    """One workflow command a diagnostic, which GitHub shows beside the line.

    >>> d = Diagnostic("E202", "no `mu` here", Span(4, 6), help="define it")
    >>> print(render_github([d], Source("m.model", "x = mu")), end="")
    ::error file=m.model,line=1,col=5,endLine=1,endColumn=7,title=E202::no `mu` here; define it
    """
    return "".join(_command(d, source) + "\n" for d in diagnostics)


def _command(d: Diagnostic, source: Source | None) -> str:
    place = _json_place(d.span, source)
    fields: dict[str, Any] = {}
    if place is not None:
        fields = {"file": place["file"], "line": place["line"], "col": place["column"]}
        fields |= {"endLine": place["end_line"], "endColumn": place["end_column"]}
    elif d.place is not None:
        fields = {"file": d.place.file} | ({"line": d.place.line} if d.place.line else {})
    fields["title"] = d.code
    written = ",".join(f"{key}={_property(str(value))}" for key, value in fields.items())
    text = f"{d.message}; {d.help}" if d.help else d.message
    return f"::{d.severity} {written}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def render_sarif(diagnostics: Sequence[Diagnostic], source: Source | None) -> str:
    """A SARIF 2.1.0 log with one run.

    >>> d = Diagnostic("E202", "no `mu` here", Span(4, 6))
    >>> json.loads(render_sarif([d], Source("m.model", "x = mu")))["runs"][0]["results"][0]["ruleId"]
    'E202'
    """
    codes = sorted({d.code for d in diagnostics})
    run = {
        "tool": {"driver": {"name": "ppl", "rules": [{"id": code} for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, source) for d in diagnostics],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"version": "2.1.0", "$schema": schema, "runs": [run]}, indent=2) + "\n"


def _result(d: Diagnostic, source: Source | None) -> dict[str, Any]:
    text = f"{d.message}. {d.help}" if d.help else d.message
    result: dict[str, Any] = {"ruleId": d.code, "level": d.severity, "message": {"text": text}}
    located = _sarif_place(d.span, source, d.label)
    if located is not None:
        result["locations"] = [located]
    elif d.place is not None:
        region = {"region": {"startLine": d.place.line}} if d.place.line else {}
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": d.place.file}, **region}}]
    related = [_sarif_place(n.span, source, n.text) for n in d.notes]
    if any(related):
        result["relatedLocations"] = [r for r in related if r is not None]
    return result


def _sarif_place(span: Span | None, source: Source | None, text: str) -> dict[str, Any] | None:
    place = _json_place(span, source)
    if place is None:
        return None
    region = {"startLine": place["line"], "startColumn": place["column"]}
    region |= {"endLine": place["end_line"], "endColumn": place["end_column"]}
    physical = {"artifactLocation": {"uri": place["file"]}, "region": region}
    return {"physicalLocation": physical, **({"message": {"text": text}} if text else {})}
