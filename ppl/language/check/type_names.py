"""Written types and names of index sets."""

from __future__ import annotations

import math

from ppl.errors import Note, Span
from ppl.language import tree
from ppl.language.check.suggest import quoted
from ppl.language.check.world import World, label, unknown
from ppl.supports import Interval, Structured
from ppl.supports.support import EVENT_DIMS, NAMED
from ppl.types import Axis, Type

# What other languages call the types of ours.
OTHER_NAMES = {
    "float": "real", "double": "real", "number": "real", "numeric": "real",
    "integer": "int", "long": "int", "boolean": "bool", "logical": "bool",
}  # fmt: skip
LABELLED = frozenset(
    {"category", "categorical", "factor", "string", "str", "text", "label", "labels", "enum"}
)


def find_set(world: World, name: str, span: Span) -> bool:
    """Whether an index set of that name exists; E203 otherwise."""
    if name == "bool":
        world.need_bool_set()
    if name in world.sets:
        return True
    if world.problems.once(f"set {name}"):
        _no_set(world, name, span)
    return False


def _no_set(world: World, name: str, span: Span) -> None:
    world.undefined = True
    near = world.nearest(name, world.sets)
    notes = tuple(Note(world.sets[n].span, "declared here") for n in near)
    help = f"declare it: `index {name} = ...`, or type a column `{name}`"
    message = f"no index set `{name}`"
    if near:
        lines = (
            f" (declared on line {world.problems.line(world.sets[near[0]].span)})" if len(near) == 1 else ""
        )
        message += f"; did you mean {quoted(near)}{lines}?"
        help = ""
    elif name in world.symbols:
        kind, place = world.symbols[name]
        message += f": `{name}` is a {kind}"
        notes = (Note(place, "defined here"),)
        help = _how_to_make_a_set(name, kind)
    fix = (span, near[0]) if near else None
    world.hinted.update(near)
    world.problems.error("E203", message, span, "not an index set", notes=notes, help=help, fix=fix)


def _how_to_make_a_set(name: str, kind: str) -> str:
    """What to write where the name of a given or a column stands for a set."""
    if kind == "given":
        return f"make a set of that size: `index {name}s = {name}`"
    if kind == "column":
        return (
            f"make a set of its values: `index {name}s` above, `{name}: {name}s` in the table, `{name}s` here"
        )
    return ""


def declared_type(world: World, ref: tree.TypeRef, axes: tuple[Axis, ...], *, open_ends: bool) -> Type:
    """The type a text like ``real(0, 10)``, ``covariance`` or ``regions`` stands for.

    ``open_ends``: whether finite bounds are left out of the interval (for what is estimated).
    """
    if ref.name in ("real", "int") and ref.arguments:
        return _bounded(world, ref, axes, open_ends)
    if ref.name == "bool":
        return Type("bool", NAMED["bool"], axes)
    if ref.name in NAMED:
        support = NAMED[ref.name]
        return Type("int" if support.integer else "real", support, axes)
    if ref.name in EVENT_DIMS:
        return _structured(world, ref, axes)
    if ref.name in world.sets:
        return label(ref.name, axes)
    _no_type(world, ref)
    return unknown(axes)


def _no_type(world: World, ref: tree.TypeRef) -> None:
    if not world.problems.once(f"set {ref.name}"):
        return
    if ref.name.lower() in LABELLED:
        _no_label_type(world, ref)
        return
    known = OTHER_NAMES.get(ref.name.lower())
    near = [known] if known else world.nearest(ref.name, world.sets, [*NAMED, *EVENT_DIMS])
    if not near:
        _no_set(world, ref.name, ref.span)
        return
    world.undefined = True
    world.hinted.update(near)
    place = world.sets.get(near[0])
    where = f" (declared on line {world.problems.line(place.span)})" if place else ""
    message = f"no type or index set `{ref.name}`; did you mean {quoted(near)}{where}?"
    notes = (Note(place.span, "declared here"),) if place else ()
    world.problems.error("E203", message, ref.span, "not a type", notes=notes, fix=(ref.span, near[0]))


def _no_label_type(world: World, ref: tree.TypeRef) -> None:
    world.undefined = True
    world.problems.error(
        "E203",
        f"no type or index set `{ref.name}`: labels belong to a set with a name of its own",
        ref.span,
        "not a type",
        help="declare the set, `index groups`, and type the column by it, `group: groups`",
    )


def _structured(world: World, ref: tree.TypeRef, axes: tuple[Axis, ...]) -> Type:
    dims = EVENT_DIMS[ref.name]
    if len(axes) < dims:
        sets = "axis" if dims == 1 else "axes"
        world.problems.error(
            "E315",
            f"`{ref.name}` needs {dims} {sets}: say over what",
            ref.span,
            "no set to run over",
            help="list the sets: `name[set]`" if dims == 1 else "list the sets: `name[set, set']`",
        )
        return unknown(axes)
    return Type("real", Structured(ref.name), axes)


def _bounded(world: World, ref: tree.TypeRef, axes: tuple[Axis, ...], open_ends: bool) -> Type:
    bounds = [number(a) for a in ref.arguments]
    if len(bounds) != 2 or any(b is None for b in bounds):
        world.problems.error(
            "E301",
            f"`{ref.name}(lower, upper)` takes two numbers",
            ref.span,
            "bounds of a type",
            help="bounds that depend on other quantities belong in `Uniform` or `Truncated`",
        )
        return unknown(axes)
    lower, upper = (float(b) for b in bounds if b is not None)
    if not lower < upper:
        world.problems.error(
            "E304",
            f"the lower bound of a type must be below the upper; here {lower:g} and {upper:g}",
            ref.span,
            "an empty range",
        )
        return unknown(axes)
    whole = ref.name == "int"
    closed = whole or not open_ends
    support = Interval(lower, upper, closed and lower > -math.inf, closed and upper < math.inf, whole)
    return Type("int" if whole else "real", support, axes)


def number(node: tree.Expr) -> float | None:
    """The value of a literal number, with its sign; None for anything else."""
    match node:
        case tree.Number(text=text):
            return float(text)
        case tree.Negative(operand=operand):
            inner = number(operand)
            return None if inner is None else -inner
        case tree.Name(id="inf"):
            return math.inf
    return None
