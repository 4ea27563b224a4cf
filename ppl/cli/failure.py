"""How errors look at the command line."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence

from ppl.errors import PplError, Source
from ppl.version import VERSION

NOWHERE = Source("", "")
SHOWN = 20  # mistakes shown at once; the first ones are the ones to mend


def colour_wanted() -> bool:
    """Whether stderr is a terminal that wants colour (``NO_COLOR`` is obeyed)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_text(error: PplError) -> str:
    """Every diagnostic of an error with its place, ending in a newline."""
    from ppl.language.render import render_text

    shown = error.diagnostics[:SHOWN]
    text = render_text(shown, error.source or NOWHERE, color=colour_wanted())
    more = len(error.diagnostics) - len(shown)
    return text.rstrip("\n") + "\n" + (f"\n... and {more} more mistakes\n" if more else "")


def as_json(error: PplError) -> str:
    """One strict-JSON object: ``{"schema": 1, "status": "error", "exit_code", "errors": [...]}``."""
    errors = [entry(d, error.source) for d in error.diagnostics]
    form = {"schema": 1, "status": "error", "exit_code": error.exit_code, "errors": errors}
    return json.dumps(form, ensure_ascii=False, allow_nan=False)


def entry(d: object, source: Source | None) -> dict[str, object]:
    """One diagnostic as a JSON object; lines and columns count from 1."""
    from ppl.posterior.warning import diagnostic_form

    return diagnostic_form(d, source)  # type: ignore[arg-type]


def report_bug(error: Exception, arguments: Sequence[str]) -> str:
    """A short message that asks for a report; the traceback goes to the log, if one was asked for."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    lines = [
        f"internal error: {type(error).__name__}: {_short(error)} ({where}, ppl {VERSION})",
        "This is a bug in ppl, not in your model or data. Please report it, with the model if you can.",
    ]
    log = _log_file(arguments)
    if log is None:
        lines.append("`ppl --log FILE ...` writes the details to a file to attach.")
    else:
        lines.append(_write_log(log, error))
    return "\n".join(lines)


def log_bug(error: Exception, arguments: Sequence[str]) -> str:
    """Write the traceback of a located bug to the log that was asked for; the line to show, or nothing."""
    log = _log_file(arguments)
    return "" if log is None else _write_log(log, error) + "\n"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:197] + "..."


def _log_file(arguments: Sequence[str]) -> str | None:
    for i, argument in enumerate(arguments):
        if argument.startswith("--log="):
            return argument.removeprefix("--log=")
        if argument == "--log" and i + 1 < len(arguments):
            return arguments[i + 1]
    return os.environ.get("PPL_LOG")


def _write_log(path: str, error: Exception) -> str:
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        return f"The details could not be written to {path}: {problem.strerror}."
    return f"The details are in {path}."
