"""`def`s that nothing calls: their names are checked all the same."""

from __future__ import annotations

from ppl.errors import Span
from ppl.language.check.problems import Problems
from ppl.language.check.statements import Mentions, names_in
from ppl.language.check.world import World


def check_defs(world: World) -> None:
    """E501 for a `def` that calls itself, called or not."""
    mentions = Mentions(world)
    for name, found in world.defs.items():
        inside = mentions.closed(names_in(found.body) - {f.name for f in found.formals})
        if name in inside and world.problems.once(f"recursion {name}"):
            _recursive(world.problems, name, found.span)


def _recursive(problems: Problems, name: str, span: Span) -> None:
    problems.error(
        "E501",
        f"`{name}` calls itself: a `def` is written out, so it must end",
        span,
        "calls itself",
        help="write a recurrence along an ordered set: `x[t] = ... x[t-1] ...`",
    )
