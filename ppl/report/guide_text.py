"""A plan as a ``guide:`` block that asks for just this plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.conditionals import Conditional
from ppl.energy.plan import Plan
from ppl.energy.wishes import root
from ppl.language.typed import Loop, Program

STRATEGY = {
    "gaussian": "MultivariateNormal",
    "gaussian chain": "MarkovChain",
    "chain": "MarkovChain",
    "discrete": "Exact",
}


def guide(plan: Plan, found: Sequence[Conditional], program: Program) -> str:
    """One line for each block; params have no q of their own. Empty where nothing has."""
    rows = dict.fromkeys(row for c in found for row in _rows(plan, c, program))
    return "guide:\n" + "".join(f"    {row}\n" for row in rows) if rows else ""


def _rows(plan: Plan, c: Conditional, program: Program) -> Iterator[str]:
    if all(x.kind == "param" for x in c.latents):
        return
    if c.kind == "drawn":
        yield from _drawn(plan.blocks[plan.of[c.names[0]]])
        return
    params = {x.name for x in c.latents if x.kind == "param"}
    names = tuple(dict.fromkeys(written(n) for n in c.names if n not in params))
    if c.point:
        yield from (f"q({n}) ~ Point" for n in names)
    elif c.kind == "chain" and len(c.names) == 1:
        target, loops = _with_loops(plan, root(c.names[0]), program)
        yield f"q({target}) ~ MarkovChain{loops}"
    elif len(c.names) > 1 or c.kind == "gaussian chain":
        yield f"q({', '.join(names)}) ~ {STRATEGY[c.kind]}"
    else:
        yield f"q({names[0]}) ~ {_family(c)}"


def _drawn(block: Block) -> Iterator[str]:
    """What is drawn is so without being asked, but for its points, and where its coordinates are apart."""
    assert isinstance(block, SampledBlock)
    for latent, point in zip(block.component.latents, block.component.points, strict=True):
        if latent.kind != "param" and (point or block.apart):
            yield f"q({written(latent.name)}) ~ {'Point' if point else 'MeanField'}"


def written(name: str) -> str:
    """A latent's name in a guide: imputed columns without their table, cut latents without the place.

    >>> written("people.height"), written("z[2]")
    ('height', 'z')
    """
    return root(name).rpartition(".")[2]


def _family(c: Conditional) -> str:
    apart = "[" in c.names[0]
    if c.kind == "fixed":
        return c.q
    if c.kind == "discrete":
        return "MeanField" if apart else "Exact"
    return "MeanField" if c.kind == "tabulated" or apart else c.q


def _with_loops(plan: Plan, name: str, program: Program) -> tuple[str, str]:
    """A latent that was cut along plates, with these written: ``z[m]`` and `` for m in chains``."""
    cut = cut_axes(plan, name)
    subscripts = next(d.subscripts for d in program.definitions if d.name == written(name))
    if not cut:
        return written(name), ""
    shown, loops = [], []
    for axis in range(max(cut) + 1):
        s = subscripts[axis]
        shown.append(s.name if isinstance(s, Loop) and axis in cut else s.set)
        if isinstance(s, Loop) and axis in cut:
            loops.append(f"{s.name} in {s.set}")
    return f"{written(name)}[{', '.join(shown)}]", f" for {', '.join(loops)}" if loops else ""


def cut_axes(plan: Plan, name: str) -> tuple[int, ...]:
    """The stored axes that a latent was cut along."""
    rest = list(range(8))
    found = []
    while name in plan.splits.made:
        split = plan.splits.made[name]
        found.append(rest.pop(split.axis))
        name = split.parts[0]
    return tuple(found)
