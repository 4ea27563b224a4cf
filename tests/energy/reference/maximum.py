"""EM by hand: mixtures of Poissons and of Gaussians, a Poisson hidden Markov model, the local level model.

Dempster, Laird and Rubin (1977) read as Neal and Hinton (1998) read it: right after the exact step the bound is
the log likelihood.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State
from tests.energy.reference.chains import chain, chain_entropy

POISSONS = """
index comps = 3
table rows(y: count)

param weight[comps]: simplex
param rate[comps]: positive
for i in rows:
    z[i] ~ Categorical(weight)
    y[i] ~ Poisson(rate[z[i]])
"""

GAUSSIANS = """
index comps = 3
table rows(x: real)

param weight[comps]: simplex
param mu[comps]: real
param var[comps]: positive
for i in rows:
    z[i] ~ Categorical(weight)
    x[i] ~ Normal(mu[z[i]], var = var[z[i]])
"""

MARKOV = """
index states = 2
table years(year: order, count: count)

param init[states]: simplex
param trans[s, states]: simplex               for s in states
param rate[states]: positive
for t in years:
    z[t]     ~ Categorical(init if first(t) else trans[z[t-1]])
    count[t] ~ Poisson(rate[z[t]])
"""

LEVEL = """
table years(year: order, flow: real)

param level_var: positive
param noise_var: positive
for t in years:
    level[t] ~ Normal(1000, 500) if first(t) else Normal(level[t-1], var = level_var)
    flow[t]  ~ Normal(level[t], var = noise_var)
"""


def point(value: object) -> dict[str, Array]:
    """A block held at one value."""
    return e.q(value=value)


def poisson_log(y: Array, rate: Array) -> Array:
    """(N, K)."""
    return np.asarray(y[:, None] * np.log(rate) - rate - gammaln(y + 1)[:, None])


def mixture_scores(state: State, data: Data) -> Array:
    """(N, K): the log density of each row with each component."""
    log_weight = np.log(state["weight"]["value"])
    if "rate" in state:
        return np.asarray(log_weight + poisson_log(data["y"], state["rate"]["value"]))
    mu, var = state["mu"]["value"], state["var"]["value"]
    return np.asarray(log_weight - 0.5 * (e.LOG_2PI + np.log(var) + (data["x"][:, None] - mu) ** 2 / var))


def update_mixture(state: State, data: Data, block: str) -> State:
    """The exact step of the labels, or the maximum in one parameter."""
    if block == "z":
        return {**state, "z": e.q(p=e.softmax(mixture_scores(state, data)))}
    r = state["z"]["p"]
    total = r.sum(0)
    if block == "weight":
        return {**state, block: point(total / total.sum())}
    if block == "rate":
        return {**state, block: point(data["y"] @ r / total)}
    if block == "mu":
        return {**state, block: point(data["x"] @ r / total)}
    squares = (data["x"][:, None] - state["mu"]["value"]) ** 2
    return {**state, block: point(np.sum(r * squares, axis=0) / total)}


def elbo_mixture(state: State, data: Data) -> float:
    """The bound."""
    p = state["z"]["p"]
    return float(np.sum(p * mixture_scores(state, data))) + e.categorical_entropy(p)


def evidence_mixture(state: State, data: Data) -> float:
    """The log likelihood."""
    return float(np.logaddexp.reduce(mixture_scores(state, data), axis=1).sum())


def poisson_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Counts of three kinds."""
    return {"y": rng.poisson(np.array([2.0, 9.0, 25.0])[rng.integers(3, size=80)])}


def gaussian_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Numbers of three kinds."""
    z = rng.integers(3, size=80)
    return {"x": np.array([-4.0, 0.0, 5.0])[z] + np.array([0.5, 1.0, 1.5])[z] * rng.normal(size=80)}


def start_poissons(data: Data, rng: np.random.Generator) -> State:
    """Rates around the mean."""
    rate = data["y"].mean() * rng.uniform(0.3, 2.0, size=3)
    return update_mixture({"weight": point(np.full(3, 1 / 3)), "rate": point(rate)}, data, "z")


def start_gaussians(data: Data, rng: np.random.Generator) -> State:
    """Means at three of the rows."""
    mu = np.quantile(data["x"], [0.2, 0.5, 0.8]) + 0.1 * rng.normal(size=3)
    var = np.full(3, data["x"].var())
    return update_mixture({"weight": point(np.full(3, 1 / 3)), "mu": point(mu), "var": point(var)}, data, "z")


def markov_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Two rates that last."""
    z = np.cumsum(rng.random(60) < 0.15) % 2
    return {"year": np.arange(60), "count": rng.poisson(np.array([5.0, 14.0])[z])}


def start_markov(data: Data, rng: np.random.Generator) -> State:
    """Rates either side of the mean."""
    rate = data["count"].mean() * np.array([0.6, 1.4]) * rng.uniform(0.9, 1.1, size=2)
    state = {"init": point([0.5, 0.5]), "trans": point([[0.8, 0.2], [0.3, 0.7]]), "rate": point(rate)}
    return update_markov(state, data, "z")


def update_markov(state: State, data: Data, block: str) -> State:
    """The exact step of the chain, or the maximum in one parameter (Baum and Welch)."""
    if block == "z":
        tables = markov_tables(state, data)
        return {**state, "z": {**chain(**tables), **tables}}
    node, pair = state["z"]["node"], state["z"]["pair"]
    if block == "init":
        return {**state, block: point(node[0])}
    if block == "trans":
        return {**state, block: point(pair / pair.sum(1, keepdims=True))}
    return {**state, block: point(data["count"] @ node / node.sum(0))}


def markov_tables(state: State, data: Data) -> dict[str, Array]:
    """The log tables of the chain; a probability of 0 is held at exp(-700)."""
    init, trans = (np.log(np.maximum(state[n]["value"], 1e-304)) for n in ("init", "trans"))
    return {"initial": init, "move": trans, "emit": poisson_log(data["count"], state["rate"]["value"])}


def elbo_markov(state: State, data: Data) -> float:
    """The bound."""
    z, now = state["z"], markov_tables(state, data)
    energy = z["node"][0] @ now["initial"] + np.sum(z["pair"] * now["move"]) + np.sum(z["node"] * now["emit"])
    return float(energy) + chain_entropy(z, z["initial"], z["move"], z["emit"])


def evidence_markov(state: State, data: Data) -> float:
    """The log likelihood by the forward sum."""
    return float(chain(**markov_tables(state, data))["log_z"])


def level_columns(rng: np.random.Generator) -> dict[str, Array]:
    """A random walk seen with noise."""
    level = 900 + np.cumsum(40 * rng.normal(size=50))
    return {"year": np.arange(50), "flow": level + 120 * rng.normal(size=50)}


def start_level(data: Data, rng: np.random.Generator) -> State:
    """Variances of the right order."""
    level, noise = rng.uniform(500, 3000), rng.uniform(5000, 20000)
    return update_level({"level_var": point(level), "noise_var": point(noise)}, data, "level")


def joint_precision(state: State, steps: int) -> Array:
    """(T, T): the precision of the levels given the flows."""
    step, noise = 1 / state["level_var"]["value"], 1 / state["noise_var"]["value"]
    change = np.diff(np.eye(steps), axis=0)
    out = step * change.T @ change + noise * np.eye(steps)
    out[0, 0] += 1 / 500.0**2
    return np.asarray(out)


def update_level(state: State, data: Data, block: str) -> State:
    """The exact step of all levels at once, by one dense inverse; or the maximum in a variance."""
    y = data["flow"]
    if block == "level":
        cov = np.linalg.inv(joint_precision(state, len(y)))
        linear = y / state["noise_var"]["value"]
        linear[0] += 1000 / 500.0**2
        return {**state, block: e.q(mean=cov @ linear, cov=cov)}
    mean, cov = state["level"]["mean"], state["level"]["cov"]
    if block == "noise_var":
        return {**state, block: point(np.mean((y - mean) ** 2 + np.diag(cov)))}
    spread = np.diag(cov)[1:] + np.diag(cov)[:-1] - 2 * np.diag(cov, 1)
    return {**state, block: point(np.mean(np.diff(mean) ** 2 + spread))}


def elbo_level(state: State, data: Data) -> float:
    """The bound."""
    y, mean, cov = data["flow"], state["level"]["mean"], state["level"]["cov"]
    step, noise = state["level_var"]["value"], state["noise_var"]["value"]
    first = (mean[0] - 1000) ** 2 + cov[0, 0]
    moves = np.sum(np.diff(mean) ** 2 + np.diag(cov)[1:] + np.diag(cov)[:-1] - 2 * np.diag(cov, 1))
    misses = np.sum((y - mean) ** 2 + np.diag(cov))
    n = len(y)
    logs = n * (2 * e.LOG_2PI + np.log(noise)) + (n - 1) * np.log(step) + 2 * np.log(500.0)
    return float(-0.5 * (logs + first / 500.0**2 + moves / step + misses / noise)) + e.mvnormal_entropy(cov)


def evidence_level(state: State, data: Data) -> float:
    """The log likelihood by Kalman's filter."""
    step, noise = float(state["level_var"]["value"]), float(state["noise_var"]["value"])
    mean, var, total = 1000.0, 500.0**2, 0.0
    for y in data["flow"]:
        of_y = var + noise
        total -= 0.5 * (e.LOG_2PI + np.log(of_y) + (y - mean) ** 2 / of_y)
        gain = var / of_y
        mean, var = mean + gain * (y - mean), var * (1 - gain) + step
    return float(total)


CASES = (
    Case(
        "Poisson mixture",
        POISSONS,
        "em",
        ("z", "weight", "rate"),
        {"z": "Categorical", "weight": "Point", "rate": "Point"},
        poisson_columns,
        start_poissons,
        update_mixture,
        elbo_mixture,
        evidence_mixture,
    ),
    Case(
        "Gaussian mixture by EM",
        GAUSSIANS,
        "em",
        ("z", "weight", "mu", "var"),
        {"z": "Categorical", "weight": "Point", "mu": "Point", "var": "Point"},
        gaussian_columns,
        start_gaussians,
        update_mixture,
        elbo_mixture,
        evidence_mixture,
    ),
    Case(
        "Poisson hidden Markov model",
        MARKOV,
        "em",
        ("z", "init", "trans", "rate"),
        {"z": "Chain", "init": "Point", "trans": "Point", "rate": "Point"},
        markov_columns,
        start_markov,
        update_markov,
        elbo_markov,
        evidence_markov,
    ),
    Case(
        "local level",
        LEVEL,
        "em",
        ("level", "level_var", "noise_var"),
        {"level": "MvNormal", "level_var": "Point", "noise_var": "Point"},
        level_columns,
        start_level,
        update_level,
        elbo_level,
        evidence_level,
    ),
)
