"""Fit twelve posteriors of posteriordb with default settings and score them against reference draws.

    python benchmarks/posteriordb/run.py [NAME ...] [--json FILE] [--options "--seed 1"]

Each posterior is fitted as a user would fit it: `ppl fit NAME.model NAME.csv --json` in a process of its
own. Two errors are counted for every parameter, both free of its scale:

    d_mean = |mean - reference mean| / reference sd          d_sd = |log(sd / reference sd)|

A posterior holds when its worst parameter stays within the limits below, or when the fit itself warns
about exactly the parameters that do not. The exit status is 1 when one does not hold.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REGRESSION, OTHER, HIERARCHY = (0.10, 0.15), (0.2, 0.3), (0.3, 0.4)
LIMITS = {
    "gp_pois_regr-gp_regr": OTHER,
    "arma-arma11": OTHER,
    "low_dim_gauss_mix-low_dim_gauss_mix": OTHER,
    "bball_drive_event_0-hmm_drive_0": OTHER,
    "eight_schools-eight_schools_centered": HIERARCHY,
}
CHECK_FAILED = 4  # exit status: the fit is written, but a check failed


@dataclass(frozen=True)
class Score:
    """What one posterior came to; `missed` are the parameters over a limit, `flagged` those warned about."""

    name: str
    limit: tuple[float, float]
    worst_mean: float
    worst_mean_at: str
    worst_sd: float
    worst_sd_at: str
    seconds: float
    missed: tuple[str, ...]
    flagged: tuple[str, ...]
    absent: tuple[str, ...]
    status: str

    @property
    def within(self) -> bool:
        return not self.missed and not self.absent

    @property
    def holds(self) -> bool:
        return not self.absent and (self.within or set(self.missed) == set(self.flagged))


def posterior_name(ours: str) -> str:
    """Map `theta[1,2]` of the hidden Markov model to the reference's `theta1[2]`.

    >>> posterior_name("theta[1,2]"), posterior_name("beta[3]")
    ('theta1[2]', 'beta[3]')
    """
    row = re.fullmatch(r"theta\[(\d+),\s*(\d+)\]", ours)
    return f"theta{row[1]}[{row[2]}]" if row else ours


def fit(name: str, options: list[str]) -> tuple[dict, float]:
    """Run the program on one posterior; the parsed JSON and the wall-clock seconds of the process."""
    data = [str(HERE / f"{name}.csv")]
    constants = HERE / f"{name}.constants.json"
    if constants.exists():
        data.append(str(constants))
    command = [sys.executable, "-m", "ppl", "fit", str(HERE / f"{name}.model"), *data, "--json", *options]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, CHECK_FAILED) or not done.stdout.strip():
        raise SystemExit(f"{name}: exit status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout), seconds


def warned(fit_json: dict) -> set[str]:
    """The parameters, in the reference's names, that a warning of the fit names."""
    found: set[str] = set()
    for warning in fit_json.get("warnings", []):
        text = warning if isinstance(warning, str) else json.dumps(warning)
        found |= {
            posterior_name(n)
            for n in fit_json["posterior"]
            if re.search(rf"(?<![\w.]){re.escape(n)}(?![\w\[])", text)
        }
    return found


def mentions(text: str, name: str) -> bool:
    """Whether the text names this very element.

    >>> mentions("the sd of `beta[1]` is too small", "beta"), mentions("see beta[1]", "beta[1]")
    (False, True)
    """
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w\[])", text) is not None


def errors(ours: dict, reference: dict) -> tuple[float, float]:
    """The pair (d_mean, d_sd) of one parameter."""
    d_mean = abs(ours["mean"] - reference["mean"]) / reference["sd"]
    d_sd = abs(math.log(ours["sd"] / reference["sd"])) if ours["sd"] > 0 else math.inf
    return d_mean, d_sd


def score(name: str, options: list[str]) -> Score:
    """Fit one posterior and compare it with its reference."""
    reference = json.loads((HERE / f"{name}.ref.json").read_text())["params"]
    result, seconds = fit(name, options)
    ours = {posterior_name(k): v for k, v in result["posterior"].items()}
    table = {k: errors(ours[k], r) for k, r in reference.items() if k in ours}
    limit = LIMITS.get(name, REGRESSION)
    mean_at = max(table, key=lambda k: table[k][0])
    sd_at = max(table, key=lambda k: table[k][1])
    missed = tuple(k for k, (m, s) in table.items() if m > limit[0] or s > limit[1])
    flagged = tuple(sorted(warned(result) & set(reference)))
    absent = tuple(k for k in reference if k not in ours)
    worst = (table[mean_at][0], mean_at, table[sd_at][1], sd_at)
    return Score(name, limit, *worst, seconds, missed, flagged, absent, result["status"])


HEADER = f"{'posterior':44s} |mean error|  {'at':10s} |log sd|  {'at':10s} {'limit':>9s} {'s':>5s}"


def line(s: Score) -> str:
    """One row of the table."""
    if s.within:
        verdict = "within" + (f", warned anyway: {', '.join(s.flagged)}" if s.flagged else "")
    elif s.absent:
        verdict = "ABSENT " + ", ".join(s.absent)
    else:
        verdict = ("warned on exactly " if s.holds else "MISSED ") + ", ".join(s.missed)
        verdict += "" if s.holds or not s.flagged else f" (warned: {', '.join(s.flagged)})"
    limit = f"{s.limit[0]:.2f}/{s.limit[1]:.2f}"
    return (
        f"{s.name:44s} {s.worst_mean:12.3f}  {s.worst_mean_at:10s} {s.worst_sd:8.3f}  {s.worst_sd_at:10s} "
        f"{limit:>9s} {s.seconds:5.1f}  {verdict}"
    )


def main() -> int:
    """Score the posteriors named on the command line, or all twelve."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="posteriors (all twelve if none)")
    parser.add_argument("--json", type=Path, help="also write the scores here")
    parser.add_argument("--options", default="", help="further options of `ppl fit`")
    asked = parser.parse_args()
    names = asked.names or sorted(p.stem for p in HERE.glob("*.model"))
    print(HEADER)
    scores = []
    for name in names:
        scores.append(score(name, shlex.split(asked.options)))
        print(line(scores[-1]), flush=True)
    print(f"{sum(s.holds for s in scores)} of {len(scores)} hold")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(s) for s in scores], indent=1) + "\n")
    return 0 if all(s.holds for s in scores) else 1


if __name__ == "__main__":
    sys.exit(main())
