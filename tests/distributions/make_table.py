"""Write table.json: log densities to 17 digits from 60-digit arithmetic. Run by hand.

python tests/distributions/make_table.py
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
from oracle import ORACLE

from ppl.distributions import find

QUANTILES = (1e-12, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6, 1 - 1e-12)
POSITIVE = (1e-4, 0.013, 0.6, 1.0, 7.5, 120.0, 1e4)
REAL = (-1e4, -3.7, 0.0, 0.2, 12.0, 1e4)
UNIT = (1e-4, 0.03, 0.3, 0.5, 0.83, 0.9999)
LOGIT = (-9.0, -1.3, 0.0, 0.4, 8.0)
COUNT = (1.0, 2.0, 9.0, 150.0, 1e4)
GRID = {
    **dict.fromkeys(("sd", "var", "precision", "scale", "rate", "shape", "df", "a", "b"), POSITIVE),
    **dict.fromkeys(("concentration", "n_real"), POSITIVE),
    **dict.fromkeys(("loc", "lower"), REAL),
    **dict.fromkeys(("logit", "log_rate", "log_mean"), LOGIT),
    "p": UNIT,
    "n": COUNT,
}
MEAN = {"Normal": REAL, "LogNormal": LOGIT, "Beta": UNIT, "BetaBinomial": UNIT}
SCALARS = [
    "Normal",
    "HalfNormal",
    "Cauchy",
    "HalfCauchy",
    "Uniform",
    "Exponential",
    "Gamma",
    "InverseGamma",
    "Beta",
    "StudentT",
    "LogNormal",
    "Laplace",
    "Logistic",
    "Weibull",
    "Pareto",
    "Horseshoe",
    "Bernoulli",
    "Binomial",
    "Poisson",
    "NegativeBinomial",
    "Geometric",
    "BetaBinomial",
    "DiscreteUniform",
]


def exact(value: Any) -> Any:
    """Nested lists of the very doubles, as mpmath numbers."""
    return [exact(v) for v in value] if isinstance(value, list) else mp.mpf(value)


def values(name: str, kind: Any, given: dict[str, float], rng: np.random.Generator) -> list[float]:
    if kind.quantile is not None:
        with np.errstate(all="ignore"):
            return [float(kind.quantile(np.float64(q), **given)) for q in QUANTILES]
    with np.errstate(all="ignore"):
        draws = kind.sample(rng, (9,), **given).astype(float).tolist()
    if "n" in given:
        draws += [0.0, given["n"]]
    return draws


def scalar_points(name: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    kind = find(name)
    points = []
    for signature in kind.signatures:
        grids = [grid(name, p) for p in signature]
        if len(grids) == 1:
            grids = [finer(grids[0])]
        combos = list(itertools.product(*grids))
        rng.shuffle(combos)
        fresh: list[dict[str, Any]] = []
        for combo in combos:
            given = dict(zip(signature, map(float, combo), strict=True))
            fix(name, given, rng)
            for x in sorted(set(values(name, kind, given, rng))):
                point(name, x, given, fresh)
            if len(fresh) >= 260 // len(kind.signatures) + 20:
                break
        points += fresh
    return points


def grid(name: str, parameter: str) -> tuple[float, ...]:
    if parameter == "mean":
        return MEAN.get(name, POSITIVE)
    if parameter == "n" and name == "NegativeBinomial":
        return POSITIVE
    if parameter in ("upper", "size"):
        return (1e-3, 1.0, 7.0, 1e4) if parameter == "upper" else COUNT
    return GRID[parameter]


def finer(few: tuple[float, ...]) -> tuple[float, ...]:
    """Four more points between neighbours (evenly; by ratio where all are positive)."""
    between = np.geomspace if min(few) > 0 else np.linspace
    return tuple(np.unique([v for a, b in itertools.pairwise(few) for v in between(a, b, 5)]))


def fix(name: str, given: dict[str, float], rng: np.random.Generator) -> None:
    if name == "Uniform":
        given["upper"] += given["lower"]
    if name == "DiscreteUniform" and "size" in given:
        given["size"] = float(np.ceil(given["size"]))
    elif name == "DiscreteUniform":
        given["lower"] = float(np.floor(given["lower"]))
        given["upper"] = float(given["lower"] + np.ceil(given["upper"]))


def point(name: str, x: Any, given: dict[str, Any], out: list[dict[str, Any]]) -> None:
    """Add one point, unless it lies outside doubles or on the edge."""
    flat = np.ravel(x)
    if not np.all(np.isfinite(flat)) or (np.any(np.abs(flat[flat != 0]) < 1e-290)):
        return
    if name in ("Gamma", "InverseGamma", "LogNormal", "Weibull", "Beta", "Pareto") and (
        x <= 0 or (name == "Beta" and x >= 1) or x > 1e290
    ):
        return
    value = ORACLE[name](exact(x), **{k: exact(v) for k, v in given.items()})
    if mp.im(value) == 0 and mp.isfinite(value):
        out.append({"x": x, "given": given, "logp": double(value)})
        if name in SCALARS and len(out) % 3 == 0:
            out[-1]["slopes"] = slopes(name, x, given)


def slopes(name: str, x: float, given: dict[str, float]) -> dict[str, float]:
    """Derivatives in the value (of continuous distributions) and in every continuous parameter."""
    full = {k: mp.mpf(v) for k, v in given.items()}
    skip = {"n"} if name in ("Binomial", "BetaBinomial") else set()
    out = {}
    if name == "DiscreteUniform":
        return out
    if find(name).element == "real" and not (name == "Laplace" and x == given["loc"]):
        out["x"] = slope(lambda v: ORACLE[name](v, **full), mp.mpf(x))
    for key in set(given) - skip:
        if not (name == "Laplace" and key == "loc" and x == given["loc"]):
            out[key] = slope(lambda v, key=key: ORACLE[name](mp.mpf(x), **{**full, key: v}), full[key])
    return out


def slope(function: Any, at: Any) -> float:
    """Central difference at a relative step of 1e-20: exact to 1e-40."""
    h = mp.mpf(10) ** -20 * (abs(at) if at else 1)
    return double((function(at + h) - function(at - h)) / (2 * h))


def double(value: Any) -> float:
    return float(mp.nstr(value, 20))


def spd(rng: np.random.Generator, k: int) -> list[list[float]]:
    a = rng.standard_normal((k, k + 2)) * 10.0 ** rng.uniform(-1.5, 1.5)
    out = a @ a.T
    return ((out + out.T) / 2).tolist()


def vector_points(name: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    kind = find(name)
    while len(points) < 200:
        k = int(rng.integers(2, 5))
        signature = kind.signatures[len(points) % len(kind.signatures)]
        given = {p: argument(name, p, k, rng) for p in signature}
        arrays = {q: np.asarray(v)[None] for q, v in given.items()}
        kw = {"event_shape": (k, k)[: kind.event_dims]} if kind.event_dims else {}
        if name == "Multinomial" and "n" not in given:
            kw["n"] = np.array([40.0])
        with np.errstate(all="ignore"):
            x = np.asarray(kind.sample(rng, (1,), **arrays, **kw))[0].astype(float).tolist()
        if name == "Dirichlet" and min(x) < 1e-200:
            continue
        point(name, x, given, points)
    return points


def argument(name: str, p: str, k: int, rng: np.random.Generator) -> Any:
    if p in ("cov", "precision", "row_cov", "column_cov") or (p == "scale" and "Wishart" in name):
        return spd(rng, k)
    if p == "scale_tril":
        return np.linalg.cholesky(np.array(spd(rng, k))).tolist()
    if p == "mean" and name == "MatrixNormal":
        return rng.standard_normal((k, k)).tolist()
    if p in ("mean", "loc"):
        return (rng.standard_normal(k) * 10.0 ** rng.uniform(-2, 3)).tolist()
    if p == "concentration":
        return (10.0 ** rng.uniform(-1 if len(range(k)) > 2 else 0, 4, k)).tolist()
    if p == "cutpoints":
        return np.sort(rng.standard_normal(k) * 3).tolist()
    if p == "logit":
        return (rng.standard_normal(k) * 3).tolist()
    if p == "p":
        return rng.dirichlet(np.ones(k)).tolist()
    if p == "n":
        return float(rng.choice([1, 7, 300, 10_000]))
    if p == "df" and "Wishart" in name:
        return float(k + 1 + 10.0 ** rng.uniform(-0.3, 4))
    if p == "eta" and name == "OrderedLogistic":
        return float(rng.normal() * 4)
    return float(10.0 ** rng.uniform(-0.3 if p == "eta" else -2, 3.5))


def main() -> None:
    rng = np.random.default_rng(20)
    table = {}
    for name in ORACLE:
        table[name] = scalar_points(name, rng) if name in SCALARS else vector_points(name, rng)
        print(name, len(table[name]))
    lines = [
        json.dumps(name) + ": [\n" + ",\n".join(json.dumps(p) for p in points) + "\n]"
        for name, points in table.items()
    ]
    Path(__file__).with_name("table.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
