"""Fit the conjugate regression by BayesPy's variational message passing.

BayesPy needs a conjugate prior, so the noise's precision has a wide Gamma(1e-5, 1e-5) where the model has a
half-normal on its sd; at 100 rows the posteriors hardly differ. The coefficients and the precision are
independent in its approximation.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from bayespy.inference import VB
from bayespy.nodes import Gamma, GaussianARD, SumMultiply
from results import DRAWS, Request, request, run


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Draws of the coefficients and of the noise's sd."""
    if asked.case.name != "blr":
        sys.exit("BayesPy fits the regression `blr` only")
    x, y = given["x"], given["y"]
    beta = GaussianARD(0, given["coefficient"] ** -2.0, shape=(x.shape[1],))
    precision = Gamma(1e-5, 1e-5)
    rows = GaussianARD(SumMultiply("i,i", beta, x), precision)
    rows.observe(y)
    VB(rows, beta, precision).update(repeat=asked.steps, verbose=False)
    rng = np.random.default_rng(asked.seed)
    mean, second = beta.u
    draws = rng.multivariate_normal(mean, second - np.outer(mean, mean), size=DRAWS)
    rate, shape = -float(precision.phi[0]), float(precision.phi[1])
    return {"beta": draws, "sigma": rng.gamma(shape, 1 / rate, DRAWS) ** -0.5}


if __name__ == "__main__":
    run(request(__doc__ or "", steps=1000, rate=0.0), fit)
