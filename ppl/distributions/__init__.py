"""The distributions of the language, one a file; found by name without importing the others."""

from __future__ import annotations

from functools import cache

from ppl.discovery import load, module_names
from ppl.distributions.base import Applied, Distribution, ExponentialFamily, Parameter

__all__ = ["Applied", "Distribution", "ExponentialFamily", "Parameter", "find", "names"]


@cache
def _files() -> dict[str, str]:
    return {name.replace("_", ""): name for name in module_names(__name__)}


@cache
def find(name: str) -> type[Distribution] | None:
    """The distribution of that exact name, or None.

    >>> find("Normal").__name__
    'Normal'
    >>> find("normal") is None
    True
    """
    file = _files().get(name.lower())
    return None if file is None else getattr(load(__name__, file), name, None)


@cache
def names() -> tuple[str, ...]:
    """All names, sorted; imports every file (for suggestions and the reference)."""
    found = []
    for file in _files().values():
        module = load(__name__, file)
        things = [
            n
            for n, thing in vars(module).items()
            if isinstance(thing, type)
            and issubclass(thing, Distribution)
            and thing.__module__ == module.__name__
        ]
        if len(things) != 1:
            raise ImportError(f"{module.__name__} must define exactly one distribution, found {things}")
        found += things
    return tuple(sorted(found))
