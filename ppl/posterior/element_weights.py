"""Importance weights of the latents of single elements of a plate, the other latents given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.posterior.estimates import Array
from ppl.posterior.psis import smooth, threshold
from ppl.posterior.record import FitWarning


@dataclass(frozen=True, eq=False)
class ElementWeights:
    """What weights say of some of the ``rows`` elements of a plate.

    khats: (elements,), -inf where an element's weights are even; gains: (elements,) nats by which the bound
    rises if an element's ``draws`` draws are weighed, ``log mean w - mean log w``: at most KL(q || p).
    """

    plate: str
    rows: int
    draws: int
    khats: Array
    gains: Array

    @property
    def limit(self) -> float:
        """The k-hat above which so many draws do not suffice."""
        return threshold(self.draws)

    @property
    def poor(self) -> float:
        """The share of elements with a k-hat above the limit."""
        return float(np.mean(self.khats > self.limit))

    def quantile(self, p: float) -> float:
        """Of k-hat over the elements."""
        return float(np.quantile(np.maximum(self.khats, -1.0), p))

    @property
    def text(self) -> str:
        """As reported."""
        median, most, highest = (f"{max(self.quantile(p), 0.0):.2f}" for p in (0.5, 0.9, 1.0))
        seen = f"{len(self.khats)} of {self.rows}"
        return f"of single `{self.plate}`: median {median}, 90 % up to {most}, highest {highest} ({seen})"

    def finding(self) -> FitWarning:
        """A remark, or a warning where q is off for most elements."""
        gain = (
            f"weighing {self.draws} draws of each lifts the bound by {self.gains.mean():.3f} nats an element"
        )
        if self.poor > 0.5:
            text = f"q is a poor stand-in for the latents of most `{self.plate}`: k-hat {self.text}; {gain}"
            return FitWarning("W728", text)
        return FitWarning("W728", f"k-hat {self.text}; {gain}", (), "note")


def element_weights(plate: str, rows: int, ratios: Array) -> ElementWeights:
    """From ``log p - log q`` at draws of every element: (S, elements).

    >>> element_weights("images", 2, np.zeros((100, 2))).poor
    0.0
    """
    fits = [smooth(column) for column in ratios.T]
    khats = np.array([-np.inf if f.exact else f.khat for f in fits])
    top = ratios.max(axis=0)
    gains = np.log(np.exp(ratios - top).mean(axis=0)) + top - ratios.mean(axis=0)
    return ElementWeights(plate, rows, len(ratios), khats, gains)
