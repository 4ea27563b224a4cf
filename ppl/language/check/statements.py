"""Statements one by one: blocks opened, lists of targets split, names claimed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check import operators
from ppl.language.check.claims import claim, name_span
from ppl.language.check.world import Defined, World, unknown
from ppl.types import Axis


@dataclass
class Pending:
    """One statement with one left side, before it is typed.

    ``name`` is what it defines or observes (empty for an expression or a factor); ``observes``
    says that the left side is data; ``mentions`` are the names its right side and filters use.
    """

    order: int
    node: tree.Sample | tree.Assign | tree.Factor | tree.Param
    left: tree.Target | tree.Expr | None
    bindings: tuple[tree.Binding, ...]
    report: bool
    observes: bool = False
    refused: bool = False
    mentions: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.left.name if isinstance(self.left, tree.Target) else ""

    @property
    def right(self) -> tree.Expr | None:
        if isinstance(self.node, tree.Sample):
            return self.node.distribution
        return self.node.value


def statements(world: World, model: tree.Model) -> list[Pending]:
    """Every statement in order of writing, those of `report` marked, their names claimed."""
    found = [
        pending
        for statement, bindings, report in _flat(model)
        for pending in _split(statement, bindings, report)
    ]
    mentioned = Mentions(world)
    for order, pending in enumerate(found):
        pending.order = order
        pending.mentions = mentioned.of(pending)
    for pending in found:
        _claim(world, pending)
    _claim_observed_values(world, found)
    return found


Flat = tuple[tree.Statement, tuple[tree.Binding, ...], bool]


def _flat(model: tree.Model) -> Iterator[Flat]:
    """Simple statements with every binding around them (iterative)."""
    stack: list[Flat] = [(s, (), False) for s in reversed(model.statements)]
    while stack:
        statement, bindings, report = stack.pop()
        match statement:
            case tree.For(bindings=more, body=body):
                stack.extend((s, (*bindings, *more), report) for s in reversed(body))
            case tree.Report(body=body):
                stack.extend((s, bindings, True) for s in reversed(body))
            case tree.Sample() | tree.Assign() | tree.Factor() | tree.Param():
                yield statement, (*bindings, *statement.bindings), report


def _split(statement: tree.Statement, bindings: tuple[tree.Binding, ...], report: bool) -> list[Pending]:
    match statement:
        case tree.Sample(left=lefts):
            return [Pending(0, statement, left, bindings, report) for left in lefts]
        case tree.Assign(targets=targets) | tree.Param(targets=targets):
            return [Pending(0, statement, target, bindings, report) for target in targets]
        case tree.Factor():
            return [Pending(0, statement, None, bindings, report)]
    return []


# ---------------------------------------------------------------- names


def _claim(world: World, pending: Pending) -> None:
    """What the left side is: data, a value observed later, or a new name."""
    for binding in pending.bindings:
        world.loop_names.setdefault(binding.name, binding)
    if isinstance(pending.node, tree.Sample) and not isinstance(pending.left, tree.Target):
        pending.observes = True
        return
    target = pending.left
    if not isinstance(target, tree.Target):
        return
    if target.name in world.columns or target.name in world.givens:
        if isinstance(pending.node, tree.Sample):
            _claim_data(world, pending, target)
            return
        pending.refused = True
        if isinstance(pending.node, tree.Assign):
            _assigned_data(world, pending, target)
            return
    kind = {tree.Sample: "latent", tree.Assign: "value", tree.Param: "param"}[type(pending.node)]
    known = world.symbols.get(target.name)
    if known is not None and {known[0], kind} == {"latent", "value"}:
        pending.refused = True
        return
    if claim(world, target.name, kind, target.span):
        _define(world, pending, target, kind)
    else:
        pending.refused = True


def _define(world: World, pending: Pending, target: tree.Target, kind: str) -> None:
    plates = {b.name: b.set for b in pending.bindings}
    axes, plate_positions = [], set()
    for i, name in enumerate(target.subscripts):
        if name.id in plates:
            plate_positions.add(i)
            axes.append(Axis(plates[name.id]))
        else:
            axes.append(Axis(name.id.rstrip("'")))
    right = pending.right
    place = name_span(world, target.span, target.name)
    whole = operators.renumbered(tuple(axes))
    world.defined[target.name] = Defined(
        target.name,
        kind,
        place,
        whole,
        place if right is None else right.span,
        unknown(whole),
        plates=frozenset(plate_positions),
    )


def _claim_observed_values(world: World, found: list[Pending]) -> None:
    """A name with both `=` and `~` is a value of data that is observed; `define` checks that it is."""
    for pending in found:
        if not pending.refused or not pending.name:
            continue
        known = world.defined.get(pending.name)
        if known is None or pending.name in world.columns or pending.name in world.givens:
            continue
        if isinstance(pending.node, tree.Sample) and known.kind == "value":
            pending.refused, pending.observes = False, True
        elif isinstance(pending.node, tree.Assign) and known.kind == "latent":
            first = next(p for p in found if p.name == pending.name and not p.refused)
            first.observes, pending.refused = True, False
            assert isinstance(pending.left, tree.Target)
            world.symbols[pending.name] = ("value", pending.left.span)
            _define(world, pending, pending.left, "value")


def _claim_data(world: World, pending: Pending, target: tree.Target) -> None:
    """A column or given that is observed: once, and not in `report`."""
    pending.observes = True
    if pending.report:
        pending.refused = True
        world.problems.error(
            "E502",
            f"`{target.name}` is data, and `report` observes nothing",
            target.span,
            "data",
            help=f"give the new draws a name of their own: `{target.name}_new ~ ...`",
        )
    elif target.name in world.modelled:
        pending.refused = True
        first = world.observed_at[target.name]
        world.problems.error(
            "E204",
            f"`{target.name}` already has a distribution on line {world.problems.line(first)}",
            target.span,
            "second `~`",
            notes=(Note(first, "first `~` here"),),
            help="one column has one `~`; choose inside it: `~ A(...) if test else B(...)`",
        )
    world.modelled.add(target.name)
    world.observed_at.setdefault(target.name, target.span)


def _assigned_data(world: World, pending: Pending, target: tree.Target) -> None:
    kind, place = world.symbols[target.name]
    world.problems.error(
        "E502",
        f"`{target.name}` is data (a {kind}), so `=` cannot give it a value",
        target.span,
        "data",
        notes=(Note(place, "declared here"),),
        help=f"give the value a name of its own, or say how the data arise: `{target.name} ~ ...`",
    )


# ---------------------------------------------------------------- mentions


_FIELDS: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type[tree.Node]) -> tuple[str, ...]:
    """Fields that hold parts of a node, looked up once for each kind."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(f.name for f in fields(kind) if f.name != "span")
    return _FIELDS[kind]


def names_in(root: object) -> set[str]:
    """Every bare name in a tree (iterative)."""
    found: set[str] = set()
    stack: list[object] = [root]
    while stack:
        here = stack.pop()
        if isinstance(here, tree.Name):
            found.add(here.id)
        elif isinstance(here, tuple):
            stack.extend(here)
        elif isinstance(here, tree.Node):
            stack.extend(getattr(here, name) for name in _field_names(type(here)))
    return found


class Mentions:
    """Names used by statements, those inside called `def`s included."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bodies: dict[str, frozenset[str]] = {}
        self.reached: dict[frozenset[str], frozenset[str]] = {}

    def of(self, pending: Pending) -> frozenset[str]:
        left = pending.left if isinstance(pending.left, tree.Expr) else None
        return self.closed(names_in((pending.right, left, pending.bindings)))

    def closed(self, names: set[str]) -> frozenset[str]:
        """The names, and those of every `def` among them, to the end."""
        called = frozenset(n for n in names if n in self.world.defs)
        if called not in self.reached:
            self.reached[called] = self._reached(called)
        return frozenset(names) | self.reached[called]

    def _reached(self, called: frozenset[str]) -> frozenset[str]:
        stack, seen, found = list(called), set(called), set[str]()
        while stack:
            inner = self.body(stack.pop())
            found |= inner
            fresh = [n for n in inner if n in self.world.defs and n not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        return frozenset(found)

    def body(self, name: str) -> frozenset[str]:
        """Names in the body of a `def`, its formals aside."""
        if name not in self.bodies:
            found = self.world.defs[name]
            own = {f.name for f in found.formals}
            self.bodies[name] = frozenset(names_in(found.body) - own)
        return self.bodies[name]
