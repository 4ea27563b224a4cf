"""Runs many generated texts through the front end: ``python -m tests.fuzz.run 100000 [seed]``.

A text must give a tree, or an error whose every diagnostic has a code and a place inside the text.
A tree must print to a text that parses to it again.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ppl.errors import Diagnostic, ModelError, Source
from ppl.language import tree as t
from ppl.language.format import format_model, format_tree
from ppl.language.parse import parse
from ppl.language.render import render_github, render_json, render_sarif, render_text
from tests.fuzz.texts import texts

Checker = Callable[[t.Model, Source], object]


@dataclass
class Outcome:
    """What became of the texts."""

    count: int = 0
    parsed: int = 0
    checked: int = 0
    slowest: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)


def fuzz(inputs: Iterable[str], check: Checker | None = None) -> Outcome:
    """Tries every text; whatever must not happen is listed in ``failures`` with its text."""
    outcome = Outcome()
    for text in inputs:
        started = time.perf_counter()
        try:
            complaint = _try(Source("fuzz.model", text), outcome, check)
        except Exception:
            complaint = traceback.format_exc()
        if complaint:
            outcome.failures.append((text, complaint))
        outcome.count += 1
        outcome.slowest = max(outcome.slowest, time.perf_counter() - started)
    return outcome


def _try(source: Source, outcome: Outcome, check: Checker | None) -> str:
    try:
        tree = parse(source)
    except ModelError as error:
        return _unlocated(error, source, outcome)
    outcome.parsed += 1
    printed = format_model(source) if outcome.count % 2 else format_tree(tree)
    again = parse(Source("again", printed))
    if again != tree or (format_model(printed) != printed and outcome.count % 2):
        return "the formatted text parses to another tree, or formats to another text"
    if check is not None:
        try:
            check(tree, source)
            outcome.checked += 1
        except ModelError as error:
            return _unlocated(error, source, outcome)
    return ""


def _unlocated(error: ModelError, source: Source, outcome: Outcome) -> str:
    outcome.codes.update(d.code for d in error.diagnostics)
    (render_json, render_github, render_sarif)[outcome.count % 3](error.diagnostics[:20], source)
    shown = render_text(error.diagnostics[:20], source)
    lost = [d for d in error.diagnostics if not _located(d, source)]
    if lost or not error.diagnostics:
        return f"no place: {lost[:3]}"
    return "" if "-->" in shown else "nothing shown"


def _located(d: Diagnostic, source: Source) -> bool:
    return d.span is not None and 0 <= d.span.start <= d.span.end <= len(source.text) and d.code[0] in "EW"


def checker() -> Checker | None:
    """The checker, where there is one."""
    try:
        from ppl.language.check import check
    except ImportError:
        return None
    return lambda tree, source: check(tree, source)


def main() -> int:
    """Prints a summary; the status is 1 if anything failed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    started = time.perf_counter()
    outcome = fuzz(texts(np.random.default_rng(seed), count), checker())
    print(f"{outcome.count} texts (seed {seed}) in {time.perf_counter() - started:.0f} s,", end=" ")
    print(f"{outcome.parsed} parsed, {outcome.checked} checked, slowest {outcome.slowest:.3f} s")
    print(dict(outcome.codes.most_common()))
    for text, complaint in outcome.failures[:5]:
        print(f"--- {text!r}\n{complaint}")
    print(f"{len(outcome.failures)} failures")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
