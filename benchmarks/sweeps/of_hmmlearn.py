"""hmmlearn's EM iterations (its C++ forward and backward sums), from a fixed start."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from clock import report, settings
from hmmlearn.hmm import CategoricalHMM, GaussianHMM


def fit(data: Any, asked: dict[str, Any], n: int) -> object:
    """n iterations; the start is set by hand so that no k-means is timed."""
    states = asked["states"]
    rng = np.random.default_rng(0)
    if asked["emission"] == "gaussian":
        model: Any = GaussianHMM(
            states, "diag", n_iter=n, tol=-np.inf, init_params="", implementation=asked["sums"]
        )
        model.means_ = np.quantile(data["y"], np.linspace(0.1, 0.9, states))[:, None]
        model.covars_ = np.full((states, 1), data["y"].var())
    else:
        model = CategoricalHMM(states, n_iter=n, tol=-np.inf, init_params="", implementation=asked["sums"])
        model.emissionprob_ = rng.dirichlet(np.full(int(data["y"].max()) + 1, 5.0), states)
    model.startprob_ = np.full(states, 1 / states)
    model.transmat_ = np.full((states, states), 0.1 / states) + 0.9 * np.eye(states)
    return model.fit(data["y"][:, None])


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asked = settings()
    with np.load(asked["data"]) as file:
        data = dict(file.items())
    report(lambda n: fit(data, asked, n), asked["repeats"])
