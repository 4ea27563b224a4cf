"""Hidden Markov models, one chain and two: forward and backward sums in logs, a plain loop over time.

MacKay (1997) for one chain; Ghahramani and Jordan (1997) for several that meet in the emission.
"""

from __future__ import annotations

import numpy as np

from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State

T, K, M = 40, 3, 2

ONE = """
index states = 3
table series(t: order, y: real)

init[states]     ~ Dirichlet(1.5)
trans[s, states] ~ Dirichlet(1.2)             for s in states
mu[s]            ~ Normal(0.5, 3)             for s in states
tau[s]           ~ Gamma(2, 1.5)              for s in states
for i in series:
    z[i] ~ Categorical(init if first(i) else trans[z[i-1]])
    y[i] ~ Normal(mu[z[i]], precision = tau[z[i]])
"""

TWO = """
index chains = 2, states = 2
table series(t: order, y: real)

init[m, states]     ~ Dirichlet(1.5)          for m in chains
trans[m, s, states] ~ Dirichlet(1.2)          for m in chains, s in states
level[m, s]         ~ Normal(0.5, 3)          for m in chains, s in states
tau                 ~ Gamma(2, 1.5)
for i in series:
    z[m, i] ~ Categorical(init[m] if first(i) else trans[m, z[m, i-1]])  for m in chains
    y[i]    ~ Normal(sum(level[m, z[m, i]] for m in chains), precision = tau)
"""


def chain(initial: Array, move: Array, emit: Array) -> dict[str, Array]:
    """Marginals (T, K), pair marginals summed over steps (K, K) and log Z, of log tables."""
    steps, states = emit.shape
    forward, backward = np.empty_like(emit), np.zeros_like(emit)
    forward[0] = initial + emit[0]
    for t in range(1, steps):
        forward[t] = np.logaddexp.reduce(forward[t - 1][:, None] + move, axis=0) + emit[t]
    for t in range(steps - 2, -1, -1):
        backward[t] = np.logaddexp.reduce(move + emit[t + 1] + backward[t + 1], axis=1)
    log_z = np.logaddexp.reduce(forward[-1])
    pair = np.zeros((states, states))
    for t in range(1, steps):
        pair += np.exp(forward[t - 1][:, None] + move + emit[t] + backward[t] - log_z)
    return e.q(node=np.exp(forward + backward - log_z), pair=pair, log_z=log_z)


def chain_entropy(z: dict[str, Array], initial: Array, move: Array, emit: Array) -> float:
    """log Z - E(log potentials), with the tables that the chain's last update used."""
    node = z["node"]
    return float(z["log_z"] - node[0] @ initial - np.sum(z["pair"] * move) - np.sum(node * emit))


def one_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Three levels that last five steps or so."""
    z = np.cumsum(rng.random(T) < 0.2) % K
    return {"t": np.arange(T), "y": 2.5 * z + 0.7 * rng.normal(size=T)}


def start_one(data: Data, rng: np.random.Generator) -> State:
    """A random q of the parameters; the chain by its update."""
    state = {
        "init": e.q(concentration=rng.gamma(3.0, size=K)),
        "trans": e.q(concentration=rng.gamma(3.0, size=(K, K))),
        "mu": e.q(mean=rng.normal(2.0, 2.0, size=K), var=np.full(K, 0.3)),
        "tau": e.q(shape=np.full(K, 3.0), rate=rng.gamma(9.0, 0.3, size=K)),
    }
    return update_one(state, data, "z")


def emissions(state: State, data: Data) -> Array:
    """(T, K): E log of the density of each step in each state."""
    mu, tau = state["mu"], state["tau"]
    y = data["y"][:, None]
    return e.normal_log_density(y, mu["mean"], mu["var"], e.gamma_mean(tau), e.gamma_log(tau))


def update_one(state: State, data: Data, block: str) -> State:
    """One factor."""
    y = data["y"]
    if block == "z":
        init, trans = e.dirichlet_log(state["init"]), e.dirichlet_log(state["trans"])
        tables = {"initial": init, "move": trans, "emit": emissions(state, data)}
        return {**state, "z": {**chain(**tables), **tables}}
    node = state["z"]["node"]
    if block == "init":
        return {**state, "init": e.q(concentration=1.5 + node[0])}
    if block == "trans":
        return {**state, "trans": e.q(concentration=1.2 + state["z"]["pair"])}
    mu, tau = state["mu"], state["tau"]
    if block == "mu":
        precision = 1 / 9 + e.gamma_mean(tau) * node.sum(0)
        mean = (0.5 / 9 + e.gamma_mean(tau) * (y @ node)) / precision
        return {**state, "mu": e.q(mean=mean, var=1 / precision)}
    squares = np.sum(node * ((y[:, None] - mu["mean"]) ** 2 + mu["var"]), axis=0)
    return {**state, "tau": e.q(shape=2 + 0.5 * node.sum(0), rate=1.5 + 0.5 * squares)}


def elbo_one(state: State, data: Data) -> float:
    """The bound."""
    z, init, trans = state["z"], state["init"], state["trans"]
    path = z["node"][0] @ e.dirichlet_log(init) + np.sum(z["pair"] * e.dirichlet_log(trans))
    likelihood = np.sum(z["node"] * emissions(state, data))
    entropy = chain_entropy(z, z["initial"], z["move"], z["emit"])
    gains = e.dirichlet_gain(init, 1.5) + e.dirichlet_gain(trans, 1.2)
    gains += e.normal_gain(state["mu"], 0.5, 3.0) + e.gamma_gain(state["tau"], 2.0, 1.5)
    return float(path + likelihood) + entropy + gains


def two_columns(rng: np.random.Generator) -> dict[str, Array]:
    """The sum of two switching levels."""
    z = np.array([np.cumsum(rng.random(T) < p) % 2 for p in (0.1, 0.3)])
    return {"t": np.arange(T), "y": 3.0 * z[0] + 1.2 * z[1] + 0.4 * rng.normal(size=T)}


def start_two(data: Data, rng: np.random.Generator) -> State:
    """A random q of the parameters; flat chains, then their updates in turn."""
    flat = {"node": np.full((T, 2), 0.5)}
    state: State = {
        "init": e.q(concentration=rng.gamma(3.0, size=(M, 2))),
        "trans": e.q(concentration=rng.gamma(3.0, size=(M, 2, 2))),
        "level": e.q(mean=rng.normal(size=(M, 2)), cov=0.3 * np.eye(2 * M)),
        "tau": e.q(shape=3.0, rate=float(rng.gamma(9.0, 0.3))),
        "z[1]": flat,
        "z[2]": flat,
    }
    return update_two(update_two(state, data, "z[1]"), data, "z[2]")


def second_levels(state: State) -> Array:
    """(M 2, M 2): E of the levels' outer product."""
    mean = state["level"]["mean"].ravel()
    return np.asarray(np.outer(mean, mean) + state["level"]["cov"])


def scores_two(state: State, data: Data, m: int) -> Array:
    """(T, 2): the expected log density as the states of chain m have it, apart from what they do not touch."""
    other = state[f"z[{2 - m}]"]["node"]
    product = second_levels(state).reshape(M, 2, M, 2)
    mean = state["level"]["mean"]
    own = np.einsum("aa->a", product[m, :, m])
    cross = other @ product[m, :, 1 - m].T
    tau = e.gamma_mean(state["tau"])
    return np.asarray(tau * (data["y"][:, None] * mean[m] - 0.5 * own - cross))


def joint_nodes(state: State) -> tuple[Array, Array]:
    """E of the indicators of all states (T, M 2), and of their outer product summed over time."""
    node = np.concatenate([state["z[1]"]["node"], state["z[2]"]["node"]], axis=1)
    product = node.T @ node
    for m in range(M):
        own = slice(2 * m, 2 * m + 2)
        product[own, own] = np.diag(node[:, own].sum(0))
    return node, product


def error_squares(state: State, data: Data) -> float:
    """E of the sum of squared residuals."""
    node, product = joint_nodes(state)
    y, mean = data["y"], state["level"]["mean"].ravel()
    return float(y @ y - 2 * y @ (node @ mean) + np.sum(second_levels(state) * product))


def update_two(state: State, data: Data, block: str) -> State:
    """One factor: a chain, or the parameters of both."""
    if block.startswith("z"):
        m = int(block[2]) - 1
        init, trans = e.dirichlet_log(state["init"])[m], e.dirichlet_log(state["trans"])[m]
        tables = {"initial": init, "move": trans, "emit": scores_two(state, data, m)}
        return {**state, block: {**chain(**tables), **tables}}
    chains = [state["z[1]"], state["z[2]"]]
    if block == "init":
        return {**state, "init": e.q(concentration=1.5 + np.stack([c["node"][0] for c in chains]))}
    if block == "trans":
        return {**state, "trans": e.q(concentration=1.2 + np.stack([c["pair"] for c in chains]))}
    node, product = joint_nodes(state)
    if block == "level":
        tau = e.gamma_mean(state["tau"])
        cov = np.linalg.inv(np.eye(2 * M) / 9 + tau * product)
        mean = cov @ (0.5 / 9 + tau * (data["y"] @ node))
        return {**state, "level": e.q(mean=mean.reshape(M, 2), cov=cov)}
    return {**state, "tau": e.q(shape=2 + T / 2, rate=1.5 + 0.5 * error_squares(state, data))}


def elbo_two(state: State, data: Data) -> float:
    """The bound."""
    tau, level = state["tau"], state["level"]
    total = 0.5 * (T * (e.gamma_log(tau) - e.LOG_2PI) - e.gamma_mean(tau) * error_squares(state, data))
    for m in range(M):
        z = state[f"z[{m + 1}]"]
        total += z["node"][0] @ e.dirichlet_log(state["init"])[m]
        total += np.sum(z["pair"] * e.dirichlet_log(state["trans"])[m])
        total += chain_entropy(z, z["initial"], z["move"], z["emit"])
    spread = np.sum((level["mean"] - 0.5) ** 2) + np.trace(level["cov"])
    total += -0.5 * (2 * M * (e.LOG_2PI + np.log(9.0)) + spread / 9) + e.mvnormal_entropy(level["cov"])
    gains = e.dirichlet_gain(state["init"], 1.5) + e.dirichlet_gain(state["trans"], 1.2)
    return float(total) + gains + e.gamma_gain(tau, 2.0, 1.5)


CASES = (
    Case(
        "hidden Markov model",
        ONE,
        "cavi",
        ("z", "init", "trans", "mu", "tau"),
        {"z": "Chain", "init": "Dirichlet", "trans": "Dirichlet", "mu": "Normal", "tau": "Gamma"},
        one_columns,
        start_one,
        update_one,
        elbo_one,
    ),
    Case(
        "factorial hidden Markov model",
        TWO,
        "cavi",
        ("z[1]", "z[2]", "init", "trans", "level", "tau"),
        {
            "z[1]": "Chain",
            "z[2]": "Chain",
            "init": "Dirichlet",
            "trans": "Dirichlet",
            "level": "MvNormal",
            "tau": "Gamma",
        },
        two_columns,
        start_two,
        update_two,
        elbo_two,
    ),
)
