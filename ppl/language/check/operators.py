"""Functions applied to typed terms: elements, supports, axes, and constants folded."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ppl import functions
from ppl.errors import Note
from ppl.functions.base import Function, Mismatch
from ppl.functions.constants import CONSTANTS
from ppl.language import tree
from ppl.language.check.levels import DATA, alike, walk
from ppl.language.check.scope import Scope
from ppl.language.check.world import is_unknown, unknown
from ppl.language.typed import Apply, Const, DataRef, Ref, Term
from ppl.supports import COUNT, NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured, Support
from ppl.types import Axis, Type

__all__ = ["CONSTANTS", "apply", "apply_function", "common_axes", "renumbered", "result_type"]

Axes = tuple[Axis, ...]

# what a data-only argument is taken to be when its support cannot be shown; binding checks it
_HOPED: tuple[Support, ...] = (
    POSITIVE,
    UNIT,
    NONNEGATIVE,
    COUNT,
    Interval(-1.0, 1.0, True, True),
    Interval(1.0, math.inf, True, False),
    Interval(-1.0, math.inf),
    Interval(-math.inf, 1.0),
    *(Structured(k) for k in ("covariance", "cholesky_covariance", "simplex")),
)


def apply(scope: Scope, name: str, arguments: tuple[Term, ...], node: tree.Node) -> Term:
    """An operator, by its function's name."""
    found = functions.find(name)
    assert found is not None, name
    return apply_function(scope, found, arguments, (), node)


def apply_function(
    scope: Scope,
    function: Function,
    arguments: tuple[Term, ...],
    keywords: tuple[tuple[str, Term], ...],
    node: tree.Node,
) -> Term:
    """A function applied; constants are folded, and a result that is no number is E304."""
    every = (*arguments, *(k for _, k in keywords))
    span = scope.place(node.span)
    if any(is_unknown(a.type) for a in every):
        return Apply(_pending(function, every), span, function.name, arguments, keywords)
    value = _constant_value(function, arguments, keywords)
    if value is not None and not math.isfinite(value) and not _infinite(arguments):
        _not_a_number(scope, node, value)
        return Apply(unknown(), span, function.name, arguments, keywords)
    term = Apply(result_type(scope, function, every, node), span, function.name, arguments, keywords)
    return term if value is None or is_unknown(term.type) else _constant(term, value)


def _pending(function: Function, every: tuple[Term, ...]) -> Type:
    """The unknown result of unknown arguments; elementwise ones keep the axes."""
    if function.kind != "elementwise":
        return unknown()
    return unknown(next((a.type.axes for a in every if a.type.axes), ()))


def result_type(scope: Scope, function: Function, every: tuple[Term, ...], node: tree.Node) -> Type:
    """The type of an application, or unknown after reporting why there is none."""
    axes: Axes = ()
    if function.kind == "elementwise":
        axes = common_axes(scope, every, node)
    types = [a.type for a in every]
    if function.name == "matmul":
        types = [_rows(t) for t in types]
    try:
        type = function.result(*types)
    except Mismatch as mismatch:
        known = _data_result(scope, function, every, mismatch)
        if known is None:
            report_mismatch(scope, function, every, mismatch, node)
            return unknown(axes)
        type = known
    if function.name == "matmul" and not _one_matrix(every, type):
        type = replace(type, support=REAL)
    if function.kind == "elementwise":
        return type.over(_lasting(type, axes))
    return type.over(()) if function.kind == "reduction" else type.over(renumbered(type.axes))


def _rows(type: Type) -> Type:
    """Simplexes over a second set are the rows of a stochastic matrix."""
    if type.support == Structured("simplex") and len(type.axes) == 2:
        return replace(type, support=Structured("row_stochastic"))
    return type


def _one_matrix(every: tuple[Term, ...], type: Type) -> bool:
    """Whether a product typed as a covariance is one: L @ transpose(L), or D @ C @ D, of one L or D."""
    left, right = every
    if type.support != Structured("covariance"):
        return True
    if isinstance(right, Apply) and right.function == "transpose":
        return alike(left, right.arguments[0])
    if isinstance(left, Apply) and left.function == "matmul":
        return alike(left.arguments[0], right)
    return True


def _lasting(type: Type, axes: Axes) -> Axes:
    return axes if not isinstance(type.support, Structured) or axes else type.axes


def _data_result(
    scope: Scope, function: Function, every: tuple[Term, ...], mismatch: Mismatch
) -> Type | None:
    """The result when the offending argument is data, whose values are checked when they bind."""
    types = [a.type for a in every]
    for _ in every:
        at = mismatch.argument
        if mismatch.code not in ("E304", "E305") or at is None or at >= len(every):
            return None
        if scope.world.level(every[at]) != DATA:
            return None
        for hoped in _HOPED:
            if isinstance(hoped, Structured) and not types[at].axes:
                continue
            trial = [*types]
            trial[at] = replace(types[at], support=hoped)
            try:
                return function.result(*trial)
            except Mismatch as again:
                if again.argument != at:
                    types, mismatch = trial, again
                    break
        else:
            return None
    return None


def report_mismatch(
    scope: Scope, function: Function, every: tuple[Term, ...], mismatch: Mismatch, node: tree.Node
) -> None:
    """Say what does not fit, at the argument that does not."""
    at = mismatch.argument
    term = every[at] if at is not None and at < len(every) else None
    span = node.span if term is None or scope.call is not None else term.span
    label = ""
    notes: tuple[Note, ...] = ()
    if term is not None:
        label = f"this is {term.type}"
        notes = defined_at(scope, term)
    scope.error(mismatch.code, mismatch.message, span, label, notes=notes, help=mismatch.help)


def defined_at(scope: Scope, term: Term) -> tuple[Note, ...]:
    """Where the first name in a term got its type."""
    for here in walk(term):
        if isinstance(here, Ref):
            known = scope.world.defined[here.name]
            return (Note(known.span, f"`{here.name}` is {known.type}"),)
        if isinstance(here, DataRef):
            where = scope.world.symbols.get(here.name)
            if where is not None:
                return (Note(where[1], f"`{here.name}` is declared here"),)
    return ()


# ---------------------------------------------------------------- axes


def renumbered(axes: Axes) -> Axes:
    """Primes only tell two axes of one value apart: count them anew from none.

    >>> [str(a) for a in renumbered((Axis("s", 1), Axis("t"), Axis("s")))]
    ['s', 't', "s'"]
    """
    seen: dict[str, int] = {}
    out = []
    for axis in axes:
        count = seen.get(axis.set, 0)
        seen[axis.set] = count + 1
        out.append(Axis(axis.set, count))
    return tuple(out)


def common_axes(scope: Scope, terms: tuple[Term, ...], node: tree.Node) -> Axes:
    """The axes that all terms share, scalars aside; E316 when they differ."""
    shaped = [t for t in terms if t.type.axes]
    if not shaped:
        return ()
    first = shaped[0]
    for other in shaped[1:]:
        if other.type.axes != first.type.axes and not is_unknown(other.type):
            _differ(scope, first, other, node)
            break
    return first.type.axes


def listed(axes: Axes) -> str:
    """Axes as a message names them."""
    names = [str(a) for a in axes]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _differ(scope: Scope, first: Term, other: Term, node: tree.Node) -> None:
    left, right = scope.world.source_text(first), scope.world.source_text(other)
    notes = () if scope.call else (Note(first.span, f"over {listed(first.type.axes)}"),)
    help = "subscript one of them, contract with `dot` or `@`, or sum it out: nothing broadcasts between sets"
    scope.error(
        "E316",
        f"`{left}` is over {listed(first.type.axes)}, and `{right}` is over {listed(other.type.axes)}",
        node.span if scope.call else other.span,
        f"over {listed(other.type.axes)}",
        notes=notes,
        help=help,
    )


# ---------------------------------------------------------------- constants


def _constant_value(
    function: Function, arguments: tuple[Term, ...], keywords: tuple[tuple[str, Term], ...]
) -> float | None:
    """The value of an elementwise function of constants, None where there is more to it."""
    if function.kind != "elementwise" or function.evaluate is None or keywords:
        return None
    if not all(isinstance(a, Const) and not isinstance(a.value, str) for a in arguments):
        return None
    values = [np.asarray(float(a.value)) for a in arguments if isinstance(a, Const)]
    with np.errstate(all="ignore"):
        return float(np.asarray(function.evaluate(*values)))


def _infinite(arguments: tuple[Term, ...]) -> bool:
    """Whether an argument is infinite itself, so that the result may be."""
    return any(isinstance(a, Const) and a.value in (math.inf, -math.inf) for a in arguments)


def _constant(term: Apply, value: float) -> Term:
    """The folded constant, with the one point as its support."""
    if term.type.element == "bool":
        return Const(term.type, term.span, bool(value))
    whole = term.type.element == "int" and value.is_integer() and abs(value) < 2**53
    point = Interval(value, value, True, True, value.is_integer()) if math.isfinite(value) else REAL
    return Const(Type("int" if whole else "real", point), term.span, int(value) if whole else value)


def _not_a_number(scope: Scope, node: tree.Node, value: float) -> None:
    text = scope.problems.text(node.span)
    what = "is not a number" if math.isnan(value) else "is infinite"
    scope.error("E304", f"`{text}` {what}", node.span, "a constant outside the function's range")
