"""The formatter: exact on trees, faithful to comments, stable."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from ppl.errors import ModelError, Source
from ppl.language import tree as t
from ppl.language.format import dump_tree, format_model, format_tree
from ppl.language.format_lines import WIDTH
from ppl.language.parse import parse
from tests.fuzz.trees import Generated, Grower, models, random_model

HERE = Path(__file__).parent
MODELS = sorted([*HERE.glob("models/*.model"), *HERE.glob("syntax/*.model")])


def tree(text: str) -> t.Model:
    return parse(Source("m", text))


@given(models())
def test_printing_and_parsing_a_tree_is_the_identity(model):
    assert tree(format_tree(model)) == model


def test_the_same_on_many_trees():
    rng = np.random.default_rng(20)
    for _ in range(500):
        model = random_model(rng)
        assert tree(format_tree(model)) == model


def test_a_printer_that_forgets_brackets_is_caught(monkeypatch):
    """The broken twin: without binding strengths the law above must fail."""
    from ppl.language import format_expressions

    monkeypatch.setattr(format_expressions, "STRENGTH", {})
    rng = np.random.default_rng(20)
    wrong = 0
    for _ in range(100):
        model = random_model(rng)
        try:
            wrong += tree(format_tree(model)) != model
        except ModelError:
            wrong += 1
    assert wrong > 10


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_keep_their_tree_and_comments(path):
    text = path.read_text(encoding="utf-8")
    printed = format_model(text)
    assert tree(printed) == tree(text)
    assert format_model(printed) == printed
    assert re.findall("#.*", printed) == re.findall("#.*", text)
    assert max(map(len, printed.split("\n"))) <= WIDTH + 40, "comments may stand out"


@pytest.mark.parametrize(
    "text, printed",
    [
        ("x=(((a)))", "x = a"),
        ("x = (a+b)+c", "x = (a + b) + c"),
        ("x = a+(b*c)", "x = a + b * c"),
        ("x = (a*b)^2", "x = (a * b)^2"),
        ("x = (-a)^-b", "x = (-a)^-b"),
        ("x = -(a^2)", "x = -a^2"),
        ("x = (a^b)^c", "x = (a^b)^c"),
        ("x = a^(b^c)", "x = a^b^c"),
        ("x = a - (-b)", "x = a - -b"),
        ("x = (a if b else c) if d else e", "x = (a if b else c) if d else e"),
        ("x = not (a and b)", "x = not (a and b)"),
        ("x = (not a) == b", "x = (not a) == b"),
        ("x = (3).y", "x = (3).y"),
        ("index a = (0)..(3)", "index a = 0..3"),
        ("index a = 1. .. 3", "index a = 1. .. 3"),
        ("index a = n..(b + 1)", "index a = n .. b + 1"),
        ("x = f( a,b=2, )", "x = f(a, b = 2)"),
        ('x = m["\\\\ \\" \\n"]', 'x = m["\\\\ \\" \\n"]'),
        ("x ~ Normal(0,1e-07)   for i in s   if (i>1)", "x ~ Normal(0, 1e-07) for i in s if i > 1"),
        ("x = sum(a for i in s if (b if c else d))", "x = sum(a for i in s if (b if c else d))"),
        ("given x[S]=[1]", "given x[S]: real = [1]"),
        ('table t(a:real?="h",b:order within c,)', 'table t(a: real? = "h", b: order within c)'),
        ("def f( x:real[a,a'],y )->real=x", "def f(x: real[a, a'], y) -> real = x"),
    ],
)
def test_canonical_forms(text, printed):
    assert format_model(text) == printed + "\n"


COMMENTED = """\
# top


table t(a: real, # first
   # about b
   b: count? = "x"   # behind b
   )   # end



for i in t :  # head

   # in the block

   x = 3    # behind x
   for j in s:
         y = (1 + # why
            2)
         # after y
      # between
   # still in the block
# out
z = 1
#last"""

PRINTED = """\
# top

table t(
    a: real,  # first
    # about b
    b: count? = "x",  # behind b
)  # end

for i in t:  # head
    # in the block

    x = 3  # behind x
    for j in s:
        # why
        y = 1 + 2
        # after y
    # between
    # still in the block
# out
z = 1
#last
"""


def test_comments_and_blank_lines():
    assert format_model(COMMENTED) == PRINTED


def test_long_tables_have_a_column_a_line():
    text = "table t(" + ", ".join(f"a_long_name_{k}: positive" for k in range(6)) + ")"
    printed = format_model(text)
    assert printed.count("\n") == 8
    assert tree(printed) == tree(text)


def test_long_lines_break_inside_brackets():
    text = (
        "y[i] ~ Normal("
        + " + ".join(f"b_{k} * zscore(x_{k})[i]" for k in range(12))
        + ", sigma) for i in rows"
    )
    printed = format_model(text)
    assert max(map(len, printed.split("\n"))) <= WIDTH
    assert tree(printed) == tree(text)
    assert format_model(printed) == printed


def sprinkled(text: str, choice: Generated) -> tuple[str, int]:
    """A text with comments behind lines, between lines, and inside brackets."""
    lines, count = [], 0
    for line in text.rstrip("\n").split("\n"):
        if choice.below(4) == 0:
            count += 1
            lines.append(" " * choice.below(9) + f"# c{count}")
        if choice.below(6) == 0:
            lines += [""] * choice.below(4)
        at = line.find("(") + 1
        if at and '"' not in line and choice.below(4) == 0:
            count += 1
            line = f"{line[:at]} # c{count}\n  {line[at:]}"
        if choice.below(4) == 0:
            count += 1
            line += " " * choice.below(3) + f"# c{count}"
        lines.append(line)
    return "\n".join(lines), count


def test_no_comment_is_lost_and_the_text_is_stable():
    choice = Generated(np.random.default_rng(3))
    for _ in range(300):
        plain = format_tree(Grower(choice, 40).model())
        text, count = sprinkled(plain, choice)
        printed = format_model(text)
        assert tree(printed) == tree(plain)
        found = re.findall(r"# c(\d+)\s*$", printed, re.MULTILINE)
        assert sorted(map(int, found)) == list(range(1, count + 1))
        assert format_model(printed) == printed
        assert "\n\n\n" not in printed


def test_wrong_texts_are_refused():
    with pytest.raises(ModelError):
        format_model("x = = 1")


def test_a_deep_and_a_long_tree_print_without_recursion():
    deep: t.Expr = t.Name("x")
    for _ in range(3_000):
        deep = t.Negative(deep)
    long = t.Sum(t.Name("x"), tuple(("+", t.Name("y")) for _ in range(20_000)))
    for value in (deep, long):
        model = t.Model((t.Assign((t.Target("a"),), value),))
        assert format_tree(model)
        assert dump_tree(model)


def test_dump_of_a_tree():
    dumped = dump_tree(tree("y ~ Normal(-2, sd = s) for i in r if true"))
    assert (
        dumped
        == """\
Model
  statements:
    -: Sample
      left:
        -: Target
          name: 'y'
      distribution: Call
        function: Name
          id: 'Normal'
        arguments:
          -: Argument
            value: Negative
              operand: Number
                text: '2'
          -: Argument
            name: 'sd'
            value: Name
              id: 's'
      bindings:
        -: Binding
          name: 'i'
          set: 'r'
          test: Bool
            value: True
"""
    )
