"""Marginals of chains of discrete states: one, many at once, and with all their pair marginals.

log Z = log sum over s_0..s_{T-1} of exp(sum_t unary[s_t, t] + sum_{t >= 1} pair[codes[t], s_{t-1}, s_t]).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from ppl.backend.chains.cut import Cut, cut
from ppl.backend.chains.logs import backward_log_messages, log_messages
from ppl.backend.chains.many_tables import BatchTables, VaryingTables
from ppl.backend.chains.steps import steps_of
from ppl.backend.chains.sweep import RESCALE, ChainResult, Sweep, finite
from ppl.backend.chains.workspace import Workspace, own_workspace
from ppl.backend.op import Array

STEPS_WITH_OWN_TABLES, STEPS_WITH_SHARED = 15, 40  # steps of many chains in the time of one short chain


@final
@dataclass(frozen=True)
class PairResult:
    """log Z (1,), marginals (K, T), pair marginals (K_prev, K_next, T) of the step into t; at t = 0 they are 0."""

    log_partition: Array
    node: Array
    pairs: Array


def chain_marginals(unary: Array, pair: Array, codes: Array, *, work: Workspace | None = None) -> ChainResult:
    """The marginals of a chain from its log potentials, of which any may be -inf.

    ``unary`` (K, T) or (N, K, T); ``pair`` (U, K_prev, K_next) or (N, U, K_prev, K_next); ``codes`` (T,) says
    which table the step into t takes, and codes[0] nothing. A table with equal rows starts the chain anew.

    >>> tables = np.log(np.array([[[0.9, 0.1], [0.2, 0.8]]]))
    >>> found = chain_marginals(np.log(np.array([[0.5, 1.0], [0.5, 0.0]]) + 1e-300), tables, np.zeros(2, int))
    >>> float(np.exp(found.log_partition[0]).round(9)), found.node.round(3).tolist()
    (0.55, [[0.818, 1.0], [0.182, 0.0]])
    """
    work = own_workspace() if work is None else work
    unary, pair, codes = np.asarray(unary, float), np.asarray(pair, float), np.asarray(codes)
    if unary.ndim == 2 and pair.ndim == 3:
        return _one(unary, pair, codes, work)
    count = len(unary) if unary.ndim == 3 else len(pair)
    if count * (STEPS_WITH_OWN_TABLES if pair.ndim == 4 else STEPS_WITH_SHARED) > len(codes):
        found = _apart(np.broadcast_to(unary, (count, *unary.shape[-2:])), pair, codes, work)
        if found is not None:
            return found
    each = []
    for n in range(count):
        own, table = unary[n] if unary.ndim == 3 else unary, pair[n] if pair.ndim == 4 else pair
        each.append(_one(own, table, codes, work))
    return ChainResult(
        np.concatenate([r.log_partition for r in each]),
        np.stack([r.node for r in each]),
        np.stack([r.pair_sums for r in each]),
    )


def chain_pair_marginals(unary: Array, pair: Array, *, work: Workspace | None = None) -> PairResult:
    """All pair marginals of a chain with a table of its own at each step: unary (K, T), pair (K, K, T).

    pair[:, :, t] is the log table of the step into t, and pair[:, :, 0] is not read. With few distinct tables
    ``pair = np.moveaxis(tables, 0, -1)[:, :, codes]``.

    >>> chain_pair_marginals(np.zeros((2, 2)), np.log([[[1.0, 0.4], [1, 0.1]], [[1, 0.2], [1, 0.3]]])).pairs[..., 1]
    array([[0.4, 0.1],
           [0.2, 0.3]])
    """
    work = own_workspace() if work is None else work
    k, steps = unary.shape
    where, top = cut(steps, k), finite(pair.max(axis=(0, 1)))
    tables = VaryingTables(np.exp(pair - top), where)
    for every in (RESCALE, 1):
        found = Sweep(tables, where, k, every, work).result(unary)
        if found is not None:
            return PairResult(found.log_partition + top[1:].sum(), found.node, found.pair_sums)
    found = _in_logs(unary, np.ascontiguousarray(np.moveaxis(pair, -1, 0)), np.arange(steps))
    return PairResult(found.log_partition, found.node, np.moveaxis(found.pair_sums, 0, -1))


def _one(unary: Array, pair: Array, codes: Array, work: Workspace) -> ChainResult:
    """A single chain."""
    found = swept(unary, pair, codes, work)
    return _in_logs(unary, pair, codes) if found is None else found[1]


def swept(unary: Array, pair: Array, codes: Array, work: Workspace) -> tuple[Sweep, ChainResult] | None:
    """A single chain's sweep and what came of it, or nothing where it takes logs.

    >>> found = swept(np.zeros((2, 3)), np.zeros((1, 2, 2)), np.zeros(3, int), Workspace())
    >>> float(np.exp(found[1].log_partition[0]).round(9))
    8.0
    """
    k, steps = unary.shape
    where = cut(steps, k)
    top = finite(pair.max(axis=(1, 2)))
    tables = steps_of(np.exp(pair - top[:, None, None]), codes, where)
    used = np.bincount(codes[1:], minlength=len(pair)) @ top
    for every in (RESCALE, 1):
        sweep = Sweep(tables, where, k, every, work)
        found = sweep.result(unary)
        if found is not None:
            return sweep, replace(found, log_partition=found.log_partition + used)
    return None


def _apart(unary: Array, pair: Array, codes: Array, work: Workspace) -> ChainResult | None:
    """Many chains as the blocks of one sweep, if none of them underflows."""
    n, k, steps = unary.shape
    pair = pair if pair.ndim == 4 else pair[None]
    top = finite(pair.max(axis=(2, 3)))
    tables = BatchTables(np.exp(pair - top[..., None, None]), codes)
    used = top @ np.bincount(codes[1:], minlength=pair.shape[1])
    joined = np.ascontiguousarray(unary.swapaxes(0, 1)).reshape(k, n * steps)
    for every in (RESCALE, 1):
        found = Sweep(tables, Cut(n * steps, steps, n, apart=True), k, every, work).result(joined)
        if found is not None:
            node = np.ascontiguousarray(found.node.reshape(k, n, steps).swapaxes(0, 1))
            return ChainResult(found.log_partition + used, node, found.pair_sums)
    return None


def _in_logs(unary: Array, pair: Array, codes: Array) -> ChainResult:
    """The same sums in logs, several times as long."""
    forward = log_messages(unary, pair, codes, hard=False)
    backward = backward_log_messages(unary, pair, codes)
    with np.errstate(all="ignore"):
        top = finite(forward[:, -1].max())
        total = top + np.log(np.exp(forward[:, -1] - top).sum())
        if total == -np.inf:
            return ChainResult(np.array([total]), np.zeros(unary.shape), np.zeros(pair.shape))
        node = np.exp(forward + np.where(unary == -np.inf, -np.inf, backward - unary) - total)
        node /= node.sum(axis=0)
        pairs, ahead = np.zeros(pair.shape), backward[:, 1:] - total
        for i in range(len(unary)):
            table = np.ascontiguousarray(pair[:, i].T)[:, codes[1:]]
            each = np.exp(forward[i, :-1] + table + ahead)
            for j in range(len(unary)):
                pairs[:, i, j] = np.bincount(codes[1:], weights=each[j], minlength=len(pair))
    return ChainResult(np.array([total]), node, pairs)
