"""Every syntax message, as printed.

``parse_errors.golden`` holds texts and what is shown for them; ``python tests/language/test_parse_errors.py``
rewrites the shown part (read the difference before you keep it). Control characters are written as
``<U+0000>`` there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppl.errors import ModelError, Source
from ppl.language.parse import parse
from ppl.language.render import render_text

GOLDEN = Path(__file__).with_name("parse_errors.golden")
_CODEPOINT = re.compile(r"<U\+([0-9A-F]+)>")
CODES = {"E100", "E101", "E102", "E103", "E104", "E105", "E106", "E107", "E108", "E109", "E110"}


def cases() -> list[tuple[str, str, str]]:
    """(name, text as stored, what is shown)."""
    found = []
    for block in GOLDEN.read_text(encoding="utf-8").split("=== ")[1:]:
        name, rest = block.split("\n", 1)
        stored, shown = rest.split("\n---\n", 1)
        found.append((name, stored, shown.rstrip("\n") + "\n"))
    return found


def shown_for(stored: str) -> str:
    text = _CODEPOINT.sub(lambda match: chr(int(match.group(1), 16)), stored)
    try:
        parse(Source("m.model", text))
    except ModelError as error:
        return render_text(error.diagnostics, error.source)
    return "no mistake\n"


@pytest.mark.parametrize("name, stored, shown", cases(), ids=[name for name, *_ in cases()])
def test_message(name, stored, shown):
    assert shown_for(stored) == shown


def test_every_code_is_pinned():
    everything = "".join(shown for *_, shown in cases())
    assert set(re.findall(r"error\[(E1\d\d)\]", everything)) == CODES


def test_no_case_is_without_a_mistake():
    assert not [name for name, _, shown in cases() if "no mistake" in shown]


if __name__ == "__main__":
    blocks = [f"=== {name}\n{stored}\n---\n{shown_for(stored)}" for name, stored, _ in cases()]
    GOLDEN.write_text("\n".join(blocks), encoding="utf-8")
