"""Models whose observations fold, each with data, for comparing the log joint with and without folding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import ppl
from ppl.graph.cost import Folding
from ppl.graph.lower import GraphTarget

N = 700
HEAD = """
index groups
index items
index columns
table rows(g: groups, h: items, k: int, x: real, t: real, y: real, c: count, z: bool, p: positive,
           q: real, w[columns]: real)
mu ~ Normal(0, 5)
b ~ Normal(0, 1)
d ~ Normal(0, 1)
tau ~ HalfNormal(1)
sigma ~ HalfNormal(2)
s[j] ~ HalfNormal(2) for j in groups
a[j] ~ Normal(mu, tau) for j in groups
e[j] ~ Normal(0, 1) for j in items
m[j, l] ~ Normal(0, 1) for j in groups, l in items
u[j] ~ Normal(0, tau) for j in groups
v[columns] ~ Normal(0, 1)
"""

GAUSSIAN = {
    "one mean": "y[i] ~ Normal(mu, sigma) for i in rows",
    "simple": "y[i] ~ Normal(mu + b * x[i] + d * t[i], sigma) for i in rows",
    "variance": "y[i] ~ Normal(mu + b * x[i], var = sigma) for i in rows",
    "precision": "y[i] ~ Normal(mu - b * x[i] / 2, precision = sigma) for i in rows",
    "offset": "y[i] ~ Normal(mu + b * x[i] + 2 * t[i] + 1, sigma) for i in rows",
    "groups": "y[i] ~ Normal(a[g[i]] + b * x[i], sigma) for i in rows",
    "scaled groups": "y[i] ~ Normal(mu + tau * u[g[i]] + b * x[i] * t[i], sigma) for i in rows",
    "sd by group": "y[i] ~ Normal(a[g[i]] + b * x[i], s[g[i]]) for i in rows",
    "slopes": "y[i] ~ Normal(a[g[i]] + u[g[i]] * x[i] + b * t[i], sigma) for i in rows",
    "slopes, sd by group": "y[i] ~ Normal(a[g[i]] + u[g[i]] * x[i] + b * t[i], s[g[i]]) for i in rows",
    "crossed": "y[i] ~ Normal(a[g[i]] + e[h[i]] + m[g[i], h[i]] + b * x[i], sigma) for i in rows",
    "product": "y[i] ~ Normal(a[g[i]] * u[g[i]] + b * x[i] / tau, sigma) for i in rows",
    "dot": "y[i] ~ Normal(mu + dot(w[i], v) + e[h[i]], sigma) for i in rows",
    "sum": "y[i] ~ Normal(mu + sum(w[i, l] * v[l] for l in columns), sigma) for i in rows",
    "scaled sum": "y[i] ~ Normal(a[g[i]] - tau * sum(w[i, l] * v[l] for l in columns), sigma) for i in rows",
    "choice": "y[i] ~ Normal((a[g[i]] if x[i] > 0 else b * t[i]) + mu, sigma) for i in rows",
    "filtered": "y[i] ~ Normal(a[g[i]] + b * x[i], sigma) for i in rows if k[i] > 0",
    "written out": "for i in rows:\n    eta[i] = a[g[i]] + b * x[i]\n    y[i] ~ Normal(eta[i], sigma)",
    "log": "p[i] ~ LogNormal(a[g[i]] + b * x[i], sigma) for i in rows",
}
OTHER = {
    "counts": "c[i] ~ Poisson(log_rate = 0.1 * mu + b * k[i] + e[h[i]]) for i in rows",
    "rates": "c[i] ~ Poisson(s[g[i]] * exp(k[i])) for i in rows",
    "yes or no": "z[i] ~ Bernoulli(logit = a[g[i]] + b * k[i]) for i in rows",
    "trials": "c[i] ~ Binomial(k[i] + 12, logit = a[g[i]] + b * k[i]) for i in rows",
    "same trials": "c[i] ~ Binomial(14, logit = a[g[i]]) for i in rows",
    "probability": "z[i] ~ Bernoulli(inv_logit(a[g[i]] + b * k[i])) for i in rows",
    "counts, one design": "c[i] ~ Poisson(log_rate = 0.1 * mu + a[g[i]] / 5 + e[h[i]] + b * x[i] + 0.3 * x[i] * b)"
    " for i in rows",
    "counts, slopes by group": "c[i] ~ Poisson(log_rate = m[g[i], h[i]] + u[g[i]] * x[i] - d * t[i] + x[i])"
    " for i in rows",
    "counts, dense": "c[i] ~ Poisson(log_rate = 0.1 * mu + dot(w[i], v)) for i in rows",
    "yes or no, one design": "z[i] ~ Bernoulli(logit = a[g[i]] + e[h[i]] - tau * u[g[i]] * x[i] + 2) for i in rows",
    "trials, one design": "c[i] ~ Binomial(k[i] + 12, logit = a[g[i]] + e[h[i]] + b * x[i]) for i in rows",
    "same trials, one design": "c[i] ~ Binomial(14, logit = a[g[i]] + b * x[i]) for i in rows",
    "many classes": "c[i] ~ Poisson(log_rate = 0.1 * mu + m[g[i], h[i]] + b * k[i] + e[h[i]]) for i in rows",
    "many classes of trials": "c[i] ~ Binomial(k[i] + 12, logit = m[g[i], h[i]] + b * k[i]) for i in rows",
    "rates by exp, one design": "c[i] ~ Poisson(exp(0.1 * mu + e[h[i]] + b * x[i])) for i in rows",
    "p by inv_logit, one design": "z[i] ~ Bernoulli(inv_logit(a[g[i]] + b * x[i])) for i in rows",
    "trials by inv_logit, one design": "c[i] ~ Binomial(k[i] + 12, inv_logit(a[g[i]] + b * x[i])) for i in rows",
    "known sds, one design": "y[i] ~ Normal(a[g[i]] + b * x[i] + d, p[i]) for i in rows",
    "known sds of logs, one design": "p[i] ~ LogNormal(e[h[i]] + b * x[i], exp(x[i])) for i in rows",
    "waiting": "p[i] ~ Exponential(s[g[i]]) for i in rows",
    "scale": "p[i] ~ Exponential(scale = s[g[i]]) for i in rows",
    "amounts": "p[i] ~ Gamma(sigma, s[g[i]]) for i in rows",
    "mean amounts": "p[i] ~ Gamma(mean = s[g[i]], sd = sigma) for i in rows",
    "shares": "q[i] ~ Beta(sigma, s[g[i]]) for i in rows",
    "negative binomial": "c[i] ~ NegativeBinomial(mean = s[g[i]], concentration = sigma) for i in rows",
    "robust": "y[i] ~ StudentT(4, mu + b * x[i] + u[g[i]], sigma) for i in rows",
    "dense logistic": "z[i] ~ Bernoulli(logit = mu + dot(w[i], v) + b * t[i] + 2 * x[i]) for i in rows",
    "logistic": "z[i] ~ Bernoulli(logit = mu + dot(w[i], v) + u[g[i]] * x[i]) for i in rows",
}


def data(shift: float = 0.0, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Random rows; ``shift`` moves y, x and t far from zero."""
    rng = np.random.default_rng(3)
    group = rng.integers(0, 5, N)
    return {
        "g": np.array(list("abcde"))[group],
        "h": np.array(list("uvwxyz"))[rng.integers(0, 6, N)],
        "k": rng.integers(0, 4, N),
        "x": rng.normal(0, scale, N) + shift,
        "t": rng.normal(1, scale, N) + group,
        "y": rng.normal(2.0, 1.5, N) + shift,
        "c": rng.poisson(3.0, N),
        "z": rng.random(N) < 0.4,
        "p": rng.gamma(2.0, 1.0, N),
        "q": rng.beta(2.0, 3.0, N),
        "w": rng.normal(size=(N, 4)),
    }


def pair(
    statement: str, columns: dict[str, np.ndarray], weighted: bool = False
) -> tuple[GraphTarget, GraphTarget]:
    """Targets that fold and that do not."""
    head = HEAD.replace("q: real,", "q: real, n: weight,") if weighted else HEAD
    if weighted:
        columns = {**columns, "n": np.random.default_rng(8).integers(0, 4, N).astype(float)}
    if "w[" not in statement:
        head = head.replace(", w[columns]: real", "").replace("index columns\n", "")
        head = head.replace("v[columns] ~ Normal(0, 1)\n", "")
    model = ppl.compile(head + statement + "\n", prior=True)
    problem = model.bind(columns).problem
    lay = problem.layout
    return GraphTarget(lay), GraphTarget(replace(lay, fold=False))


def worst_gap(folded: GraphTarget, plain: GraphTarget, shift: float = 0.0) -> float:
    """The largest relative gap in values and gradients at a few points, some far out."""
    z = np.random.default_rng(0).normal(size=(6, folded.size)) * 0.5
    where = {group.name: group.where for group in folded.groups}
    z[:, where["mu"]] += shift
    gaps = []
    for a, b in zip(folded.value_and_grad(z), plain.value_and_grad(z), strict=True):
        gaps.append(float(np.max(np.abs(a - b)) / np.max(np.abs(b))))
    return max(gaps)


def note(target: GraphTarget) -> Folding:
    """How the one observation was folded."""
    (only,) = target.foldings
    return only
