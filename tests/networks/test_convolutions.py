"""Layers of windows: against correlations of SciPy, numerical slopes, and loops written out; and in fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate

import ppl
from ppl.backend.convolution import patches, places
from ppl.errors import DataError, ModelError

PICTURES = """
index pixels = 30, two = 2
table rows(x[pixels]: real = "x*", y[two]: real = "y*")
network f(pixels -> m[two], s) = Conv(shape = [5, 6], channels = [2, 3], width = WIDTH, stride = 2, padding = "PADDING")
for i in rows:
    y[i, two] ~ Normal(f(x[i]).m, exp(f(x[i]).s))
"""
SERIES = """
index time = 12
table rows(x[time]: real = "x*", y: real)
network f(time -> m) = Conv(width = 3, channels = [8], stride = 3, activation = "relu")
s ~ HalfNormal(1)
y[i] ~ Normal(f(x[i]).m, s) for i in rows
"""


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("width", [(3, 3), (2, 4), (1, 5)])
def test_windows_give_the_correlations_of_scipy(width: tuple[int, int], same: bool, stride: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 7, 8, 2)), rng.standard_normal((*width, 2))
    fits = [places(n, k, stride, same) for n, k in zip((7, 8), width, strict=True)]
    count, pads = tuple(c for c, _ in fits), tuple(p for _, p in fits)
    rows = patches(x, width=width, stride=stride, pads=pads, count=count) @ w.reshape(-1)
    for s in range(2):
        for n in range(3):
            padded = np.pad(x[s, n], (*pads, (0, 0)))
            wanted = correlate(padded, w, mode="valid", method="direct")[::stride, ::stride, 0]
            np.testing.assert_allclose(rows.reshape(2, 3, *count)[s, n], wanted, rtol=1e-12, atol=1e-12)


def test_same_is_what_scipy_calls_same() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((6, 5)), rng.standard_normal((3, 3))
    (down, above), (across, left) = places(6, 3, 1, True), places(5, 3, 1, True)
    rows = patches(
        x[None, None, :, :, None], width=(3, 3), stride=1, pads=(above, left), count=(down, across)
    )
    found = (rows @ w.reshape(-1)).reshape(6, 5)
    np.testing.assert_allclose(found, correlate(x, w, mode="same", method="direct"), rtol=1e-12)


def picture_weights(
    rng: np.random.Generator, down: int, across: int, last: tuple[int, int]
) -> dict[str, Any]:
    shapes = {
        "f/weight1": (down, across, 2), "f/bias1": (2,), "f/weight2": (down, across, 2, 3), "f/bias2": (3,),
        "f/m/weight": (*last, 3, 2), "f/m/bias": (2,), "f/s/weight": (*last, 3), "f/s/bias": (),
    }  # fmt: skip
    return {name: 0.5 * rng.standard_normal(shape) for name, shape in shapes.items()}


def pictures(rng: np.random.Generator, n: int = 4) -> dict[str, np.ndarray]:
    names = [*(f"x{k + 1}" for k in range(30)), "y1", "y2"]
    return {name: rng.standard_normal(n) for name in names}


def by_hand(data: dict[str, np.ndarray], w: dict[str, Any], same: bool) -> float:
    """Windows as loops over places and channels."""
    x = np.stack([data[f"x{k + 1}"] for k in range(30)], 1).reshape(-1, 5, 6, 1)
    for k in (1, 2):
        x = np.tanh(np.stack([_map(image, w[f"f/weight{k}"], same) for image in x]) + w[f"f/bias{k}"])
    m = np.einsum("nijc,ijcp->np", x, w["f/m/weight"]) + w["f/m/bias"]
    s = np.exp(np.einsum("nijc,ijc->n", x, w["f/s/weight"]) + w["f/s/bias"])[:, None]
    y = np.stack([data["y1"], data["y2"]], 1)
    return float((-0.5 * ((y - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)).sum())


def _map(x: np.ndarray, w: np.ndarray, same: bool) -> np.ndarray:
    w = w.reshape(*w.shape[:2], x.shape[-1], -1)
    if same:
        pads = [places(n, k, 2, True)[1] for n, k in zip(x.shape[:2], w.shape[:2], strict=True)]
        x = np.pad(x, (*pads, (0, 0)))
    planes = [
        sum(correlate(x[:, :, c], w[:, :, c, o], mode="valid") for c in range(x.shape[-1]))[::2, ::2]
        for o in range(w.shape[-1])
    ]
    return np.stack(planes, -1)


@pytest.mark.parametrize(("same", "width", "last"), [(True, (3, 2), (2, 2)), (False, (2, 2), (1, 1))])
def test_value_and_slopes_of_a_network_of_windows(
    same: bool, width: tuple[int, int], last: tuple[int, int]
) -> None:
    rng = np.random.default_rng(2)
    data, w = pictures(rng), picture_weights(rng, *width, last)
    text = PICTURES.replace("WIDTH", str(list(width))).replace("PADDING", "same" if same else "valid")
    value, grad = ppl.compile(text).log_joint(w, data)
    assert value == pytest.approx(by_hand(data, w, same), rel=1e-10)
    for name, array in w.items():
        place = tuple(n - 1 for n in np.shape(array))
        up, down = (by_hand(data, moved(w, name, place, e), same) for e in (1e-6, -1e-6))
        assert float(np.asarray(grad[name])[place]) == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)


def moved(w: dict[str, Any], name: str, place: tuple[int, ...], by: float) -> dict[str, Any]:
    out = {k: np.array(v) for k, v in w.items()}
    out[name][place] += by
    return out


def test_windows_along_one_axis_find_a_bump_wherever_it_is() -> None:
    """The answer depends on the height of a bump, not its place: a linear model cannot tell, windows can."""
    rng = np.random.default_rng(3)
    place, height = rng.integers(1, 11, 400), rng.uniform(-2, 2, 400)
    x = 0.05 * rng.standard_normal((400, 12))
    x[np.arange(400), place] += height
    y = np.abs(height)
    data = {f"x{k + 1}": x[:, k] for k in range(12)} | {"y": y}
    fit = ppl.fit(SERIES, data, method="advi_stochastic", max_steps=500, learning_rate=0.5)
    assert fit.draws["s"].mean() < 0.5 * y.std()
    linear = SERIES.replace('Conv(width = 3, channels = [8], stride = 3, activation = "relu")', "Linear()")
    assert ppl.fit(linear, data, method="advi_stochastic", max_steps=500).draws["s"].mean() > 0.9 * y.std()


def test_a_map_may_have_axes_of_its_own_and_channels_before_them() -> None:
    text = """
    index colours = 2, high = 4, wide = 5
    table rows(y: real)
    network f(colours, high, wide -> m) = Conv(channels = [3], width = [2, 3], padding = "valid")
    for i in rows:
        x[i, colours, high, wide] ~ Normal(0, 1)
        y[i] ~ Normal(f(x[i]).m, 1)
    """.replace("\n    ", "\n")
    rng = np.random.default_rng(4)
    w = {"f/weight1": (2, 3, 2, 3), "f/bias1": (3,), "f/m/weight": (3, 3, 3), "f/m/bias": ()}
    values: dict[str, Any] = {name: 0.4 * rng.standard_normal(shape) for name, shape in w.items()}
    values["x"] = x = rng.standard_normal((2, 2, 4, 5))
    y = rng.standard_normal(2)
    planes = [
        sum(correlate(image[c], values["f/weight1"][:, :, c, o], mode="valid") for c in range(2))
        for image in x
        for o in range(3)
    ]
    last = np.tanh(np.stack(planes).reshape(2, 3, 3, 3).transpose(0, 2, 3, 1) + values["f/bias1"])
    mean = np.einsum("nijc,ijc->n", last, values["f/m/weight"]) + values["f/m/bias"]
    wanted = -0.5 * (y - mean) @ (y - mean) - 0.5 * (x**2).sum() - 0.5 * np.log(2 * np.pi) * (2 + x.size)
    assert ppl.compile(text).log_joint(values, {"y": y})[0] == pytest.approx(float(wanted), rel=1e-10)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("Conv(stride = 0.5)", "E302.*stride"),
        ('Conv(padding = "half")', "E302.*padding"),
        ("Conv(width = [3, 3])", "E302.*windows over 1 axes"),
        ('Conv(3, [4], 1, "same", "tanh", 4, [12], Normal(0, 1), 9)', "E302.*no setting 9"),
        ("Conv(widht = 3)", "E302.*did you mean `width`"),
    ],
)
def test_what_is_no_convolution_is_refused(layer: str, says: str) -> None:
    text = SERIES.replace('Conv(width = 3, channels = [8], stride = 3, activation = "relu")', layer)
    with pytest.raises(ModelError, match=says):
        ppl.compile(text)


def test_sizes_are_checked_against_the_data() -> None:
    data = {f"x{k + 1}": [0.0] for k in range(12)} | {"y": [0.0]}
    with pytest.raises(DataError, match=r"E408.*13 does not fit on 12"):
        ppl.compile(SERIES.replace("width = 3", 'width = 13, padding = "valid"')).bind(data)
    with pytest.raises(DataError, match=r"E408.*12 numbers out in 3 x 5"):
        ppl.compile(SERIES.replace("width = 3", "shape = [3, 5], width = 3")).bind(data)
