"""Every signature of every distribution is reachable from the language, with its own density."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, settings

import ppl

TYPES = {"real": "real", "int": "int", "bool": "bool", "label": "states"}
SCALARS = [
    s
    for s in settings()
    if s.values.ndim == 1 and not s.kind.wrapper and s.name not in ("Flat", "Delta") and "size" not in s.given
]


def model_text(setting: Setting) -> str:
    """x[i] ~ Name(key = value, ...), vectors as data over the states."""
    lines = [f"index rows = 1..{len(setting.values)}", "index states = 1..K"]
    size = 2
    arguments = []
    for key, value in setting.given.items():
        if value.ndim == 1:
            arguments.append(f"{key} = {value[0]:g}")
            continue
        over = "states" if key != "cutpoints" else "cuts"
        size = value.shape[-1] + (key == "cutpoints")
        kind = {"p": "simplex", "cutpoints": "ordered"}.get(key, "real")
        if key == "cutpoints":
            lines.append("index cuts = gaps(states)")
        lines.append(f"given {key}_[{over}]: {kind}")
        arguments.append(f"{key} = {key}_")
    lines += [
        f"given x[rows]: {TYPES[setting.kind.element]}",
        "z ~ Normal(0, 1)",
        "0 ~ Normal(z, 1)",
        f"x[i] ~ {setting.name}({', '.join(arguments)}) for i in rows",
    ]
    return "\n".join(lines).replace("1..K", f"1..{size}") + "\n"


def data(setting: Setting) -> dict[str, Any]:
    x = setting.values
    out: dict[str, Any] = {"x": x.astype(int) + (setting.kind.element == "label")}
    if setting.kind.element == "real":
        out["x"] = x
    out |= {f"{k}_": v[0] for k, v in setting.given.items() if v.ndim == 2}
    return out


@pytest.mark.parametrize("setting", SCALARS, ids=label)
def test_scalar_distributions(setting: Setting) -> None:
    model = ppl.compile(model_text(setting))
    value = model.log_joint({"z": 0.0}, data(setting))
    value = value[0] if isinstance(value, tuple) else value
    true = setting.applied.log_density(setting.values).sum() - np.log(2 * np.pi)
    assert float(value) == pytest.approx(true, rel=1e-12)


WRAPPED = {
    "Truncated(Normal(z, 1), lower = -0.5)": [0.1, 3.0],
    "Truncated(Normal(z, 1), lower = -0.5, upper = 4)": [0.1, 3.0],
    "Truncated(Normal(z, 1), upper = 4, normalised = false)": [0.1, 3.0],
    "Censored(Normal(z, 1), upper = 2)": [0.1, 2.0],
    "Mixture([0.3, 0.7], [Normal(z, 1), Normal(2, 0.5)])": [-1.0, 2.2],
    "Mixture(w, [Normal(m[k], 0.5) for k in states])": [-1.0, 2.2],
    "Mixture(w, [Truncated(Normal(m[k] + z, 0.5), lower = -3) for k in states])": [-1.0, 2.2],
    "ZeroInflated(Gamma(2, 1), 0.3)": [0.0, 1.2],
}


def inner(text: str) -> float:
    """The log density of two values, by hand, at z = 0."""
    normal = ppl.distributions.find("Normal")
    truncated = ppl.distributions.find("Truncated")
    x = np.array(WRAPPED[text])

    def at(mean: float, sd: float, **bounds: float) -> Any:
        part = ppl.distributions.Applied(normal, {"mean": mean, "sd": sd})
        return truncated.log_density(x, distribution=part, **bounds) if bounds else part.log_density(x)

    if text.startswith("Truncated"):
        bounds = {"lower": -0.5} if "upper" not in text else {"lower": -0.5, "upper": 4.0}
        return float(np.sum(at(0.0, 1.0) if "false" in text else at(0.0, 1.0, **bounds)))
    if text.startswith("Censored"):
        return float(at(0.0, 1.0)[0] + normal.log_sf(2.0, mean=0.0, sd=1.0))
    if text.startswith("Zero"):
        return float(np.log(0.3) + np.log(0.7) + np.log(1.2) - 1.2)
    bounds = {"lower": -3.0} if "Truncated" in text else {}
    if text.startswith("Mixture(w"):
        parts = at(-1.0, 0.5, **bounds), at(2.0, 0.5, **bounds)
    else:
        parts = at(0.0, 1.0), at(2.0, 0.5)
    return float(np.logaddexp(np.log(0.3) + parts[0], np.log(0.7) + parts[1]).sum())


@pytest.mark.parametrize("text", WRAPPED)
def test_wrappers(text: str) -> None:
    model = ppl.compile(
        "index rows = 1..2\nindex states = 1..2\ngiven w[states]: simplex\ngiven m[states]: real\n"
        f"given x[rows]: real\nz ~ Normal(0, 1)\n0 ~ Normal(z, 1)\nx[i] ~ {text} for i in rows\n"
    )
    value = model.log_joint({"z": 0.0}, {"x": WRAPPED[text], "w": [0.3, 0.7], "m": [-1.0, 2.0]})
    value = value[0] if isinstance(value, tuple) else value
    assert float(value) == pytest.approx(inner(text) - np.log(2 * np.pi), rel=1e-12)


SIZED = {
    "LKJ(2)": ("L[d, d']", "L[1, 1]"),
    "LKJCholesky(2)": ("L[d, d']", "L[1, 1]"),
    "ZeroSumNormal(1)": ("L[d]", "sum(L)"),
    "Ordered(Normal(0, 1))": ("L[d]", "L[2] - L[1]"),
    "Dirichlet(1)": ("L[d]", "sum(L)"),
}


@pytest.mark.parametrize("text", SIZED)
def test_vectors_whose_length_only_their_set_knows_can_be_drawn(text: str) -> None:
    left, one = SIZED[text]
    model = ppl.compile(f"index d = 1..3\n{left} ~ {text}\ngiven y: real\ny ~ Normal({one}, 0.001)\n")
    drawn = np.ravel(model.simulate({"y": 0.0}, n=3, seed=1)["y"])
    if "Ordered" in text:
        assert (drawn > -0.01).all()
        assert np.abs(drawn).max() > 0.05
    else:
        assert np.abs(drawn - (0.0 if "Zero" in text else 1.0)).max() < 0.01
