"""Small random data for any checked program: tables as CSV text, givens as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ppl.data.csv_file import frame_of_bytes
from ppl.data.json_file import frame_of_json
from ppl.language import typed as t
from ppl.supports import Interval

ROWS, LEVELS = 6, 3


def frames_of(program: t.Program, rng: np.random.Generator) -> list[Any]:
    """One frame for each table, and one of constants."""
    sizes = {name: _size(program, name) for name in program.sets}
    frames: list[Any] = []
    for table in program.tables.values():
        frames.append(
            (table.name, frame_of_bytes(f"{table.name}.csv", _csv(program, table, sizes, rng).encode()))
        )
    constants = {
        x.header: _array(program, x.type, tuple(sizes.get(a.set, LEVELS) for a in x.type.axes), rng).tolist()
        for x in program.givens.values()
        if x.default is None
    }
    if constants:
        frames.append((None, frame_of_json("constants.json", json.dumps(constants).encode())))
    return frames


def _size(program: t.Program, name: str) -> int:
    s = program.sets[name]
    if s.kind == "table":
        return ROWS
    if s.kind == "labelled":
        return len(s.labels)
    if s.kind == "fixed" and isinstance(s.size, t.Const):
        return int(s.size.value)
    if s.kind == "fixed" and isinstance(s.size, t.DataRef):
        default = program.givens[s.size.name].default if s.size.name in program.givens else None
        return int(default.value) if isinstance(default, t.Const) else LEVELS
    return LEVELS


def _csv(program: t.Program, table: t.TableDef, sizes: dict[str, int], rng: np.random.Generator) -> str:
    columns: dict[str, list[str]] = {}
    for c in table.columns:
        wide = [sizes.get(a.set, LEVELS) for a in c.type.axes if a.set != table.name]
        if wide:
            stem = c.header.replace("*", "{}") if "*" in c.header else c.header + "_{}"
            labels = _labels(program, c.type.axes[-1].set, wide[-1])
            for k in range(wide[-1]):
                columns[stem.format(labels[k])] = _column(program, c, sizes, rng)
        else:
            columns[c.header] = _column(program, c, sizes, rng)
    rows = zip(*columns.values(), strict=True)
    return ",".join(f'"{c}"' for c in columns) + "\n" + "\n".join(",".join(r) for r in rows) + "\n"


def _column(program: t.Program, c: t.ColumnDef, sizes: dict[str, int], rng: np.random.Generator) -> list[str]:
    if c.role == "key":
        return [f"k{i}" for i in range(ROWS)]
    if c.role == "order":
        return [str(i) for i in rng.permutation(ROWS)]
    if c.role == "weight":
        return [str(int(k)) for k in rng.integers(1, 3, ROWS)]
    if c.type.element == "label":
        name = c.type.set or ""
        labels = _labels(program, name, sizes.get(name, LEVELS))
        codes = [*range(min(len(labels), ROWS)), *rng.integers(0, len(labels), max(ROWS - len(labels), 0))]
        found = [labels[int(k)] for k in codes]
    else:
        found = [f"{x:g}" for x in _array(program, c.type, (ROWS,), rng)]
    if c.optional:
        found[1] = found[4] = ""
    return found


def _labels(program: t.Program, name: str, size: int) -> list[str]:
    s = program.sets.get(name)
    if name == "bool":
        return ["0", "1"]
    if s is not None and s.kind == "table":
        keyed = any(c.role == "key" for c in program.tables[name].columns)
        return [f"k{i}" if keyed else str(i + 1) for i in range(ROWS)]
    if s is not None and s.kind == "labelled":
        return list(s.labels)
    if s is not None and s.kind in ("fixed", "filtered"):
        return [str(i + 1) for i in range(size)]
    if s is not None and s.kind == "range":
        return [str(i) for i in range(size)]
    return ["u", "v", "w"][:size]


def _array(program: t.Program, kind: Any, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if kind.element == "bool":
        return rng.integers(0, 2, shape)
    if kind.element == "label":
        return np.array(_labels(program, kind.set or "", LEVELS), dtype=object)[rng.integers(0, 2, shape)]
    support = kind.support
    if not isinstance(support, Interval):
        return _structured(support.kind, shape, rng)
    low, high = support.lower, support.upper
    if support.integer or kind.element == "int":
        first = int(low) if np.isfinite(low) else 1
        return rng.integers(first, int(min(high, first + 3)) + 1, shape)
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) * rng.uniform(0.2, 0.8, shape)
    if np.isfinite(low):
        return low + rng.uniform(0.5, 2.0, shape)
    return rng.normal(size=shape)


def _structured(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    x = rng.uniform(0.5, 1.5, shape)
    if kind in ("simplex", "row_stochastic"):
        return x / x.sum(-1, keepdims=True)
    if "ordered" in kind:
        return np.cumsum(x, axis=-1)
    n = shape[-1]
    if "cholesky" in kind:
        return np.broadcast_to(np.eye(n), shape).copy()
    return np.broadcast_to(np.eye(n) + (0.3 if kind == "covariance" else 0.1) * (1 - np.eye(n)), shape).copy()
