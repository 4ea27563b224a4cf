"""A logistic regression with 100,000 rows and 20 columns, from CSV to posterior.

    python benchmarks/logistic.py [--rows 100000] [--columns 20]

Makes the table from known coefficients, fits it in a process of its own, and prints the total seconds, the
peak memory, and how far the posterior means lie from the coefficients, in posterior sds: about 1 on average,
and hardly above 4 at most. The exit status is 1 above 10 seconds or 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MOST_SECONDS, MOST_BYTES = 10.0, 1 << 30


def write_table(path: Path, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Write y, x_1, ..., x_k; the coefficients, the intercept first."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, columns))
    truth = np.concatenate([[-0.5], rng.normal(0, 0.5, columns)])
    y = rng.random(rows) < 1 / (1 + np.exp(-truth[0] - x @ truth[1:]))
    header = ",".join(["y", *(f"x_{k + 1}" for k in range(columns))])
    np.savetxt(
        path,
        np.column_stack([y, x]),
        delimiter=",",
        header=header,
        comments="",
        fmt=["%d"] + ["%.6f"] * columns,
    )
    return truth


def fit(data: Path) -> tuple[dict, float, int]:
    """The JSON form of the fit, wall-clock seconds, and the peak memory of the process in bytes."""
    root = str(HERE.parent)
    environment = os.environ | {"PYTHONPATH": root + os.pathsep + os.environ.get("PYTHONPATH", "")}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ppl", "fit", str(HERE / "logistic.model"), str(data), "--json"],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    return json.loads(done.stdout), seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.csv"
        truth = write_table(data, asked.rows, asked.columns)
        result, seconds, peak = fit(data)
        size = data.stat().st_size
    names = ["b0", *(f"b[{k + 1}]" for k in range(asked.columns))]
    posterior = result["posterior"]
    off = [abs(posterior[n]["mean"] - t) / posterior[n]["sd"] for n, t in zip(names, truth, strict=True)]
    print(f"{asked.rows} rows, {asked.columns} columns, {size / 1e6:.0f} MB: status {result['status']}")
    print(
        f"seconds {seconds:.2f} (limit {MOST_SECONDS:.0f}), "
        + ", ".join(f"{k} {v:.2f}" for k, v in result["seconds"].items())
    )
    print(f"peak memory {peak / 2**20:.0f} MB (limit {MOST_BYTES / 2**20:.0f})")
    print(f"distance from the coefficients in posterior sds: mean {np.mean(off):.2f}, most {np.max(off):.2f}")
    return 0 if seconds <= MOST_SECONDS and peak <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
