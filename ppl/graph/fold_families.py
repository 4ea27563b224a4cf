"""Rows of one class through their sufficient statistics: a class of equal parameters is one row.

    Poisson      sum_n log p(y_n) = n (ybar log m - m) - sum log y_n!
    Bernoulli    k log p + (n - k) log(1 - p)                   (Binomial likewise, n its trials)
    Exponential  n log p(ybar)
    Gamma        n (log p(ybar) + log ybar + a (mean log y - log ybar)) - sum log y_n
    Beta         n (a mean log y + b mean log(1 - y) - A(a, b)) - sum log y_n (1 - y_n)

The Poisson and Gamma sums are written as deviances from the class's mean, which lose no digits at large
counts and shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.distributions import find
from ppl.distributions.binomial import log_choose
from ppl.graph.gram import Rows

Array = Any


@dataclass(frozen=True, eq=False)
class ClassRows:
    """Observations by class. ``shaped`` gives an array over classes the axes of the arguments."""

    y: np.ndarray
    rows: Rows
    shaped: Callable[[np.ndarray], np.ndarray]

    def mean(self, x: np.ndarray) -> np.ndarray:
        """The mean of x in each class."""
        return self.shaped(self.rows.mean(x))

    def total_of(self, f: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """The weighted sum of f(y, class) in each class, block by block."""
        total = np.zeros(len(self.rows.count))
        for part in self.rows.blocks(1):
            where = self.rows.of_row[part]
            x = f(self.y[part], where)
            if self.rows.weights is not None:
                w = self.rows.weights[part]
                x = np.where(w > 0.0, x, 0.0) * w  # what counts for nothing may be infinite
            total += np.bincount(where, x, minlength=len(total))
        return self.shaped(total)

    def total(self, x: np.ndarray) -> np.ndarray:
        """The weighted sum of x in each class."""
        w = x if self.rows.weights is None else x * self.rows.weights
        return self.shaped(np.bincount(self.rows.of_row, w, minlength=len(self.rows.count)))

    @property
    def count(self) -> np.ndarray:
        """Rows in each class, by weight."""
        return self.shaped(self.rows.count)


def _poisson(c: ClassRows, given: Mapping[str, Array]) -> Array:
    mean = c.rows.mean(c.y)
    base = c.total_of(lambda y, where: xp.factorial_kernel(y) - xp.deviance(y, mean[where]))
    at = c.shaped(mean)
    apart = xp.log_deviance(at, given["log_rate"]) if "log_rate" in given else xp.deviance(at, given["rate"])
    return base - c.count * apart


def _bernoulli(c: ClassRows, given: Mapping[str, Array]) -> Array:
    return xp.binomial_logit(c.total(c.y), c.count, given["logit"])


def _binomial(c: ClassRows, given: Mapping[str, Array]) -> Array:
    groups = len(c.rows.count)
    trials = np.broadcast_to(np.ravel(np.asarray(given["n"], dtype=float)), (groups,))

    def base(y: np.ndarray, where: np.ndarray) -> np.ndarray:
        n = trials[where]
        return np.where(y <= n, log_choose(n, np.minimum(y, n)), -np.inf)

    return c.total_of(base) + xp.binomial_logit(c.total(c.y), c.shaped(c.rows.count * trials), given["logit"])


def _exponential(c: ClassRows, given: Mapping[str, Array]) -> Array:
    kind = find("Exponential")
    assert kind is not None
    return c.count * kind.log_density(c.mean(c.y), **given)


def _gamma(c: ClassRows, given: Mapping[str, Array]) -> Array:
    kind = find("Gamma")
    assert kind is not None
    assert kind.family is not None
    shape = kind.family.natural(**given)[0]
    mean, logs = c.mean(c.y), np.log(c.y)
    excess = c.mean(logs) - np.log(mean)
    one = kind.log_density(mean, **given) + np.log(mean)
    return c.count * (one + shape * excess) - c.total(logs)


def _beta(c: ClassRows, given: Mapping[str, Array]) -> Array:
    kind = find("Beta")
    assert kind is not None
    assert kind.family is not None
    natural = kind.family.natural(**given)
    means = [c.mean(np.asarray(t)) for t in kind.family.statistics(c.y)]
    linear = natural[0] * means[0] + natural[1] * means[1]
    base = c.total(np.asarray(kind.family.log_base(c.y)))
    return c.count * (linear - kind.family.log_normaliser(*natural)) + base


RULES: dict[str, tuple[frozenset[str], Callable[[ClassRows, Mapping[str, Array]], Array]]] = {
    "Poisson": (frozenset(), _poisson),
    "Bernoulli": (frozenset({"logit"}), _bernoulli),
    "Binomial": (frozenset({"logit"}), _binomial),
    "Exponential": (frozenset(), _exponential),
    "Gamma": (frozenset(), _gamma),
    "Beta": (frozenset(), _beta),
}


def by_statistics(name: str, arguments: frozenset[str]) -> bool:
    """Whether a class of rows of this distribution, with these arguments, is one row."""
    return name in RULES and RULES[name][0] <= arguments


def class_density(name: str, classes: ClassRows, given: Mapping[str, Array]) -> Array:
    """The summed log density of every class, over (draw, *batch)."""
    return RULES[name][1](classes, given)
