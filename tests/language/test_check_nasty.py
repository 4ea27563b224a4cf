# ruff: noqa: E501  (texts of models, a case a line)
"""Texts made to break a checker: each ends in a located diagnostic, or in a program, and soon."""

from __future__ import annotations

import time

import pytest

from ppl.errors import Diagnostic, ModelError, Source
from ppl.language import typed
from ppl.language.check import check
from ppl.language.parse import parse

ROWS = "table rows(x: real, y: real)\n"
LAST = "y[i] ~ Normal(mu, 1) for i in rows\n"


def outcome(text: str) -> typed.Program | tuple[Diagnostic, ...]:
    source = Source("nasty.model", text)
    try:
        return check(parse(source), source)
    except ModelError as error:
        return error.diagnostics


def mistakes(text: str) -> list[tuple[str, int]]:
    found = outcome(text)
    assert isinstance(found, tuple)
    source = Source("nasty.model", text)
    spans = [d.span for d in found if d.span is not None]
    assert len(spans) == len(found)
    assert all(0 <= s.start <= s.end <= len(text) for s in spans)
    return [(d.code, source.position(s.start)[0]) for d, s in zip(found, spans, strict=True)]


SMALL = {
    "undeclared": (ROWS + "sigma ~ HalfNormal(1)\ny[i] ~ Normal(0, sgima) for i in rows\n", ("E202", 3)),
    "reserved python names": (ROWS + "__class__ ~ Normal(0, 1)\n" + LAST.replace("mu", "__clas__"), ("E202", 3)),
    "twice": (ROWS + "mu ~ Normal(0, 1)\nmu ~ Normal(0, 2)\n" + LAST, ("E204", 3)),
    "cycle": (ROWS + "mu ~ Normal(b, 1)\nb ~ Normal(mu, 1)\n" + LAST, ("E501", 2)),
    "self reference": (ROWS + "m[i] ~ Normal(m[i], 1) for i in rows\ny[i] ~ Normal(m[i], 1) for i in rows\n", ("E501", 2)),
    "no first row": (ROWS + "m[i] ~ Normal(m[i-1], 1) for i in rows\ny[i] ~ Normal(m[i], 1) for i in rows\n", ("E318", 2)),
    "lag of nothing": (ROWS + "m[i] ~ Normal(m[i-0], 1) for i in rows\ny[i] ~ Normal(m[i], 1) for i in rows\n", ("E501", 2)),
    "too few arguments": (ROWS + "mu ~ Normal(0)\n" + LAST, ("E301", 2)),
    "too many arguments": (ROWS + "mu ~ Normal(0, 1, 2)\n" + LAST, ("E301", 2)),
    "misspelt distribution": (ROWS + "mu ~ Nromal(0, 1)\n" + LAST, ("E201", 2)),
    "support": (ROWS + "mu ~ Normal(0, 1)\ny[i] ~ Normal(0, mu) for i in rows\n", ("E304", 3)),
    "probability above 1": (ROWS + "z[i] ~ Bernoulli(1.5) for i in rows\ny[i] ~ Normal(z[i], 1) for i in rows\n", ("E304", 2)),
    "negative sd": (ROWS + "mu ~ Normal(0, -1)\n" + LAST, ("E304", 2)),
    "zero shape": (ROWS + "mu ~ Beta(0, 0)\n" + LAST, ("E304", 2)),
    "division by zero": (ROWS + "mu = 1 / 0\n" + LAST, ("E304", 2)),
    "log of minus one": (ROWS + "mu = log(-1)\n" + LAST, ("E304", 2)),
    "empty list": ("index k = 2\n" + ROWS + "mu[k] ~ Dirichlet([])\ny[i] ~ Normal(sum(mu), 1) for i in rows\n", ("E316", 3)),
    "asymmetric covariance": (
        "index k = 2\n" + ROWS + "v[k] ~ MultivariateNormal(0, [[1, 0.5], [0.4, 1]])\ny[i] ~ Normal(sum(v), 1) for i in rows\n",
        ("E304", 3),
    ),
    "barely indefinite covariance": (
        "index k = 2\n" + ROWS + "v[k] ~ MultivariateNormal(0, [[1, 1.000000000001], [1.000000000001, 1]])\n"
        "y[i] ~ Normal(sum(v), 1) for i in rows\n",
        ("E304", 3),
    ),
    "matrix times vector of another set": (
        "index a = 3, b = 3\n" + ROWS + "M[a, b] ~ Normal(0, 1)\nv[a] ~ Normal(0, 1)\n"
        "y[i] ~ Normal(sum(M @ v), 1) for i in rows\n",
        ("E316", 5),
    ),
    "an attribute of a function": (ROWS + "mu = exp.__globals__\n" + LAST, ("E208", 2)),
    "an injected call": (ROWS + 'mu = __import__("os")\n' + LAST, ("E208", 2)),
    "a text as a number": (ROWS + 'mu = "1" + 1\n' + LAST, ("E308", 2)),
    "no link to data": (ROWS + "mu ~ Normal(0, 1)\nnu ~ Normal(0, 1)\n" + LAST, ("E207", 3)),
    "only data": (ROWS, ("E209", 1)),
    "a number too large": (ROWS + "mu ~ Normal(0, 1e999)\n" + LAST, ("E304", 2)),
    "a set derived from itself": ("index a = [k for k in a if first(k)]\n" + ROWS + "mu ~ Normal(0, 1)\n" + LAST, ("E501", 1)),
    "a size that is random": ("index a = mu\n" + ROWS + "mu ~ Poisson(3)\n" + LAST, ("E309", 1)),
    "a def of itself": (ROWS + "def f(x) = f(x)\nmu = f(1)\n" + LAST, ("E501", 3)),
    "an exact sum over 2^40 states": (
        "index f = 40\n" + ROWS + "z[f] ~ Bernoulli(0.5)\ny[i] ~ Normal(sum(z), 1) for i in rows\nguide:\n    q(z) ~ Exact\n",
        ("E505", 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_small(name: str) -> None:
    text, expected = SMALL[name]
    assert expected in mistakes(text)


@pytest.mark.parametrize(
    "name", ["lambda", "class", "data", "__class__", "weight", "order", "key", "q", "of"]
)
def test_names_of_other_languages_are_names(name: str) -> None:
    assert isinstance(outcome(ROWS + f"{name} ~ Normal(0, 1)\n" + LAST.replace("mu", name)), typed.Program)


N = 10_000
LARGE = {
    "a sum of 10,000 terms": ROWS + "mu ~ Normal(0, 1)\ny[i] ~ Normal(" + " + ".join(["mu * x[i]"] * N) + ", 1) for i in rows\n",
    "a product of 10,000": ROWS + "mu ~ Normal(0, 1)\ny[i] ~ Normal(" + " * ".join(["mu"] * N) + ", 1) for i in rows\n",
    "a quotient of 10,000": ROWS + "mu ~ HalfNormal(1)\ny[i] ~ Normal(" + " / ".join(["mu"] * N) + ", 1) for i in rows\n",
    "a chain of 10,000 values": ROWS + "".join(f"a{k} = a{k + 1} + 1\n" for k in range(N))
    + f"a{N} ~ Normal(0, 1)\ny[i] ~ Normal(a0, 1) for i in rows\n",
    "140 calls deep": ROWS + "mu ~ Normal(0, 1)\ny[i] ~ Normal(" + "tanh(" * 140 + "mu" + ")" * 140 + ", 1) for i in rows\n",
    "140 choices deep": ROWS + "y[i] ~ " + "(Normal(0, 1) if first(i) else " * 70 + "Normal(0, 2)" + ")" * 70 + " for i in rows\n",
    "140 subscripts deep": "table t(next: t, y: real)\nm[i] ~ Normal(0, 1) for i in t\ny[i] ~ Normal(m["
    + "next[" * 140 + "i" + "]" * 140 + "], 1) for i in t\n",
    "a def 100 calls deep": ROWS + "def f0(x) = x + 1\n" + "".join(f"def f{k + 1}(x) = 1 + f{k}(x)\n" for k in range(80))
    + "y[i] ~ Normal(f80(x[i]), 1) for i in rows\n",
    "3,000 conditions": ROWS + "y[i] ~ Normal(1 if " + " and ".join(["y[i] > 0"] * 3000) + " else 2, 1) for i in rows\n",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_and_right(name: str) -> None:
    before = time.process_time()
    assert isinstance(outcome(LARGE[name]), typed.Program)
    assert time.process_time() - before < 15


def test_a_mistake_on_line_9871_of_ten_thousand() -> None:
    lines = [f"b{k} ~ Normal(0, 1)" for k in range(N)]
    lines[9869] = "b9869 ~ Normal(zz, 1)"
    text = (
        ROWS
        + "\n".join(lines)
        + "\ny[i] ~ Normal("
        + " + ".join(f"b{k}" for k in range(N))
        + ", 1) for i in rows\n"
    )
    before = time.process_time()
    assert mistakes(text) == [("E202", 9871)]
    assert time.process_time() - before < 20


def test_ten_thousand_mistakes_are_all_found() -> None:
    lines = [f"b{k} ~ Normal(a{k}, 1)" for k in range(2000)]
    text = (
        ROWS
        + "\n".join(lines)
        + "\ny[i] ~ Normal("
        + " + ".join(f"b{k}" for k in range(2000))
        + ", 1) for i in rows\n"
    )
    assert len(mistakes(text)) == 2000


def test_defs_that_double_each_other_stop() -> None:
    text = ROWS + "def f0(x) = x + x\n" + "".join(f"def f{k + 1}(x) = f{k}(x) + f{k}(x)\n" for k in range(60))
    assert "E108" in {code for code, _ in mistakes(text + "y[i] ~ Normal(f60(1), 1) for i in rows\n")}


def test_defs_that_nest_too_deeply_stop() -> None:
    text = ROWS + "def f0(x) = x\n" + "".join(f"def f{k + 1}(x) = 1 + f{k}(x)\n" for k in range(2000))
    assert "E108" in {code for code, _ in mistakes(text + "y[i] ~ Normal(f2000(1), 1) for i in rows\n")}


def test_a_long_cycle_is_told_in_one_sentence() -> None:
    text = (
        ROWS
        + "".join(f"b{k} = b{(k + 1) % 2000} + 1\n" for k in range(2000))
        + "y[i] ~ Normal(b0, 1) for i in rows\n"
    )
    found = outcome(text)
    assert isinstance(found, tuple)
    assert [d.code for d in found] == ["E501"]
    assert len(found[0].message) < 400


def from_deep_inside(levels: int, text: str) -> list[tuple[str, int]]:
    return mistakes(text) if levels == 0 else from_deep_inside(levels - 1, text)


def test_a_caller_deep_in_the_stack_gets_a_diagnostic() -> None:
    text = ROWS + "def f0(x) = x\n" + "".join(f"def f{k + 1}(x) = exp(f{k}(x))\n" for k in range(89))
    text += "y[i] ~ Normal(0, f89(x[i])) for i in rows\n"
    assert from_deep_inside(500, text) == [("E108", 92)]
