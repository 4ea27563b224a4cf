"""Reference figures of the radon model on all 12,573 houses, by NUTS in NumPyro.

    .benchmarks/peers/numpyro/bin/python benchmarks/peers/reference_radon_all.py [--chains 2] [--draws 1000]

Writes `benchmarks/data/radon_all.ref.json` with the means and sds, the largest R-hat and the smallest
effective sample size.
"""

from __future__ import annotations

import argparse
import json

import jax
import numpy as np
import numpyro
from cases import CASES, labels, prepare, values
from models_numpyro import hierarchy
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS
from results import summary


def main() -> None:
    """Sample and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--warmup", type=int, default=500)
    asked = parser.parse_args()
    prepare()
    case = CASES["radon_all"]
    given = values(case)
    arrays = {k: v for k, v in given.items() if k != "counties"}
    sampler = MCMC(
        NUTS(hierarchy), num_warmup=asked.warmup, num_samples=asked.draws, num_chains=asked.chains,
        chain_method="sequential", progress_bar=False,
    )  # fmt: skip
    sampler.run(jax.random.PRNGKey(0), arrays)
    found = {k: np.asarray(v) for k, v in sampler.get_samples(True).items() if not k.endswith("_raw")}
    checks = {
        "largest_rhat": max(float(np.max(split_gelman_rubin(v))) for v in found.values()),
        "smallest_ess": min(float(np.min(effective_sample_size(v))) for v in found.values()),
    }
    together = {k: v.reshape(-1, *v.shape[2:]) for k, v in found.items()}
    table = summary(together, labels(case, given))
    result = {
        "source": f"NUTS in NumPyro, {asked.chains} chains of {asked.draws} draws",
        **checks,
        "params": table,
    }
    assert case.reference is not None
    case.reference.write_text(json.dumps(result, indent=1) + "\n")
    print(checks)


if __name__ == "__main__":
    numpyro.enable_x64()
    main()
