"""Slopes of vectors, matrices and wrappers along every admissible direction; the same on a tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, rebuilt, settings

from ppl.backend import ops as xp
from ppl.backend.autograd_bridge import anp, grad
from ppl.backend.tape import Tape
from ppl.distributions import Applied

SYMMETRIC = {"cov", "precision", "row_cov", "column_cov"}
SKIPPED = {"n", "size"}
SETTINGS = [s for s in settings() if s.name not in ("Flat", "Delta", "DiscreteUniform", "Uniform")]


def directions(
    setting: Setting, key: str, shape: tuple[int, ...], rng: np.random.Generator
) -> list[np.ndarray]:
    """Random directions that stay inside the support."""
    out = []
    for _ in range(3):
        d = rng.standard_normal(shape)
        last = key.split(".")[-1]
        matrix = setting.kind.event_dims == 2 and key == "x" and setting.name != "MatrixNormal"
        if (
            (last in SYMMETRIC and len(shape) > 2)
            or matrix
            or (last == "scale" and "Wishart" in setting.name)
        ):
            d = d + np.swapaxes(d, -1, -2)
        if key == "x" and "LKJ" in setting.name:
            d = d * (1 - np.eye(shape[-1]))
        if last == "scale_tril":
            d = np.tril(d)
        on_simplex = last == "weights" or (last == "p" and len(shape) > 1)
        if on_simplex or (key == "x" and setting.name in ("Dirichlet", "ZeroSumNormal")):
            d = d - d.mean(-1, keepdims=True)
        out.append(d / np.abs(d).max())
    return out


def richardson(f: Any, at: np.ndarray, d: np.ndarray) -> float:
    """Directional derivative to about 1e-10."""
    h = 1e-3 * min(1.0, float(np.abs(at).min()) or 0.1)

    def central(k: float) -> float:
        return (f(at + k * d) - f(at - k * d)) / (2 * k)

    a, b, c = central(h), central(h / 2), central(h / 4)
    first, second = (4 * b - a) / 3, (4 * c - b) / 3
    return (16 * second - first) / 15


@pytest.mark.parametrize("setting", SETTINGS, ids=label)
def test_slopes(setting: Setting) -> None:
    rng = np.random.default_rng(3)
    arrays: dict[str, Any] = dict(setting.arrays)
    if setting.kind.element == "real" and not setting.kind.wrapper and setting.name != "LKJCholesky":
        arrays["x"] = setting.values
    if setting.name == "Censored":
        arrays.pop("upper")  # the density jumps where a value crosses the bound
    for key, at in arrays.items():
        if key.split(".")[-1] in SKIPPED:
            continue

        def total(v: Any, key: str = key) -> Any:
            if key == "x":
                return anp.sum(setting.applied.log_density(v))
            return anp.sum(
                Applied(setting.kind, rebuilt(setting.given, {key: v})).log_density(setting.values)
            )

        with np.errstate(all="ignore"):
            slope = grad(total)(at)
        for d in directions(setting, key, at.shape, rng):
            true = richardson(total, at, d)
            assert float(np.sum(slope * d)) == pytest.approx(true, rel=1e-6, abs=1e-8), key


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind.element == "real"], ids=label)
def test_a_tape_gives_the_same(setting: Setting) -> None:
    """Values as functions of the traced input: x for real draws, with all arguments constant."""
    if setting.kind.wrapper:
        pytest.skip("bounds are compared with constants only")
    z = setting.values.reshape(len(setting.values), -1)
    tape = Tape(z)
    x = xp.reshape_last(tape.input, count=1, shape=setting.values.shape[1:])
    program = tape.finish(setting.applied.log_density(x))
    value, slope = program.value_and_grad(z)
    assert np.allclose(
        np.broadcast_to(value, len(z)), setting.applied.log_density(setting.values), rtol=1e-14
    )
    with np.errstate(all="ignore"):
        true = grad(lambda v: anp.sum(setting.applied.log_density(v)))(setting.values)
    assert np.allclose(slope, true.reshape(slope.shape), rtol=1e-12)
