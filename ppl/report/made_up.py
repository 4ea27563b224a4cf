"""Small made-up data of the right types, to plan a model whose data are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ppl.language import typed as t
from ppl.supports import Interval
from ppl.types import Type

ROWS = 6  # of every table: enough that no plate has one element only
LEVELS = 3


def made_up(program: t.Program) -> dict[str, dict[str, list[Any]]]:
    """Columns for every table, and one row of the givens without a default, by table name.

    Their values mean nothing; types, levels and keys are as declared. Wide columns get `LEVELS` headers.
    """
    rng = np.random.default_rng(0)
    return {
        table.name: {h: cells for c in table.columns for h, cells in _column(program, c, rng)}
        for table in program.tables.values()
    }


def _column(program: t.Program, c: t.ColumnDef, rng: np.random.Generator) -> Iterator[tuple[str, list[Any]]]:
    if c.role in ("key", "order"):
        yield c.header, [f"r{i}" if c.role == "key" else i for i in range(1, ROWS + 1)]
        return
    for header in _headers(program, c):
        yield header, _cells(program, c.type, rng)


def _headers(program: t.Program, c: t.ColumnDef) -> list[str]:
    if "*" not in c.header:
        return [c.header]
    kept = program.sets[c.type.axes[0].set].labels if c.type.axes else ()
    return [c.header.replace("*", label) for label in kept or [f"c{k}" for k in range(1, LEVELS + 1)]]


def _cells(program: t.Program, kind: Type, rng: np.random.Generator) -> list[Any]:
    if kind.element == "label":
        return [_labels(program, kind.set or "")[i % LEVELS] for i in range(ROWS)]
    if kind.element == "bool":
        return [bool(i % 2) for i in range(ROWS)]
    support = kind.support if isinstance(kind.support, Interval) else Interval()
    low, high = support.lower, support.upper
    if support.integer:
        start = int(low) if np.isfinite(low) else 0
        return [start + int(k) for k in rng.integers(1, 4, ROWS)]
    if np.isfinite(low) and np.isfinite(high):
        return [float(x) for x in low + (high - low) * rng.uniform(0.2, 0.8, ROWS)]
    noise = rng.normal(size=ROWS)
    if np.isfinite(low):
        return [float(x) for x in low + np.exp(noise)]
    return [float(x) for x in (high - np.exp(noise) if np.isfinite(high) else noise)]


def _labels(program: t.Program, name: str) -> list[Any]:
    """Some labels of a set: keys of a table, labels as written, numbers of a fixed set, or levels made up."""
    found = program.sets[name]
    if found.kind == "table":
        keyed = any(c.role == "key" for c in program.tables[name].columns)
        return [f"r{i}" if keyed else i for i in range(1, LEVELS + 1)]
    if found.labels:
        return list(found.labels) * LEVELS
    if found.kind in ("fixed", "range"):
        return [1] * LEVELS
    return [f"{name}{i}" for i in range(1, LEVELS + 1)]
