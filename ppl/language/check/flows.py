"""`q(a, b) ~ Flow(layers = 4, hidden = 32)`: the settings of a flow, and the latents it may be over."""

from __future__ import annotations

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.check.world import is_unknown
from ppl.language.typed import Definition

SETTINGS = ("layers", "hidden")
LARGEST = 1000  # layers, or hidden units


def flow_settings(scope: Scope, arguments: tuple[tree.Argument, ...]) -> tuple[tuple[str, int], ...]:
    """The settings by name; in place they are layers and hidden units."""
    out: list[tuple[str, int]] = []
    for i, a in enumerate(arguments):
        name = a.name or (SETTINGS[i] if i < len(SETTINGS) else f"setting {i + 1}")
        value = _whole(a.value)
        if name not in SETTINGS or name in dict(out):
            message = f"`Flow` has no `{name}`; it has {quoted(SETTINGS, 'and')}, each once"
            scope.error("E302", message, a.span, "no such setting")
        elif value is None:
            message = f"`{name}` is a whole number from 1 to {LARGEST}"
            scope.error("E302", message, a.value.span, "no such number", help=f"`Flow({name} = 4)`")
        else:
            out.append((name, value))
    return tuple(out)


def _whole(node: tree.Expr) -> int | None:
    if not isinstance(node, tree.Number) or not node.text.isdigit() or len(node.text) > len(str(LARGEST)):
        return None
    return int(node.text) if 1 <= int(node.text) <= LARGEST else None


def check_flow(scope: Scope, node: tree.QStatement, known: list[Definition]) -> None:
    """E504 for latents that have no density."""
    for d in known:
        if d.type.element != "real" and not is_unknown(d.type):
            scope.error(
                "E504",
                f"`Flow` moves real numbers, and `{d.name}` is discrete; use `MeanField`",
                node.family.span,
                "nothing to move",
                notes=(Note(d.span, f"`{d.name}` is {d.type}"),),
            )
            return
