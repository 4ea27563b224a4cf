"""Builds the parse tables from the grammar with Lark, strictly: any conflict is an error.

Only this module imports Lark, and only the build step and the tests import this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ppl.language.tables import PATH

GRAMMAR = Path(__file__).resolve().parents[2] / "grammar" / "ppl.lark"
STARTS = ("model", "item")


class _Layout:
    """Tells Lark that newlines and indents come from elsewhere."""

    always_accept = ()

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


def build(grammar: str) -> dict[str, Any]:
    """The tables of a grammar text as JSON data, the same on every run."""
    from lark import Lark

    lark = Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        strict=True,
        start=list(STARTS),
        maybe_placeholders=True,
        postlex=_Layout(),
    )
    table = lark.parser.parser._parse_table
    rules = sorted(lark.rules, key=str)
    numbers = _number_states(table)
    return {
        **_terminals(lark),
        "states": _states(table, numbers, {rule: i for i, rule in enumerate(rules)}),
        "productions": [_production(rule) for rule in rules],
        "start": {s: numbers[table.start_states[s]] for s in STARTS},
        "end": {s: numbers[table.end_states[s]] for s in STARTS},
    }


def _number_states(table: Any) -> dict[int, int]:
    """Breadth-first numbers, so that they do not depend on the order of a set."""
    from lark.parsers.lalr_analysis import Shift

    numbers: dict[int, int] = {}
    queue = [table.start_states[s] for s in STARTS]
    for state in queue:
        if state not in numbers:
            numbers[state] = len(numbers)
            row = table.states[state]
            queue.extend(row[symbol][1] for symbol in sorted(row) if row[symbol][0] is Shift)
    return numbers


def _states(table: Any, numbers: dict[int, int], rules: dict[Any, int]) -> list[dict[str, int]]:
    from lark.parsers.lalr_analysis import Shift

    rows: list[dict[str, int]] = [{} for _ in numbers]
    for state, number in numbers.items():
        for symbol in sorted(table.states[state]):
            action, argument = table.states[state][symbol]
            rows[number][symbol] = numbers[argument] if action is Shift else -rules[argument] - 1
    return rows


def _production(rule: Any) -> list[Any]:
    helper = rule.origin.name.startswith("_")
    absent = rule.options.empty_indices
    keep: list[int] = []
    splice: list[int] = []
    for position, symbol in enumerate(rule.expansion):
        keep += [-1] * _gaps(absent, position)
        if not (symbol.is_term and symbol.filter_out):
            keep.append(position)
            if not symbol.is_term and symbol.name.startswith("_"):
                splice.append(position)
    keep += [-1] * _gaps(absent, len(rule.expansion))
    action = None if helper else (rule.alias or rule.origin.name)
    expand = bool(rule.options.expand1) and not rule.alias
    return [rule.origin.name, len(rule.expansion), action, keep, splice, expand]


def _gaps(absent: tuple[bool, ...], position: int) -> int:
    """How many absent optionals stand before the symbol at ``position``."""
    counts = [len(run) for run in "".join("1" if a else "0" for a in absent).split("0")]
    return counts[position] if absent else 0


def _terminals(lark: Any) -> dict[str, Any]:
    """The scanner's pattern, and the spellings of words and signs.

    Words are found by scanning a name; signs go by length, so that ``->`` wins over ``-``.
    """
    fixed = {t.name: t.pattern.value for t in lark.terminals if t.pattern.type == "str"}
    patterns = {t.name: t.pattern.value for t in lark.terminals if t.pattern.type == "re"}
    words = {text: name for name, text in sorted(fixed.items()) if text.isidentifier()}
    signs = {text: name for name, text in sorted(fixed.items()) if not text.isidentifier()}
    named = {"NEWLINE": r"\n", **patterns, "SIGN": "|".join(map(re.escape, _longest_first(signs)))}
    groups = [f"(?P<{name}>{named[name]})" for name in _scan_order(named)]
    # A soft keyword is one that the grammar gives a name of its own.
    soft = sorted(w for w, name in words.items() if name.lstrip("_") == w.upper() and _is_soft(lark, name))
    return {
        "scanner": "|".join([*groups, "(?P<ILLEGAL>.)"]),
        "words": words,
        "soft": soft,
        "punctuation": signs,
    }


def _is_soft(lark: Any, terminal: str) -> bool:
    """Soft keywords are declared in the grammar, block words only quoted in its rules."""
    declared = re.findall(r"^(\w+)\s*:\s*\"", lark.source_grammar, re.MULTILINE)
    return terminal in declared


def _longest_first(signs: dict[str, str]) -> list[str]:
    return sorted(signs, key=lambda text: (-len(text), text))


def _scan_order(named: dict[str, str]) -> list[str]:
    first = ["SPACE", "PRIMED", "NAME", "NEWLINE", "NUMBER", "COMPARISON", "SIGN", "STRING", "COMMENT"]
    if set(first) != set(named):
        raise ValueError(f"terminals without a place in the scanner: {set(first) ^ set(named)}")
    return first


def dump(data: dict[str, Any]) -> str:
    """Canonical JSON text, one state or production a line."""
    parts = []
    for key, value in data.items():
        if key in ("states", "productions"):
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            parts.append(f'"{key}": [\n{rows}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Rewrites ``tables.json``."""
    PATH.write_text(dump(build(GRAMMAR.read_text(encoding="utf-8"))), encoding="utf-8")
