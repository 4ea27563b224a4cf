"""Mixture(weights, [..]): one of several distributions, which one summed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions._gather import draw_codes
from ppl.distributions.base import Applied, Distribution, Example, Parameter
from ppl.supports import REAL, Interval, Structured, Support
from ppl.supports.support import element

Array = Any
FEW = 16  # components below which each is a table of its own
GROUP = 60  # components joined at once


class Mixture(Distribution):
    """sum_k weights_k p_k(x), over scalars or over vectors that all components draw.

    ``components`` is a tuple, or one distribution whose arguments carry the components in an axis
    of their own behind the batch axes.

    >>> from ppl.distributions import find
    >>> parts = tuple(Applied(find("Normal"), {"mean": m, "sd": 1.0}) for m in (-1.0, 1.0))
    >>> round(float(Mixture.log_density(0.0, weights=np.array([0.5, 0.5]), components=parts)), 6)
    -1.418939
    """

    parameters = (Parameter("weights", Structured("simplex"), 1, "components"),)
    signatures = (("weights", "components"),)
    wrapper = True
    examples = (
        Example(
            {
                "weights": [0.3, 0.7],
                "components": (("Normal", {"mean": -1.0, "sd": 1.0}), ("Normal", {"mean": 2.0, "sd": 0.5})),
            },
            (-1.0, 2.2),
        ),
    )

    @classmethod
    def support(cls, components: Any = (REAL,), **given: Support) -> Support:
        parts: Sequence[Support] = components if isinstance(components, tuple | list) else (components,)
        if any(not isinstance(p, Interval) for p in parts):
            return parts[0]
        bounds = [element(p) for p in parts]
        low, high = min(b.lower for b in bounds), max(b.upper for b in bounds)
        return Interval(
            low,
            high,
            any(b.closed_lower for b in bounds if b.lower == low),
            any(b.closed_upper for b in bounds if b.upper == high),
            all(b.integer for b in bounds),
        )

    @classmethod
    def log_density(
        cls,
        x: Array,
        weights: Array,
        components: Any,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        with np.errstate(all="ignore"):
            if isinstance(components, Applied):
                dims = components.distribution.event_dims
                each = components.log_density(xp.expand_dims(x, axis=-1 - dims))
            else:
                each = [c.log_density(x) for c in components]
                if len(each) <= FEW:
                    logs = xp.log_probability(weights)
                    return xp.logsumexp_of(*(xp.take(logs, k, axis=-1) + e for k, e in enumerate(each)))
                each = _stack(each)
            return xp.logsumexp(xp.log_probability(weights) + each, axis=-1)

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        weights: Array,
        components: Any,
        event_shape: tuple[int, ...] | None = None,
    ) -> Array:
        codes = draw_codes(rng, shape, np.asarray(weights))
        if isinstance(components, Applied):
            each = np.asarray(components.sample(rng, (*shape, np.shape(weights)[-1])))
            dims = each.ndim - len(shape) - 1
            index = codes.reshape(*shape, 1, *(1,) * dims)
            return np.take_along_axis(each, index, axis=len(shape)).squeeze(len(shape))
        out = np.asarray(components[0].sample(rng, shape))
        for k, component in enumerate(components[1:], 1):
            draws = component.sample(rng, shape)
            hit = (codes == k).reshape(*shape, *(1,) * (out.ndim - len(shape)))
            out = np.where(hit, draws, out)
        return out

    @classmethod
    def states(cls, weights: Array, components: Any) -> Array | None:
        parts = (components,) if isinstance(components, Applied) else components
        known = [k for c in parts if (k := c.states()) is not None]
        return np.unique(np.concatenate(known)) if len(known) == len(parts) else None

    @classmethod
    def log_cdf(cls, x: Array, weights: Array, components: Any) -> Array:
        return _mixed(weights, components, x, lambda c, at: c.log_cdf(at))

    @classmethod
    def log_sf(cls, x: Array, weights: Array, components: Any) -> Array:
        return _mixed(weights, components, x, lambda c, at: c.log_sf(at))


def _mixed(weights: Array, components: Any, x: Array, function: Callable[[Applied, Array], Array]) -> Array:
    if isinstance(components, Applied):
        each = function(components, xp.expand_dims(x, axis=-1))
    else:
        each = _stack([function(c, x) for c in components])
    return xp.logsumexp(xp.log_probability(weights) + each, axis=-1)


def _stack(parts: Sequence[Array]) -> Array:
    """Join along a new last axis."""
    wide = [xp.expand_dims(p, axis=-1) for p in parts]
    while len(wide) > 1:
        wide = [xp.concatenate(*wide[i : i + GROUP], axis=-1) for i in range(0, len(wide), GROUP)]
    return wide[0]
