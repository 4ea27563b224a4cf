"""Calls of a `def`: its body, checked with the arguments in place of the formals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check import wrong_calls
from ppl.language.check.declarations import axes_of
from ppl.language.check.expressions import check_expr, nothing
from ppl.language.check.levels import CONSTANT, DATA
from ppl.language.check.operators import listed
from ppl.language.check.scope import Scope
from ppl.language.check.type_names import declared_type
from ppl.language.check.world import is_unknown
from ppl.language.typed import Term
from ppl.supports import REAL, describe, within

INLINE_LIMIT = 20_000
"""Calls of `def`s written out in one model; more means that they call each other too often."""


def inline(scope: Scope, node: tree.Call, found: tree.Def, check: Callable[[Scope, tree.Expr], Term]) -> Term:
    """The body's term; ``check`` says as what the body is read (a value or a distribution)."""
    if found.name in scope.inlining:
        _recursive(scope, node, found)
        return nothing(scope, node)
    bound = wrong_calls.bind_formals(scope, node, found)
    if bound is None:
        return nothing(scope, node)
    scope.world.inlined += 1
    if scope.world.inlined > INLINE_LIMIT:
        _too_many(scope, node)
        return nothing(scope, node)
    formals = {}
    for formal, value in bound:
        formals[formal.name] = _argument(scope, node, found, formal, value)
    inner = replace(
        scope,
        formals=formals,
        loops={},
        call=scope.place(node.span),
        inlining=(*scope.inlining, found.name),
    )
    return check(inner, found.body)


def _argument(scope: Scope, node: tree.Call, found: tree.Def, formal: tree.Formal, value: tree.Expr) -> Term:
    if formal.type is None:
        return check_expr(scope, value)
    axes = axes_of(scope.world, formal.type.axes)
    wanted = declared_type(scope.world, formal.type, axes, open_ends=False)
    term = check_expr(scope, value, axes)
    if is_unknown(term.type) or is_unknown(wanted):
        return term
    if term.type.axes != wanted.axes:
        here = f"over {listed(term.type.axes)}" if term.type.axes else "a single value"
        need = f"over {listed(wanted.axes)}" if wanted.axes else "a single value"
        scope.error(
            "E316",
            f"`{formal.name}` of `{found.name}` is {need}, and `{scope.problems.text(value.span)}` is {here}",
            value.span,
            here,
            notes=(Note(formal.span, "declared here"),),
        )
        return nothing(scope, node, wanted.axes)
    hopeful = CONSTANT < scope.world.level(term) <= DATA
    if wanted.support != REAL and not within(term.type.support, wanted.support) and not hopeful:
        scope.error(
            "E304",
            f"`{formal.name}` of `{found.name}` must be {describe(wanted.support)}; "
            f"`{scope.problems.text(value.span)}` is {term.type}",
            value.span,
            f"this is {term.type}",
            notes=(Note(formal.span, "declared here"),),
            help=f"claim it if you know it: `{describe(wanted.support)}({scope.problems.text(value.span)})`",
        )
    return term


def _recursive(scope: Scope, node: tree.Call, found: tree.Def) -> None:
    if scope.problems.once(f"recursion {found.name}"):
        chain = " -> ".join((*scope.inlining[scope.inlining.index(found.name) :], found.name))
        scope.error(
            "E501",
            f"`{found.name}` calls itself ({chain}): a `def` is written out, so it must end",
            node.span,
            "calls itself",
            help="write a recurrence along an ordered set: `x[t] = ... x[t-1] ...`",
        )


def _too_many(scope: Scope, node: tree.Call) -> None:
    if scope.problems.once("too many calls"):
        scope.error(
            "E108",
            f"more than {INLINE_LIMIT} calls of `def`s once they are written out",
            node.span,
            help="name a repeated value: `x[i] = f(...)`, and use `x[i]`",
        )
