"""In which order statements are typed, and cycles (E501)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from ppl.errors import Note
from ppl.language.check.levels import children
from ppl.language.check.statements import Pending
from ppl.language.check.world import World, is_unknown
from ppl.language.typed import Apply, Definition, Loop, Ref, Shift, Subscript, Term, Var
from ppl.supports.support import element

K = TypeVar("K", bound=Hashable)


def components(graph: Mapping[K, Sequence[K]]) -> list[list[K]]:
    """Strongly connected components, those depended upon first (Tarjan 1972, iterative).

    >>> components({"a": ["b"], "b": ["c"], "c": ["b"]})
    [['b', 'c'], ['a']]
    """
    number: dict[K, int] = {}
    low: dict[K, int] = {}
    on_path: set[K] = set()
    path: list[K] = []
    found: list[list[K]] = []
    for root in graph:
        if root in number:
            continue
        work: list[tuple[K, int]] = [(root, 0)]
        while work:
            here, at = work.pop()
            if at == 0:
                number[here] = low[here] = len(number)
                path.append(here)
                on_path.add(here)
            following = graph[here]
            if at < len(following):
                work.append((here, at + 1))
                then = following[at]
                if then not in number:
                    work.append((then, 0))
                elif then in on_path:
                    low[here] = min(low[here], number[then])
                continue
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[here])
            if low[here] == number[here]:
                found.append(_popped(path, on_path, here))
    return found


def _popped(path: list[K], on_path: set[K], root: K) -> list[K]:
    group: list[K] = []
    while True:
        last = path.pop()
        on_path.discard(last)
        group.append(last)
        if last == root:
            return group[::-1]


def groups(found: list[Pending]) -> list[list[Pending]]:
    """Statements in groups that must be typed together, what they depend on first."""
    definer = {p.name: p for p in found if p.name and not p.observes and not p.refused}
    graph = {p.order: [definer[n].order for n in sorted(p.mentions) if n in definer] for p in found}
    for p in found:
        if p.observes and p.name in definer:
            graph[p.order].append(definer[p.name].order)
    by_order = {p.order: p for p in found}
    return [[by_order[k] for k in sorted(group)] for group in components(graph)]


def is_recurrent(group: list[Pending]) -> bool:
    """Whether the statements of a group refer to each other, or the one to itself."""
    return len(group) > 1 or (group[0].name in group[0].mentions and not group[0].observes)


# ---------------------------------------------------------------- same-row edges


def same_row(definition: Definition, names: frozenset[str]) -> dict[str, Term]:
    """Which names of the group a definition reads at its own row, with one place for each."""
    found: dict[str, Term] = {}
    seen: set[int] = set()
    stack: list[Term] = [definition.body]
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, Subscript) and isinstance(here.value, Ref) and any(map(_earlier, here.indices)):
            stack.extend(here.indices)
            continue
        if isinstance(here, Ref) and here.name in names:
            found.setdefault(here.name, here)
        stack.extend(reversed(children(here)))
    return found


def _earlier(index: Term) -> bool:
    """Whether an index is at another row than the variable it is built from."""
    if isinstance(index, Shift):
        span = element(index.amount.type.support)
        return not span.lower == span.upper == 0
    if isinstance(index, Var) and index.loop.condition is not None:
        return any(_before(term, index) for term in _conjuncts(index.loop.condition))
    return False


def _conjuncts(condition: Term) -> list[Term]:
    if isinstance(condition, Apply) and condition.function == "and":
        return [c for a in condition.arguments for c in _conjuncts(a)]
    return [condition]


def _before(term: Term, index: Var) -> bool:
    """``s < t`` (or ``position(s) < position(t)``) with s the index."""
    if not isinstance(term, Apply) or term.function not in ("lt", "gt"):
        return False
    small, large = term.arguments if term.function == "lt" else term.arguments[::-1]
    return _variable(small) is index.loop and _variable(large) not in (None, index.loop)


def _variable(term: Term) -> Loop | None:
    if isinstance(term, Apply) and term.function == "position":
        term = term.arguments[0]
    return term.loop if isinstance(term, Var) else None


def check_cycles(world: World, definitions: Iterable[Definition]) -> None:
    """E501 for each group of definitions that read each other at one row."""
    by_name = {d.name: d for d in definitions}
    names = frozenset(by_name)
    edges = {n: same_row(d, names) for n, d in by_name.items()}
    for group in components({n: tuple(e) for n, e in edges.items()}):
        if len(group) > 1 or group[0] in edges[group[0]]:
            _report(world, _cycle(group[0], {n: [m for m in edges[n] if m in group] for n in group}), edges)


def check_settled(world: World, definitions: list[Definition]) -> None:
    """E501 for a definition that refers only to itself, so that nothing says what it is."""
    if world.problems.errors:
        return
    for d in definitions:
        if is_unknown(world.defined[d.name].type):
            world.problems.error(
                "E501",
                f"`{d.name}` is defined by itself alone: nothing says what it starts from",
                world.defined[d.name].span,
                "goes round",
                help="give it a first case: `... if first(i) else ...`",
            )
            return


def _cycle(start: str, edges: Mapping[str, list[str]]) -> list[str]:
    """A shortest cycle through a name."""
    before: dict[str, str] = {}
    front = [start]
    while front:
        following = []
        for here in front:
            for then in edges[here]:
                if then == start:
                    chain = [here]
                    while chain[-1] != start:
                        chain.append(before[chain[-1]])
                    return chain[::-1]
                if then not in before:
                    before[then] = here
                    following.append(then)
        front = following
    return [start]


def _report(world: World, chain: list[str], edges: Mapping[str, Mapping[str, Term]]) -> None:
    problems = world.problems
    uses = [(a, b, edges[a][b]) for a, b in zip(chain, [*chain[1:], chain[0]], strict=True)]
    shown = uses if len(uses) <= 6 else [*uses[:3], *uses[-2:]]
    said = [
        f"`{a}` needs {'itself' if a == b else f'`{b}`'} (line {problems.line(t.span)})" for a, b, t in shown
    ]
    if len(uses) > 6:
        said.insert(3, f"... {len(uses) - 5} more ...")
    first = uses[0][2]
    notes = tuple(Note(t.span, f"`{a}` needs `{b}` here") for a, b, t in shown[1:])
    problems.error(
        "E501",
        f"{', '.join(said)}: a model must be acyclic",
        first.span,
        "goes round",
        notes=notes,
        help="refer to an earlier row (`x[i-1]`), or state one of them by the others",
    )
