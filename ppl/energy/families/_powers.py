"""Statistics that are powers: ``x`` is 1, ``power:-2`` is -2."""

from __future__ import annotations


def exponent(stat: str) -> float | None:
    """The p of x^p, None for another statistic.

    >>> exponent("power:-0.5"), exponent("x"), exponent("log")
    (-0.5, 1.0, None)
    """
    if stat == "x":
        return 1.0
    return float(stat.removeprefix("power:")) if stat.startswith("power:") else None
