"""The whole pipeline on one page."""

from __future__ import annotations

from typing import Any

from ppl.posterior.fit import Fit


def load(path: Any) -> Fit:
    """Read a saved fit."""
    from ppl.posterior.store import load as read

    return read(str(path))
