"""What the bound of a factored fit is, in words."""

from __future__ import annotations

import numpy as np

from ppl.posterior.factored import FactoredRecord
from ppl.posterior.record import Bound

ENDLESS = 1e15  # nats that only a density without bound can give


def bound_sentence(bound: Bound, factored: FactoredRecord, log_evidence: float | None) -> str:
    """The bound, or what it equals, and how it comes about.

    >>> print(bound_sentence(Bound(-31.25, 0.0, energy=-36.0, entropy=4.75), FactoredRecord(()), None))
    ELBO -31.25 (closed form)
      = energy -36.00 + entropy 4.75
    """
    if not np.isfinite(bound.elbo):
        return "ELBO: not available"
    if factored.points and abs(bound.elbo) > ENDLESS:
        return "ELBO: not available: a point estimate lies where its prior's density is infinite"
    if log_evidence is None and bound.error > 0:
        lines = [bound.sentence()]
    else:
        lines = [_headline(bound, factored, log_evidence)]
        if factored.criteria:
            lines.append(_criteria(factored))
        elif np.isfinite(bound.energy) and bound.entropy != 0.0:
            lines.append(f"  = energy {bound.energy:.2f} + entropy {bound.entropy:.2f}")
    if log_evidence is None and np.isfinite(factored.evidence):
        gap = factored.evidence - bound.elbo
        lines.append(f"  log evidence {factored.evidence:.2f} (exact): the bound is {gap:.3g} nats below")
    if len(factored.restarts) > 1:
        lines.append(_restarts(factored.restarts))
    return "\n".join(lines)


def _headline(bound: Bound, factored: FactoredRecord, log_evidence: float | None) -> str:
    if log_evidence is None:
        return f"ELBO {bound.elbo:.2f} (closed form)"
    if factored.criteria:
        return f"log likelihood {log_evidence:.2f} (exact)"
    why = f": {factored.evidence_reason}" if factored.evidence_reason else ""
    if factored.points:
        return f"log joint of the point estimates {log_evidence:.2f} (exact{why})"
    return f"log evidence {log_evidence:.2f} (exact{why})"


def _criteria(factored: FactoredRecord) -> str:
    at = factored.criteria
    count, rows = f"{at['parameters']:.0f} free parameters", f"{at['rows']:g} rows"
    return f"  AIC {at['aic']:.2f}, BIC {at['bic']:.2f} ({count}, {rows})"


def _restarts(ends: tuple[float, ...]) -> str:
    finite = [v for v in ends if np.isfinite(v)]
    failed = f"; {len(ends) - len(finite)} did not converge" if len(finite) < len(ends) else ""
    if not finite:
        return f"  {len(ends)} restarts, none of which converged"
    low, high = f"{min(finite):.2f}", f"{max(finite):.2f}"
    where = f"at {low}" if low == high else f"between {low} and {high}"
    return f"  {len(ends)} restarts ended {where}{failed}"
