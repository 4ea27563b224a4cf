"""Where results, warnings and progress go: stdout has the result, stderr everything else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ppl.errors import Diagnostic, Source


def say(text: str) -> None:
    """A line for the person, not for the pipe."""
    click.echo(text, err=True)


def result(text: str) -> None:
    """A part of the result."""
    click.echo(text)


def result_json(form: Any) -> None:
    """One strict-JSON object on one line."""
    click.echo(json.dumps(form, ensure_ascii=False, allow_nan=False))


def result_pieces(pieces: Iterable[str]) -> None:
    """A result that is written as it is made, and a line end."""
    for piece in pieces:
        click.echo(piece, nl=False)
    click.echo()


def show_warnings(diagnostics: Sequence[Diagnostic], source: Source) -> None:
    """Warnings of the model or the data, with their places."""
    if diagnostics:
        from ppl.cli.failure import colour_wanted
        from ppl.language.render import render_text

        click.echo(render_text(tuple(diagnostics), source, color=colour_wanted()), err=True)


class ProgressLine:
    """One line on a terminal that is written over: step, phase, bound, slope, seconds."""

    def __init__(self, wanted: bool) -> None:
        self.on = wanted
        self._last = 0.0
        self._width = 0

    def __call__(self, at: Any, seconds: float) -> None:
        """Show where the run stands, at most ten times a second."""
        if not self.on or seconds - self._last < 0.1:
            return
        self._last = seconds
        text = f"step {at.step}  {at.phase}  ELBO {at.elbo:.2f}  slope {at.gradient:.2g}  {seconds:.0f} s"
        text = text[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def end(self) -> None:
        """Clear the line."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
