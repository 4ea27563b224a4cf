"""The plain facts a fit carries: its bound, its warnings, where its data came from, its index sets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Form = dict[str, Any]


def finite(value: float | None) -> float | None:
    """A number that JSON can hold, else None.

    >>> finite(float("nan")) is None, finite(2)
    (True, 2.0)
    """
    return float(value) if value is not None and np.isfinite(value) else None


@dataclass(frozen=True)
class Bound:
    """The ELBO on fresh draws, its standard error, and the terms of its two forms.

    ``elbo = log_likelihood - kl = energy + entropy``, where energy is E log p(y, z).
    """

    elbo: float
    error: float = float("nan")
    log_likelihood: float = float("nan")
    kl: float = float("nan")
    energy: float = float("nan")
    entropy: float = float("nan")

    def sentence(self) -> str:
        """Both forms in words.

        >>> print(Bound(-31.25, 0.02, -28.0, 3.25, -36.0, 4.75).sentence())
        ELBO -31.25 (standard error 0.02)
          = log likelihood -28.00 - divergence from the prior 3.25
          = energy -36.00 + entropy 4.75
        """
        if not np.isfinite(self.elbo):
            return "ELBO: not available"
        lines = [
            f"ELBO {self.elbo:.2f}"
            + (f" (standard error {self.error:.2g})" if np.isfinite(self.error) else "")
        ]
        if np.isfinite(self.kl):
            lines.append(
                f"  = log likelihood {self.log_likelihood:.2f} - divergence from the prior {self.kl:.2f}"
            )
        if np.isfinite(self.energy):
            lines.append(f"  = energy {self.energy:.2f} + entropy {self.entropy:.2f}")
        return "\n".join(lines)

    def to_dict(self) -> Form:
        """Strict JSON values."""
        return {k: finite(v) for k, v in asdict(self).items()}


@dataclass(frozen=True)
class FitWarning:
    """One reason for care: a code, a sentence, and the elements it speaks of."""

    code: str
    message: str
    names: tuple[str, ...] = ()
    severity: str = "warn"

    def to_dict(self) -> Form:
        """The JSON form; ``severity`` is note, warn or failed."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "names": list(self.names),
        }


@dataclass(frozen=True)
class Level:
    """An index set as the data made it; labels are None for 1..size (or low..)."""

    name: str
    size: int
    labels: tuple[str, ...] | None = None
    low: int = 1


@dataclass(frozen=True)
class DataSource:
    """A file (or Python object) that was fitted: its name, the table it fed, its size and SHA-256."""

    name: str
    table: str | None = None
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class ImputedCell:
    """A missing cell that was estimated: its element name, file, line and column."""

    element: str
    file: str
    line: int | None
    column: str
