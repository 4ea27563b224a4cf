"""Fill event axes: a vector parameter may be one number for the whole axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.backend import ops as xp

Array = Any


def fill(parameter: Array, x: Array) -> Array:
    """A vector parameter spread over the last axis of x (no operation where it already is)."""
    shape = np.shape(parameter) if isinstance(parameter, float | int) else parameter.shape
    if shape and shape[-1] == x.shape[-1]:
        return parameter
    return parameter + np.zeros(x.shape[-1])


def event_length(event_shape: tuple[int, ...] | None, *parameters: Array) -> int:
    """The length of the event axis, from the caller or from the widest parameter."""
    if event_shape is not None:
        return event_shape[-1]
    return int(max(np.shape(p)[-1] for p in parameters if np.ndim(p)))


def total(x: Array) -> Array:
    """Sum of the last axis."""
    return xp.sum(x, axis=-1)
