"""A fit with some of its quantities only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ppl.errors import UsageError, fail
from ppl.posterior.estimates import Estimates
from ppl.posterior.fit import Fit


def select(fit: Fit, names: Sequence[str]) -> Fit:
    """The quantities, or single elements such as ``theta[A]``, with these names; all when none is given."""
    if not names:
        return fit
    return replace(fit, estimates=tuple(_found(fit, name) for name in names))


def _found(fit: Fit, name: str) -> Estimates:
    for quantity in fit.estimates:
        if quantity.name == name:
            return quantity
        if name in quantity.labels:
            i = np.array([quantity.labels.index(name)])
            return replace(quantity, labels=(name,), values=quantity.values[i], khat=quantity.khat[i])
    known = ", ".join(f"`{q.name}`" for q in fit.estimates)
    raise fail(UsageError, "E202", f"the fit has no `{name}`", help=f"it has: {known}")
