"""Rule 2: every latent reaches an observation (E207); what is never used (W601)."""

from __future__ import annotations

from ppl.errors import Note, Span
from ppl.language import tree
from ppl.language.check.statements import Pending
from ppl.language.check.world import World
from ppl.language.typed import Definition


def check_reach(
    world: World,
    definitions: list[Definition],
    pendings: list[Pending],
    prior: bool,
    guiding: frozenset[str] = frozenset(),
) -> None:
    """E209 without observations; E207 for latents that no observation depends on.

    A param may be among ``guiding``, the names that the guide's distributions mention.
    """
    if not definitions and not pendings:
        _empty(world)
        return
    reported = {n for p in pendings if p.report for n in p.mentions}
    pendings = [p for p in pendings if not p.report]
    sinks = [p for p in pendings if p.observes or p.refused or isinstance(p.node, tree.Factor)]
    named = {p.name: p for p in pendings if p.name and p not in sinks}
    reached = _reached(named, sinks)
    own = {d.name for d in definitions if d.kind == "param" and d.name in guiding}
    lost = [d for d in definitions if d.name in named and d.name not in reached | own]
    used_by_lost = {n for d in lost for n in named[d.name].mentions if n != d.name}
    ends = [d for d in lost if d.name not in used_by_lost] or lost[:1]
    complained = _misspelt(world, ends)
    if prior or world.undefined or (complained and not sinks):
        return
    if not sinks:
        _nothing_observed(world, pendings)
        return
    ends = [d for d in ends if d.name not in complained]
    _lost(world, ends, lost, named, reported)


def _reached(named: dict[str, Pending], sinks: list[Pending]) -> set[str]:
    """Names that some observation depends on, by what the statements mention."""
    reached: set[str] = set()
    front = [n for p in sinks for n in (*p.mentions, p.name)]
    while front:
        name = front.pop()
        if name in named and name not in reached:
            reached.add(name)
            front.extend(named[name].mentions)
    return reached


def _misspelt(world: World, ends: list[Definition]) -> set[str]:
    """Latents that look like a column which nothing models."""
    free = [c for c in (*world.columns, *world.givens) if c not in world.modelled and c not in world.used]
    found = set()
    for d in ends:
        near = world.nearest(d.name, free) if d.kind == "latent" else ()
        if not near or not world.problems.once(f"name {d.name}"):
            continue
        found.add(d.name)
        kind, place = world.symbols[near[0]]
        span = world.defined[d.name].span
        world.problems.error(
            "E207",
            f"`{d.name}` would be a new latent that reaches no observation; "
            f"did you mean the {kind} `{near[0]}`, which nothing models?",
            span,
            "a new latent",
            notes=(Note(place, f"the {kind} `{near[0]}`"),),
            fix=(span, near[0]),
        )
    return found


def _lost(
    world: World,
    ends: list[Definition],
    lost: list[Definition],
    named: dict[str, Pending],
    reported: set[str],
) -> None:
    """E207 for each latent that goes nowhere; values in `report` are asked for, so they may."""
    for d in ends:
        if not world.problems.once(f"name {d.name}"):
            continue
        span = world.defined[d.name].span
        if d.kind == "value":
            _lost_value(world, d, span, [x for x in lost if x.name in named[d.name].mentions], reported)
            continue
        what = "param" if d.kind == "param" else "latent"
        world.problems.error(
            "E207",
            f"`{d.name}` reaches no observation: nothing that is observed depends on it",
            span,
            f"an idle {what}",
            help="use it in a `~` of data, move it into `report`, or delete it (`--prior` allows it)",
        )


def _lost_value(
    world: World, d: Definition, span: Span, feeding_it: list[Definition], reported: set[str]
) -> None:
    """A value that nothing uses: a warning, unless latents end in it."""
    feeding = [x.name for x in feeding_it if x.kind != "value"]
    if not feeding and d.name in reported:
        return
    if feeding:
        world.problems.error(
            "E207",
            f"`{feeding[0]}` reaches no observation: it only goes into `{d.name}`, which nothing uses",
            span,
            "goes nowhere",
            help=f"use `{d.name}` in a `~` of data, or move it into `report`",
        )
        return
    world.problems.warning(
        "W601", f"`{d.name}` is never used", span, "unused", help="delete it, or move it into `report`"
    )


def _nothing_observed(world: World, pendings: list[Pending]) -> None:
    if not pendings:
        _empty(world)
        return
    free = world.unmodelled_columns()
    span = pendings[-1].node.span
    help = (
        f"say how the data arise: `{free[0]}[i] ~ ...`"
        if free
        else "declare the data: `table rows(y: real)`, then `y[i] ~ ...`"
    )
    world.problems.error(
        "E209",
        "this model observes nothing: no `~` has data on its left",
        span,
        "the last statement",
        help=help + " (`--prior` allows a model without data)",
    )


def _empty(world: World) -> None:
    world.problems.error(
        "E209",
        "this model has no statements: nothing is drawn and nothing is observed",
        Span(0, 0),
        help="a statement is a line such as `y[i] ~ Normal(mu, sigma) for i in rows`",
    )


# ---------------------------------------------------------------- blanks and unused columns


def check_blanks(world: World) -> None:
    """Rule 7: a column that may be blank is modelled (E503)."""
    for name, found in world.columns.items():
        for column in found:
            if column.optional and name in world.used and name not in world.modelled:
                world.problems.error(
                    "E503",
                    f"`{name}` may be missing (`?`), and nothing says how it is distributed",
                    column.span,
                    "may be blank",
                    help=f"model it: `{name}[i] ~ ...`; or drop the `?` if no cell is blank",
                )
    for name, given in world.givens.items():
        if given.optional and name in world.used and name not in world.modelled:
            world.problems.error(
                "E503",
                f"`{name}` may be missing (`?`), and nothing says how it is distributed",
                given.span,
                "may be blank",
                help=f"model it: `{name} ~ ...`; or drop the `?`",
            )


def warn_unused(world: World, model: tree.Model) -> None:
    """W601: columns and givens that nothing mentions."""
    makes_levels = {c.name for group in world.columns.values() for c in group if c.type.element == "label"}
    for name, group in world.columns.items():
        if name in world.used or name in world.modelled or name in makes_levels or group[0].role != "value":
            continue
        world.problems.warning(
            "W601",
            f"the column `{name}` is never used",
            group[0].span,
            "unused",
            help="delete it from the table: extra columns of a file are ignored",
        )
    for name, given in world.givens.items():
        if name not in world.used and name not in world.modelled:
            world.problems.warning("W601", f"the given `{name}` is never used", given.span, "unused")
