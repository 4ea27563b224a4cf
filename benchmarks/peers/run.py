"""Time the program and its peers on the same models and data, and print their ratios.

    python benchmarks/peers/run.py [--only CASE ...] [--peer PEER ...] [--repeats 3] [--json FILE]

Each fit is a process of its own, from its start to a saved posterior; the programs take turns, one run each a
round. CPU seconds are user plus system time, children included. `cold` is one run with the caches of compiled
code emptied; the other figures are medians of the repeats with the caches kept. `fit` is compiling and fitting
alone, in CPU seconds by each program's own clock, without imports and reading. Ratios are peer over ours: above
1 we are the faster. The errors are the worst over the parameters that have reference figures.

PPL_ROOT in the environment names another checkout of the program to time.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy import Error, error, reference
from cases import CASES, MADE, ROOT, Case, prepare
from measure import Cost, Failed, measure, single_threaded
from programs import OURS, Program, environment, names, programs
from setup import interpreter, known
from table import table

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Run:
    """One fit: its cost, the seconds of its own clock, its errors."""

    cost: Cost
    fit: float
    error: Error | None


def once(program: Program, case: Case, cache: Path, settings: list[str]) -> Run:
    """Run one program on one case."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        extra = single_threaded(Path(os.environ.get("PPL_ROOT", ROOT))) | environment(cache)
        cost = measure(program.command(case, out, settings), extra, program.allowed)
        if program.name == OURS:
            result = json.loads(cost.printed)
            inside = [sys.executable, str(HERE / "fit_ppl.py"), str(case.model), *map(str, case.data)]
            fit = float(measure(inside, extra).printed)
        else:
            result = json.loads((out / "result.json").read_text())
            fit = result["seconds"]["compile_and_fit"]
    known_figures = case.reference is not None and case.reference.exists()
    return Run(cost, fit, error(result["posterior"], reference(case.reference)) if known_figures else None)


def row(case: Case, program: Program, cold: Run | None, runs: list[Run]) -> dict[str, Any]:
    """The figures of one program on one case."""

    def middle(take: Callable[[Run], float]) -> float:
        return statistics.median(take(r) for r in runs)

    found: dict[str, Any] = {
        "case": case.name, "program": program.title, "runs": len(runs), "cpu": middle(lambda r: r.cost.cpu),
        "wall": middle(lambda r: r.cost.wall), "fit": middle(lambda r: r.fit),
        "peak": max(r.cost.peak for r in runs),
    }  # fmt: skip
    if cold:
        found |= {"cold_cpu": cold.cost.cpu, "cold_fit": cold.fit}
    last = runs[-1].error
    return found | ({"d_mean": last.mean, "d_sd": last.log_sd, "compared": last.count} if last else {})


def attempt(program: Program, case: Case, cache: Path, settings: list[str]) -> Run | None:
    """Run one program on one case; say so and give None when it fails."""
    try:
        return once(program, case, cache, settings)
    except Failed as problem:
        print(f"{case.name}, {program.title}: {problem}", file=sys.stderr, flush=True)
        return None


def compare(
    case: Case, peers: list[str], repeats: int, cache: Path, settings: list[str]
) -> list[dict[str, Any]]:
    """Every program on one case: once to fill the caches, then in turns."""
    firsts = {p: attempt(p, case, cache / p.name, settings) for p in programs(case, peers)}
    runs: dict[Program, list[Run]] = {p: [] for p, first in firsts.items() if first}
    for _ in range(repeats):
        for program, done in runs.items():
            done += filter(None, [attempt(program, case, cache / program.name, settings)])
    return [row(case, p, None, r) for p, r in runs.items() if r]


def compare_cold(case: Case, peers: list[str], repeats: int, settings: list[str]) -> list[dict[str, Any]]:
    """As `compare`, each program's first run from an empty cache of its own, and counted."""
    with tempfile.TemporaryDirectory(dir=MADE.parent) as folder:
        cache = {p: Path(folder) / p.title for p in programs(case, peers)}
        for program in cache:
            if not program.caches:  # nothing to empty: the first run only fills the cache of bytecode
                attempt(program, case, cache[program], settings)
        cold = {p: attempt(p, case, cache[p], settings) for p in cache}
        runs: dict[Program, list[Run]] = {p: [] for p, first in cold.items() if first}
        for _ in range(repeats):
            for program, done in runs.items():
                done += filter(None, [attempt(program, case, cache[program], settings)])
        return [row(case, p, cold[p], r) for p, r in runs.items() if r]


def keep(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the rows, in place of those of the same case that the file has."""
    old = json.loads(path.read_text()) if path.exists() else []
    new = {r["case"] for r in rows}
    path.write_text(json.dumps([r for r in old if r["case"] not in new] + rows, indent=1) + "\n")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=names(), metavar="CASE", help=", ".join(names()))
    parser.add_argument("--peer", nargs="+", choices=known(), metavar="PEER", help=", ".join(known()))
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each program [3]")
    parser.add_argument("--warm-only", action="store_true", help="keep compiled code from earlier calls too")
    parser.add_argument("--settings", default="", help='options of the peers\' scripts: "--steps 20000"')
    parser.add_argument("--json", type=Path, help="also write the figures here, keeping other cases' figures")
    parser.add_argument("--show", type=Path, help="print the table of such a file and run nothing")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    return parser.parse_args(words)


def main() -> int:
    """Run what is asked for and print the table."""
    asked = arguments()
    if asked.show:
        print(table(json.loads(asked.show.read_text()), asked.markdown))
        return 0
    peers = [p for p in asked.peer or known() if interpreter(p).exists()]
    if missing := set(asked.peer or known()) - set(peers):
        print(
            f"not set up, left out: {', '.join(sorted(missing))} (benchmarks/peers/setup.py)", file=sys.stderr
        )
    prepare()
    for name in asked.only or names():
        settings, cache = shlex.split(asked.settings), MADE.parent / "cache"
        if asked.warm_only:
            rows = compare(CASES[name], peers, asked.repeats, cache, settings)
        else:
            rows = compare_cold(CASES[name], peers, asked.repeats, settings)
        print(table(rows, asked.markdown), flush=True)
        if asked.json:
            keep(rows, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
