"""What `ppl fit` and `ppl summary` print and write."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ppl.cli import output
from ppl.errors import Source
from ppl.posterior.table import LONG, VAST

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

NOT_USABLE = 4
INTERRUPTED = 130


def exit_code(fit: Fit, strict: bool = False) -> int:
    """0, 4 where the result is not to be used as it is, 130 where the run was interrupted."""
    if fit.status == "interrupted":
        return INTERRUPTED
    return 0 if fit.status == "ok" or (fit.status == "warn" and not strict) else NOT_USABLE


def told(fit: Fit) -> Fit:
    """The fit without the data and the state of the run, so that their memory is free for what is written."""
    from ppl.posterior.approximation import Approximation

    kept = fit.approximation if isinstance(fit.approximation, Approximation) else None
    return replace(fit, approximation=kept, problem=None)


def table(fit: Fit, whole: bool, saved: str | None) -> str:
    """The summary; long quantities are shortened on a terminal, those of thousands of elements everywhere."""
    longest = None if whole else LONG if sys.stdout.isatty() else VAST
    more = f" (ppl summary {saved} --all)" if saved else " (--all shows them)"
    return fit.summary().text(longest, more)


def warn(fit: Fit, source: Source, verbose: bool) -> None:
    """Warnings of the data and the fit; timings where they were asked for."""
    output.show_warnings(fit.data_warnings, source)
    for warning in fit.warnings:
        kind = "note" if warning.severity == "note" else "warning"
        output.say(f"{kind}[{warning.code}]: {warning.message}")
    for cell in fit.imputed[:3]:
        line = f" line {cell.line}" if cell.line else ""
        output.say(f"imputed: {cell.element} ({cell.file}{line}, column {cell.column})")
    if len(fit.imputed) > 3:
        output.say(f"imputed: {len(fit.imputed) - 3} more cells; all are in the summary")
    if verbose:
        if fit.unused:
            output.say("not used: " + ", ".join(fit.unused))
        output.say("seconds: " + ", ".join(f"{k} {v:.3f}" for k, v in fit.seconds.items()))
        output.say(f"method {fit.method}, seed {fit.seed}, {fit.draw_count} draws kept")


def keep(fit: Fit, out: str | None, draws: str | None) -> None:
    """Save the fit and the draws where that was asked for."""
    if out:
        fit.save(out)
        output.say(f"saved: {out}")
    if draws and not draws.isdigit():
        from ppl.posterior.draws_csv import write_draws

        write_draws(fit, draws)
        output.say(f"draws: {draws}")
