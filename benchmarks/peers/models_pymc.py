"""The cases' models in PyMC; hierarchies are written non-centred, which suits a Gaussian approximation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt


def _half(name: str, family: str, scale: float) -> Any:
    families = {
        "flat": lambda: pm.HalfFlat(name),
        "half_normal": lambda: pm.HalfNormal(name, scale),
        "half_cauchy": lambda: pm.HalfCauchy(name, scale),
    }
    return families[family]()


def _noncentred(name: str, loc: Any, scale: Any, size: int) -> Any:
    return pm.Deterministic(name, loc + scale * pm.Normal(f"{name}_raw", 0, 1, shape=size))


def schools(d: dict[str, Any]) -> None:
    mu = pm.Normal("mu", 0, 5)
    theta = _noncentred("theta", mu, _half("tau", "half_cauchy", 5), len(d["y"]))
    pm.Normal("y", theta, d["se"], observed=d["y"])


def hierarchy(d: dict[str, Any]) -> None:
    level, uranium = pm.Normal("level", 0, 5), pm.Normal("uranium", 0, 2)
    floor_gap, size = pm.Normal("floor_gap", 0, 2), len(d["soil"])
    a = _noncentred("a", level + uranium * d["soil"], _half("sd_level", "half_normal", 1), size)
    b = _noncentred("b", floor_gap, _half("sd_gap", "half_normal", 1), size)
    sigma = _half("sigma", "half_normal", 2)
    pm.Normal("y", a[d["county"]] + b[d["county"]] * d["floor"], sigma, observed=d["y"])


def logistic(d: dict[str, Any]) -> None:
    b0 = pm.Normal("b0", 0, 2.5)
    b = pm.Normal("b", 0, 1, shape=d["x"].shape[1])
    pm.Bernoulli("y", logit_p=b0 + pt.dot(d["x"], b), observed=d["y"])


def regression(d: dict[str, Any]) -> None:
    size = d["x"].shape[1]
    beta = (
        pm.Normal("beta", 0, d["coefficient"], shape=size)
        if d["coefficient"]
        else pm.Flat("beta", shape=size)
    )
    pm.Normal("y", pt.dot(d["x"], beta), _half("sigma", *d["sigma"]), observed=d["y"])


def arma(d: dict[str, Any]) -> None:
    mu, phi, theta = pm.Normal("mu", 0, 10), pm.Normal("phi", 0, 2), pm.Normal("theta", 0, 2)
    sigma = _half("sigma", "half_cauchy", 2.5)
    y = pt.as_tensor(d["y"])

    def step(before: Any, now: Any, shock: Any, *_: Any) -> Any:
        return now - (mu + phi * before + theta * shock)

    first = y[0] - (mu + phi * mu)
    rest, _ = pytensor.scan(
        step, sequences=[y[:-1], y[1:]], outputs_info=first, non_sequences=[mu, phi, theta]
    )
    shocks = pt.concatenate([first[None], rest])
    pm.Potential("shocks", pm.logp(pm.Normal.dist(0, sigma), shocks).sum())


def gp(d: dict[str, Any]) -> None:
    rho = pm.Gamma("rho", 25, 4)
    alpha, sigma = _half("alpha", "half_normal", 2), _half("sigma", "half_normal", 1)
    apart = d["x"][:, None] - d["x"][None, :]
    cov = alpha**2 * pt.exp(-0.5 * (apart / rho) ** 2) + sigma * np.eye(len(d["x"]))
    pm.MvNormal("y", np.zeros(len(d["x"])), cov=cov, observed=d["y"])


def mixture(d: dict[str, Any]) -> None:
    ordered = pm.distributions.transforms.ordered
    mu = pm.Normal("mu", 0, 2, shape=2, transform=ordered, initval=[-1.0, 1.0])
    sigma = pm.HalfNormal("sigma", 2, shape=2)
    theta = pm.Beta("theta", 5, 5)
    pm.NormalMixture("y", pt.stack([theta, 1 - theta]), mu, sigma, observed=d["y"])


def _rates(name: str, centre: np.ndarray) -> Any:
    low, gap = pm.HalfFlat(f"{name}_low_raw"), pm.HalfFlat(f"{name}_gap_raw")
    rates = pm.Deterministic(name, pt.stack([low, low + gap]))
    pm.Potential(f"{name}_prior", pm.logp(pm.Normal.dist(centre, 1), rates).sum())
    return rates


def drives(d: dict[str, Any]) -> None:
    theta = pm.Dirichlet("theta", d["alpha"])
    phi, lam = _rates("phi", d["centre"]), _rates("lambda", d["centre"])
    u, v = d["u"][:, None], d["v"][:, None]
    emission = pt.log(phi) - phi * u + pt.log(lam) - lam * v

    def step(here: Any, alpha: Any, move: Any) -> Any:
        return pt.logsumexp(alpha[:, None] + move, axis=0) + here

    alphas, _ = pytensor.scan(
        step, sequences=emission[1:], outputs_info=emission[0] - np.log(2), non_sequences=pt.log(theta)
    )
    pm.Potential("chain", pt.logsumexp(alphas[-1]))


MODELS = {
    "schools": schools, "hierarchy": hierarchy, "logistic": logistic, "regression": regression, "arma": arma,
    "gp": gp, "mixture": mixture, "drives": drives,
}  # fmt: skip
