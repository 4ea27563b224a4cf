"""The comparison with peers: its arrays say what the `.model` files say, its figures are computed right."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import ppl

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
HERE = ("accuracy", "cases", "measure", "programs", "results", "run", "setup", "table")
REGRESSIONS = ("blr", "kidscore_interaction", "kidscore_interaction_z", "kidscore_momhs",
               "logmesquite_logvolume", "mesquite", "nes1976")  # fmt: skip


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, ModuleType]]:
    """The scripts' modules; their names are common ones, so they are forgotten afterwards."""
    hidden = {n: sys.modules.pop(n) for n in HERE if n in sys.modules}
    sys.path.insert(0, str(PEERS))
    try:
        yield {n: importlib.import_module(n) for n in HERE}
    finally:
        sys.path.remove(str(PEERS))
        for name in HERE:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


def normal(x: Any, loc: Any, scale: Any) -> float:
    z = (np.asarray(x) - loc) / scale
    return float(np.sum(-0.5 * z**2 - np.log(scale * np.ones_like(z))))


def half_cauchy(x: float, scale: float) -> float:
    return -math.log1p((x / scale) ** 2)


def regression(d: dict[str, Any], v: dict[str, Any]) -> float:
    family, scale = d["sigma"]
    prior = {"flat": 0.0, "half_cauchy": 0.0, "half_normal": 0.0}
    prior["half_cauchy"] = half_cauchy(v["sigma"], scale) if scale else 0.0
    prior["half_normal"] = normal(v["sigma"], 0, scale) if scale else 0.0
    slopes = normal(v["beta"], 0, d["coefficient"]) if d["coefficient"] else 0.0
    return slopes + prior[family] + normal(d["y"], d["x"] @ v["beta"], v["sigma"])


def schools(d: dict[str, Any], v: dict[str, Any]) -> float:
    prior = normal(v["mu"], 0, 5) + half_cauchy(v["tau"], 5) + normal(v["theta"], v["mu"], v["tau"])
    return prior + normal(d["y"], v["theta"], d["se"])


def hierarchy(d: dict[str, Any], v: dict[str, Any]) -> float:
    top = normal(v["level"], 0, 5) + normal([v["uranium"], v["floor_gap"]], 0, 2)
    top += normal([v["sd_level"], v["sd_gap"]], 0, 1) + normal(v["sigma"], 0, 2)
    a = normal(v["a"], v["level"] + v["uranium"] * d["soil"], v["sd_level"])
    b = normal(v["b"], v["floor_gap"], v["sd_gap"])
    county = d["county"]
    return top + a + b + normal(d["y"], v["a"][county] + v["b"][county] * d["floor"], v["sigma"])


def points(kind: str, d: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A point of the parameters' space."""
    if kind == "regression":
        return {"beta": rng.normal(size=d["x"].shape[1]), "sigma": rng.uniform(5, 9)}
    if kind == "schools":
        return {"mu": rng.normal(), "tau": rng.uniform(1, 3), "theta": rng.normal(size=8)}
    scales = {k: rng.uniform(0.5, 2) for k in ("sd_level", "sd_gap", "sigma")}
    means = {k: rng.normal() for k in ("level", "uranium", "floor_gap")}
    return means | scales | {k: rng.normal(size=len(d["soil"])) for k in ("a", "b")}


WRITTEN = {"regression": regression, "schools": schools, "hierarchy": hierarchy}


def differences(peers: dict[str, ModuleType], name: str, change: float = 1.0) -> tuple[float, float]:
    """How the log joint moves from one point to another: by the `.model` file, and by hand on the arrays."""
    case = peers["cases"].CASES[name]
    d = peers["cases"].values(case)
    rng = np.random.default_rng(3)
    first, second = points(case.kind, d, rng), points(case.kind, d, rng)
    model = ppl.compile(str(case.model))
    ours = [float(model.log_joint(p, str(case.data[0]))[0]) for p in (first, second)]
    if change != 1.0:
        d = d | {"y": d["y"] * change}
    by_hand = [WRITTEN[case.kind](d, p) for p in (first, second)]
    return ours[1] - ours[0], by_hand[1] - by_hand[0]


@pytest.mark.parametrize("name", [*REGRESSIONS, "eight_schools", "eight_schools_centered", "radon"])
def test_arrays_give_the_density_of_the_model_file(peers: dict[str, ModuleType], name: str) -> None:
    ours, by_hand = differences(peers, name)
    assert ours == pytest.approx(by_hand, rel=1e-9)


def test_a_changed_observation_is_noticed(peers: dict[str, ModuleType]) -> None:
    ours, by_hand = differences(peers, "kidscore_momhs", change=1.0001)
    assert ours != pytest.approx(by_hand, rel=1e-9)


def test_every_case_has_its_files(peers: dict[str, ModuleType]) -> None:
    cases = peers["cases"]
    for case in cases.CASES.values():
        assert case.model.exists()
        assert all(p.exists() for p in case.data if cases.MADE not in p.parents)
        if case.reference and cases.MADE not in case.reference.parents:
            assert peers["accuracy"].reference(case.reference)


def test_labels_are_those_of_the_reference(peers: dict[str, ModuleType]) -> None:
    cases = peers["cases"]
    case = cases.CASES["radon"]
    d = cases.values(case)
    draws = {"a": np.zeros((1, len(d["soil"]))), "b": np.zeros((1, len(d["soil"])))}
    found = set(peers["results"].summary(draws, cases.labels(case, d)))
    assert {n for n in peers["accuracy"].reference(case.reference) if "[" in n} <= found


def test_all_houses_are_unpacked(peers: dict[str, ModuleType], tmp_path: Path) -> None:
    peers["cases"].write_radon_all(tmp_path / "all.csv")
    table = peers["cases"].columns(tmp_path / "all.csv")
    assert len(table["log_radon"]) == 12_573
    assert set(table["floor"]) == {0.0, 1.0}
    assert len(set(table["county"])) == 386


def test_laplace_finds_the_mode(peers: dict[str, ModuleType]) -> None:
    rng = np.random.default_rng(0)
    x, prior = rng.normal(size=(200, 3)), np.array([2.5, 1.0, 1.0])
    y = (rng.random(200) < 0.5).astype(float)
    mode, sd = peers["cases"].laplace(x, y, prior)
    slope = x.T @ (y - 1 / (1 + np.exp(-x @ mode))) - mode / prior**2
    assert np.abs(slope).max() < 1e-8
    assert (sd > 0).all()


@pytest.mark.parametrize("words", [["--only", "nothing"], ["--peer", "nobody"], ["--repeats", "few"]])
def test_wrong_words_are_refused(peers: dict[str, ModuleType], words: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        peers["run"].arguments(words)
    assert stop.value.code == 2


def test_words_are_read(peers: dict[str, ModuleType]) -> None:
    asked = peers["run"].arguments(
        ["--only", "eight_schools", "radon", "--peer", "numpyro", "--repeats", "1"]
    )
    assert (asked.only, asked.peer, asked.repeats) == (["eight_schools", "radon"], ["numpyro"], 1)
    one = peers["results"].request("", 7, 0.5, ["radon", "--family", "mean_field", "--out", "x"])
    assert (one.case.name, one.family, one.steps, one.rate) == ("radon", "mean_field", 7, 0.5)


def test_a_failing_command_is_told(peers: dict[str, ModuleType]) -> None:
    with pytest.raises(peers["measure"].Failed, match="exit status 3"):
        peers["measure"].measure([sys.executable, "-c", "raise SystemExit(3)"], {})


def test_children_count(peers: dict[str, ModuleType]) -> None:
    work = "sum(range(3_000_000))"
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{work}'])"
    alone = peers["measure"].measure([sys.executable, "-c", "pass"], {}).cpu
    assert peers["measure"].measure([sys.executable, "-c", inner], {}).cpu > alone


def test_ratios_are_peer_over_ours(peers: dict[str, ModuleType]) -> None:
    same = {"case": "a", "wall": 1.0, "peak": 0}
    rows = [
        {**same, "program": "ppl", "cpu": 0.5, "fit": 0.1},
        {**same, "program": "x", "cpu": 2.0, "fit": 0.5},
    ]
    last = peers["table"].table(rows, markdown=True).splitlines()[-1]
    assert [c.strip() for c in last.split("|")][3:5] == ["2.00", "4.0"]
