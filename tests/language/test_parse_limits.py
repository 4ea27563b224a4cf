"""Size and depth: long is ordinary, deep is refused at the right place, both quickly."""

from __future__ import annotations

import time

import pytest

from ppl.errors import ModelError, Source
from ppl.language import tree as t
from ppl.language.parse import parse
from ppl.language.parse_driver import DEPTH_LIMIT

DEEP = 100_000


def refused(text: str) -> tuple[str, int]:
    started = time.process_time()
    with pytest.raises(ModelError) as caught:
        parse(Source("m", text))
    assert time.process_time() - started < 4
    (d,) = caught.value.diagnostics
    return d.code, caught.value.source.position(d.span.start)[1]


@pytest.mark.parametrize(
    "text, column",
    [
        ("x = " + "(" * DEEP + "1" + ")" * DEEP, 5 + DEPTH_LIMIT),
        ("x = " + "(" * DEEP, 5 + DEPTH_LIMIT),
        ("x = " + "-" * DEEP + "1", 5 + DEPTH_LIMIT),
        ("x = " + "not " * DEEP + "1", 5 + 4 * DEPTH_LIMIT),
        ("x = " + "[" * DEEP + "]" * DEEP, 5 + DEPTH_LIMIT),
        ("x = " + "2^" * DEEP + "1", 6 + 2 * DEPTH_LIMIT),
    ],
    ids=["parens", "open parens", "minus", "not", "lists", "powers"],
)
def test_depth_is_limited_at_the_right_column(text, column):
    assert refused(text) == ("E108", column)


@pytest.mark.parametrize(
    "text",
    [
        "x = a" + "[1]" * DEEP,
        "x = a" + "()" * DEEP,
        "x = a" + ".b" * DEEP,
        "x = " + "a if b else " * DEEP + "1",
    ],
    ids=["subscripts", "calls", "attributes", "choices"],
)
def test_chains_are_limited_too(text):
    assert refused(text)[0] == "E108"


def test_just_below_the_limit_parses():
    depth = DEPTH_LIMIT
    parse(Source("m", "x = " + "(" * depth + "1" + ")" * depth))
    parse(Source("m", "x = " + "-" * depth + "1"))


def test_nested_blocks_are_limited():
    lines = [f"{' ' * k}for i{k} in s:" for k in range(DEPTH_LIMIT + 2)]
    with pytest.raises(ModelError) as caught:
        parse(Source("m", "\n".join([*lines, " " * len(lines) + "x = 1"])))
    assert caught.value.diagnostics[0].code == "E108"


def test_a_sum_of_ten_thousand_terms_is_one_node():
    text = "x = " + " + ".join(f"a{k} * x{k}" for k in range(10_000))
    (statement,) = parse(Source("m", text)).statements
    assert isinstance(statement.value, t.Sum)
    assert len(statement.value.rest) == 9_999


def test_ten_thousand_statements_with_one_mistake():
    lines = [f"a{k} ~ Normal(0.5 * b[{k}], exp(c))" for k in range(10_000)]
    lines[9_870] = "a9870 ~ Normal(0.5 * , 1)"
    started = time.process_time()
    with pytest.raises(ModelError) as caught:
        parse(Source("m", "\n".join(lines)))
    assert time.process_time() - started < 10
    assert str(caught.value).startswith("m:9871:22: error[E100]")


@pytest.mark.parametrize(
    "text",
    [
        "x = (\n" * 20_000,
        "x ~ (\n" * 20_000,
        "x = ]\n" * 20_000,
        "}{;$" * 20_000,
        "for i in s\n" * 20_000,
        "~" * 100_000,
    ],
    ids=["open", "open tilde", "closing", "signs", "headers", "tildes"],
)
def test_many_mistakes_take_linear_time(text):
    started = time.process_time()
    with pytest.raises(ModelError):
        parse(Source("m", text))
    assert time.process_time() - started < 10
