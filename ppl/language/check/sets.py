"""Index sets: which kind each is, and later their sizes and filters."""

from __future__ import annotations

from dataclasses import replace

from ppl.errors import Span
from ppl.language import tree
from ppl.language.check.claims import claim, name_span
from ppl.language.check.world import World
from ppl.language.typed import IndexSet


def declare_index(world: World, one: tree.IndexDef, model: tree.Model) -> None:
    """Record a set by the look of its size; expressions are checked in `check_sizes`."""
    if not claim(world, one.name, "index set", one.span):
        return
    world.sets[one.name] = _kind(one, name_span(world, one.span, one.name), model)


def _kind(one: tree.IndexDef, place: Span, model: tree.Model) -> IndexSet:
    match one.size:
        case None:
            kind = "glob" if _is_glob(one.name, model) else "columns"
            return IndexSet(one.name, kind, place, ordered=kind == "glob")  # type: ignore[arg-type]
        case tree.ListLiteral(items=items):
            return IndexSet(one.name, "labelled", place, labels=_labels(items))
        case tree.Comprehension(function=None, bindings=bindings) if bindings:
            return IndexSet(one.name, "filtered", place, parent=bindings[0].set)
        case tree.Call(function=tree.Name(id=("gaps" | "pairs") as kind), arguments=arguments):
            parent = arguments[0].value if arguments else None
            name = parent.id if isinstance(parent, tree.Name) else None
            return IndexSet(one.name, kind, place, parent=name)
        case tree.Range():
            return IndexSet(one.name, "range", place)
    return IndexSet(one.name, "fixed", place)


def _labels(items: tuple[tree.Expr, ...]) -> tuple[str, ...]:
    texts = []
    for item in items:
        if isinstance(item, tree.String):
            texts.append(item.value)
        elif isinstance(item, tree.Number):
            texts.append(item.text)
        elif isinstance(item, tree.Bool):
            texts.append("true" if item.value else "false")
    return tuple(texts)


def _is_glob(name: str, model: tree.Model) -> bool:
    """Whether a column with a starred header runs over the set."""
    for statement in model.statements:
        if isinstance(statement, tree.Table):
            for column in statement.columns:
                if "*" in (column.header or "") and any(a.id.rstrip("'") == name for a in column.axes):
                    return True
    return False


def levels_have_a_source(world: World, name: str) -> bool:
    """Whether some column or given makes the levels of a set that has no size."""
    columns = [c for group in world.columns.values() for c in group]
    types = [c.type for c in columns] + [g.type for g in world.givens.values()]
    return any(t.set == name or any(a.set == name for a in t.axes) for t in types)


def inherit_order(world: World) -> None:
    """A derived set lags as the set it comes from does."""
    for name, found in list(world.sets.items()):
        if found.kind in ("filtered", "gaps", "pairs") and found.parent is not None:
            parent = world.sets.get(world.ancestors(name)[-1] if found.kind == "filtered" else found.parent)
            if parent is not None and not parent.ordered:
                world.sets[name] = replace(found, ordered=False)
