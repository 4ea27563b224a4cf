"""Commands that read a model only."""

from __future__ import annotations

import json

import pytest

MODEL = """\
# a comment
table t(g: key, y: real)
mu ~ Normal(0,   5)
y[i] ~ Normal(mu, 1) for i in t   # here too
"""
BAD = "table t(y: real)\nmu ~ Normal(0, 1\nsd ~ HalfNormal(1\n"


@pytest.fixture
def model(tmp_path, ppl):
    (tmp_path / "m.model").write_text(MODEL)
    (tmp_path / "bad.model").write_text(BAD)
    return ppl


def test_fmt_keeps_comments_and_is_idempotent(model, tmp_path):
    text = model("fmt", "m.model").out
    assert "mu ~ Normal(0, 5)" in text
    assert "# a comment" in text
    assert "# here too" in text
    assert model("fmt", "--check", "m.model").code == 2
    assert model("fmt", "--write", "m.model").code == 0
    assert (tmp_path / "m.model").read_text() == text
    assert model("fmt", "--check", "m.model").code == 0


def test_fmt_refuses_a_text_that_does_not_parse(model, tmp_path):
    assert model("fmt", "--write", "bad.model").code == 2
    assert (tmp_path / "bad.model").read_text() == BAD


def test_check_reports_every_mistake_in_each_form(model):
    done = model("check", "bad.model")
    assert done.code == 2
    assert done.err.count("error[E101]") == 2
    assert "2 errors" in done.out
    assert len(json.loads(model("check", "--format", "json", "bad.model").out)) == 2
    assert model("check", "--format", "github", "bad.model").out.count("::error") == 2
    sarif = json.loads(model("check", "--format", "sarif", "bad.model").out)
    assert len(sarif["runs"][0]["results"]) == 2


def test_check_of_a_right_model(model):
    done = model("check", "m.model")
    assert done.code == 0
    assert "no mistakes found" in done.out


@pytest.mark.parametrize("stage", ["tree", "typed", "graph"])
def test_every_stage_prints(model, stage):
    done = model("show", f"--{stage}", "m.model")
    assert done.code == 0
    assert "mu" in done.out


def test_code_needs_data(model, tmp_path):
    (tmp_path / "d.csv").write_text("g,y\na,1\nb,2\n")
    assert "log_joint" in model("show", "--code", "m.model", "d.csv").out


def test_explain_says_what_happens_to_each_latent(model, tmp_path):
    assert "mu" in model("explain", "m.model").out
    (tmp_path / "d.csv").write_text("g,y\na,1\nb,2\n")
    assert "1 coordinates" in model("explain", "m.model", "d.csv").out


def test_diagrams_and_latex(model):
    dot = model("graph", "m.model").out
    assert dot.startswith("digraph")
    assert "cluster_t" in dot
    assert "v0 -> v1" in dot
    assert model("graph", "m.model", "--format", "mermaid").out.startswith("flowchart")
    assert r"\mu &\sim \mathrm{Normal}" in model("latex", "m.model").out


def test_bytes_that_are_no_text_are_located(model, tmp_path):
    (tmp_path / "raw.model").write_bytes(b"mu ~ Normal(0, 1)\n\xff\xfe\n")
    done = model("check", "raw.model")
    assert done.code == 2
    assert "raw.model:2:1" in done.err


def test_explanations_are_found_by_code(ppl):
    assert "E311" in ppl("explain-error", "e311").out
    assert "E101" in ppl("explain-error").out
