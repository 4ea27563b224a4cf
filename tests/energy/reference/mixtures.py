"""Gaussian mixtures: weights, means, precisions and labels each a factor of q; also a Dirichlet-process mixture.

Bishop (2006), section 10.2, but with independent means and precisions, as the text of the model has them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State

K, D, N = 3, 2, 60
SCALE = np.array([[0.5, 0.1], [0.1, 0.4]])
DF = 5.0

DIAGONAL = """
given K: count = 3
index comps = K
index dims
table points(x[dims]: real = "x_*")

weight[comps] ~ Dirichlet(1.5)
mu[k, d]      ~ Normal(0.5, 3)                for k in comps, d in dims
tau[k, d]     ~ Gamma(2, 1.5)                 for k in comps, d in dims
for i in points:
    z[i]    ~ Categorical(weight)
    x[i, d] ~ Normal(mu[z[i], d], precision = tau[z[i], d])  for d in dims
"""

FULL = """
given K: count = 3
index comps = K
index dims
table points(x[dims]: real = "x_*")
given prior_scale[dims, dims']: covariance = [[0.5, 0.1], [0.1, 0.4]]

weight[comps]        ~ Dirichlet(1.5)
mu[k, dims]          ~ MultivariateNormal(0.5, cov = diag([9 for d in dims]))  for k in comps
prec[k, dims, dims'] ~ Wishart(5, prior_scale)                                 for k in comps
for i in points:
    z[i]       ~ Categorical(weight)
    x[i, dims] ~ MultivariateNormal(mu[z[i]], precision = prec[z[i]])
"""

STICKS = """
given T: count = 5
index comps = T
index breaks = [k for k in comps if position(k) < T]
table points(x: real)

stick[k] ~ Beta(1, 2)                          for k in breaks
for k in comps:
    weight[k] = (1 if last(k) else stick[k]) * prod(1 - stick[j] for j in breaks if position(j) < position(k))
    mu[k]  ~ Normal(0, 5)
    tau[k] ~ Gamma(2, 1.5)
for i in points:
    z[i] ~ Categorical(simplex(weight))
    x[i] ~ Normal(mu[z[i]], precision = tau[z[i]])
"""


def points(rng: np.random.Generator) -> Array:
    """Three clusters in the plane."""
    centre = np.array([[-3.0, 0.0], [0.5, 2.0], [4.0, -1.0]])
    return np.asarray(centre[rng.integers(3, size=N)] + rng.normal(size=(N, D)) * [0.6, 0.9])


def plane(rng: np.random.Generator) -> dict[str, Array]:
    """The columns of the two mixtures in the plane."""
    x = points(rng)
    return {"x_1": x[:, 0], "x_2": x[:, 1]}


def line(rng: np.random.Generator) -> dict[str, Array]:
    """The column of the mixture on the line."""
    return {"x": points(rng)[:, 0]}


def matrix(data: Data) -> Array:
    """(N, D)."""
    return np.column_stack([data[name] for name in data])


def start_diagonal(data: Data, rng: np.random.Generator) -> State:
    """A random q of the parameters; the labels by their update."""
    d, k = matrix(data).shape[1], K
    state = {
        "weight": e.q(concentration=rng.gamma(5.0, size=k)),
        "mu": e.q(mean=rng.normal(scale=3, size=(k, d)), var=np.full((k, d), 0.3)),
        "tau": e.q(shape=np.full((k, d), 3.0), rate=rng.gamma(9.0, 0.3, size=(k, d))),
    }
    return update_diagonal(state, data, "z")


def scores_diagonal(state: State, data: Data) -> Array:
    """(N, K): E log of the density of each row in each component, weights aside."""
    x, mu, tau = matrix(data), state["mu"], state["tau"]
    per_axis = e.normal_log_density(x[:, None], mu["mean"], mu["var"], e.gamma_mean(tau), e.gamma_log(tau))
    return np.asarray(per_axis.sum(-1))


def update_mu(state: State, data: Data, prior_mean: float, prior_sd: float) -> State:
    """Normal factors, one for each component and axis."""
    r, x, tau = state["z"]["p"], matrix(data), e.gamma_mean(state["tau"])
    precision = prior_sd**-2.0 + tau * r.sum(0)[:, None]
    mean = (prior_mean * prior_sd**-2.0 + tau * (r.T @ x)) / precision
    return {**state, "mu": e.q(mean=mean, var=1 / precision)}


def update_tau(state: State, data: Data, shape: float, rate: float) -> State:
    """Gamma factors, one for each component and axis."""
    r, x, mu = state["z"]["p"], matrix(data), state["mu"]
    squares = (x[:, None] - mu["mean"]) ** 2 + mu["var"]
    total = np.einsum("nk,nkd->kd", r, squares)
    counts = np.broadcast_to(r.sum(0)[:, None], total.shape)
    return {**state, "tau": e.q(shape=shape + 0.5 * counts, rate=rate + 0.5 * total)}


def update_diagonal(state: State, data: Data, block: str) -> State:
    """One factor of the diagonal mixture."""
    if block == "z":
        scores = e.dirichlet_log(state["weight"]) + scores_diagonal(state, data)
        return {**state, "z": e.q(p=e.softmax(scores))}
    if block == "weight":
        return {**state, "weight": e.q(concentration=1.5 + state["z"]["p"].sum(0))}
    if block == "mu":
        return update_mu(state, data, 0.5, 3.0)
    return update_tau(state, data, 2.0, 1.5)


def elbo_diagonal(state: State, data: Data) -> float:
    """The bound of the diagonal mixture."""
    r = state["z"]["p"]
    likelihood = np.sum(r * (e.dirichlet_log(state["weight"]) + scores_diagonal(state, data)))
    gains = e.dirichlet_gain(state["weight"], 1.5) + e.normal_gain(state["mu"], 0.5, 3.0)
    return float(likelihood) + gains + e.gamma_gain(state["tau"], 2.0, 1.5) + e.categorical_entropy(r)


def start_full(data: Data, rng: np.random.Generator) -> State:
    """A random q of the parameters; the labels by their update."""
    eye = np.broadcast_to(np.eye(D), (K, D, D))
    state = {
        "weight": e.q(concentration=rng.gamma(5.0, size=K)),
        "mu": e.q(mean=rng.normal(scale=3, size=(K, D)), cov=0.3 * eye),
        "prec": e.q(df=np.full(K, 7.0), scale=0.2 * eye),
    }
    return update_full(state, data, "z")


def squares_full(state: State, data: Data) -> Array:
    """(N, K, D, D): E (x - mu)(x - mu)'."""
    gap = matrix(data)[:, None] - state["mu"]["mean"]
    return np.asarray(gap[..., :, None] * gap[..., None, :] + state["mu"]["cov"])


def scores_full(state: State, data: Data) -> Array:
    """(N, K): E log of the density of each row in each component, weights aside."""
    trace = np.einsum("kij,nkji->nk", e.wishart_mean(state["prec"]), squares_full(state, data))
    return np.asarray(0.5 * (e.wishart_log_det(state["prec"]) - D * e.LOG_2PI - trace))


def update_full(state: State, data: Data, block: str) -> State:
    """One factor of the full-covariance mixture."""
    if block == "z":
        scores = e.dirichlet_log(state["weight"]) + scores_full(state, data)
        return {**state, "z": e.q(p=e.softmax(scores))}
    r, x = state["z"]["p"], matrix(data)
    if block == "weight":
        return {**state, "weight": e.q(concentration=1.5 + r.sum(0))}
    if block == "mu":
        prec = e.wishart_mean(state["prec"])
        cov = np.linalg.inv(np.eye(D) / 9 + r.sum(0)[:, None, None] * prec)
        linear = 0.5 / 9 + np.einsum("kij,kj->ki", prec, r.T @ x)
        return {**state, "mu": e.q(mean=np.einsum("kij,kj->ki", cov, linear), cov=cov)}
    total = np.einsum("nk,nkij->kij", r, squares_full(state, data))
    return {**state, "prec": e.q(df=DF + r.sum(0), scale=np.linalg.inv(np.linalg.inv(SCALE) + total))}


def elbo_full(state: State, data: Data) -> float:
    """The bound of the full-covariance mixture."""
    r, mu = state["z"]["p"], state["mu"]
    likelihood = np.sum(r * (e.dirichlet_log(state["weight"]) + scores_full(state, data)))
    spread = ((mu["mean"] - 0.5) ** 2).sum() + np.trace(mu["cov"], axis1=-2, axis2=-1).sum()
    prior = -0.5 * (K * D * (e.LOG_2PI + np.log(9.0)) + spread / 9)
    gains = e.dirichlet_gain(state["weight"], 1.5) + e.wishart_gain(state["prec"], DF, SCALE)
    return float(likelihood + prior) + gains + e.mvnormal_entropy(mu["cov"]) + e.categorical_entropy(r)


def start_sticks(data: Data, rng: np.random.Generator) -> State:
    """A random q with five components."""
    state = {
        "stick": e.q(a=rng.gamma(5.0, size=4), b=rng.gamma(5.0, size=4)),
        "mu": e.q(mean=rng.normal(scale=3, size=(5, 1)), var=np.full((5, 1), 0.3)),
        "tau": e.q(shape=np.full((5, 1), 3.0), rate=rng.gamma(9.0, 0.3, size=(5, 1))),
    }
    return update_sticks(state, data, "z")


def log_weights(stick: dict[str, Array]) -> Array:
    """(T,): E log of the weights that the sticks leave."""
    both = digamma(stick["a"] + stick["b"])
    broken, left = digamma(stick["a"]) - both, digamma(stick["b"]) - both
    return np.asarray(np.append(broken, 0.0) + np.append(0.0, np.cumsum(left)))


def update_sticks(state: State, data: Data, block: str) -> State:
    """One factor of the truncated Dirichlet-process mixture."""
    if block == "z":
        return {**state, "z": e.q(p=e.softmax(log_weights(state["stick"]) + scores_diagonal(state, data)))}
    if block == "stick":
        counts = state["z"]["p"].sum(0)
        later = counts[::-1].cumsum()[::-1]
        return {**state, "stick": e.q(a=1 + counts[:-1], b=2 + later[1:])}
    if block == "mu":
        return update_mu(state, data, 0.0, 5.0)
    return update_tau(state, data, 2.0, 1.5)


def elbo_sticks(state: State, data: Data) -> float:
    """The bound of the truncated Dirichlet-process mixture."""
    r, stick = state["z"]["p"], state["stick"]
    both = e.q(concentration=np.stack([stick["a"], stick["b"]], -1))
    prior = np.sum(e.dirichlet_log(both) * [0.0, 1.0]) - 4 * float(e.log_beta(np.array([1.0, 2.0])))
    own = (
        np.sum((both["concentration"] - 1) * e.dirichlet_log(both)) - e.log_beta(both["concentration"]).sum()
    )
    likelihood = np.sum(r * (log_weights(stick) + scores_diagonal(state, data)))
    gains = e.normal_gain(state["mu"], 0.0, 5.0) + e.gamma_gain(state["tau"], 2.0, 1.5)
    return float(likelihood + prior - own) + gains + e.categorical_entropy(r)


CASES = (
    Case(
        "diagonal mixture",
        DIAGONAL,
        "cavi",
        ("z", "weight", "mu", "tau"),
        {"z": "Categorical", "weight": "Dirichlet", "mu": "Normal", "tau": "Gamma"},
        plane,
        start_diagonal,
        update_diagonal,
        elbo_diagonal,
    ),
    Case(
        "full mixture",
        FULL,
        "cavi",
        ("z", "weight", "mu", "prec"),
        {"z": "Categorical", "weight": "Dirichlet", "mu": "MvNormal", "prec": "Wishart"},
        plane,
        start_full,
        update_full,
        elbo_full,
    ),
    Case(
        "stick-breaking mixture",
        STICKS,
        "cavi",
        ("z", "stick", "mu", "tau"),
        {"z": "Categorical", "stick": "Beta", "mu": "Normal", "tau": "Gamma"},
        line,
        start_sticks,
        update_sticks,
        elbo_sticks,
    ),
)
