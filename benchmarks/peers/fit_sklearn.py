"""Fit the logistic regression by scikit-learn: the mode under the same ridge, the sds from the curvature there.

No variational method, and the intercept goes without its prior of sd 2.5, which 100,000 rows do not notice. The
draws saved are those of the Gaussian so found.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from results import DRAWS, Request, request, run
from sklearn.linear_model import LogisticRegression


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Draws of the Gaussian at the mode."""
    if asked.case.kind != "logistic":
        sys.exit("scikit-learn fits the logistic regression only")
    x, y = given["x"], given["y"]
    found = LogisticRegression(C=1.0, max_iter=asked.steps, tol=1e-8).fit(x, y)
    p = found.predict_proba(x)[:, 1]
    design = np.column_stack([np.ones(len(x)), x])
    ridge = np.diag(np.concatenate([[0.0], np.ones(x.shape[1])]))
    covariance = np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design + ridge)
    mode = np.concatenate([found.intercept_, found.coef_[0]])
    draws = np.random.default_rng(asked.seed).multivariate_normal(mode, covariance, size=DRAWS)
    return {"b0": draws[:, 0], "b": draws[:, 1:]}


if __name__ == "__main__":
    run(request(__doc__ or "", steps=1000, rate=0.0), fit)
