"""The functions and operators of the language, grouped by kind; each is one registration."""

from __future__ import annotations

from functools import cache

from ppl.discovery import load, module_names
from ppl.functions.base import Function, FunctionParameter, Mismatch, registry

__all__ = ["Function", "FunctionParameter", "Mismatch", "find", "names"]


@cache
def _loaded() -> dict[str, Function]:
    for module in module_names(__name__):
        load(__name__, module)
    return registry()


def find(name: str) -> Function | None:
    """The function of that exact name, or None.

    >>> find("exp").kind
    'elementwise'
    """
    return _loaded().get(name)


def names() -> tuple[str, ...]:
    """All names, sorted."""
    return tuple(sorted(_loaded()))
