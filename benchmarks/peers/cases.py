"""The posteriors that the peers fit: their tables, what each model needs of them, and the names of its elements.

    python benchmarks/peers/cases.py          # writes the tables that are made or unpacked

Needs NumPy only, so that every peer's environment can read it. A model's kind ("regression", "hierarchy", ...) says
which of a peer's few model functions writes it; `values` holds the arrays that function wants, on the scale
of the project's `.model` file: nothing is standardised for anyone.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
POSTERIORDB = ROOT / "benchmarks" / "posteriordb"
EXAMPLES = ROOT / "examples"
MADE = ROOT / ".benchmarks" / "peers" / "data"
LOGISTIC_ROWS, LOGISTIC_COLUMNS = 100_000, 20


@dataclass(frozen=True)
class Case:
    """One posterior: the project's files for it, its kind, and where its reference figures lie, if anywhere."""

    name: str
    kind: str
    model: Path
    data: tuple[Path, ...]
    reference: Path | None


def _posteriordb(short: str, kind: str, long: str) -> Case:
    files = [POSTERIORDB / f"{long}.csv", POSTERIORDB / f"{long}.constants.json"]
    present = tuple(f for f in files if f.exists())
    return Case(short, kind, POSTERIORDB / f"{long}.model", present, POSTERIORDB / f"{long}.ref.json")


def _example(name: str, kind: str) -> Case:
    folder = EXAMPLES / name
    return Case(name, kind, folder / f"{name}.model", (folder / "data.csv",), folder / "expected.toml")


_RADON_MODEL = EXAMPLES / "radon" / "radon.model"
CASES = {
    c.name: c
    for c in (
        _example("eight_schools", "schools"),
        _example("radon", "hierarchy"),
        Case("radon_all", "hierarchy", _RADON_MODEL, (MADE / "radon_all.csv",),
             ROOT / "benchmarks" / "data" / "radon_all.ref.json"),
        Case("logistic", "logistic", ROOT / "benchmarks" / "logistic.model", (MADE / "logistic.csv",),
             MADE / "logistic.ref.json"),
        _posteriordb("arma11", "arma", "arma-arma11"),
        _posteriordb("hmm_drive_0", "drives", "bball_drive_event_0-hmm_drive_0"),
        _posteriordb("eight_schools_centered", "schools", "eight_schools-eight_schools_centered"),
        _posteriordb("gp_regr", "gp", "gp_pois_regr-gp_regr"),
        _posteriordb("kidscore_interaction", "regression", "kidiq-kidscore_interaction"),
        _posteriordb("kidscore_momhs", "regression", "kidiq-kidscore_momhs"),
        _posteriordb("kidscore_interaction_z", "regression", "kidiq_with_mom_work-kidscore_interaction_z"),
        _posteriordb("low_dim_gauss_mix", "mixture", "low_dim_gauss_mix-low_dim_gauss_mix"),
        _posteriordb("logmesquite_logvolume", "regression", "mesquite-logmesquite_logvolume"),
        _posteriordb("mesquite", "regression", "mesquite-mesquite"),
        _posteriordb("nes1976", "regression", "nes1976-nes"),
        _posteriordb("blr", "regression", "sblri-blr"),
        _example("earthquakes", "counts"),
    )
}  # fmt: skip


def columns(path: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV file, as floats where every cell is a number, else as text."""
    with path.open(newline="") as file:
        header = next(csv.reader(file))
        try:
            table = np.loadtxt(file, delimiter=",", ndmin=2)
        except ValueError:
            file.seek(0)
            rows = list(csv.reader(file))[1:]
            return {h: _column([r[k] for r in rows]) for k, h in enumerate(header)}
    return {h: table[:, k] for k, h in enumerate(header)}


def _column(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(c) for c in cells])
    except ValueError:
        return np.array(cells)


def values(case: Case) -> dict[str, Any]:
    """The arrays of a case, by the names that its kind's model functions use."""
    return _VALUES[case.kind](case, columns(case.data[0]))


def labels(case: Case, given: dict[str, Any]) -> dict[str, list[str]]:
    """The labels of each vector parameter's elements, as the program writes them.

    >>> labels(CASES["gp_regr"], {})
    {}
    """
    if case.kind == "schools":
        return {"theta": given["school"]}
    if case.kind == "hierarchy":
        return {"a": given["counties"], "b": given["counties"]}
    return {}


def _schools(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    if case.name == "eight_schools":
        return {"y": c["effect"], "se": c["se"], "school": [str(s) for s in c["school"]]}
    return {"y": c["y"], "se": c["sigma"], "school": [str(k + 1) for k in range(len(c["y"]))]}


def _hierarchy(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    names, county = np.unique(c["county"], return_inverse=True)
    soil = np.bincount(county, c["log_uranium"]) / np.bincount(county)
    shown = [n if isinstance(n, str) else f"{n:g}" for n in names.tolist()]
    return {"county": county, "soil": soil, "floor": c["floor"], "y": c["log_radon"], "counties": shown}


def _logistic(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    x = np.column_stack([v for k, v in c.items() if k != "y"])
    return {"x": x, "y": c["y"].astype(np.int64)}


def _series(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"y": c["y"]}


def _drives(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    alpha = json.loads(case.data[1].read_text())["alpha"]
    return {"u": c["u"], "v": c["v"], "alpha": np.array(alpha, float), "centre": np.array([0.0, 3.0])}


def _gp(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"x": c["x"], "y": c["y"]}


def _counts(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    return {"y": next(v for k, v in c.items() if k != "year").astype(np.int64)}


def _regression(case: Case, c: dict[str, np.ndarray]) -> dict[str, Any]:
    """y, the design matrix, the sd of the coefficients' prior (0: flat) and sigma's prior (family, scale)."""
    x, y = _DESIGNS[case.name](c)
    coefficient, sigma = 0.0, ("flat", 0.0)
    if case.name == "blr":
        coefficient, sigma = 10.0, ("half_normal", 10.0)
    elif case.name in ("kidscore_interaction", "kidscore_momhs"):
        sigma = ("half_cauchy", 2.5)
    return {"x": x, "y": y, "coefficient": coefficient, "sigma": sigma}


def _with_one(*others: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(others[0])), *others])


def _interaction(c: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return _with_one(c["mom_hs"], c["mom_iq"], c["mom_hs"] * c["mom_iq"]), c["kid_score"]


def _interaction_z(c: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    hs, iq = ((c[k] - c[k].mean()) / (2 * c[k].std(ddof=1)) for k in ("mom_hs", "mom_iq"))
    return _with_one(hs, iq, hs * iq), c["kid_score"]


def _log_volume(c: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return _with_one(np.log(c["diam1"] * c["diam2"] * c["canopy_height"])), np.log(c["weight"])


def _mesquite(c: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    wanted = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")
    return _with_one(*(c[k] for k in wanted)), c["weight"]


def _nes(c: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    ages = [(c["age_discrete"] == k).astype(float) for k in (2, 3, 4)]
    return _with_one(c["real_ideo"], c["race_adj"], *ages, c["educ1"], c["gender"], c["income"]), c[
        "partyid7"
    ]


_DESIGNS = {
    "kidscore_interaction": _interaction,
    "kidscore_momhs": lambda c: (_with_one(c["mom_hs"]), c["kid_score"]),
    "kidscore_interaction_z": _interaction_z,
    "logmesquite_logvolume": _log_volume,
    "mesquite": _mesquite,
    "nes1976": _nes,
    "blr": lambda c: (np.column_stack([v for k, v in c.items() if k.startswith("X_")]), c["y"]),
}
_VALUES = {
    "schools": _schools, "hierarchy": _hierarchy, "logistic": _logistic, "arma": _series, "mixture": _series,
    "drives": _drives, "gp": _gp, "regression": _regression, "counts": _counts,
}  # fmt: skip


def write_radon_all(path: Path) -> None:
    """Unpack the 12,573 houses with the columns of the smaller table.

    The floor is 0 in a basement and 1 above it; the 284 houses where it is not known count as above, so the
    table serves to compare programs, not to learn of radon.
    """
    with gzip.open(ROOT / "benchmarks" / "data" / "radon_all.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["county", "floor", "log_radon", "log_uranium"])
        writer.writerows(
            [r["county_idx"], int(r["floor_measure"] != "0"), r["log_radon"], r["log_uppm"]] for r in rows
        )


def write_logistic(path: Path, rows: int = LOGISTIC_ROWS, count: int = LOGISTIC_COLUMNS) -> None:
    """Write the table of `benchmarks/logistic.py`, and its posterior's mode and curvature as the reference."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, count))
    truth = np.concatenate([[-0.5], rng.normal(0, 0.5, count)])
    y = rng.random(rows) < 1 / (1 + np.exp(-truth[0] - x @ truth[1:]))
    header = ",".join(["y", *(f"x_{k + 1}" for k in range(count))])
    form = ["%d"] + ["%.6f"] * count
    np.savetxt(path, np.column_stack([y, x]), delimiter=",", header=header, comments="", fmt=form)
    names = ["b0", *(f"b[{k + 1}]" for k in range(count))]
    mode, sd = laplace(_with_one(np.round(x, 6)), y.astype(float), np.array([2.5] + [1.0] * count))
    table = {n: {"mean": m, "sd": s} for n, m, s in zip(names, mode.tolist(), sd.tolist(), strict=True)}
    path.with_name("logistic.ref.json").write_text(json.dumps({"params": table}))


def laplace(x: np.ndarray, y: np.ndarray, prior_sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode and curvature sds of a logistic regression, by Newton's method.

    With 1e5 rows the posterior's skewness moves neither by more than about 0.01 sd.
    """
    b = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-(x @ b)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(prior_sd**-2.0)
        step = np.linalg.solve(hessian, x.T @ (y - p) - b / prior_sd**2)
        b = b + step
        if np.abs(step).max() < 1e-10:
            break
    return b, np.sqrt(np.diag(np.linalg.inv(hessian)))


def prepare() -> None:
    """Write the tables that are not in the repository as they are read, where they are missing."""
    MADE.mkdir(parents=True, exist_ok=True)
    for name, write in (("radon_all", write_radon_all), ("logistic", write_logistic)):
        if not (MADE / f"{name}.csv").exists():
            write(MADE / f"{name}.csv")


if __name__ == "__main__":
    prepare()
