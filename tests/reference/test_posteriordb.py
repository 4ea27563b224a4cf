"""The twelve reference posteriors hold, with default settings, as the benchmark counts them.

Fits are deterministic for a seed, so nothing here can fail by chance. The broken twin moves a
reference by a third of its sd and must be noticed.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "posteriordb"
NAMES = sorted(p.stem for p in FOLDER.glob("*.model"))


def benchmark() -> ModuleType:
    """The benchmark's script as a module."""
    spec = importlib.util.spec_from_file_location("posteriordb_run", FOLDER / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


RUN = benchmark()


def test_all_twelve_are_here() -> None:
    assert len(NAMES) == 12
    assert all((FOLDER / f"{n}.{kind}").is_file() for n in NAMES for kind in ("csv", "ref.json"))


@pytest.mark.parametrize("name", NAMES)
def test_posterior_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    found = RUN.score(name, [])
    assert found.holds, RUN.line(found)


def test_a_shifted_reference_is_noticed() -> None:
    reference = json.loads((FOLDER / "sblri-blr.ref.json").read_text())["params"]
    twin = {k: {"mean": r["mean"] + r["sd"] / 3, "sd": r["sd"]} for k, r in reference.items()}
    assert all(RUN.errors(twin[k], r)[0] > RUN.REGRESSION[0] for k, r in reference.items())
