"""CPU seconds of whole commands, from a cold start: import, parse, compile, fit, summary, save.

    python benchmarks/startup.py [--repeats 5] [--json FILE]

Each command runs in a process of its own; the figure is the user and system time of the process and its
children, the median of the repeats. The exit status is 1 when a command takes more than its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example(name: str) -> list[str]:
    """The model and the data of an example."""
    return [str(EXAMPLES / name / f"{name}.model"), str(EXAMPLES / name / "data.csv")]


COMMANDS = {
    "ppl --help": (["--help"], 0.1),
    "ppl check radon": (["check", example("radon")[0]], 0.6),
    "ppl fit eight_schools": (["fit", *example("eight_schools"), "--out", "fit"], 1.3),
    "ppl fit radon": (["fit", *example("radon"), "--out", "fit"], 1.6),
}


def cpu_seconds(arguments: list[str]) -> float:
    """CPU seconds that one run of the program takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "ppl", *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
            env=environment(),
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def environment() -> dict[str, str]:
    """The caller's, able to find the program when it is not installed."""
    root = str(EXAMPLES.parent)
    return os.environ | {"PYTHONPATH": root + os.pathsep + os.environ.get("PYTHONPATH", "")}


def main() -> int:
    """Print a row a command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    asked = parser.parse_args()
    print(f"{'command':26s} {'median':>7s} {'least':>7s} {'limit':>6s}   CPU seconds of {asked.repeats} runs")
    found = {}
    for name, (arguments, limit) in COMMANDS.items():
        cpu_seconds(arguments)  # once to compile Python's own files
        times = [cpu_seconds(arguments) for _ in range(asked.repeats)]
        found[name] = {"median": statistics.median(times), "least": min(times), "limit": limit}
        verdict = "" if found[name]["median"] <= limit else "  OVER"
        print(f"{name:26s} {found[name]['median']:7.3f} {min(times):7.3f} {limit:6.1f}{verdict}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(f["median"] <= f["limit"] for f in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
