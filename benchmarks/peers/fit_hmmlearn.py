"""Fit the hidden Markov model of counts by hmmlearn's EM: the mode under the same priors, no sds.

`PoissonHMM` takes Dirichlet and Gamma priors of its own form; the rates' Gamma(4, scale 5) is passed, the rows'
uniform Dirichlet too. What is saved is the mode as one draw, so that only the
means can be compared.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
from hmmlearn.hmm import PoissonHMM
from results import Request, request, run

SHAPE, SCALE = 4.0, 5.0


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """The mode, in order of the rates."""
    if asked.case.kind != "counts":
        sys.exit("hmmlearn fits the hidden Markov model of counts only")
    model = PoissonHMM(
        n_components=2, lambdas_prior=SHAPE - 1, lambdas_weight=1 / SCALE, n_iter=asked.steps, tol=1e-6,
        random_state=asked.seed,
    )  # fmt: skip
    model.fit(given["y"][:, None])
    order = np.argsort(model.lambdas_[:, 0])
    mode = {
        "init": model.startprob_[order],
        "trans": model.transmat_[np.ix_(order, order)],
        "rate": model.lambdas_[order, 0],
    }
    return {k: v[None] for k, v in mode.items()}


if __name__ == "__main__":
    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    run(request(__doc__ or "", steps=1000, rate=0.0), fit)
