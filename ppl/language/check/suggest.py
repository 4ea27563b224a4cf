"""Nearest names: what the writer may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def distance(a: str, b: str, limit: int) -> int:
    """Edit distance (insert, delete, replace, swap neighbours), or limit + 1 when it is larger.

    >>> distance("HalfCauchi", "HalfCauchy", 2), distance("abc", "xyz", 1)
    (1, 2)
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def nearest(name: str, *kinds: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The closest names within edit distance, from the first kind that has any.

    A different case alone always counts as near.

    >>> nearest("school", ["schools", "pupils"])
    ('schools',)
    >>> nearest("normal", ["Normal", "LogNormal"])
    ('Normal',)
    """
    limit = 1 if len(name) < 4 else 2 if len(name) < 8 else 3
    for kind in kinds:
        found = _near(name, kind, limit)
        if found:
            return tuple(n for _, n in sorted(found)[:most])
    return ()


def _near(name: str, kind: Iterable[str], limit: int) -> list[tuple[int, str]]:
    found = []
    for other in dict.fromkeys(kind):
        d = 0 if other.lower() == name.lower() else distance(name, other, limit)
        if d <= limit and (d == 0 or d < len(name)) and other != name:
            found.append((d, other))
    best = min((d for d, _ in found), default=0)
    return [(d, n) for d, n in found if d <= best]


def quoted(names: Sequence[str], last: str = "or") -> str:
    """Names in backquotes, joined as a sentence has them.

    >>> quoted(("a", "b", "c"))
    '`a`, `b` or `c`'
    """
    marked = [f"`{n}`" for n in names]
    if len(marked) < 2:
        return "".join(marked)
    return f"{', '.join(marked[:-1])} {last} {marked[-1]}"


def singular(name: str) -> str:
    """The name of one element of a set, as well as English spelling lets us guess it.

    >>> [singular(n) for n in ("schools", "counties", "boxes", "series", "people")]
    ['school', 'county', 'box', 'row of series', 'row of people']
    """
    if name in ("series", "species") or not name.endswith("s") or len(name) < 4 or name.endswith("ss"):
        return f"row of {name}"
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith(("xes", "ches", "shes", "sses")):
        return name[:-2]
    return name[:-1]
