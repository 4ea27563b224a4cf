"""What a certificate is made of: findings, and the facts of the run it examines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ppl.posterior.target import Target, coordinate_names

Verdict = Literal["ok", "warn", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing to know of a fit: a code, the coordinates it concerns (none: all), and a sentence."""

    code: str
    text: str
    coordinates: tuple[int, ...] = ()
    severity: Literal["note", "warn", "failed"] = "warn"


@dataclass(frozen=True)
class FitFacts:
    """What the certificate needs to hear of the run: how it ended and how its optimiser left off.

    ``gradient`` is the largest slope in sds on the fit's own draws; ``fixed_elbo`` the ELBO on them;
    ``shift`` the largest change of a mean, in sds, and of a log sd between two draw sets;
    ``ends`` the objectives at which several starts ended, -inf where one did not converge; ``remark``
    what else to tell of it.
    """

    status: str
    sentence: str
    gradient: float = float("nan")
    fixed_elbo: float = float("nan")
    shift: float = float("nan")
    ends: tuple[float, ...] = ()
    remark: str = ""


def names_of(target: Target, places: tuple[int, ...], most: int = 5) -> str:
    """The named coordinates in words, the first few of them."""
    names = coordinate_names(target.groups, target.size)
    shown = ", ".join(f"`{names[i]}`" for i in places[:most])
    more = len(places) - most
    return f"{shown} and {more} more" if more > 0 else shown
