"""The catalogue: every code in use is explained, every example gives its code, and mended gives none."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

import ppl
from ppl.errors import ModelError, Source
from ppl.language.check import check
from ppl.language.codes import ENTRIES, EXPLANATIONS
from ppl.language.parse import parse

LANGUAGE = [c for c, e in ENTRIES.items() if e.wrong and c[0] == "E"]


def codes(text: str) -> list[str]:
    source = Source("example.model", dedent(text).strip("\n") + "\n")
    try:
        check(parse(source), source)
    except ModelError as error:
        return [d.code for d in error.diagnostics]
    return []


@pytest.mark.parametrize("code", LANGUAGE)
def test_the_wrong_example_gives_its_code(code: str) -> None:
    assert codes(ENTRIES[code].wrong)[0] == code


@pytest.mark.parametrize("code", LANGUAGE)
def test_the_right_example_is_right(code: str) -> None:
    assert codes(ENTRIES[code].right) == []


def test_every_code_in_the_program_is_explained() -> None:
    texts = [p.read_text() for p in Path(ppl.__file__).parent.rglob("*.py") if not p.name.startswith("codes")]
    used = {c for text in texts for c in re.findall(r'"([EW][1-8]\d\d)"', text)}
    assert used <= set(ENTRIES)


def test_first_lines_are_titles() -> None:
    assert all(text.splitlines()[0] == ENTRIES[c].title for c, text in EXPLANATIONS.items())
    assert all(len(e.title) < 70 and e.why for e in ENTRIES.values())


def test_every_language_code_has_a_pinned_message() -> None:
    bad = {p.stem[:4].upper() for p in (Path(__file__).parent / "bad").glob("*.model")}
    checked = {c for c in ENTRIES if c[0] == "E" and c[1] in "235"} - {"E322"}
    assert checked <= bad
