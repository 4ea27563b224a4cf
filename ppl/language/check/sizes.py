"""Second walk over declarations: sizes, filters, defaults, network layers, bodies of `def`s."""

from __future__ import annotations

from dataclasses import replace

from ppl.errors import Note
from ppl.functions.networks import LAYERS
from ppl.language import tree
from ppl.language.check.constants import outside, words
from ppl.language.check.expressions import check_expr
from ppl.language.check.layers import check_layer, layer_settings
from ppl.language.check.levels import DATA, walk
from ppl.language.check.loops import enter
from ppl.language.check.operators import listed
from ppl.language.check.scope import Scope
from ppl.language.check.sets import levels_have_a_source
from ppl.language.check.suggest import quoted
from ppl.language.check.type_names import find_set
from ppl.language.check.typed_values import constant_array
from ppl.language.check.world import World, is_unknown, label
from ppl.language.typed import Const, IndexSet, Ref, Term
from ppl.types import Type


def check_sizes(world: World, model: tree.Model) -> None:
    """Type what declarations compute; derived sets after those they come from."""
    scope = Scope(world)
    done: set[str] = set()
    for statement in model.statements:
        match statement:
            case tree.Index(sets=sets):
                for one in sets:
                    if one.name in world.sets and one.name not in done and one.name not in world.tables:
                        done.add(one.name)
                        _size(scope, one)
            case tree.Given():
                _default(scope, statement)
            case tree.Network(name=name) if name in world.networks:
                _layer(scope, statement)


def _size(scope: Scope, one: tree.IndexDef) -> None:
    world = scope.world
    found = world.sets[one.name]
    if found.kind in ("columns", "glob"):
        if not levels_have_a_source(world, one.name) and one.name not in world.hinted:
            _no_size(scope, one)
    elif found.kind == "filtered":
        assert isinstance(one.size, tree.Comprehension)
        _filtered(scope, one, one.size)
    elif found.kind in ("gaps", "pairs"):
        _derived(scope, one, found)
    elif found.kind == "labelled":
        _labelled(scope, one, found)
    elif isinstance(one.size, tree.Range):
        low, high = _whole(scope, one, one.size.low), _whole(scope, one, one.size.high)
        world.sets[one.name] = replace(found, low=low, size=high)
    elif one.size is not None:
        world.sets[one.name] = replace(found, size=_whole(scope, one, one.size))


def _no_size(scope: Scope, one: tree.IndexDef) -> None:
    world = scope.world
    world.problems.error(
        "E317",
        f"`index {one.name}` has no size and no column makes its levels",
        world.sets[one.name].span,
        "a set of what?",
        help=f'add `= 20`, or labels `= ["a", "b"]`, or type a column `{one.name}`',
    )


def _whole(scope: Scope, one: tree.IndexDef, node: tree.Expr) -> Term | None:
    """A size: a whole number made of data only."""
    if isinstance(node, tree.Name) and node.id in scope.world.sets:
        scope.error(
            "E317",
            f"the size of `{one.name}` is a number; `{node.id}` is a set",
            node.span,
            "a set",
            help=f"write `size({node.id})` for a new set as large, or use `{node.id}` itself",
        )
        return None
    term = check_expr(scope, node)
    if _of_the_model(scope, one.name, term) or is_unknown(term.type):
        return None
    text = scope.problems.text(node.span)
    trouble = ""
    if scope.world.level(term) > DATA:
        trouble = "is random"
    elif term.type.axes:
        trouble = "is a vector"
    elif term.type.element == "label":
        trouble = "is a label"
    elif isinstance(term, Const) and (float(term.value) != int(term.value) or int(term.value) < 0):
        trouble = "is not a whole number of at least 0"
    if trouble:
        scope.error(
            "E317",
            f"the size of `{one.name}` is a whole number from the data; `{text}` {trouble}",
            node.span,
            "not a size",
            help="write a number, a `given` count, or `max(column)`",
        )
        return None
    return term


def _of_the_model(scope: Scope, name: str, term: Term) -> bool:
    """Whether a declaration uses what the model defines: sets are made before that."""
    used = next((t for t in walk(term) if isinstance(t, Ref)), None)
    if used is None:
        return False
    known = scope.world.defined[used.name]
    scope.error(
        "E309",
        f"`{name}` is made from the data alone, before the model's own `{used.name}`",
        used.span,
        f"a {known.kind}",
        notes=(Note(known.span, "defined here"),),
        help=f"write out what `{used.name}` is from the data",
    )
    return True


def _filtered(scope: Scope, one: tree.IndexDef, size: tree.Comprehension) -> None:
    """``[k for k in S if ...]``: the labels of S for which the condition holds."""
    binding = size.bindings[0]
    plain = isinstance(size.body, tree.Name) and size.body.id == binding.name
    if len(size.bindings) != 1 or not plain or binding.of is not None:
        scope.error(
            "E317",
            f"a derived set picks labels of one set: `index {one.name} = [k for k in S if ...]`",
            size.span,
            "not of that form",
        )
        return
    _, loops = enter(scope, size.bindings)
    if loops[0].condition is not None and _of_the_model(scope, one.name, loops[0].condition):
        return
    found = scope.world.sets[one.name]
    if binding.set == one.name:
        scope.error("E501", f"`{one.name}` is derived from itself", size.span, "goes round")
        return
    scope.world.sets[one.name] = replace(found, loop=loops[0], condition=loops[0].condition)


def _derived(scope: Scope, one: tree.IndexDef, found: IndexSet) -> None:
    if found.parent is None:
        scope.error("E301", f"`{found.kind}` takes an index set", found.span, "of which set?")
        return
    assert one.size is not None
    if find_set(scope.world, found.parent, one.size.span):
        parent = scope.world.sets[found.parent]
        if found.kind == "gaps" and not parent.ordered:
            scope.error(
                "E318",
                f"the labels of `{parent.name}` have no order, so there are no gaps between them",
                found.span,
                "needs an order",
                notes=(Note(parent.span, "declared here"),),
                help=f'list them in order: `index {parent.name} = ["low", "high"]`',
            )


def _labelled(scope: Scope, one: tree.IndexDef, found: IndexSet) -> None:
    assert isinstance(one.size, tree.ListLiteral)
    twice = [x for i, x in enumerate(found.labels) if x in found.labels[:i]]
    if twice:
        scope.error(
            "E204", f"`{one.name}` lists the label `{twice[0]}` twice", one.size.span, "a label twice"
        )
    elif not found.labels or len(found.labels) != len(one.size.items):
        scope.error(
            "E317",
            f"the labels of `{one.name}` are texts or numbers",
            one.size.span,
            "not labels",
            help='write `["low", "mid", "high"]`',
        )


# ---------------------------------------------------------------- givens and networks


def _default(scope: Scope, given: tree.Given) -> None:
    if given.value is None:
        return
    for target in given.targets:
        found = scope.world.givens.get(target.name)
        if found is None:
            continue
        term = check_expr(scope, given.value, found.type.axes)
        if _of_the_model(scope, target.name, term) or is_unknown(term.type):
            continue
        if isinstance(term, Const) and found.type.element == "label" and not found.type.axes:
            term = _label_default(term, found.type)
        _check_default(scope, found.name, found.type, term)
        scope.world.givens[target.name] = replace(found, default=term)


def _label_default(term: Const, type: Type) -> Const:
    text = term.value if isinstance(term.value, str) else f"{term.value:g}"
    return Const(label(type.set), term.span, text)


def _check_default(scope: Scope, name: str, type: Type, term: Term) -> None:
    if scope.world.level(term) > DATA:
        scope.error(
            "E309", f"the default of `{name}` is random", term.span, "not data", help="a `given` is data"
        )
        return
    if [a.set for a in term.type.axes] != [a.set for a in type.axes] and term.type.axes:
        scope.error("E316", f"`{name}` is over {listed(type.axes) or 'nothing'}", term.span, "other axes")
        return
    value = constant_array(term)
    trouble = "" if value is None or type.element == "label" else outside(value, type.support)
    if trouble:
        scope.error(
            "E304", f"`{name}` must be {words(type.support)}; {trouble}", term.span, "outside its type"
        )


def _layer(scope: Scope, network: tree.Network) -> None:
    """``= MLP(hidden = [64], activation = "relu")``: the layer and its settings."""
    found = scope.world.networks[network.name]
    match network.value:
        case tree.Call(function=tree.Name(id=layer), arguments=arguments) if layer in LAYERS:
            settings = layer_settings(scope, layer, arguments)
            check_layer(scope, replace(found, layer=layer, arguments=settings), network.value.span)
            scope.world.networks[network.name] = replace(found, layer=layer, arguments=settings)
            return
    text = scope.problems.text(network.value.span)
    near = scope.world.nearest(text.split("(")[0], LAYERS)
    hint = f"; did you mean {quoted(near)}?" if near else ""
    scope.error(
        "E208",
        f"`{text}` is no network layer{hint}",
        network.value.span,
        "not a layer",
        help=f"the layers are {quoted(LAYERS, 'and')}",
    )
