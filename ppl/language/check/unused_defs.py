"""`def`s that nothing calls: their names are checked all the same."""

from __future__ import annotations

from ppl.errors import Span
from ppl.language.check.order import components
from ppl.language.check.problems import Problems
from ppl.language.check.statements import Mentions
from ppl.language.check.world import World


def check_defs(world: World) -> None:
    """E501 for `def`s that call themselves, directly or not, whether they are called or not."""
    mentions = Mentions(world)
    calls = {name: [n for n in sorted(mentions.body(name)) if n in world.defs] for name in world.defs}
    for group in components(calls):
        name = group[0]
        if (len(group) > 1 or name in calls[name]) and not any(
            f"recursion {n}" in world.problems.names for n in group
        ):
            _recursive(world.problems, name, world.defs[name].span)


def _recursive(problems: Problems, name: str, span: Span) -> None:
    problems.error(
        "E501",
        f"`{name}` calls itself: a `def` is written out, so it must end",
        span,
        "calls itself",
        help="write a recurrence along an ordered set: `x[t] = ... x[t-1] ...`",
    )
