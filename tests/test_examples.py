"""Every example, found by folder, reaches its expected figures with default settings.

The tolerances of `expected.toml` bound the approximation, not sampling noise: the fits are
deterministic for a seed, so a test has no false alarms once it passes. Its broken twin shifts the
reference by more than the tolerance and must fail. A parameter listed under `may_miss` may be
further off if the fit itself warns about it.
"""

from __future__ import annotations

import csv
import json
import math
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ppl.cli.main import run

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir())
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


@pytest.mark.parametrize("name", NAMES)
def test_default_fit_reaches_the_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = EXAMPLES / name
    assert run(["fit", str(folder / f"{name}.model"), str(folder / "data.csv"), "--json"]) == 0
    form = json.loads(capsys.readouterr().out)
    expected = expected_of(name)
    warned = {n for w in form["warnings"] for n in w["names"]} & set(expected.get("may_miss", ()))
    assert [m for m in misses(form["posterior"], expected) if m.split(":")[0] not in warned] == []
    twin = 2.5 * max(expected["tolerance"]["mean"], 0.1)
    assert len(misses(form["posterior"], expected, twin)) == len(expected["posterior"])
