"""Numbers as people read them: as many digits as their uncertainty warrants."""

from __future__ import annotations

import math


def decimals_for(sd: float) -> int:
    """Decimal places that show a standard deviation to three digits.

    >>> [decimals_for(s) for s in (3.3, 0.021, 250.0, 0.0)]
    [2, 4, 0, 3]
    """
    if not math.isfinite(sd) or sd <= 0:
        return 3
    return max(0, min(9, 2 - math.floor(math.log10(sd))))


def shown(value: float, decimals: int) -> str:
    """A number with that many decimals, or in scientific form where that would be unreadable.

    >>> shown(4.4123, 2), shown(1.5e12, 0), shown(2e-13, 9), shown(float("nan"), 2)
    ('4.41', '1.50e+12', '2.00e-13', 'nan')
    """
    if not math.isfinite(value):
        return str(value)
    if value != 0 and (abs(value) >= 1e9 or (abs(value) < 0.5 * 10.0**-decimals and abs(value) < 1e-6)):
        return f"{value:.2e}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def printable(text: str) -> str:
    """Text from a data file made safe for a terminal: control characters are escaped.

    >>> printable("a\\x1b[31m")
    'a\\\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
