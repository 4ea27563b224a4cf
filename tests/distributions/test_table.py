"""Log densities and their slopes against a table made in 60-digit arithmetic (`make_table.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import find

TABLE = json.loads(Path(__file__).with_name("table.json").read_text())
CORE, WIDE = 1e-11, 1e-7


def arrays(points: list[dict[str, Any]]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Points of one signature and shape, stacked."""
    given = {k: np.array([p["given"][k] for p in points], dtype=float) for k in points[0]["given"]}
    return np.array([p["x"] for p in points], dtype=float), given


def groups(points: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = {}
    for p in points:
        key = (tuple((k, np.shape(v)) for k, v in p["given"].items()), np.shape(p["x"]))
        found.setdefault(key, []).append(p)
    return list(found.values())


def tolerance(name: str, given: dict[str, np.ndarray]) -> Any:
    """Gamma's shape is (mean / sd)^2: where that leaves the core range the wide figure holds."""
    if name == "Gamma" and "mean" in given:
        shape = np.square(given["mean"] / given["sd"])
        return np.where((shape > 1e4) | (shape < 1e-4), WIDE, CORE)
    return CORE


def worst(name: str, shift: float = 0.0) -> float:
    """The largest error over its tolerance."""
    out = 0.0
    for points in groups(TABLE[name]):
        x, given = arrays(points)
        true = np.array([p["logp"] for p in points])
        got = find(name).log_density(x, **given) + shift
        error = np.abs(got - true) / np.maximum(1.0, np.abs(true)) / tolerance(name, given)
        assert not np.isnan(error).any()
        out = max(out, float(error.max()))
    return out


@pytest.mark.parametrize("name", TABLE)
def test_log_density_is_exact(name: str) -> None:
    assert len(TABLE[name]) >= 200 or name == "Bernoulli"
    assert worst(name) <= 1.0


def test_a_wrong_constant_is_found() -> None:
    assert all(worst(name, shift=1e-5) > 1.0 for name in TABLE)


def slope_errors(name: str) -> dict[str, float]:
    """For each argument the largest error of its slope, relative to it or to 1e-6 of the largest."""
    found: dict[str, float] = {}
    chosen = [p for p in TABLE[name] if "slopes" in p and np.all(tolerance(name, p["given"]) == CORE)]
    for points in groups(chosen):
        x, given = arrays(points)
        for key in points[0]["slopes"]:
            kept = [i for i, p in enumerate(points) if key in p["slopes"]]
            true = np.array([points[i]["slopes"][key] for i in kept])

            def total(v: Any, key: str = key, x: Any = x, given: Any = given) -> Any:
                new = given if key == "x" else {**given, key: v}
                return anp.sum(find(name).log_density(v if key == "x" else x, **new))

            with np.errstate(all="ignore"):
                got = grad(total)(x if key == "x" else given[key])[kept]
            floor = np.maximum(1e-6 * np.abs(true).max(), 1e-290)
            error = np.abs(got - true) / np.maximum(np.abs(true), floor)
            assert not np.isnan(error).any(), (name, key)
            found[key] = max(found.get(key, 0.0), float(error.max()))
    return found


@pytest.mark.parametrize("name", [n for n in TABLE if "slopes" in "".join(map(str, TABLE[n][:9]))])
def test_slopes_are_exact(name: str) -> None:
    errors = slope_errors(name)
    assert all(e <= 1e-6 for e in errors.values()), errors
