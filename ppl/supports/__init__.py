"""Supports: the sets of values that a quantity may take, and how they nest."""

from ppl.supports.support import (
    BOOL,
    COUNT,
    INTEGER,
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    REAL,
    UNIT,
    Interval,
    Structured,
    Support,
    describe,
    within,
)

__all__ = [
    "BOOL",
    "COUNT",
    "INTEGER",
    "NEGATIVE",
    "NONNEGATIVE",
    "POSITIVE",
    "REAL",
    "UNIT",
    "Interval",
    "Structured",
    "Support",
    "describe",
    "within",
]
