"""Strict reading of numbers written as text, and why a text is not one.

Python's ``float`` takes underscores, digits of every script, ``nan`` and ``inf``; a data file that
holds these most often holds a mistake, so only plain decimal notation is a number here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MISSING = frozenset({"", "NA", "NaN", "nan", "null"})
BLANKS = " \t"

TRUE = frozenset({"1", "1.0", "true", "t", "yes"})
FALSE = frozenset({"0", "0.0", "false", "f", "no"})

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_PLAIN = re.compile(r"[0-9+\-.eE]*")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_MISSING_LIKE = frozenset(
    {"n/a", "#n/a", "null", "none", "na", "nan", ".", "-", "?", "missing", "<na>", "nil"}
)
_EXACT = 2**53
_INT64 = 2**63


def is_number(text: str) -> bool:
    """Whether a text is a plain decimal number.

    >>> [is_number(t) for t in ("-1.5e3", ".5", "1_000", "inf", "0x1F")]
    [True, True, False, False, False]
    """
    return _NUMBER.fullmatch(text) is not None


def plain_reals(texts: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """All texts as doubles in one sweep; None when one is not a plain finite number."""
    if _PLAIN.fullmatch("".join(texts)) is None:
        return None
    try:
        values = np.array(list(map(float, texts)), dtype=np.float64)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def plain_ints(texts: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """All texts as 64-bit whole numbers in one sweep; None when one is not."""
    if _PLAIN.fullmatch("".join(texts)) is None:
        return None
    try:
        return np.array(list(map(int, texts)), dtype=np.int64)
    except (ValueError, OverflowError):
        return None


def real(text: str) -> float | None:
    """The double nearest to a plain decimal number; None for any other text or an overflow.

    >>> real("2.50"), real("1e400"), real("5%")
    (2.5, None, None)
    """
    if not is_number(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def whole(text: str) -> int | None:
    """The whole number a text stands for, exactly (``3``, ``3.0`` and ``3e0`` are 3); else None.

    >>> whole("3.0"), whole("2.5"), whole("9223372036854775808")
    (3, None, None)
    """
    if len(text) <= 20 and _WHOLE.fullmatch(text):
        value = int(text)
    else:
        number = real(text)
        if number is None or number != math.floor(number) or abs(number) > _EXACT:
            return None
        value = int(number)
    return value if -_INT64 <= value < _INT64 else None


def lost_digits(text: str, value: float) -> bool:
    """Whether a whole number above 2^53 changed when it became a double.

    >>> lost_digits("9007199254740993", float("9007199254740993"))
    True
    """
    return (
        abs(value) >= _EXACT and len(text) < 400 and bool(_WHOLE.fullmatch(text)) and int(text) != int(value)
    )


def underflowed(text: str, value: float) -> bool:
    """Whether a number other than 0 became 0.

    >>> underflowed("1e-400", 0.0), underflowed("0.00", 0.0)
    (True, False)
    """
    return value == 0.0 and any(c in "123456789" for c in re.split("[eE]", text)[0])


def why_not_number(text: str, column: str) -> str:
    """Why a text is not a number, and what to write instead ('' when there is nothing to add).

    >>> why_not_number("1,234", "income")
    'write numbers without thousands separators, and with a decimal point'
    """
    lowered = text.lower()
    if is_number(text):
        return "the number is too large to hold"
    if "\u2212" in text:
        return "the minus sign is the character U+2212; write the hyphen `-`"
    if any(c.isdigit() and c not in "0123456789" for c in text):
        return "write digits as 0 to 9"
    if _INFINITE.fullmatch(text):
        return "an observation cannot be infinite"
    if lowered in {"true", "false", "yes", "no", "t", "f"}:
        return f"truth values need `{column}: bool`"
    if lowered in _MISSING_LIKE:
        return f'if "{text}" means a missing cell, say `--na "{column}={text}"`'
    return _why_not_plain(text, lowered)


def _why_not_plain(text: str, lowered: str) -> str:
    if "," in text:
        return "write numbers without thousands separators, and with a decimal point"
    if "_" in text and is_number(text.replace("_", "")):
        return "write numbers without underscores"
    if lowered.startswith(("0x", "0b", "0o")):
        return "write numbers in decimal notation"
    if any(c in "%$\u20ac\u00a3" for c in text):
        return "write the number alone, without a percent or currency sign"
    if text.startswith("(") and text.endswith(")"):
        return "write a negative number with `-`"
    return ""
