"""What reading allocates, and who owns the numbers."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np

import ppl

TEXT = """
table rows(y: real, u: real)
b ~ Normal(0, 1)
y[i] ~ Normal(b * u[i], 1) for i in rows
"""


def test_numbers_of_an_archive_are_held_once(tmp_path: Path) -> None:
    """Two columns of an archive and what checks of them need, without a second copy: below six columns."""
    n = 400_000
    model, path = ppl.compile(TEXT, path=False), tmp_path / "d.npz"
    np.savez(tmp_path / "few.npz", y=np.arange(5.0), u=np.arange(5.0))
    model.bind(str(tmp_path / "few.npz"))  # imports are not counted
    np.savez(path, y=np.arange(float(n)), u=np.ones(n))
    tracemalloc.start()
    bound = model.bind(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bound is not None and peak < 6 * 8 * n


def test_numbers_from_python_are_copied() -> None:
    """Whoever writes to an array after it was bound does not change what was bound."""
    y, u = np.arange(4.0), np.ones(4)
    bound = ppl.compile(TEXT, path=False).bind({"y": y, "u": u})
    y[0] = 99.0
    held = list(bound.problem.data.arrays.values())
    assert len(held) == 2
    assert not any(np.shares_memory(h, a) or 99.0 in h for h in held for a in (y, u))
