"""What every peer's script takes on its command line and writes at its end, the same for all.

A script is called `fit_PEER.py CASE --family full_rank --out FOLDER`. It writes the draws it would hand to a user
(`draws.npz`) and `result.json`: the CPU seconds of its own clock and the mean and sd of every element.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, Case, labels, values

DRAWS = 4000  # sampling error of a mean 0.016 sd, of a log sd 0.011
FAMILIES = ("mean_field", "full_rank")


@dataclass(frozen=True)
class Request:
    """One fit that is asked for."""

    case: Case
    family: str
    steps: int
    rate: float
    particles: int
    seed: int
    out: Path


def request(description: str, steps: int, rate: float, arguments: list[str] | None = None) -> Request:
    """Read the command line; `steps` and `rate` are the peer's defaults."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", choices=sorted(CASES), metavar="CASE", help=", ".join(sorted(CASES)))
    parser.add_argument("--family", choices=FAMILIES, default="full_rank")
    parser.add_argument("--steps", type=int, default=steps, help=f"optimisation steps [{steps}]")
    parser.add_argument("--rate", type=float, default=rate, help=f"step size [{rate:g}]")
    parser.add_argument("--particles", type=int, default=1, help="draws of each stochastic gradient [1]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    a = parser.parse_args(arguments)
    return Request(CASES[a.case], a.family, a.steps, a.rate, a.particles, a.seed, a.out)


def cpu_seconds() -> float:
    """User and system seconds of this process and of the children it waited for, such as compilers."""
    return sum(os.times()[:4])


def run(asked: Request, fit: Callable[[Request, dict[str, Any]], dict[str, np.ndarray]]) -> None:
    """Read the data, fit by the clock (in CPU seconds), write the results; `fit` gives draws, first axis the draw."""
    start = cpu_seconds()
    given = values(asked.case)
    read = cpu_seconds()
    draws = fit(asked, given)
    done = cpu_seconds()
    asked.out.mkdir(parents=True, exist_ok=True)
    np.savez(asked.out / "draws.npz", **draws)
    result = {
        "seconds": {"data": read - start, "compile_and_fit": done - read},
        "posterior": summary(draws, labels(asked.case, given)),
    }
    (asked.out / "result.json").write_text(json.dumps(result))


def summary(draws: dict[str, np.ndarray], names: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Mean and sd of every element, by the program's names: numbers from 1 where `names` has no labels.

    >>> found = summary({"mu": np.array([1.0, 3.0]), "b": np.ones((2, 1, 2))}, {})
    >>> found["mu"], list(found)
    ({'mean': 2.0, 'sd': 1.0}, ['mu', 'b[1,1]', 'b[1,2]'])
    """
    found: dict[str, dict[str, float]] = {}
    for name, d in draws.items():
        mean, sd = np.mean(d, axis=0), np.std(d, axis=0)
        if mean.ndim == 0:
            found[name] = {"mean": float(mean), "sd": float(sd)}
            continue
        axes = [names[name]] if name in names else [[str(k + 1) for k in range(n)] for n in mean.shape]
        for at, m, s in zip(itertools.product(*axes), mean.ravel(), sd.ravel(), strict=True):
            found[f"{name}[{','.join(at)}]"] = {"mean": float(m), "sd": float(s)}
    return found
