"""Fit one case by Stan's ADVI, from the CSV file to saved draws.

The model is translated by `stanc` and compiled with `g++ -O3` unless a compiled one is there. Everything is at
CmdStan's defaults except the relative tolerance (0.001, for 0.01) and what the command line says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from cases import ROOT
from results import DRAWS, Request, request, run

HERE = Path(__file__).resolve().parent / "stan_models"
COMPILED = Path(os.environ.get("STAN_COMPILED", ROOT / ".benchmarks" / "peers" / "stan_compiled"))
TOLERANCE = 0.001
SIGMA_FAMILIES = ("flat", "half_cauchy", "half_normal")
RENAMED = {"floor": "floor_"}


def installed() -> Path:
    """The folder of the package that carries Stan's headers and translator."""
    spec = find_spec("httpstan")
    if spec is None or spec.origin is None:
        sys.exit("Stan is not installed here: python benchmarks/peers/setup.py stan")
    return Path(spec.origin).parent


def compiler(home: Path) -> list[str]:
    """The call of the C++ compiler, with CmdStan's level of optimisation."""
    macros = ["-DBOOST_DISABLE_ASSERTS", "-D_REENTRANT", "-D_GLIBCXX_USE_CXX11_ABI=0"]
    return ["g++", "-O3", "-std=c++17", "-w", *macros, f"-I{home / 'include'}"]


def services() -> Path:
    """The compiled half of every program that does not depend on the model, made when it is missing."""
    home = installed()
    made = home / "advi.o"
    if not made.exists():
        part = made.with_suffix(".part")
        subprocess.run([*compiler(home), "-c", HERE / "advi.cpp", "-o", part], check=True)
        part.replace(made)
    return made


def program(kind: str) -> Path:
    """The compiled program of a model, made when it is missing."""
    made = COMPILED / kind
    if made.exists():
        return made
    COMPILED.mkdir(parents=True, exist_ok=True)
    home = installed()
    library = [f"-L{home / 'lib'}", f"-Wl,-rpath,{home / 'lib'}", "-ltbb"]
    sundials = [f"-lsundials_{n}" for n in ("cvodes", "idas", "kinsol", "nvecserial")]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.cpp"
        subprocess.run([home / "stanc", f"--o={source}", HERE / f"{kind}.stan"], check=True)
        subprocess.run([*compiler(home), source, services(), "-o", made, *library, *sundials], check=True)
    return made


def data(given: dict[str, Any]) -> dict[str, Any]:
    """What the model's data block declares; counts from 1 and sizes besides.

    >>> data({"y": np.array([2.0]), "sigma": ("half_cauchy", 5.0)})
    {'y': [2.0], 'sigma_family': 1, 'sigma_scale': 5.0, 'n': 1}
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "sigma" and isinstance(value, tuple):
            found |= {"sigma_family": SIGMA_FAMILIES.index(value[0]), "sigma_scale": value[1]}
        elif name == "county":
            found[name] = (value + 1).tolist()
        elif name not in ("school", "counties"):
            found[RENAMED.get(name, name)] = value.tolist() if isinstance(value, np.ndarray) else value
    found["n"] = len(given["y"] if "y" in given else given["u"])
    if "soil" in given:
        found["k"] = len(given["soil"])
    elif "x" in given and given["x"].ndim == 2:
        found["k"] = given["x"].shape[1]
    return found


def fit(asked: Request, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Draws of every parameter and transformed parameter; the table's first row is the mean and is left out."""
    made = program(asked.case.kind)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "data.json", Path(folder) / "draws.csv"
        source.write_text(json.dumps(data(given)))
        numbers = (asked.steps, TOLERANCE, asked.seed + 1, DRAWS, asked.particles)
        words = [asked.family, *map(str, numbers)]
        done = subprocess.run([made, source, target, *words], check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"Stan's ADVI failed: {done.stderr.strip()[-500:]}")
        return gathered(target)


def gathered(table: Path) -> dict[str, np.ndarray]:
    """The draws by parameter: columns `theta.1.2` become elements of one array."""
    lines = [line for line in table.read_text().splitlines() if line and not line.startswith("#")]
    header = lines[0].split(",")
    rows = np.loadtxt(lines[2:], delimiter=",", ndmin=2)
    at: dict[str, list[int]] = {}
    for k, name in enumerate(header):
        at.setdefault(name.split(".")[0], []).append(k)
    found = {}
    for name, where in at.items():
        if name.endswith(("__", "_raw")):
            continue
        shape = tuple(int(n) for n in header[where[-1]].split(".")[1:])
        found[name] = rows[:, where].reshape((len(rows), *reversed(shape)))
        found[name] = found[name].transpose((0, *range(len(shape), 0, -1)))
    return found


if __name__ == "__main__":
    run(request(__doc__ or "", steps=10_000, rate=0.0), fit)
