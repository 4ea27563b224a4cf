"""`q(a, b) ~ Flow(layers = 4, hidden = 32, context = h[i])`: a flow's settings, what it reads, and its latents."""

from __future__ import annotations

from ppl import distributions
from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.arithmetic import number
from ppl.language.check.dists import argument
from ppl.language.check.expressions import check_expr
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.check.world import is_unknown
from ppl.language.typed import Definition, Dist, Term
from ppl.supports import Structured
from ppl.types import Axis, Type

SETTINGS = ("layers", "hidden")
READS = ("mean", "sd", "context")  # the base's mean and sd, and numbers that the layers read
LARGEST = 1000  # layers, or hidden units
Settings = tuple[tuple[str, int], ...]


def flow_arguments(
    scope: Scope, node: tree.QStatement, known: list[Definition], event: tuple[Axis, ...]
) -> tuple[Settings, Dist | None]:
    """The settings by name (in place they are layers and hidden units), and what the flow reads, if anything.

    ``event``: axes of one draw of the first latent.
    """
    written = node.family.arguments if isinstance(node.family, tree.Call) else ()
    settings: list[tuple[str, int]] = []
    reads: list[tuple[str, Term]] = []
    for i, a in enumerate(written):
        name = a.name or (SETTINGS[i] if i < len(SETTINGS) else f"setting {i + 1}")
        if name not in (*SETTINGS, *READS) or name in dict((*settings, *reads)):
            message = f"`Flow` has no `{name}`; it has {quoted((*SETTINGS, *READS), 'and')}, each once"
            scope.error("E302", message, a.span, "no such setting")
        elif name in READS:
            reads.append((name, _read(scope, name, a, known, event)))
        elif (value := _whole(a.value)) is None:
            message = f"`{name}` is a whole number from 1 to {LARGEST}"
            scope.error("E302", message, a.value.span, "no such number", help=f"`Flow({name} = 4)`")
        else:
            settings.append((name, value))
    if not reads:
        return tuple(settings), None
    return tuple(settings), Dist(Type("real"), scope.place(node.family.span), "Flow", tuple(reads))


def _read(
    scope: Scope, name: str, a: tree.Argument, known: list[Definition], event: tuple[Axis, ...]
) -> Term:
    """A context of any axes; a mean or an sd as `Normal` takes them, for the coordinates of one latent."""
    if name == "context":
        term = check_expr(scope, a.value)
        return number(scope, term) if term.type.element == "label" else term
    structured = [d for d in known if isinstance(d.type.support, Structured)]
    if len(known) != 1 or structured:
        why = "is on the simplex or the like" if structured else f"are {len(known)}"
        message = f"`{name}` is over the coordinates of one latent of plain numbers, and here {why}"
        scope.error("E302", message, a.span, "of which?", help="give `context`, which all of them read")
        return check_expr(scope, a.value)
    normal = distributions.find("Normal")
    assert normal is not None
    parameter = next(p for p in normal.parameters if p.name == name)
    return argument(scope, "Flow", parameter, a.value, 0, event)


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
