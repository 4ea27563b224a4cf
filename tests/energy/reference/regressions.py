"""Linear regression, gamma-Poisson counts and principal components: no discrete latents."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from tests.energy.reference import expect as e
from tests.energy.reference.case import Array, Case, Data, State

REGRESSION = """
index cols
table rows(y: real, x[cols]: real = "x_*")

b[cols] ~ Normal(0, 2)
tau     ~ Gamma(2, 1.5)
y[i] ~ Normal(sum(b[k] * x[i, k] for k in cols), precision = tau)  for i in rows
"""

COUNTS = """
table rows(y: count, exposure: positive)

rate ~ Gamma(2, 3)
for i in rows:
    lam[i] ~ Gamma(1.5, rate)
    y[i]   ~ Poisson(lam[i] * exposure[i])
"""

COMPONENTS = """
index genes
index factors = 2
table rows(y[genes]: real = "y_*")

alpha[k] ~ Gamma(2, 1.5)                      for k in factors
w[d, k]  ~ Normal(0, precision = alpha[k])    for d in genes, k in factors
tau      ~ Gamma(3, 2)
for i in rows:
    z[i, k] ~ Normal(0, 1)                    for k in factors
    y[i, d] ~ Normal(sum(w[d, k] * z[i, k] for k in factors), precision = tau)  for d in genes
"""


def regression_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Forty rows, three columns, the first of ones."""
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    y = x @ [1.0, -0.7, 0.4] + 0.6 * rng.normal(size=40)
    return {"y": y, "x_1": x[:, 0], "x_2": x[:, 1], "x_3": x[:, 2]}


def design(data: Data) -> Array:
    """(N, 3)."""
    return np.column_stack([data["x_1"], data["x_2"], data["x_3"]])


def start_regression(data: Data, rng: np.random.Generator) -> State:
    """A random q."""
    return {
        "b": e.q(mean=rng.normal(size=3), cov=np.eye(3)),
        "tau": e.q(shape=3.0, rate=float(rng.gamma(9.0, 0.3))),
    }


def error_squares(state: State, data: Data) -> float:
    """E of the sum of squared residuals."""
    x, b = design(data), state["b"]
    return float(np.sum((data["y"] - x @ b["mean"]) ** 2) + np.sum((x.T @ x) * b["cov"]))


def update_regression(state: State, data: Data, block: str) -> State:
    """One factor: the coefficients together, or the precision."""
    x, y = design(data), data["y"]
    if block == "b":
        tau = e.gamma_mean(state["tau"])
        cov = np.linalg.inv(np.eye(3) / 4 + tau * (x.T @ x))
        return {**state, "b": e.q(mean=cov @ (tau * (x.T @ y)), cov=cov)}
    return {**state, "tau": e.q(shape=2 + len(y) / 2, rate=1.5 + 0.5 * error_squares(state, data))}


def elbo_regression(state: State, data: Data) -> float:
    """The bound."""
    b, tau = state["b"], state["tau"]
    n = len(data["y"])
    likelihood = 0.5 * (n * (e.gamma_log(tau) - e.LOG_2PI) - e.gamma_mean(tau) * error_squares(state, data))
    prior = -0.5 * (3 * (e.LOG_2PI + np.log(4)) + (b["mean"] @ b["mean"] + np.trace(b["cov"])) / 4)
    return float(likelihood + prior) + e.mvnormal_entropy(b["cov"]) + e.gamma_gain(tau, 2.0, 1.5)


def evidence_regression(state: State, data: Data) -> float:
    """The coefficients integrated in closed form, the precision on a grid of its logarithm."""
    x, y = design(data), data["y"]
    log_tau = np.linspace(-6, 6, 4001)
    tau, n = np.exp(log_tau), len(y)
    values, vectors = np.linalg.eigh(x.T @ x)
    along = (vectors.T @ (x.T @ y)) ** 2
    log_det = np.log1p(4 * tau[:, None] * values).sum(1)
    fit = (tau[:, None] ** 2 * along / (0.25 + tau[:, None] * values)).sum(1)
    log_y = 0.5 * (n * (log_tau - e.LOG_2PI) - log_det - tau * (y @ y) + fit)
    log_prior = 2 * np.log(1.5) - gammaln(2.0) + 2 * log_tau - 1.5 * tau
    return float(np.logaddexp.reduce(log_y + log_prior) + np.log(log_tau[1] - log_tau[0]))


def count_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Twelve counts over unequal exposures."""
    exposure = rng.uniform(0.5, 4.0, size=12)
    return {"y": rng.poisson(1.3 * exposure), "exposure": exposure}


def start_counts(data: Data, rng: np.random.Generator) -> State:
    """A random q of the common rate; the others by their update."""
    state = {"rate": e.q(shape=3.0, rate=float(rng.gamma(4.0)))}
    return update_counts(state, data, "lam")


def update_counts(state: State, data: Data, block: str) -> State:
    """One factor."""
    if block == "lam":
        rate = e.gamma_mean(state["rate"]) + data["exposure"]
        return {**state, "lam": e.q(shape=1.5 + data["y"], rate=rate)}
    total = e.gamma_mean(state["lam"]).sum()
    return {**state, "rate": e.q(shape=2 + 1.5 * len(data["y"]), rate=3 + total)}


def elbo_counts(state: State, data: Data) -> float:
    """The bound."""
    lam, rate, y = state["lam"], state["rate"], data["y"]
    prior = e.gamma_prior(lam, 1.5, e.gamma_mean(rate), e.gamma_log(rate))
    mean = data["exposure"] * e.gamma_mean(lam)
    likelihood = np.sum(y * (np.log(data["exposure"]) + e.gamma_log(lam)) - mean - gammaln(y + 1))
    return float(likelihood) + prior + e.gamma_entropy(lam) + e.gamma_gain(rate, 2.0, 3.0)


def evidence_counts(state: State, data: Data) -> float:
    """Each count is negative binomial given the rate; the rate on a grid of its logarithm."""
    y, exposure = data["y"], data["exposure"]
    log_rate = np.linspace(-12, 8, 8001)
    rate = np.exp(log_rate)[:, None]
    each = gammaln(y + 1.5) - gammaln(1.5) - gammaln(y + 1) + y * np.log(exposure)
    each = each + 1.5 * log_rate[:, None] - (y + 1.5) * np.log(rate + exposure)
    log_prior = 2 * np.log(3.0) + 2 * log_rate - 3 * rate[:, 0]
    return float(np.logaddexp.reduce(each.sum(1) + log_prior) + np.log(log_rate[1] - log_rate[0]))


def component_columns(rng: np.random.Generator) -> dict[str, Array]:
    """Thirty rows of five numbers of rank two and noise."""
    y = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 5)) + 0.3 * rng.normal(size=(30, 5))
    return {f"y_{d + 1}": y[:, d] for d in range(5)}


def observed(data: Data) -> Array:
    """(N, D)."""
    return np.column_stack([data[f"y_{d + 1}"] for d in range(5)])


def start_components(data: Data, rng: np.random.Generator) -> State:
    """A random q of the loadings; the others by their update or at plain values."""
    state = {
        "w": e.q(mean=rng.normal(size=(5, 2)), cov=np.broadcast_to(0.1 * np.eye(2), (5, 2, 2))),
        "tau": e.q(shape=3.0, rate=2.0),
        "alpha": e.q(shape=[2.0, 2.0], rate=[1.5, 1.5]),
    }
    return update_components(state, data, "z")


def second(g: dict[str, Array]) -> Array:
    """E x x' of each row."""
    return np.asarray(g["mean"][:, :, None] * g["mean"][:, None, :] + g["cov"])


def residual_squares(state: State, data: Data) -> float:
    """E of the sum of squared residuals."""
    y, w, z = observed(data), state["w"], state["z"]
    cross = np.sum(y * (z["mean"] @ w["mean"].T))
    return float(np.sum(y**2) - 2 * cross + np.sum(second(w).sum(0) * second(z).sum(0)))


def update_components(state: State, data: Data, block: str) -> State:
    """One factor: the rows of z, the rows of w, the noise, or the precisions of the columns of w."""
    y, tau = observed(data), e.gamma_mean(state["tau"])
    if block == "z":
        w = state["w"]
        cov = np.linalg.inv(np.eye(2) + tau * second(w).sum(0))
        mean = tau * (y @ w["mean"]) @ cov
        return {**state, "z": e.q(mean=mean, cov=np.broadcast_to(cov, (len(y), 2, 2)))}
    if block == "w":
        z = state["z"]
        cov = np.linalg.inv(np.diag(e.gamma_mean(state["alpha"])) + tau * second(z).sum(0))
        return {**state, "w": e.q(mean=tau * (y.T @ z["mean"]) @ cov, cov=np.broadcast_to(cov, (5, 2, 2)))}
    if block == "tau":
        return {**state, "tau": e.q(shape=3 + y.size / 2, rate=2 + 0.5 * residual_squares(state, data))}
    squares = np.diag(second(state["w"]).sum(0))
    return {**state, "alpha": e.q(shape=np.full(2, 2 + 5 / 2), rate=1.5 + 0.5 * squares)}


def elbo_components(state: State, data: Data) -> float:
    """The bound."""
    w, z, tau, alpha = (state[name] for name in ("w", "z", "tau", "alpha"))
    size = observed(data).size
    likelihood = 0.5 * (
        size * (e.gamma_log(tau) - e.LOG_2PI) - e.gamma_mean(tau) * residual_squares(state, data)
    )
    of_w = 0.5 * np.sum(
        5 * (e.gamma_log(alpha) - e.LOG_2PI) - e.gamma_mean(alpha) * np.diag(second(w).sum(0))
    )
    of_z = -0.5 * (z["mean"].size * e.LOG_2PI + np.trace(second(z).sum(0)))
    gains = e.gamma_gain(tau, 3.0, 2.0) + e.gamma_gain(alpha, 2.0, 1.5)
    return (
        float(likelihood + of_w + of_z) + gains + e.mvnormal_entropy(w["cov"]) + e.mvnormal_entropy(z["cov"])
    )


CASES = (
    Case(
        "linear regression",
        REGRESSION,
        "cavi",
        ("b", "tau"),
        {"b": "MvNormal", "tau": "Gamma"},
        regression_columns,
        start_regression,
        update_regression,
        elbo_regression,
        evidence_regression,
    ),
    Case(
        "gamma-Poisson",
        COUNTS,
        "cavi",
        ("lam", "rate"),
        {"lam": "Gamma", "rate": "Gamma"},
        count_columns,
        start_counts,
        update_counts,
        elbo_counts,
        evidence_counts,
    ),
    Case(
        "principal components",
        COMPONENTS,
        "cavi",
        ("z", "w", "tau", "alpha"),
        {"z": "MvNormal", "w": "MvNormal", "tau": "Gamma", "alpha": "Gamma"},
        component_columns,
        start_components,
        update_components,
        elbo_components,
    ),
)
