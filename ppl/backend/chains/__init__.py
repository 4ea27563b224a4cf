"""Exact sums over chains in time: hidden Markov and linear-Gaussian."""

from ppl.backend.chains.discrete import PairResult, chain_marginals, chain_pair_marginals
from ppl.backend.chains.emissions import emission_scores, statistics
from ppl.backend.chains.factorised import FactorisedResult, factorised_marginals
from ppl.backend.chains.gaussian import GaussianChain, NotPositive, gaussian_chain, sample_gaussian_chain
from ppl.backend.chains.paths import likeliest_path, sample_paths
from ppl.backend.chains.sweep import ChainResult
from ppl.backend.chains.workspace import Workspace

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
