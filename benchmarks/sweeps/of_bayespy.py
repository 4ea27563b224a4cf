"""BayesPy's updates of a Gaussian mixture, every factor once an iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from bayespy.inference import VB
from bayespy.nodes import Categorical, Dirichlet, Gamma, Gaussian, GaussianARD, Mixture, Wishart
from clock import report, settings


def fit(data: Any, asked: dict[str, Any], n: int) -> object:
    """n sweeps over labels, means, precisions and weights."""
    x, k = data["x"], asked["components"]
    d = x.shape[1]
    weights = Dirichlet(np.ones(k))
    labels = Categorical(weights, plates=(len(x),) if asked["covariance"] == "full" else (len(x), 1))
    if asked["covariance"] == "full":
        mean = Gaussian(np.zeros(d), 1e-2 * np.identity(d), plates=(k,))
        precision = Wishart(d + 2, np.identity(d), plates=(k,))
        rows = Mixture(labels, Gaussian, mean, precision)
    else:
        mean = GaussianARD(0, 1e-2, plates=(d, k))
        precision = Gamma(2, 2, plates=(d, k))
        rows = Mixture(labels, GaussianARD, mean, precision)
    labels.initialize_from_random()
    rows.observe(x)
    inference = VB(rows, mean, precision, labels, weights)
    inference.update(repeat=n, tol=-1, verbose=False)
    return inference


if __name__ == "__main__":
    asked = settings()
    with np.load(asked["data"]) as file:
        data = dict(file.items())
    report(lambda n: fit(data, asked, n), asked["repeats"])
