"""What explain says of a plan: conditionals, q, the statement that is the reason, and nearby changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ppl
from ppl.cli.main import run
from ppl.errors import UsageError
from ppl.report.explain import Planned, as_dict, plan_of, text_of
from ppl.report.explained import Block

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SPREAD = """
table t(y: real)
mu ~ Normal(0, 5)
sigma ~ HalfNormal(5)  # a scale
y[i] ~ Normal(mu, sigma) for i in t
"""
RATE = """
table t(y: count)
rate ~ HalfNormal(5)
y[i] ~ Poisson(rate) for i in t
"""
LOGIT = """
table t(y: bool, x: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y[i] ~ Bernoulli(logit = a + b * x[i]) for i in t
"""


def planned(text: str, method: str = "cavi", **options: Any) -> Planned:
    return plan_of(ppl.compile(text), None, method, options)


def block(p: Planned, name: str) -> Block:
    return next(b for b in p.explained.blocks if name in b.names)


def test_a_conjugate_block_is_exact() -> None:
    found = block(planned(SPREAD), "mu")
    assert (found.conditional, found.q, found.exact, found.blame) == ("Normal", "Normal", True, None)
    assert [(names, p.line) for names, p in found.ties if p] == [(("sigma",), 5)]


def test_a_scale_is_told_of_precisions_where_it_is_read() -> None:
    found = block(planned(SPREAD), "sigma")
    assert found.conditional == "" and found.kind == "tabulated"
    assert found.blame is not None and str(found.blame) == "line 4: sigma ~ HalfNormal(5)"
    assert "`precision = sigma_precision` on line 5 would make it Gamma" in found.advice


def test_the_change_that_is_named_makes_it_so() -> None:
    better = SPREAD.replace("sigma ~ HalfNormal(5)", "sigma_precision ~ Gamma(1, 1)")
    better = better.replace("Normal(mu, sigma)", "Normal(mu, precision = sigma_precision)")
    assert block(planned(better), "sigma_precision").conditional == "Gamma"


def test_another_prior_is_named_where_one_is_conjugate() -> None:
    found = block(planned(RATE), "rate")
    assert found.advice.startswith("`rate ~ Gamma(..)` in place of `HalfNormal`")
    assert block(planned(RATE.replace("HalfNormal(5)", "Gamma(1, 1)")), "rate").conditional == "Gamma"


def test_a_link_has_a_stand_in_with_its_line() -> None:
    e = planned(LOGIT).explained
    assert not e.blocks[0].exact and e.blocks[0].blame is not None and e.blocks[0].blame.line == 5
    assert [(s.names, s.place.line) for s in e.stand_ins if s.place] == [(("a", "b"), 5)]
    assert not e.exact


def test_a_heavy_tail_has_a_conjugate_twin() -> None:
    text = "table t(y: real)\na ~ Normal(0, 10)\ntau ~ Gamma(1, 1)\n"
    heavy = text + "y[i] ~ StudentT(4, a, 1 / sqrt(tau)) for i in t\n"
    found = block(planned(heavy), "a")
    assert found.conditional == "" and "w[i] ~ Gamma(nu / 2, nu / 2)" in found.advice
    twin = text + "for i in t:\n    w[i] ~ Gamma(2, 2)\n    y[i] ~ Normal(a, precision = tau * w[i])\n"
    assert [b.conditional for b in planned(twin).explained.blocks] == ["Normal", "Gamma", "Gamma"]


def test_order_is_the_reason_where_it_is() -> None:
    text = "index s = 2\ntable t(y: count, g: s)\nrate[s] ~ Ordered(Gamma(4, 1))\n"
    text += "y[i] ~ Poisson(rate[g[i]]) for i in t\n"
    assert block(planned(text), "rate").advice.startswith("without `Ordered`")
    assert block(planned(text.replace("Ordered(Gamma(4, 1))", "Gamma(4, 1)")), "rate").conditional == "Gamma"


def test_em_says_that_given_the_points_q_is_the_posterior() -> None:
    e = planned(SPREAD, "em", point="sigma").explained
    assert e.exact and {b.q for b in e.blocks} == {"Normal", "point"}


@pytest.mark.parametrize("name", ["coal", "geyser", "nile", "wine", "faithful", "diabetes"])
def test_made_up_data_give_the_blocks_of_the_data(name: str) -> None:
    folder = EXAMPLES / name
    model = ppl.compile(folder / f"{name}.model")
    made, real = plan_of(model, None), plan_of(model, model.bind(folder / "data.csv"))
    assert [(b.names, b.conditional) for b in made.explained.blocks] == [
        (b.names, b.conditional) for b in real.explained.blocks
    ]
    assert "made-up rows" in text_of(made) and "made-up" not in text_of(real)


def test_sizes_that_nobody_knows_need_data() -> None:
    text = "given K: count\nindex s = K\ntable t(y: real)\nmu[k] ~ Normal(0, 1) for k in s\n"
    text += "y[i] ~ Normal(sum(mu[k] for k in s), 1) for i in t\n"
    with pytest.raises(UsageError, match="depends on its data"):
        planned(text)


def test_json_has_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "m.model"
    file.write_text(SPREAD)
    assert run(["explain", str(file), "--method", "cavi", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = json.loads(json.dumps(as_dict(planned(SPREAD))))
    assert printed["blocks"] == expected["blocks"] and printed["guide"].startswith("guide:\n")


def test_text_names_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "m.model"
    file.write_text(SPREAD)
    assert run(["explain", str(file), "--method", "cavi"]) == 0
    text = capsys.readouterr().out
    assert "because of line 4: sigma ~ HalfNormal(5)\n" in text and "q is an approximation" in text
    assert run(["explain", str(file), "--method", "cavi", "--guide"]) == 0
    assert capsys.readouterr().out == "guide:\n    q(mu) ~ Normal\n    q(sigma) ~ MeanField\n"
