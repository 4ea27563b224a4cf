"""Posteriors that defeat a plain mean-field Gaussian: the answer is right, or the fit warns about it.

The truth comes from quadrature or algebra. The broken twin is the mean-field sd without its
corrections, which must be told from the truth.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ppl.cli.main import run

Y = (0.3, -0.8, 1.1, 0.4, 1.9, -0.2, 0.7, 1.4)
FUNNEL = """
index k = 8
table rows(y: real)
v ~ Normal(0, 3)
x[j] ~ Normal(0, exp(v / 2)) for j in k
y[i] ~ Normal(sum(x), 10) for i in rows
"""
PAIR = """
table rows(y: real)
a ~ Normal(0, 1)
b ~ Normal(0, 1)
y[i] ~ Normal(a + b, 0.3) for i in rows
"""


def funnel_truth() -> dict[str, tuple[float, float]]:
    """Mean and sd of v: sum(x) given v is normal with variance 8 e^v."""
    v = np.linspace(-20, 20, 20001)
    variance = 8 * np.exp(v) + 100 / len(Y)
    log_p = -(v**2) / 18 - 0.5 * np.log(variance) - np.mean(Y) ** 2 / (2 * variance)
    p = np.exp(log_p - log_p.max())
    mean = (p * v).sum() / p.sum()
    return {"v": (mean, math.sqrt((p * (v - mean) ** 2).sum() / p.sum()))}


def pair_truth() -> dict[str, tuple[float, float]]:
    precision = np.eye(2) + len(Y) / 0.09
    cov = np.linalg.inv(precision)
    mean = cov @ np.full(2, sum(Y) / 0.09)
    return {n: (mean[i], math.sqrt(cov[i, i])) for i, n in enumerate("ab")}


def silent_misses(form: dict, truth: dict[str, tuple[float, float]]) -> list[str]:
    """Parameters off by more than 0.3 sd, or 0.35 in the log of the sd, that no warning names."""
    warned = {n for w in form["warnings"] for n in w["names"]}
    found = []
    for name, (mean, sd) in truth.items():
        ours = form["posterior"][name]
        off = abs(ours["mean"] - mean) > 0.3 * sd or abs(math.log(ours["sd"] / sd)) > 0.35
        if off and name not in warned:
            found.append(name)
    return found


@pytest.mark.parametrize("family", ["auto", "mean_field"])
@pytest.mark.parametrize(
    "text,truth", [(FUNNEL, funnel_truth()), (PAIR, pair_truth())], ids=["funnel", "pair"]
)
def test_right_or_warned(
    text: str, truth: dict, family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.model").write_text(text)
    (tmp_path / "d.csv").write_text("y\n" + "\n".join(map(str, Y)) + "\n")
    run(["fit", str(tmp_path / "m.model"), str(tmp_path / "d.csv"), "--json", "--family", family])
    assert silent_misses(json.loads(capsys.readouterr().out), truth) == []


def test_plain_mean_field_would_be_a_miss() -> None:
    plain = {n: {"mean": m, "sd": 1 / math.sqrt(1 + len(Y) / 0.09)} for n, (m, _) in pair_truth().items()}
    assert silent_misses({"posterior": plain, "warnings": []}, pair_truth()) == ["a", "b"]
