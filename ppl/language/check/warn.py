"""Warnings (W601) about models that are legal and rarely meant."""

from __future__ import annotations

from ppl.language.check.levels import walk
from ppl.language.check.world import World
from ppl.language.typed import Choose, Const, DataRef, Definition, Dist, Loop, Shift, Term, Var
from ppl.supports import Structured
from ppl.types import Axis


def warn_improper(world: World) -> None:
    """`Flat` has density 1, which does not integrate: said once."""
    places = list(dict.fromkeys(world.improper))
    if not places:
        return
    more = "" if len(places) == 1 else f" (and {len(places) - 1} more)"
    world.problems.warning(
        "W601",
        f"`{world.problems.text(places[0])}`{more} is an improper prior: the model is not normalised",
        places[0],
        "density 1 everywhere",
        help="the ELBO is known up to a constant only; any proper prior mends that",
    )


def warn_exchangeable(world: World, definitions: list[Definition]) -> None:
    """A label drawn over a set whose members nothing tells apart."""
    labels = {d.type.set: d for d in definitions if d.kind == "latent" and d.type.element == "label"}
    for set, drawn in labels.items():
        found = world.sets.get(set or "")
        if found is None or found.kind not in ("fixed", "range") or world.constant_size(found.name) == 1:
            continue
        about = [d for d in definitions if _concerns(d, found.name)]
        if not any(_tells_apart(d, found.name) for d in about):
            world.problems.warning(
                "W601",
                f"the members of `{found.name}` are exchangeable: "
                f"`{drawn.name}` means the same under any renumbering",
                found.span,
                "nothing tells them apart",
                help="order one of their parameters: `Ordered(...)`, if the members are to keep their names",
            )


def _concerns(d: Definition, set: str) -> bool:
    return any(_set(s) == set for s in d.subscripts) or any(
        isinstance(t, (Const, DataRef)) and (t.type.set == set or any(a.set == set for a in t.type.axes))
        for t in walk(d.body)
    )


def _set(subscript: Loop | Axis) -> str:
    return subscript.set


def _tells_apart(d: Definition, set: str) -> bool:
    """Whether a statement treats members of a set differently."""
    if d.kind == "observed" and any(_set(s) == set for s in d.subscripts):
        return True
    for dist in _draws(d.body):
        support = dist.type.support
        if isinstance(support, Structured) and "ordered" in support.kind:
            return any(a.set == set for a in dist.type.axes)
    return any(_breaks(t, set) for t in walk(d.body))


def _draws(body: Term) -> list[Dist]:
    if isinstance(body, Choose):
        return [*_draws(body.then), *_draws(body.other)]
    return [body] if isinstance(body, Dist) else []


def _breaks(term: Term, set: str) -> bool:
    """Data over the set, a member by name, a position, or a lag along it."""
    if isinstance(term, DataRef):
        return term.type.set == set or any(a.set == set for a in term.type.axes)
    if isinstance(term, (Const, Shift)):
        return term.type.element == "label" and term.type.set == set
    function = getattr(term, "function", "")
    if function in ("first", "last", "position", "cumsum", "lt", "le", "gt", "ge"):
        return any((isinstance(t, Var) and t.loop.set == set) or t.type.set == set for t in walk(term))
    return False
