"""How a run can end, each with its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["converged", "not_converged", "unbounded", "time_limit", "interrupted", "failed"]

SENTENCES: dict[str, str] = {
    "converged": "converged",
    "max_steps": "stopped at the step limit before converging; raise --max-steps or rescale the predictors",
    "max_sweeps": "stopped at the sweep limit before converging; raise --max-sweeps",
    "stalled": "stopped where no step improves the objective in floating point, short of convergence; "
    "rescale the predictors or the response",
    "unbounded": "no maximum found: the approximation kept widening, so the posterior may be improper; "
    "give every latent a proper prior",
    "time_limit": "stopped at the time limit; the result is the last state reached",
    "interrupted": "interrupted; the result is the last state reached",
    "failed": "stopped: the log density is not finite",
}


@dataclass(frozen=True)
class Outcome:
    """A status and the sentence that explains it, with what to try next."""

    status: Status
    sentence: str

    @property
    def usable(self) -> bool:
        """Whether the state reached is worth writing out."""
        return self.status != "failed"


def outcome(reason: str, detail: str = "") -> Outcome:
    """The outcome for a reason, with a detail after a colon.

    >>> outcome("failed", "`tau` overflows").sentence
    'stopped: the log density is not finite: `tau` overflows'
    """
    status: Status = "not_converged"
    for known in ("converged", "unbounded", "time_limit", "interrupted", "failed"):
        if reason == known:
            status = known
    sentence = SENTENCES[reason]
    return Outcome(status, f"{sentence}: {detail}" if detail else sentence)
