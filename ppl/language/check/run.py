"""The checker's phases, in order."""

from __future__ import annotations

from dataclasses import replace

from ppl.errors import ModelError, Source
from ppl.language import tree, typed
from ppl.language.check import arithmetic, calls, subscripts, wrappers  # noqa: F401  (they register checks)
from ppl.language.check.declarations import declare
from ppl.language.check.define import define
from ppl.language.check.guide import check_guide, mentioned
from ppl.language.check.order import check_cycles, check_settled, groups, is_recurrent
from ppl.language.check.problems import Problems
from ppl.language.check.reach import check_blanks, check_reach, warn_unused
from ppl.language.check.recurrences import settle
from ppl.language.check.sets import inherit_order
from ppl.language.check.sizes import check_sizes
from ppl.language.check.statements import Pending, statements
from ppl.language.check.unused_defs import check_defs
from ppl.language.check.warn import warn_exchangeable, warn_improper
from ppl.language.check.world import World


def check(model: tree.Model, source: Source, prior: bool = False) -> typed.Program:
    """The typed program of a tree, or a `ModelError` with every mistake.

    ``prior`` allows latents that reach no observation, and models without any.

    >>> from ppl.language.parse import parse
    >>> source = Source("m.model", "table rows(y: real)\\ny[i] ~ Normal(0, 1) for i in rows\\n")
    >>> [str(d.type) for d in check(parse(source), source).definitions]
    ['real over [rows]']
    """
    world = World(source, Problems(source))
    declare(world, model)
    inherit_order(world)
    pendings = statements(world, model)
    check_sizes(world, model)
    found = _define_all(world, pendings)
    main = [found[p.order] for p in pendings if p.order in found and not p.report]
    report = [found[p.order] for p in pendings if p.order in found and p.report]
    guide = check_guide(world, model, main)
    check_defs(world)
    check_blanks(world)
    check_reach(world, main, pendings, prior, mentioned(guide))
    if world.problems.errors:
        raise ModelError(world.problems.errors, source)
    warn_unused(world, model)
    warn_improper(world)
    warn_exchangeable(world, main)
    return _program(world, _renamed(main), tuple(report), guide)


def _define_all(world: World, pendings: list[Pending]) -> dict[int, typed.Definition]:
    """Every statement typed, dependencies first, groups that refer to each other together."""
    found: dict[int, typed.Definition] = {}
    for group in groups(pendings):
        if is_recurrent(group):
            settle(world, group)
        for pending in group:
            definition = define(world, pending)
            if definition is not None:
                found[pending.order] = definition
        if is_recurrent(group):
            inside = [p.order for p in group if p.order in found]
            check_cycles(world, [found[i] for i in inside])
            check_settled(world, [found[i] for i in inside])
            for i in inside:
                if found[i].kind == "value":
                    found[i] = replace(found[i], recurrent=True)
    return found


def _renamed(definitions: list[typed.Definition]) -> tuple[typed.Definition, ...]:
    """Statements without a name of their own get one, told apart by a number."""
    seen: dict[str, int] = {}
    out = []
    for d in definitions:
        count = seen.get(d.name, 0) + 1
        seen[d.name] = count
        out.append(d if count == 1 else replace(d, name=f"{d.name} ({count})"))
    return tuple(out)


def _program(
    world: World,
    definitions: tuple[typed.Definition, ...],
    report: tuple[typed.Definition, ...],
    guide: tuple[typed.GuideDef, ...],
) -> typed.Program:
    return typed.Program(
        world.source,
        world.sets,
        world.tables,
        world.givens,
        world.networks,
        definitions,
        guide,
        report,
        world.problems.warnings,
    )
