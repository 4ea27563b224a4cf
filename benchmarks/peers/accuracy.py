"""The error of a fit against reference means and sds, free of every parameter's scale.

d_mean = |mean - reference mean| / reference sd          d_sd = |log(sd / reference sd)|
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

Table = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Error:
    """The worst of both errors over the parameters compared, and how many those were."""

    mean: float
    log_sd: float
    count: int


def plain(name: str) -> str:
    """One spelling for an element: no blanks, and the reference's `theta1[2]` as `theta[1,2]`.

    >>> plain("theta1[2]"), plain("theta[1, 2]"), plain("beta[3]")
    ('theta[1,2]', 'theta[1,2]', 'beta[3]')
    """
    row = re.fullmatch(r"theta(\d)\[(\d+)\]", name)
    return f"theta[{row[1]},{row[2]}]" if row else re.sub(r",\s+", ",", name)


def reference(path: Path) -> Table:
    """Read the reference figures from an example's TOML or from JSON; raises OSError when absent."""
    if path.suffix == ".toml":
        return dict(tomllib.loads(path.read_text())["posterior"])
    return dict(json.loads(path.read_text())["params"])


def error(found: Table, truth: Table) -> Error | None:
    """The worst errors; None when no parameter is in both.

    >>> error({"a": {"mean": 1.0, "sd": 1.0}}, {"a": {"mean": 0.0, "sd": 2.0}})
    Error(mean=0.5, log_sd=0.6931471805599453, count=1)
    """
    ours = {plain(k): v for k, v in found.items()}
    theirs = {plain(k): v for k, v in truth.items()}
    both = ours.keys() & theirs.keys()
    if not both:
        return None
    mean = max(abs(ours[k]["mean"] - theirs[k]["mean"]) / theirs[k]["sd"] for k in both)
    log_sd = max(
        abs(math.log(ours[k]["sd"] / theirs[k]["sd"])) if ours[k]["sd"] > 0 else math.inf for k in both
    )
    return Error(mean, log_sd, len(both))
