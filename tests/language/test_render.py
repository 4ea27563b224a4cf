"""Diagnostics as shown to people and to programs."""

from __future__ import annotations

import json
import re

import pytest

from ppl.errors import DataPlace, Diagnostic, Note, Source, Span
from ppl.language.render import display_width, render_github, render_json, render_sarif, render_text

TEXT = """\
index docs, vocab
index topics = 20
table tokens(doc: docs, word: vocab)

theta[d, topics] ~ Dirichlet(0.1)           for d in docs
phi[k, vocab]    ~ Dirichlet(0.01)          for k in topics
for n in tokens:
    z[n]    ~ Categorical(theta[n])
"""
SOURCE = Source("lda.model", TEXT)


def at(fragment: str, offset: int = 0, length: int = 1) -> Span:
    start = TEXT.index(fragment) + offset
    return Span(start, start + length)


WRONG_AXIS = Diagnostic(
    "E311",
    "`theta` is indexed by docs, but `n` is a row of tokens",
    at("theta[n]", 6),
    "a row of tokens",
    (Note(at("doc: docs", 0, 3), "each token has one doc"),),
    "go through the column that leads from tokens to docs",
    "    z[n]    ~ Categorical(theta[doc[n]])",
)
SHOWN = """\
error[E311]: `theta` is indexed by docs, but `n` is a row of tokens
  --> lda.model:8:33
  3 | table tokens(doc: docs, word: vocab)
    |              --- each token has one doc
  8 |     z[n]    ~ Categorical(theta[n])
    |                                 ^ a row of tokens
help: go through the column that leads from tokens to docs:
  8 |     z[n]    ~ Categorical(theta[doc[n]])
"""
BLANKS = Diagnostic(
    "E404",
    "12 blanks in `income`",
    help="drop them with `--drop-missing income`",
    place=DataPlace("voters.csv", 4, "income"),
)


def test_the_full_form():
    assert render_text([WRONG_AXIS], SOURCE) == SHOWN


def test_colour_adds_nothing_but_colour():
    coloured = render_text([WRONG_AXIS], SOURCE, color=True)
    assert "\x1b[31;1m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == SHOWN


def test_places_in_data():
    assert render_text([BLANKS], None) == (
        "error[E404]: 12 blanks in `income`\n  --> voters.csv:4, column `income`\n"
        "help: drop them with `--drop-missing income`\n"
    )
    whole = Diagnostic("E401", "the file has no `income`", place=DataPlace("voters.csv"))
    assert "  --> voters.csv\n" in render_text([whole], None)


def test_diagnostics_are_separated_by_a_blank_line():
    assert render_text([WRONG_AXIS, BLANKS], SOURCE).count("\n\n") == 1


def test_a_warning_without_a_place():
    assert render_text([Diagnostic("W601", "odd", severity="warning")], SOURCE) == "warning[W601]: odd\n"


def test_a_later_second_place_comes_below():
    d = Diagnostic("E204", "twice", at("index"), "again", (Note(at("phi", 0, 3), "first here"),))
    lines = render_text([d], SOURCE).split("\n")
    assert lines[2].startswith("  1 |")
    assert lines[4].startswith("  6 |")


@pytest.mark.parametrize(
    "text, start, end",
    [
        ("", 0, 0),
        ("x", 1, 1),
        ("x\n", 2, 2),
        ("\tx\ty", 3, 4),
        ("中文 = 1", 3, 4),
        ("e\u0301 = 1", 3, 4),
        ("a\x00b\x1b[31m", 1, 2),
        ("\ud800x", 0, 1),
        ("x" * 5000, 4000, 4500),
        ("x\ny\nz", 0, 5),
        ("x\r\ny", 0, 1),
    ],
)
def test_odd_texts_are_shown_safely(text, start, end):
    d = Diagnostic(
        "E100", "odd\x1b[2J", Span(start, end), "here", (Note(Span(0, 0), "there"),), "do\x07 this", "a\tb"
    )
    source = Source("m\x1b.model", text)
    shown = render_text([d], source)
    assert shown.replace("\n", "").isprintable()
    assert max(map(len, shown.split("\n"))) < 400
    json.loads(render_json([d], source))
    json.loads(render_sarif([d], source))
    assert render_github([d], source).count("\n") == 1


def test_the_caret_stands_under_wide_letters():
    shown = render_text([Diagnostic("E100", "m", Span(5, 6), "here")], Source("m", "中文 = 1")).split("\n")
    assert display_width(shown[2].split("|")[1]) - 1 == shown[3].split("|")[1].index("^")


def test_line_numbers_keep_their_column():
    text = "x\n" * 12345
    shown = render_text([Diagnostic("E100", "m", Span(24_000, 24_001), "here")], Source("m", text))
    assert "\n12001 | x\n      | ^ here\n" in shown


def test_json_has_everything():
    (first, second) = json.loads(render_json([WRONG_AXIS, BLANKS], SOURCE))
    assert first["code"] == "E311"
    assert first["place"] == {
        "file": "lda.model", "line": 8, "column": 33, "end_line": 8, "end_column": 34,
        "start": WRONG_AXIS.span.start, "end": WRONG_AXIS.span.end,
    }  # fmt: skip
    assert first["notes"][0]["text"] == "each token has one doc"
    assert first["suggestion"].strip().startswith("z[n]")
    assert second["data"] == {"file": "voters.csv", "line": 4, "column": "income"}
    assert second["place"] is None


def test_github_commands_are_escaped():
    d = Diagnostic("E100", "100% bad\nreally", Span(0, 1), severity="warning")
    assert render_github([d], Source("a,b:c.model", "x")) == (
        "::warning file=a%2Cb%3Ac.model,line=1,col=1,endLine=1,endColumn=2,title=E100::100%25 bad%0Areally\n"
    )
    assert render_github([BLANKS], None).startswith("::error file=voters.csv,line=4,title=E404::12 blanks")


def test_sarif_names_rules_and_places():
    log = json.loads(render_sarif([WRONG_AXIS, BLANKS], SOURCE))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E311", "E404"]
    first, second = run["results"]
    assert first["locations"][0]["physicalLocation"]["region"]["startColumn"] == 33
    assert first["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "voters.csv"
