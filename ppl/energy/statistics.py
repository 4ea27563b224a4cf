"""Statistics of one latent as numpy functions, and whether two atoms read the same elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ppl.energy.terms import Atom
from ppl.graph.named import Named
from ppl.graph.nodes import Dim

Array = Any


def statistic(a: Atom) -> Callable[[Array], Array]:
    """The elementwise function that an atom's statistic is.

    >>> float(statistic(Atom("s", "power:-2"))(np.float64(2.0)))
    0.25
    """
    if a.stat == "x":
        return np.asarray
    if a.stat == "log":
        return np.log
    if a.stat == "log1m":
        return lambda v: np.log1p(-v)
    if a.stat.startswith("power:"):
        p = float(a.stat.removeprefix("power:"))
        return lambda v: np.power(v, p)
    if a.function is None:
        raise ValueError(f"`{a.stat}` is no elementwise statistic")
    return a.function


def same_element(a: Atom, b: Atom) -> bool:
    """Whether two atoms read the same elements of one latent everywhere."""
    return (
        a.name == b.name
        and len(a.index) == len(b.index)
        and all(_same(x, y) for x, y in zip(a.index, b.index, strict=True))
    )


def same_atom(a: Atom, b: Atom) -> bool:
    """Whether two atoms are one statistic of the same elements."""
    return a is b or (a.stat == b.stat and a.state == b.state and same_element(a, b))


def _same(x: Dim | Named, y: Dim | Named) -> bool:
    if isinstance(x, Dim) or isinstance(y, Dim):
        return x == y
    return x is y or (x.dims == y.dims and np.array_equal(x.numpy, y.numpy))


def spelled(stat: str, name: str) -> str:
    """A statistic as it is read.

    >>> spelled("power:-2", "s"), spelled("is", "z"), spelled("x", "mu")
    ('s^-2', '[z = k]', 'mu')
    """
    if stat.startswith("power:"):
        return f"{name}^{stat.removeprefix('power:')}"
    if stat.startswith("fn:"):
        return stat.removeprefix("fn:").replace("(x)", f"({name})")
    whole = {"x": "{0}", "is": "[{0} = k]", "log": "log {0}", "log1m": "log(1 - {0})"}
    return whole.get(stat, "{1} {0}").format(name, stat)
