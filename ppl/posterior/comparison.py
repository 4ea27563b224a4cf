"""Several fits of one model, scored by one estimator: a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ppl.posterior.fit import Fit
from ppl.posterior.numbers import decimals_for, shown
from ppl.posterior.record import finite

HEADER = ("ELBO", "se", "to best", "se", "k-hat", "seconds")
HELD = ("held out", "se", "to best", "se")
NONE = float("nan")


@dataclass(frozen=True)
class Gap:
    """A figure and its distance to the best one, each with its standard error."""

    value: float = NONE
    error: float = NONE
    to_best: float = NONE
    to_best_error: float = NONE

    def cells(self) -> tuple[str, ...]:
        """As text, to the digits that the errors warrant."""
        return (*_pair(self.value, self.error), *_pair(self.to_best, self.to_best_error))

    def to_dict(self) -> dict[str, float | None]:
        """Strict JSON values."""
        return {
            "value": finite(self.value),
            "se": finite(self.error),
            "to_best": finite(self.to_best),
            "to_best_se": finite(self.to_best_error),
        }


def _pair(value: float, error: float) -> tuple[str, str]:
    if np.isnan(value):
        return "", ""
    known = np.isfinite(error) and error > 1e-9 * max(1.0, abs(value))
    places = min(max(decimals_for(error) - 1, 2), 4) if known else 2
    return shown(value, places), shown(error, places) if known else ""


@dataclass(frozen=True)
class Entry:
    """One method: its fit, or the ``reason`` why there is none.

    elbo: of q over the continuous latents, discrete ones summed out, over common draws. held_out: the
    mean log predictive density of a row. khat: nan where not computed, ``exact`` where q is the posterior.
    points: latents that q fits by points; only entries with the same ones have comparable ELBOs.
    """

    label: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    fit: Fit | None = field(default=None, repr=False)
    reason: str = ""
    elbo: Gap = field(default_factory=Gap)
    khat: float = NONE
    exact: bool = False
    seconds: float = NONE
    held_out: Gap = field(default_factory=Gap)
    points: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """The fit's status, or ``not applicable``."""
        return "not applicable" if self.fit is None else self.fit.status

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON values."""
        return {
            "label": self.label,
            "method": self.method,
            "options": dict(self.options),
            "status": self.status,
            "reason": self.reason,
            "elbo": self.elbo.to_dict(),
            "khat": finite(self.khat),
            "exact": self.exact,
            "seconds": finite(self.seconds),
            "held_out": self.held_out.to_dict(),
            "points": list(self.points),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Comparison:
    """What `ppl.compare` finds; prints as a table, and is indexed by label.

    draws: of the estimator; rows: how many were held out.
    """

    entries: tuple[Entry, ...]
    draws: int
    seed: int
    rows: int = 0

    def __getitem__(self, label: str) -> Entry:
        return next(e for e in self.entries if e.label == label)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, version 1."""
        return {
            "schema": 1,
            "seed": self.seed,
            "draws": self.draws,
            "held_out_rows": self.rows,
            "methods": [e.to_dict() for e in self.entries],
        }

    def text(self) -> str:
        """The table, then what to know of single methods."""
        fitted = [e for e in self.entries if e.fit is not None]
        lines = [("", *HEADER, *(HELD if self.rows else ()), "fit")]
        lines += [self._line(e) for e in fitted]
        notes = [f"{e.label}: {note}" for e in fitted for note in e.notes]
        notes += [f"{e.label}: not applicable: {e.reason}" for e in self.entries if e.fit is None]
        about = f"ELBO of the continuous latents on {self.draws} draws, discrete latents summed out"
        about += f"; held out: mean log predictive density of {self.rows} rows" if self.rows else ""
        return "\n".join([*_aligned(lines), "", about, *notes])

    def _line(self, e: Entry) -> tuple[str, ...]:
        khat = "exact" if e.exact else "" if np.isnan(e.khat) else f"{e.khat:.2f}" if e.khat > 0 else "< 0"
        seconds = "" if np.isnan(e.seconds) else f"{e.seconds:.2f}"
        held = e.held_out.cells() if self.rows else ()
        return (e.label, *e.elbo.cells(), khat, seconds, *held, e.status)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


def _aligned(lines: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return [
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        ).rstrip()
        for line in lines
    ]
