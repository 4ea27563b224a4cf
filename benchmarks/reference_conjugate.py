"""The figures of the examples fitted by coordinate ascent and EM, from plain NumPy written by hand.

    python benchmarks/reference_conjugate.py [NAME ...]

Nothing of the program is used: each function spells out the updates of its example's model, takes the best of
many starts and prints what the example's `expected.toml` holds.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.energy.reference import expect as e  # noqa: E402
from tests.energy.reference.chains import chain, chain_entropy  # noqa: E402
from tests.energy.reference.maximum import poisson_log  # noqa: E402
from tests.energy.reference.mixtures import log_weights  # noqa: E402

Array = np.ndarray


def column(name: str, *wanted: str) -> Array:
    """Columns of an example's data: (N, columns)."""
    with (ROOT / "examples" / name / "data.csv").open(newline="") as file:
        return np.array([[float(r[w]) for w in wanted] for r in csv.DictReader(file)])


def climb(step: Callable[[Any], tuple[Any, float]], state: Any, most: int = 5000) -> tuple[Any, float]:
    """Steps until the objective, which is that of the state stepped from, gains less than 1e-10 of itself."""
    last = -np.inf
    for _ in range(most):
        state, now = step(state)
        if now - last < 1e-10 * (1 + abs(now)):
            break
        last = now
    return state, now


def gaussians(name: str, columns: tuple[str, ...], kinds: int, starts: int = 50) -> None:
    """EM for full covariances; the best start whose components all keep some rows and volume."""
    x = column(name, *columns)
    n, d = x.shape
    rng = np.random.default_rng(0)

    def step(s: Any) -> tuple[Any, float]:
        weight, mu, cov = s
        gap = x[:, None] - mu
        square = np.einsum("nki,kij,nkj->nk", gap, np.linalg.inv(cov), gap)
        score = np.log(weight) - 0.5 * (d * e.LOG_2PI + np.linalg.slogdet(cov)[1] + square)
        r = e.softmax(score)
        total = r.sum(0)
        mu = (r.T @ x) / total[:, None]
        gap = x[:, None] - mu
        cov = np.einsum("nk,nki,nkj->kij", r, gap, gap) / total[:, None, None]
        return (total / n, mu, cov), float(np.logaddexp.reduce(score, axis=1).sum())

    found = []
    for _ in range(starts):
        start = (
            np.full(kinds, 1 / kinds),
            x[rng.choice(n, kinds, replace=False)],
            np.stack([np.cov(x.T)] * kinds),
        )
        try:
            (weight, mu, cov), top = climb(step, start)
        except np.linalg.LinAlgError:
            continue
        if n * weight.min() > d + 1 and np.linalg.eigvalsh(cov).min() > 1e-3:
            found.append((top, weight, mu))
    top, weight, mu = max(found, key=lambda f: f[0])
    order = mu[:, 0].argsort()
    print(
        name, "log likelihood", round(top, 4), "weights", weight[order].round(4), "means", mu[order].round(4)
    )


def earthquakes_em() -> None:
    """Baum and Welch for two, three and four states, the first state's distribution free."""
    y = column("earthquakes_em", "count")[:, 0]
    rng = np.random.default_rng(0)

    def step(s: Any) -> tuple[Any, float]:
        init, trans, rate = s
        tables = np.log(np.maximum(init, 1e-300)), np.log(np.maximum(trans, 1e-300)), poisson_log(y, rate)
        z = chain(*tables)
        pair, node = z["pair"], z["node"]
        return (node[0], pair / pair.sum(1, keepdims=True), y @ node / node.sum(0)), float(z["log_z"])

    for k in (2, 3, 4):
        found = []
        for _ in range(6):
            rate = np.sort(rng.choice(y, k, replace=False) + rng.uniform(0, 1, k))
            start = (np.full(k, 1 / k), np.full((k, k), 0.2 / k) + 0.8 * np.eye(k), rate)
            found.append(climb(step, start, 400))
        (_, trans, rate), top = max(found, key=lambda f: f[1])
        print("earthquakes_em", k, "states: log likelihood", round(top, 4), "rates", np.sort(rate).round(4))
        print("   staying", np.diag(trans)[rate.argsort()].round(4))


def geyser() -> None:
    """Coordinate ascent for two Gaussian states: Dirichlet(1), Normal(3, 2), Gamma(2, 0.5)."""
    y = column("geyser", "duration_min")[:, 0]
    rng = np.random.default_rng(0)

    def bound(s: dict[str, Any]) -> tuple[dict[str, Any], float]:
        mu, tau = s["mu"], s["tau"]
        scores = e.normal_log_density(y[:, None], mu["mean"], mu["var"], e.gamma_mean(tau), e.gamma_log(tau))
        tables = e.dirichlet_log(s["init"]), e.dirichlet_log(s["trans"]), scores
        z = chain(*tables)
        path = z["node"][0] @ tables[0] + np.sum(z["pair"] * tables[1]) + np.sum(z["node"] * scores)
        gains = e.dirichlet_gain(s["init"], 1.0) + e.dirichlet_gain(s["trans"], 1.0)
        gains += e.normal_gain(mu, 3.0, 2.0) + e.gamma_gain(tau, 2.0, 0.5)
        now = float(path) + chain_entropy(z, *tables) + gains
        node = z["node"]
        precision = 1 / 4 + e.gamma_mean(tau) * node.sum(0)
        mu = e.q(mean=(3 / 4 + e.gamma_mean(tau) * (y @ node)) / precision, var=1 / precision)
        squares = np.sum(node * ((y[:, None] - mu["mean"]) ** 2 + mu["var"]), axis=0)
        tau = e.q(shape=2 + 0.5 * node.sum(0), rate=0.5 + 0.5 * squares)
        init, trans = e.q(concentration=1 + node[0]), e.q(concentration=1 + z["pair"])
        return {"mu": mu, "tau": tau, "init": init, "trans": trans}, now

    found = []
    for _ in range(8):
        start = {
            "mu": e.q(mean=rng.normal(3, 1, 2), var=np.full(2, 0.1)), "tau": e.q(shape=[2.0, 2.0], rate=[0.5, 0.5]),
            "init": e.q(concentration=[1.0, 1.0]), "trans": e.q(concentration=rng.gamma(3.0, size=(2, 2))),
        }  # fmt: skip
        found.append(climb(bound, start, 300))
    s, top = max(found, key=lambda f: f[1])
    order = s["mu"]["mean"].argsort()
    c = s["trans"]["concentration"]
    trans = (c / c.sum(1, keepdims=True))[order][:, order]
    print("geyser bound", round(top, 4), "all", sorted(round(f[1], 3) for f in found))
    print(
        "   mu",
        s["mu"]["mean"][order].round(4),
        np.sqrt(s["mu"]["var"][order]).round(5),
        "trans",
        trans.round(4),
    )


def galaxies_dp() -> None:
    """Coordinate ascent for eight sticks of Beta(1, 1), Normal(20, 10), Gamma(2, 2)."""
    x = column("galaxies_dp", "velocity_km_s") / 1000
    rng = np.random.default_rng(0)
    t = 8

    def bound(s: dict[str, Any]) -> tuple[dict[str, Any], float]:
        mu, tau, stick = s["mu"], s["tau"], s["stick"]
        score = log_weights(stick) + e.normal_log_density(
            x, mu["mean"], mu["var"], e.gamma_mean(tau), e.gamma_log(tau)
        )
        r = e.softmax(score)
        both = e.q(concentration=np.stack([stick["a"], stick["b"]], -1))
        now = float(np.sum(r * score)) + e.categorical_entropy(r) + e.dirichlet_gain(both, 1.0)
        now += e.normal_gain(mu, 20.0, 10.0) + e.gamma_gain(tau, 2.0, 2.0)
        counts = r.sum(0)
        later = counts[::-1].cumsum()[::-1]
        precision = 1 / 100 + e.gamma_mean(tau) * counts
        mu = e.q(mean=(20 / 100 + e.gamma_mean(tau) * (r.T @ x[:, 0])) / precision, var=1 / precision)
        squares = np.sum(r * ((x - mu["mean"]) ** 2 + mu["var"]), axis=0)
        tau = e.q(shape=2 + 0.5 * counts, rate=2 + 0.5 * squares)
        return {"mu": mu, "tau": tau, "stick": e.q(a=1 + counts[:-1], b=1 + later[1:])}, now

    found = []
    for _ in range(200):
        start = {
            "mu": e.q(mean=x[rng.choice(len(x), t, replace=False), 0], var=np.full(t, 0.1)),
            "tau": e.q(shape=np.full(t, 2.0), rate=np.full(t, rng.uniform(0.5, 8))),
            "stick": e.q(a=np.ones(t - 1), b=np.ones(t - 1)),
        }
        found.append(climb(bound, start, 2000))
    found.sort(key=lambda f: -f[1])
    s = found[0][0]
    print("galaxies_dp bounds", [round(f[1], 3) for f in found[::20]])
    print("   weights", np.exp(log_weights(s["stick"])).round(3), "mu", s["mu"]["mean"].round(3))
    print("   sd of a component", (1 / np.sqrt(e.gamma_mean(s["tau"]))).round(3))


def diabetes() -> None:
    """Coordinate ascent: Normal(150, 100), Normal(0, 500), Gamma(1, 1000); beside least squares."""
    names = [
        f"x_{c}"
        for c in ["age", "sex", "bmi", "bp", "s1_tc", "s2_ldl", "s3_hdl", "s4_tch", "s5_ltg", "s6_glu"]
    ]
    x, y = column("diabetes", *names), column("diabetes", "progression")[:, 0]
    x = np.column_stack([np.ones(len(y)), (x - x.mean(0)) / x.std(0, ddof=1)])
    prior = np.array([1 / 100**2] + [1 / 500**2] * 10)
    start = np.concatenate([[150.0], np.zeros(10)])

    def step(tau: Any) -> tuple[Any, float]:
        cov = np.linalg.inv(np.diag(prior) + e.gamma_mean(tau) * x.T @ x)
        mean = cov @ (prior * start + e.gamma_mean(tau) * x.T @ y)
        squares = float(np.sum((y - x @ mean) ** 2) + np.sum((x.T @ x) * cov))
        new = e.q(shape=1 + len(y) / 2, rate=1000 + 0.5 * squares)
        now = 0.5 * (len(y) * (e.gamma_log(new) - e.LOG_2PI) - e.gamma_mean(new) * squares)
        spread = prior @ ((mean - start) ** 2 + np.diag(cov))
        now += 0.5 * (np.log(prior).sum() - 11 * e.LOG_2PI - spread) + e.mvnormal_entropy(cov)
        found.update(mean=mean, sd=np.sqrt(np.diag(cov)))
        return new, float(now) + e.gamma_gain(new, 1.0, 1000.0)

    found: dict[str, Array] = {}
    tau, top = climb(step, e.q(shape=1.0, rate=3000.0))
    scaled = np.linalg.lstsq(x, y, rcond=None)[0][1:] * np.sqrt(len(y) - 1)
    print("diabetes bound", round(top, 4), "noise sd", round(float(1 / np.sqrt(e.gamma_mean(tau))), 3))
    print("   means", found["mean"].round(4), "sds", found["sd"].round(4))
    print("   least squares, columns of unit length", scaled.round(1))


def wine() -> None:
    """Coordinate ascent for three factors of thirteen columns: Normal(0, 1) loadings, Gamma(1, 1) precision."""
    with (ROOT / "examples" / "wine" / "data.csv").open(newline="") as file:
        y = np.array([[float(v) for v in r] for r in list(csv.reader(file))[1:]])
    y = (y - y.mean(0)) / y.std(0, ddof=1)
    n, d, k = *y.shape, 3
    rng = np.random.default_rng(0)

    def step(s: Any) -> tuple[Any, float]:
        w, w_cov, tau = s
        t = float(e.gamma_mean(tau))
        z_cov = np.linalg.inv(np.eye(k) + t * (w.T @ w + d * w_cov))
        z = t * y @ w @ z_cov
        zz = z.T @ z + n * z_cov
        w_cov = np.linalg.inv(np.eye(k) + t * zz)
        w = t * y.T @ z @ w_cov
        ww = w.T @ w + d * w_cov
        squares = float(np.sum(y**2) - 2 * np.sum(y * (z @ w.T)) + np.sum(ww * zz))
        tau = e.q(shape=1 + y.size / 2, rate=1 + 0.5 * squares)
        now = 0.5 * (y.size * (e.gamma_log(tau) - e.LOG_2PI) - e.gamma_mean(tau) * squares)
        now -= 0.5 * (d * k * e.LOG_2PI + np.trace(ww))
        now -= 0.5 * (n * k * e.LOG_2PI + np.trace(zz))
        now += e.gamma_gain(tau, 1.0, 1.0)
        now += n * e.mvnormal_entropy(z_cov) + d * e.mvnormal_entropy(w_cov)
        return (w, w_cov, tau), float(now)

    found = []
    for _ in range(5):
        start = (rng.normal(size=(d, k)), 0.1 * np.eye(k), e.q(shape=1.0, rate=1.0))
        found.append(climb(step, start))
    (_, _, tau), _ = max(found, key=lambda f: f[1])
    print("wine bounds", sorted(round(f[1], 3) for f in found), "noise precision", e.gamma_mean(tau).round(4))


def nile() -> None:
    """EM for a diffuse first level: one dense inverse a step."""
    y = column("nile", "flow_1e8_m3")[:, 0]
    n = len(y)
    change = np.diff(np.eye(n), axis=0)

    def step(s: Any) -> tuple[Any, float]:
        level, noise = s
        precision = change.T @ change / level + np.eye(n) / noise
        cov = np.linalg.inv(precision)
        mean = cov @ (y / noise)
        top = -0.5 * ((n - 1) * (e.LOG_2PI + np.log(level)) + n * (e.LOG_2PI + np.log(noise)) + y @ y / noise)
        top += 0.5 * (y @ mean / noise + n * e.LOG_2PI - np.linalg.slogdet(precision)[1])
        moves = np.mean(np.diff(mean) ** 2) + np.trace(change @ cov @ change.T) / (n - 1)
        return (moves, float(np.mean((y - mean) ** 2 + np.diag(cov)))), float(top)

    (level, noise), top = climb(step, (1000.0, 10000.0), 20000)
    print("nile log likelihood", round(top, 4), "level", round(level, 1), "noise", round(noise, 1))


def reuters() -> None:
    """Coordinate ascent for eight topics: Dirichlet(0.1) and Dirichlet(0.05); counts spread over topics."""
    with (ROOT / "examples" / "reuters" / "data.csv").open(newline="") as file:
        rows = [(r["doc"], r["word"], float(r["count"])) for r in csv.DictReader(file)]
    doc, word = (np.unique([r[c] for r in rows], return_inverse=True)[1] for c in (0, 1))
    count, k = np.array([r[2] for r in rows]), 8
    rng = np.random.default_rng(0)

    def sums(of: Array, part: Array) -> Array:
        return np.stack([np.bincount(of, p) for p in part.T])

    def step(s: Any) -> tuple[Any, float]:
        theta, phi = e.q(concentration=s[0]), e.q(concentration=s[1])
        score = e.dirichlet_log(theta)[doc] + e.dirichlet_log(phi).T[word]
        top = score.max(1)
        p = np.exp(score - top[:, None])
        now = count @ (np.log(p.sum(1)) + top) + e.dirichlet_gain(theta, 0.1) + e.dirichlet_gain(phi, 0.05)
        part = count[:, None] * p / p.sum(1, keepdims=True)
        return (0.1 + sums(doc, part).T, 0.05 + sums(word, part)), float(now)

    found = []
    for _ in range(5):
        start = rng.gamma(100, 0.01, (doc.max() + 1, k)), rng.gamma(100, 0.01, (k, word.max() + 1))
        found.append(climb(step, start, 500)[1])
    print("reuters bounds", np.sort(found).round(1))


RUNS: dict[str, Callable[[], None]] = {
    "faithful": lambda: gaussians("faithful", ("eruption_min", "waiting_min"), 2),
    "iris": lambda: gaussians(
        "iris", ("sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"), 3
    ),
    "earthquakes_em": earthquakes_em,
    "geyser": geyser,
    "galaxies_dp": galaxies_dp,
    "diabetes": diabetes,
    "wine": wine,
    "nile": nile,
    "reuters": reuters,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or RUNS:
        RUNS[chosen]()
