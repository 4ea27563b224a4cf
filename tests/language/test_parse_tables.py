"""The shipped tables are those of the grammar, and loading them needs no parser generator."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ppl.language.tables import PATH, load
from ppl.language.tables_build import GRAMMAR, build, dump

REPORT = """
import sys, time
from ppl.language.parse import parse
from ppl.errors import Source
parse(Source("m", "mu ~ Normal(0, 5)"))
print("lark" in sys.modules, time.process_time())
"""


def test_tables_are_current():
    pytest.importorskip("interegular")
    built = dump(build(GRAMMAR.read_text(encoding="utf-8")))
    assert built == PATH.read_text(encoding="utf-8"), "run `python -m ppl.language.tables`"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_tables_do_not_depend_on_hashing(seed):
    script = "from ppl.language.tables_build import *; print(dump(build(GRAMMAR.read_text('utf-8'))), end='')"
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == PATH.read_text(encoding="utf-8")


def test_an_ambiguous_grammar_is_refused():
    """The broken twin: without strictness this rule would be settled in silence."""
    from lark.exceptions import GrammarError

    pytest.importorskip("interegular")
    ambiguous = GRAMMAR.read_text(encoding="utf-8").replace(
        "?sum: product ((PLUS | MINUS) product)*", "?sum: product | sum PLUS sum | sum MINUS sum"
    )
    with pytest.raises(GrammarError, match="Shift/Reduce"):
        build(ambiguous)


def test_soft_words_are_declared_in_the_grammar():
    assert load().soft == {"by", "from", "key", "of", "order", "q", "weight", "within"}


def test_tables_are_plain_data():
    json.loads(PATH.read_text(encoding="utf-8"))


def test_starting_is_light():
    run = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True, check=True)
    lark, seconds = run.stdout.split()
    assert lark == "False"
    assert float(seconds) < 0.3
