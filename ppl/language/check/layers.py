"""What a `network` declaration says of its layers, and the calls of each kind of layer."""

from __future__ import annotations

from ppl import functions
from ppl.errors import Span
from ppl.language import tree
from ppl.language.check.dists import check_distribution
from ppl.language.check.expressions import check_expr
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.typed import Const, ListOf, NetworkDef, Term
from ppl.types import Axis, Type

SETTINGS = {
    "MLP": ("hidden", "activation", "prior"),
    "Linear": ("prior",),
    "Embedding": ("prior",),
    "Conv": ("width", "channels", "stride", "padding", "activation", "hidden", "shape", "prior"),
}
"""What may be said of each layer, in positional order."""
PADDINGS = ("same", "valid")


def layer_settings(
    scope: Scope, layer: str, arguments: tuple[tree.Argument, ...]
) -> tuple[tuple[str, Term], ...]:
    """The settings of a layer by name."""
    known, out = SETTINGS[layer], []
    for i, a in enumerate(arguments):
        name = a.name or (known[i] if i < len(known) else "")
        if name not in known:
            near = scope.world.nearest(name, known)
            hint = f"; did you mean {quoted(near)}?" if near else ""
            what = f"no `{name}`" if name else f"no setting {i + 1}"
            message = f"`{layer}` has {what}; it has {quoted(known, 'and')}{hint}"
            scope.error("E302", message, a.span, "no such setting")
        out.append((name or f"argument {i + 1}", _setting(scope, a.value)))
    return tuple(out)


def _setting(scope: Scope, node: tree.Expr) -> Term:
    """A setting of a layer: a number, a text, a list of numbers, or a prior."""
    if isinstance(node, tree.ListLiteral):
        items = tuple(check_expr(scope, i) for i in node.items)
        return ListOf(Type("real"), node.span, items)
    head = node.function if isinstance(node, tree.Call) else None
    if isinstance(head, tree.Name) and functions.find(head.id) is None:
        return check_distribution(scope, node, ())
    return check_expr(scope, node)


def check_layer(scope: Scope, network: NetworkDef, span: Span) -> None:
    """Report a `Conv` whose windows, stride or padding do not make sense."""
    if network.layer == "Conv":
        trouble = _trouble(network)
        if trouble:
            scope.error("E302", f"`{network.name}`: {trouble[0]}", span, "not a convolution", help=trouble[1])


def _trouble(network: NetworkDef) -> tuple[str, str] | None:
    """What is wrong with a convolution, and what to write."""
    settings = dict(network.arguments)
    shape, width = _count(settings.get("shape")), _count(settings.get("width"))
    if shape and len(network.inputs) != 1:
        return (
            "`shape` lays out one input, and there are more",
            "leave `shape` out: the inputs' axes are the shape",
        )
    axes = shape or len(network.inputs)
    if axes > 3 or width > 2 or not 0 <= axes - (width or min(axes, 2)) <= 1:
        help = (
            "`width = 3`, or one width for each of the last one or two axes; an axis before them is channels"
        )
        return f"windows over {axes} axes", help
    stride = settings.get("stride")
    whole = (
        isinstance(stride, Const)
        and isinstance(stride.value, int | float)
        and stride.value == int(stride.value)
    )
    if stride is not None and not (isinstance(stride, Const) and whole and float(stride.value) >= 1):
        return "the stride is not a whole number", "`stride = 2`"
    padding = settings.get("padding")
    if padding is not None and not (isinstance(padding, Const) and padding.value in PADDINGS):
        return "there is no such padding", '`padding = "same"` or `padding = "valid"`'
    return None


def _count(term: Term | None) -> int:
    """How many numbers a list has; 0 for what is no list."""
    return len(term.items) if isinstance(term, ListOf) else 0


def inputs_of(network: NetworkDef) -> tuple[tuple[Axis, ...], ...]:
    """The axes of each argument of a call: vectors, one array for a convolution, labels for an embedding."""
    if network.layer == "Embedding":
        return ((),) * len(network.inputs)
    if network.layer == "Conv":
        return (tuple(network.inputs),)
    return tuple((Axis(x.set),) for x in network.inputs)


def fits_input(network: NetworkDef, k: int, term: Term) -> bool:
    """Whether an argument is what the network takes in its place."""
    axes = tuple(a.set for a in term.type.axes)
    if network.layer == "Embedding":
        return not axes and term.type.element == "label" and term.type.set == network.inputs[k].set
    return axes == tuple(a.set for a in inputs_of(network)[k])
