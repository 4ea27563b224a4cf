"""One sweep of a variational Gaussian mixture against scikit-learn and BayesPy, full and diagonal covariances.

    python benchmarks/gmm.py [--repeats 3] [--json FILE]

100,000 rows of 4 columns around 8 centres, 8 components. The factorisations differ: scikit-learn keeps each
mean and its precision in one factor (Normal-Wishart), we and BayesPy keep them apart, as the text has them.
Every program does the same work an iteration: labels of all rows, then all parameters, then the bound.
"""

from __future__ import annotations

import numpy as np
from sweeps.race import Peer, Race, main

ROWS, DIMS, COMPONENTS = 100_000, 4, 8

FULL = """
index comps = 8
index dims
table points(x[dims]: real = "x_*")
given scale[dims, dims']: covariance = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]

weight[comps]        ~ Dirichlet(1)
mu[k, dims]          ~ MultivariateNormal(0, cov = diag([100 for d in dims]))  for k in comps
prec[k, dims, dims'] ~ Wishart(6, scale)                                       for k in comps
for i in points:
    z[i]       ~ Categorical(weight)
    x[i, dims] ~ MultivariateNormal(mu[z[i]], precision = prec[z[i]])
"""

DIAGONAL = """
index comps = 8
index dims
table points(x[dims]: real = "x_*")

weight[comps] ~ Dirichlet(1)
mu[k, d]      ~ Normal(0, 10)                 for k in comps, d in dims
tau[k, d]     ~ Gamma(2, 2)                   for k in comps, d in dims
for i in points:
    z[i]    ~ Categorical(weight)
    x[i, d] ~ Normal(mu[z[i], d], precision = tau[z[i], d])  for d in dims
"""


def rows(rng: np.random.Generator) -> np.ndarray:
    """Overlapping clusters, each with its own spread."""
    z = rng.integers(COMPONENTS, size=ROWS)
    centre = 3 * rng.normal(size=(COMPONENTS, DIMS))
    spread = rng.uniform(0.5, 1.5, size=(COMPONENTS, DIMS))
    return np.asarray(centre[z] + spread[z] * rng.normal(size=(ROWS, DIMS)))


def races() -> tuple[Race, ...]:
    """Both covariances on the same rows."""
    x = rows(np.random.default_rng(0))
    columns = {f"x_{d + 1}": x[:, d] for d in range(DIMS)}
    found = []
    for covariance, model in (("full", FULL), ("diag", DIAGONAL)):
        asked = {"covariance": covariance, "components": COMPONENTS}
        peers = (Peer("sklearn", asked), Peer("bayespy", asked))
        title = f"Gaussian mixture, {ROWS} x {DIMS}, {COMPONENTS} components, {covariance}"
        found.append(Race(title, model, columns, "cavi", peers, {"x": x}))
    return tuple(found)


if __name__ == "__main__":
    raise SystemExit(main(races(), __doc__ or ""))
