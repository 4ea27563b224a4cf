"""Exact sums over chains in time: hidden Markov and linear-Gaussian blocks of q."""

from ppl.energy.chains.discrete import PairResult, chain_marginals, chain_pair_marginals
from ppl.energy.chains.emissions import emission_scores, statistics
from ppl.energy.chains.factorised import FactorisedResult, factorised_marginals
from ppl.energy.chains.gaussian import GaussianChain, NotPositive, gaussian_chain, sample_gaussian_chain
from ppl.energy.chains.paths import likeliest_path, sample_paths
from ppl.energy.chains.sweep import ChainResult
from ppl.energy.chains.workspace import Workspace

__all__ = [
    "ChainResult",
    "FactorisedResult",
    "GaussianChain",
    "NotPositive",
    "PairResult",
    "Workspace",
    "chain_marginals",
    "chain_pair_marginals",
    "emission_scores",
    "factorised_marginals",
    "gaussian_chain",
    "likeliest_path",
    "sample_gaussian_chain",
    "sample_paths",
    "statistics",
]
