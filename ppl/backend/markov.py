"""The log-partition of a long chain of discrete states whose pair tables take few distinct values.

log Z = log sum over s_1..s_T of prod_t exp(pair[s_{t-1}, s_t, codes[t]] + unary[s_t, t]), s_0 = 0. Both sweeps
(`ppl.backend.chains`) are made at once, and their marginals kept for the derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from threading import local

import numpy as np

from ppl.backend.chains.discrete import chain_marginals
from ppl.backend.op import Array, op, unbroadcast


@dataclass(frozen=True)
class _Sums:
    """log Z (N, R), single marginals (N, R, K, T), summed pair marginals (N, R, U, K, K)."""

    log_partition: Array
    single: Array
    pairs: Array


_last = local()  # the sums of the latest forward call: its two derivatives follow on the same arrays


def _sums(pair: Array, unary: Array, codes: Array) -> _Sums:
    known = getattr(_last, "entry", None)
    if known is not None and known[0] is pair and known[1] is unary and known[2] is codes:
        found: _Sums = known[3]
        return found
    out = _computed(*_flat(pair, unary), codes)
    _last.entry = (pair, unary, codes, out)
    return out


def _flat(pair: Array, unary: Array) -> tuple[Array, Array]:
    """Tables (N, U, K, K) and (N, R, K, T): N batches with tables of their own, R chains that share one."""
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])
    cut = _cut(pair)
    n, r = prod(lead[:cut]), prod(lead[cut:])
    own = np.broadcast_to(pair.reshape(*pair.shape[:cut], *pair.shape[-3:]), (*lead[:cut], *pair.shape[-3:]))
    tables = np.ascontiguousarray(np.moveaxis(own.reshape(n, *pair.shape[-3:]), -1, 1))
    return tables, np.broadcast_to(unary, (*lead, *unary.shape[-2:])).reshape(n, r, *unary.shape[-2:])


def _cut(pair: Array) -> int:
    """How many leading axes the pair tables differ along."""
    return max((i + 1 for i, size in enumerate(pair.shape[:-3]) if size != 1), default=0)


def _computed(tables: Array, unary: Array, codes: Array) -> _Sums:
    """Tables (N, U, K, K), unary (N, R, K, T): all N chains at once, or the R that share a table."""
    unary = np.array(unary, dtype=float)
    unary[..., 0] += tables[:, codes[0], 0][:, None]
    if unary.shape[1] == 1:
        found = [chain_marginals(unary[:, 0], tables, codes)]
    else:
        found = [chain_marginals(own, table, codes) for own, table in zip(unary, tables, strict=True)]
    single = np.stack([f.node for f in found]).reshape(unary.shape)
    pairs = np.stack([f.pair_sums for f in found]).reshape(*unary.shape[:2], *tables.shape[1:])
    pairs[:, :, codes[0], 0] += single[..., 0]
    total = np.stack([f.log_partition for f in found]).reshape(unary.shape[:2])
    return _Sums(total, single, pairs)


def _pair_vjp(g: Array, ans: Array, pair: Array, unary: Array, codes: Array) -> Array:
    """g times the pair marginals of each table."""
    found = _sums(pair, unary, codes).pairs
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])[: _cut(pair)]
    out = (np.reshape(g, (*found.shape[:2], 1, 1, 1)) * found).sum(axis=1)
    middle = (1,) * (pair.ndim - 3 - len(lead))
    out = np.moveaxis(out, 1, -1).reshape(*lead, *middle, *pair.shape[-3:])
    return unbroadcast(out, pair.shape)


def _unary_vjp(g: Array, ans: Array, pair: Array, unary: Array, codes: Array) -> Array:
    """g times the marginals of each step."""
    found = _sums(pair, unary, codes).single
    out = np.reshape(g, (*found.shape[:2], 1, 1)) * found
    return unbroadcast(out.reshape(*np.shape(g), *unary.shape[-2:]), unary.shape)


@op(_pair_vjp, _unary_vjp, None)
def markov_log_partition(pair: Array, unary: Array, codes: Array) -> Array:
    """log Z of pair (..., K, K, U), unary (..., K, T) and codes (T,) below U; leading axes broadcast.

    >>> tables, codes = np.log(np.full((1, 2, 2, 1), 0.5)), np.zeros(3, dtype=int)
    >>> float(np.exp(markov_log_partition(tables, np.zeros((1, 2, 3)), codes)[0]).round(12))
    1.0
    """
    lead = np.broadcast_shapes(pair.shape[:-3], unary.shape[:-2])
    return _sums(pair, unary, codes).log_partition.reshape(lead)
