"""Subscripts: each picks along the leading axis, with a label of that axis's set."""

from __future__ import annotations

from dataclasses import replace

from ppl.language import tree
from ppl.language.check import arithmetic, operators, wrong_axes
from ppl.language.check.expressions import Axes, check_expr, constant, handles, nothing
from ppl.language.check.lags import check_lag
from ppl.language.check.scope import Scope
from ppl.language.check.world import is_unknown, label, unknown
from ppl.language.typed import Const, Loop, Shift, Stack, Subscript, Term, Var
from ppl.supports import REAL, UNIT, Structured, Support
from ppl.supports.support import EVENT_DIMS, element
from ppl.types import Axis, Type


@handles(tree.Subscript)
def _subscript(scope: Scope, node: tree.Subscript, expect: Axes) -> Term:
    if isinstance(node.value, tree.ListLiteral):
        expect = tuple(_guess_axis(scope, i) for i in node.indices)
    value = check_expr(scope, node.value, expect)
    indices = [_index(scope, i, value, n) for n, i in enumerate(node.indices)]
    if is_unknown(value.type) and not value.type.axes:
        return nothing(scope, node)
    return pick(scope, node, value, indices)


def _guess_axis(scope: Scope, node: tree.Expr) -> Axis:
    loop = scope.loops.get(node.id) if isinstance(node, tree.Name) else None
    return Axis(loop.set if loop else "?")


Index = Term | Axis
"""An index: a label's term, or a whole axis (a set's name as subscript)."""


def _index(scope: Scope, node: tree.Expr, value: Term, n: int) -> Index:
    """One subscript; a sum that starts from a label is a shift."""
    axes = value.type.axes
    if isinstance(node, tree.Name) and _names_axis(scope, node, axes, n):
        return Axis(node.id.rstrip("'"))
    if isinstance(node, tree.Sum):
        shifted = _shift(scope, node)
        if shifted is not None:
            return shifted
    return check_expr(scope, node)


def _names_axis(scope: Scope, node: tree.Name, axes: tuple[Axis, ...], n: int) -> bool:
    """Whether a subscript is the name of a set (and of nothing nearer): the whole axis."""
    bare = node.id.rstrip("'")
    return bare in scope.world.sets and bare not in scope.loops and bare not in scope.formals


def _shift(scope: Scope, node: tree.Sum) -> Term | None:
    """``i - k`` where i is a label: the row k places before (None if no operand is a label)."""
    parts = [("+", node.first), *node.rest]
    terms = [(sign, check_expr(scope, part)) for sign, part in parts]
    at = next((i for i, (s, t) in enumerate(terms) if s == "+" and t.type.element == "label"), None)
    if at is None:
        return operators.apply(
            scope,
            "add",
            tuple(t if s == "+" else operators.apply(scope, "negative", (t,), node) for s, t in terms),
            node,
        )
    base = terms[at][1]
    back: list[Term] = []
    for i, (sign, term) in enumerate(terms):
        if i != at:
            amount = _places(scope, term)
            back.append(amount if sign == "-" else operators.apply(scope, "negative", (amount,), node))
    total = back[0] if len(back) == 1 else operators.apply(scope, "add", tuple(back), node)
    if is_unknown(base.type) or is_unknown(total.type):
        return nothing(scope, node)
    return Shift(base.type, scope.place(node.span), base, total)


def _places(scope: Scope, term: Term) -> Term:
    """How many places a lag goes: a number, or the position of a label."""
    if term.type.element == "label" and not is_unknown(term.type):
        counted = arithmetic.label_number(scope, term)
        return arithmetic.number(scope, term) if counted is None else counted
    if not is_unknown(term.type) and not element(term.type.support).integer and term.type.support != REAL:
        _fraction(scope, term)
    return term


def _fraction(scope: Scope, term: Term) -> None:
    scope.error(
        "E313",
        f"a row is a whole number of places away; `{scope.world.source_text(term)}` is {term.type}",
        term.span,
        "not a whole number",
    )


# ---------------------------------------------------------------- picking


def pick(scope: Scope, node: tree.Node, value: Term, indices: list[Index]) -> Term:
    """``value[indices]``, every index checked against its axis."""
    axes = value.type.axes
    if len(indices) > len(axes):
        wrong_axes.too_many(scope, node, value, indices)
        return nothing(scope, node)
    if not _fits_all(scope, node, value, indices):
        return nothing(scope, node, _kept(axes, indices))
    terms: list[Term] = []
    opened: list[Loop] = []
    last = max((i for i, index in enumerate(indices) if not isinstance(index, Axis)), default=-1)
    if last < 0:
        return value
    for axis, index in zip(axes, indices[: last + 1], strict=False):
        if isinstance(index, Axis):
            opened.append(Loop(f"{axis.set}*", axis.set, node.span))
            terms.append(Var(label(axis.set), scope.place(node.span), opened[-1]))
        else:
            terms.append(as_index(scope, index, axis))
    for axis, term in zip(axes, terms, strict=False):
        if isinstance(term, Shift):
            check_lag(scope, value, term, axis)
    return _stacked(scope, node, value, tuple(terms), opened)


def _kept(axes: tuple[Axis, ...], indices: list[Index]) -> tuple[Axis, ...]:
    kept = [a for a, i in zip(axes, indices, strict=False) if isinstance(i, Axis)]
    return operators.renumbered((*kept, *axes[len(indices) :]))


def _stacked(scope: Scope, node: tree.Node, value: Term, terms: tuple[Term, ...], opened: list[Loop]) -> Term:
    span = scope.place(node.span)
    term: Term = Subscript(picked_type(value.type, len(terms)), span, value, terms)
    for loop in reversed(opened):
        axes = operators.renumbered((Axis(loop.set), *term.type.axes))
        term = Stack(term.type.over(axes), span, term, loop)
    return term


def picked_type(type: Type, count: int) -> Type:
    """The type after ``count`` leading axes are gone."""
    rest = operators.renumbered(type.axes[count:])
    if is_unknown(type):
        return unknown(rest)
    return replace(type, support=_slice(type.support, len(rest), type), axes=rest)


def _slice(support: Support, left: int, type: Type) -> Support:
    """The support of a slice: whole structures stay, parts of one are numbers of its range."""
    if not isinstance(support, Structured):
        return support
    dims = EVENT_DIMS[support.kind]
    if left >= dims:
        return support
    if support.kind == "row_stochastic":
        return Structured("simplex") if left == 1 else UNIT
    return element(support)


def as_index(scope: Scope, term: Term, axis: Axis) -> Term:
    """The index as a label of the axis: literals name one, whole numbers count from the first."""
    if isinstance(term, Const) and not is_unknown(term.type) and term.type.set is None:
        return arithmetic.literal_label(scope, term, axis.set)
    if term.type.element == "int" and not is_unknown(term.type):
        return _numbered(scope, term, axis)
    return term


def _numbered(scope: Scope, term: Term, axis: Axis) -> Term:
    """A computed whole number picks the element of that number: a shift forward from the first."""
    found = scope.world.sets.get(axis.set)
    node = tree.Node(span=term.span)
    if found is not None and found.kind == "range" and isinstance(found.low, Const):
        first: float = float(found.low.value)
    else:
        first = 1.0
    start = Const(label(axis.set), term.span, f"{first:g}")
    amount = operators.apply(scope, "subtract", (constant(scope, node, int(first)), term), node)
    return Shift(label(axis.set), scope.place(term.span), start, amount)


# ---------------------------------------------------------------- fitting


def _fits_all(scope: Scope, node: tree.Node, value: Term, indices: list[Index]) -> bool:
    axes = value.type.axes
    sets = [i.set if isinstance(i, Axis) else i.type.set for i in indices]
    if wrong_axes.swapped(scope, node, value, indices, sets):
        return False
    fine = True
    for axis, index in zip(axes, indices, strict=False):
        fine = fits(scope, value, axis, index) and fine
    return fine


def fits(scope: Scope, value: Term, axis: Axis, index: Index) -> bool:
    """Whether one index picks from one axis; reports why not."""
    world = scope.world
    if isinstance(index, Axis):
        if index.set == axis.set or is_unknown(value.type):
            return True
        wrong_axes.other_axis(scope, value, axis, index)
        return False
    type = index.type
    if is_unknown(type) or axis.set == "?":
        return False
    if type.axes:
        wrong_axes.vector_index(scope, index, axis)
        return False
    if type.element == "label":
        if type.set is None or world.labels_fit(type.set, axis.set):
            return True
        wrong_axes.other_set(scope, value, axis, index)
        return False
    return _number_fits(scope, value, axis, index)


def _number_fits(scope: Scope, value: Term, axis: Axis, index: Term) -> bool:
    """Numbers pick by label where labels are whole numbers; truth values pick from `bool`."""
    found = scope.world.sets.get(axis.set)
    if axis.set == "bool" and index.type.element == "bool":
        return True
    if isinstance(index, Const) and not isinstance(index.value, bool) and float(index.value).is_integer():
        return True
    counted = found is not None and (
        found.kind in ("fixed", "range") or (found.kind == "table" and found.ordered)
    )
    if counted and index.type.element == "int":
        return True
    wrong_axes.not_a_label(scope, value, axis, index)
    return False
