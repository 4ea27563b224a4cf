"""Exponential families as q, one a file; found by name without importing the others."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from ppl.discovery import load, module_names
from ppl.energy.families.base import Eta, Family, NotProper
from ppl.supports import Support

__all__ = ["Eta", "Family", "NotProper", "find", "matching", "names"]

_NO_FAMILY = frozenset({"point", "tabulated"})  # any combination of statistics: not one fixed family
_NARROW = frozenset(
    {"Exponential", "HalfNormal"}
)  # for a q that a guide asks for: Gamma has these statistics too


@cache
def _files() -> dict[str, str]:
    return {n.replace("_", ""): n for n in module_names(__name__) if n not in _NO_FAMILY}


@cache
def find(name: str) -> type[Family] | None:
    """The family of that exact name, or None.

    >>> find("Gamma").statistics
    ('log', 'x')
    >>> find("gamma") is None
    True
    """
    file = _files().get(name.lower())
    return None if file is None else getattr(load(__name__, file), name, None)


@cache
def names() -> tuple[str, ...]:
    """All names, sorted; imports every file."""
    found = []
    for file in _files().values():
        module = load(__name__, file)
        things = [t for t in vars(module).values() if isinstance(t, type) and issubclass(t, Family)]
        own = [t.name for t in things if t.__module__ == module.__name__]
        if len(own) != 1:
            raise ImportError(f"{module.__name__} must define exactly one family, found {own}")
        found += own
    return tuple(sorted(found))


def matching(statistics: Iterable[str], support: Support) -> type[Family] | None:
    """The family over the support with the fewest statistics (then axes) that include all of these, or None.

    >>> from ppl.supports import POSITIVE
    >>> matching({"log", "x"}, POSITIVE).name, matching({"power:2", "x"}, POSITIVE)
    ('Gamma', None)
    """
    wanted = set(statistics)
    found = (
        f
        for f in map(find, names())
        if f is not None and f.name not in _NARROW and f.fits(support) and wanted <= set(f.statistics)
    )
    return min(found, key=lambda f: (len(f.statistics), f.event_dims, f.name), default=None)
