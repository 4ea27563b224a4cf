"""One parameter out of several names for it."""

from __future__ import annotations

from typing import Any

from ppl.backend import ops as xp

Array = Any


def sd_of(sd: Array | None, var: Array | None, precision: Array | None) -> Array:
    """The standard deviation from whichever is given."""
    if sd is not None:
        return sd
    return xp.sqrt(var) if var is not None else 1.0 / xp.sqrt(precision)


def rate_of(rate: Array, scale: Array) -> Array:
    """The rate from the rate or its inverse."""
    return rate if rate is not None else 1.0 / scale


def either(value: Array | None, other: Array) -> Array:
    """The first unless it is missing."""
    return other if value is None else value


def probability_of(p: Array | None, logit: Array | None) -> Array:
    """The probability from itself or its log odds."""
    return p if p is not None else xp.sigmoid(logit)
