"""Held-out galaxies: a truncated Dirichlet process by coordinate ascent against mixtures by EM and scikit-learn's.

    python benchmarks/galaxies_dp.py [--restarts 10]

The 82 velocities of the example, in 1000 km/s, in ten folds drawn with seed 0; the figure is the mean log density of a
galaxy given the other nine tenths. Ours averages the mixture's density over 500 draws from q. scikit-learn's
`BayesianGaussianMixture` has the same weights' prior and Normal-Wishart priors of like means; `GaussianMixture` is EM
without priors. Both are judged at their own `score_samples`, the best of as many starts by their own bounds.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import ppl  # noqa: E402

Array = Any
FOLDER = HERE.parent / "examples" / "galaxies_dp"
DRAWS = 500


def ours(seen: Array, held: Array, restarts: int) -> Array:
    """Log densities of the held-out velocities."""
    model = ppl.compile((FOLDER / "galaxies_dp.model").read_text(), path=False)
    fit = model.fit({"velocity_km_s": 1000 * seen}, method="cavi", restarts=restarts, draws=DRAWS)
    draws = fit.sample(DRAWS, seed=1)
    stick, mu, tau = (np.asarray(draws[n]) for n in ("stick", "mu", "tau"))
    ones = np.ones((len(stick), 1))
    weight = np.hstack([stick, ones]) * np.hstack([ones, np.cumprod(1 - stick, 1)])
    z = (held[:, None, None] - mu) ** 2 * tau
    return np.log((weight * np.sqrt(tau / (2 * np.pi)) * np.exp(-0.5 * z)).sum(-1).mean(-1))


def mixture(seen: Array, held: Array, k: int, restarts: int) -> Array:
    """EM with k components."""
    found = GaussianMixture(k, n_init=restarts, random_state=0).fit(seen[:, None])
    return found.score_samples(held[:, None])


def sklearn_dp(seen: Array, held: Array, restarts: int) -> Array:
    """The same truncation and prior of the weights; sds about 1 in the prior."""
    made = BayesianGaussianMixture(
        n_components=8,
        weight_concentration_prior=1.0,
        mean_prior=[20.0],
        mean_precision_prior=0.01,
        degrees_of_freedom_prior=4.0,
        covariance_prior=[[1.0]],
        max_iter=2000,
        n_init=restarts,
        random_state=0,
    )
    return made.fit(seen[:, None]).score_samples(held[:, None])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--restarts", type=int, default=10)
    restarts = parser.parse_args().restarts
    warnings.filterwarnings("ignore")
    y = np.loadtxt(FOLDER / "data.csv", skiprows=1) / 1000
    folds = np.random.default_rng(0).permutation(len(y)) % 10
    found: dict[str, list[Array]] = {}
    for k in range(10):
        seen, held = y[folds != k], y[folds == k]
        found.setdefault("ours, truncated at 8", []).append(ours(seen, held, restarts))
        found.setdefault("scikit-learn, truncated at 8", []).append(sklearn_dp(seen, held, restarts))
        for n in (1, 2, 3, 4, 6):
            found.setdefault(f"EM, {n} components", []).append(mixture(seen, held, n, restarts))
    for name, parts in found.items():
        print(f"{name:32} {np.concatenate(parts).mean():8.4f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
