"""Every example, found by folder, reaches its expected figures, with default settings or with its `arguments`.

The tolerances of `expected.toml` bound the approximation, not sampling noise: the fits are
deterministic for a seed, so a test has no false alarms once it passes. Its broken twin shifts the
reference by more than the tolerance and must fail. A parameter listed under `may_miss` may be
further off if the fit itself warns about it.
"""

from __future__ import annotations

import csv
import json
import math
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ppl.cli.main import run

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir())
BY_ARGUMENTS = [p.parent.name for p in EXAMPLES.glob("*/expected.toml") if "\narguments = " in p.read_text()]
BY_DEFAULT = [n for n in NAMES if n not in BY_ARGUMENTS]
SLOW = [n for n in BY_ARGUMENTS if "slow = true" in (EXAMPLES / n / "expected.toml").read_text()]
NEEDED = ("{}.model", "data.csv", "README.md", "expected.toml")


def misses(posterior: dict[str, Any], expected: dict[str, Any], shift: float = 0.0) -> list[str]:
    """The parameters further from the reference than the tolerances; `shift` moves the reference, in sds."""
    limit = expected["tolerance"]
    found = []
    for name, r in expected["posterior"].items():
        ours = posterior[name]
        d_mean = abs(ours["mean"] - r["mean"] - shift * r["sd"]) / r["sd"]
        d_sd = abs(math.log(ours["sd"] / r["sd"]))
        if d_mean > limit["mean"] or d_sd > limit["log_sd"]:
            found.append(f"{name}: mean off by {d_mean:.3f} sd, log sd by {d_sd:.3f}")
    return found


def off(form: dict[str, Any], figures: dict[str, Any], shift: float = 0.0) -> list[str]:
    """The figures that are missed; `shift` moves the expected values, in tolerances.

    A name stands for all elements it begins, `mu[*,wait]` for those that differ in the starred place; they are
    compared in increasing order, since components have no names of their own.
    """
    found = []
    for name, f in figures.items():
        ours = values(form, name)
        if "least" in f:
            found += [] if ours[0] >= f["least"] + shift * 0.01 * abs(f["least"]) else [f"{name}: {ours}"]
        elif any(
            abs(a - b - shift * f["within"]) > f["within"] for a, b in zip(ours, f["values"], strict=True)
        ):
            found.append(f"{name}: {ours}")
    return found


def values(form: dict[str, Any], name: str) -> list[float]:
    """The ELBO, or posterior means in increasing order."""
    if name == "elbo":
        return [form["elbo"]]
    pattern = re.escape(name).replace(r"\*", "[^,]*") + r"(\[.*)?"
    return sorted(row["mean"] for n, row in form["posterior"].items() if re.fullmatch(pattern, n))


@cache
def expected_of(name: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / name / "expected.toml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_folder_is_complete(name: str) -> None:
    missing = [f.format(name) for f in NEEDED if not (EXAMPLES / name / f.format(name)).is_file()]
    assert not missing
    assert expected_of(name)["source"]
    assert f"]({name}/README.md)" in (EXAMPLES / "README.md").read_text()
    assert "**Data.**" in (EXAMPLES / name / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_data_is_a_table(name: str) -> None:
    with (EXAMPLES / name / "data.csv").open() as file:
        rows = list(csv.reader(file))
    assert len({len(r) for r in rows}) == 1


@pytest.mark.parametrize("name", BY_DEFAULT)
def test_default_fit_reaches_the_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = EXAMPLES / name
    assert run(["fit", str(folder / f"{name}.model"), str(folder / "data.csv"), "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    expected = expected_of(name)
    warned = {n for w in form["warnings"] for n in w["names"]} & set(expected.get("may_miss", ()))
    assert [m for m in misses(form["posterior"], expected) if m.split(":")[0] not in warned] == []
    twin = 2.5 * max(expected["tolerance"]["mean"], 0.1)
    assert len(misses(form["posterior"], expected, twin)) == len(expected["posterior"])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.soak] * (n in SLOW)) for n in sorted(BY_ARGUMENTS)]
)
def test_fit_by_its_arguments_reaches_the_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder, expected = EXAMPLES / name, expected_of(name)
    command = ["fit", str(folder / f"{name}.model"), str(folder / "data.csv"), "--json"]
    assert run([*command, *expected["arguments"]]) == expected.get("exit", 0)
    form = json.loads(capsys.readouterr().out)
    assert off(form, expected["figures"]) == []
    assert len(off(form, expected["figures"], 3.0)) == len(expected["figures"])
