"""Fit one case by NumPyro's SVI, from the CSV file to saved draws.

AutoMultivariateNormal (full_rank) or AutoNormal (mean_field), Trace_ELBO with one particle unless asked for
more, Adam whose step size falls geometrically to a hundredth over the steps, double precision as the project's
own. The start and the draws are compiled too: left to run operation by operation they take seconds more.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import numpyro
from models_numpyro import MODELS
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoMultivariateNormal, AutoNormal
from results import DRAWS, Request, request, run

GUIDES = {"full_rank": AutoMultivariateNormal, "mean_field": AutoNormal}


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Draws of every site and deterministic value of the model."""
    model = MODELS[asked.case.kind]
    guide = GUIDES[asked.family](model)
    rate = _falling(asked.rate, asked.steps)
    svi = SVI(model, guide, numpyro.optim.Adam(rate), Trace_ELBO(num_particles=asked.particles))
    arrays = {k: v for k, v in given.items() if k not in ("school", "counties")}
    init_key, run_key, draw_key = jax.random.split(jax.random.PRNGKey(asked.seed), 3)
    state = jax.jit(lambda key: svi.init(key, arrays))(init_key)
    found = svi.run(run_key, asked.steps, arrays, progress_bar=False, init_state=state)
    sample = jax.jit(lambda params: guide.sample_posterior(draw_key, params, sample_shape=(DRAWS,)))
    draws = sample(found.params)
    return {k: np.asarray(v) for k, v in draws.items() if not k.endswith("_raw")}


def _falling(rate: float, steps: int) -> Any:
    return lambda step: rate * 0.01 ** (step / steps)


if __name__ == "__main__":
    numpyro.enable_x64()
    run(request(__doc__ or "", steps=5000, rate=0.02), fit)
