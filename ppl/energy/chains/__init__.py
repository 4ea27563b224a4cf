"""Exact sums over chains in time: hidden Markov and linear-Gaussian blocks of q."""

from ppl.energy.chains.discrete import ChainResult, chain_marginals
from ppl.energy.chains.emissions import emission_scores, statistics
from ppl.energy.chains.paths import likeliest_path, sample_paths
from ppl.energy.chains.workspace import Workspace

__all__ = [
    "ChainResult",
    "Workspace",
    "chain_marginals",
    "emission_scores",
    "likeliest_path",
    "sample_paths",
    "statistics",
]
