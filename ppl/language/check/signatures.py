"""Arguments of distributions by name: E301 to E303."""

from __future__ import annotations

from ppl.distributions.base import Distribution
from ppl.language import tree
from ppl.language.check.habits import PARAMETERS
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted

Bound = list[tuple[str, tree.Expr]]


def bind(scope: Scope, node: tree.Call, name: str, found: type[Distribution], observed: bool) -> Bound | None:
    """The arguments under the names of one signature, or None after saying what is wrong.

    Positional arguments follow the first signature; the rest is chosen by keyword.
    """
    first = found.signatures[0]
    plain = [a for a in node.arguments if a.name is None]
    if len(plain) > len(first):
        missing(scope, node, name, found, f"{len(node.arguments)} given")
        return None
    given: Bound = [(p, a.value) for p, a in zip(first, plain, strict=False)]
    known = [p.name for p in found.parameters]
    for a in node.arguments:
        if a.name is None:
            continue
        if a.name not in known:
            _no_parameter(scope, a, name, known)
            return None
        if any(n == a.name for n, _ in given):
            scope.error("E303", f"`{a.name}` of `{name}` is given twice", a.span, "given twice")
            return None
        given.append((a.name, a.value))
    return given if _complete(scope, node, name, found, [n for n, _ in given], observed) else None


def _complete(
    scope: Scope, node: tree.Call, name: str, found: type[Distribution], given: list[str], observed: bool
) -> bool:
    """Whether the names given are one signature (defaults, and an observed count, may be left out)."""
    names = set(given)
    optional = {p.name for p in found.parameters if p.default is not None}
    if name == "Multinomial" and observed:
        optional.add("n")
    if any(names <= set(s) and set(s) - names <= optional for s in found.signatures):
        return True
    wider = [s for s in found.signatures if names <= set(s)]
    if wider:
        left_out = [n for n in wider[0] if n not in names]
        what = f"{quoted(left_out, 'and')} missing" if given else "0 given"
        missing(scope, node, name, found, what)
        return False
    _both(scope, node, name, found, given)
    return False


def missing(scope: Scope, node: tree.Call, name: str, found: type[Distribution], given: str) -> None:
    """E301: what the distribution takes, and what was given."""
    scope.error("E301", f"`{name}` takes {takes(found)}; {given}", node.span, "arguments do not match")


def takes(found: type[Distribution]) -> str:
    """The parameters of a distribution in words.

    >>> from ppl.distributions.normal import Normal
    >>> takes(Normal)
    'mean and sd (or var, or precision)'
    """
    first = found.signatures[0]
    others = []
    for s in found.signatures[1:]:
        new = [n for n in s if n not in first]
        if not new:
            continue
        words = (
            new
            if len(s) == len(first) and s[: len(first) - len(new)] == first[: len(first) - len(new)]
            else s
        )
        others.append(f"or {_and(tuple(words))}")
    tail = f" ({', '.join(dict.fromkeys(others))})" if others else ""
    return (_and(first) or "no arguments") + tail


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _no_parameter(scope: Scope, argument: tree.Argument, name: str, known: list[str]) -> None:
    assert argument.name is not None
    habit = [p for p in PARAMETERS.get(argument.name, ()) if p in known]
    near = tuple(habit[:1]) or scope.world.nearest(argument.name, known)
    has = ", ".join(known)
    message = f"`{name}` has no `{argument.name}`; it has {has}"
    message += f"; did you mean `{near[0]}`?" if near else ""
    fix = None
    if near:
        value = scope.problems.text(argument.value.span)
        fix = (argument.span, f"{near[0]} = {value}")
    scope.error("E302", message, argument.span, "no such parameter", fix=fix)


def _both(scope: Scope, node: tree.Call, name: str, found: type[Distribution], given: list[str]) -> None:
    """E303: names of two signatures; name the pair that excludes itself."""
    clash = next(
        (
            (a, b)
            for i, a in enumerate(given)
            for b in given[i + 1 :]
            if not any(a in s and b in s for s in found.signatures)
        ),
        None,
    )
    span = node.span
    if clash is None:
        message = f"`{name}` takes {takes(found)}; {quoted(given, 'and')} given"
    else:
        message = f"give `{clash[0]}` or `{clash[1]}` to `{name}`, not both"
        span = next((a.span for a in node.arguments if a.name == clash[1]), span)
    scope.error("E303", message, span, "two parameterisations", help=f"`{name}` takes {takes(found)}")
