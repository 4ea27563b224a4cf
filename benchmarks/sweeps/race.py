"""Run our iterations and the peers' on one set of data and print the ratios."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "peers"))

from measure import Failed, measure, single_threaded  # noqa: E402
from setup import interpreter  # noqa: E402


@dataclass(frozen=True)
class Peer:
    """A peer, by the name of its environment, and what its script is asked."""

    name: str
    asked: dict[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Race:
    """One model: our text, columns and method; the peers and the form in which they take the same data."""

    title: str
    model: str
    columns: dict[str, np.ndarray]
    method: str
    peers: tuple[Peer, ...] = ()
    peer_columns: dict[str, np.ndarray] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def timed(python: str, script: str, asked: dict[str, Any]) -> dict[str, Any] | str:
    """The figures that the script prints, or in a line why there are none."""
    if not Path(python).exists():
        return "not set up: python benchmarks/peers/setup.py"
    try:
        printed = measure([python, str(HERE / script), json.dumps(asked)], single_threaded(ROOT)).printed
    except Failed as failed:
        return str(failed).strip().splitlines()[-1]
    return dict(json.loads(printed.strip().splitlines()[-1]))


def run(race: Race, repeats: int) -> dict[str, Any]:
    """All figures of one race, ours first."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = os.path.join(folder, "ours.npz"), os.path.join(folder, "theirs.npz")
        np.savez(ours, **race.columns)  # type: ignore[arg-type]
        np.savez(theirs, **(race.peer_columns or race.columns))  # type: ignore[arg-type]
        text = Path(folder) / "race.model"
        text.write_text(race.model)
        asked = {"data": ours, "model": str(text), "method": race.method, "options": race.options}
        found = {"ppl": timed(sys.executable, "ours.py", {**asked, "repeats": repeats})}
        for p in race.peers:
            asked = {"data": theirs, "repeats": repeats, **p.asked}
            found[f"{p.name}{p.note}"] = timed(str(interpreter(p.name)), f"of_{p.name}.py", asked)
    return found


def show(race: Race, found: dict[str, Any]) -> None:
    """Print a line for each program; ratios are peer over ours, above 1 where we are the faster."""
    print(race.title)
    ours = found["ppl"]
    for name, figures in found.items():
        if isinstance(figures, str):
            print(f"  {name:32} {figures}")
            continue
        line = f"  {name:32} {1e3 * figures['seconds']:8.1f} ms  {figures['beyond'] / 2**20:7.0f} MiB"
        if name != "ppl" and not isinstance(ours, str):
            line += f"  {figures['seconds'] / ours['seconds']:6.1f} x"
        print(line, flush=True)


def main(races: tuple[Race, ...], description: str) -> int:
    """Run all, print, and write JSON where asked; the exit status is 1 where our own fit failed."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    print("CPU milliseconds an iteration (median); memory at its peak beyond the data")
    everything = {}
    for race in races:
        everything[race.title] = run(race, options.repeats)
        show(race, everything[race.title])
    if options.json:
        Path(options.json).write_text(json.dumps(everything, indent=1))
    return int(any(isinstance(f["ppl"], str) for f in everything.values()))
