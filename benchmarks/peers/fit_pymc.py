"""Fit one case by PyMC's ADVI, from the CSV file to saved draws.

`pm.fit(method="fullrank_advi")` (full_rank) or "advi" (mean_field), Adam with a fixed step size in place of
the default, whose step of 0.001 is far from the optimum after the default 10,000 steps. PyTensor compiles to C
as it does by default; `PYTENSOR_FLAGS=compiledir=...` says where it keeps what it compiled.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pymc as pm
from models_pymc import MODELS
from results import DRAWS, Request, request, run

METHODS = {"full_rank": "fullrank_advi", "mean_field": "advi"}


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Draws of every parameter and deterministic value of the model."""
    with pm.Model():
        MODELS[asked.case.kind](given)
        found = pm.fit(
            n=asked.steps,
            method=METHODS[asked.family],
            obj_optimizer=pm.adam(learning_rate=asked.rate),
            obj_n_mc=asked.particles,
            random_seed=asked.seed,
            progressbar=False,
        )
        draws = found.sample(DRAWS, random_seed=asked.seed + 1, return_inferencedata=False)
    return {k: np.asarray(draws[k]) for k in draws.varnames if not k.endswith(("_raw", "__"))}


if __name__ == "__main__":
    logging.getLogger("pymc").setLevel(logging.WARNING)
    run(request(__doc__ or "", steps=10_000, rate=0.01), fit)
