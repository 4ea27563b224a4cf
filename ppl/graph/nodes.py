"""The log-joint graph: expressions over named axes, variables, and factors.

Every node knows the named axes (`Dim`) its value runs over: first its *loop* axes (one for each
index variable it mentions, in no particular order), then its *event* axes in order. Subscripts are
typed gathers, never one-hots: a `Gather` has one `Selector` for each leading event axis of its
value. Nodes are interned: equal expressions are one node, so identity is equality.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ppl.errors import Span
from ppl.types import Axis, Type


@dataclass(frozen=True)
class Dim:
    """A named axis: over an index set, told apart by a tag (an index variable, or primes)."""

    set: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{self.set}{self.tag}" if not self.tag or self.tag[0] == "'" else f"{self.tag}:{self.set}"


def event_dim(axis: Axis) -> Dim:
    """The dim of an event axis."""
    return Dim(axis.set, "'" * axis.primes)


@dataclass(frozen=True, eq=False)
class Node:
    """An expression. ``loops`` are its loop dims, ``event`` its ordered event dims."""

    type: Type
    loops: frozenset[Dim]
    event: tuple[Dim, ...]
    span: Span

    @property
    def dims(self) -> frozenset[Dim]:
        """All dims of the value."""
        return self.loops | frozenset(self.event)


@dataclass(frozen=True, eq=False)
class Constant(Node):
    value: float | int | bool | str


@dataclass(frozen=True, eq=False)
class Input(Node):
    """A whole data column (leading dim the table's rows) or given array."""

    table: str | None
    name: str


@dataclass(frozen=True, eq=False)
class Variable(Node):
    """A whole defined quantity, its stored axes as event dims."""

    name: str


@dataclass(frozen=True, eq=False)
class Position(Node):
    """The label (code) that index variable ``variable`` of set ``type.set`` has along ``dim``."""

    dim: Dim
    variable: str


@dataclass(frozen=True)
class At:
    """Pick by a label-valued node: data (gather), an index variable (align), a latent (select)."""

    index: Node


@dataclass(frozen=True)
class Lag:
    """Pick the row ``amount`` places before ``base`` (shift), within its group."""

    base: Node
    amount: Node


Selector = At | Lag


@dataclass(frozen=True, eq=False)
class Gather(Node):
    """``value[selectors]``: one selector for each leading event dim of ``value``."""

    value: Node
    selectors: tuple[Selector, ...]


@dataclass(frozen=True, eq=False)
class Apply(Node):
    """A function of the registry."""

    function: str
    arguments: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True, eq=False)
class Choose(Node):
    """``then`` where ``test`` holds, else ``other``; both may be distributions."""

    test: Node
    then: Node
    other: Node


@dataclass(frozen=True, eq=False)
class Reduce(Node):
    """A reduction of ``body`` over whole loop dims."""

    function: str
    body: Node
    over: tuple[Dim, ...]


@dataclass(frozen=True, eq=False)
class Segment(Node):
    """A ragged reduction: elements of ``body`` along ``over`` fall to the rows of outer dims.

    ``keys`` gives, for each outer dim, the label along ``over`` that says which row.
    """

    function: str
    body: Node
    over: Dim
    keys: tuple[tuple[Dim, Node], ...]


@dataclass(frozen=True, eq=False)
class Stack(Node):
    """Loop dim ``loop`` of the body becomes the leading event dim."""

    body: Node
    loop: Dim


@dataclass(frozen=True, eq=False)
class Items(Node):
    """A list of values along a new leading event dim."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Windows:
    """One layer of windows that slide over a map: their own axes, and those of the maps before and after.

    A map has one or two axes of places, and channels last; the first has none where ``before`` lacks them.
    """

    width: tuple[Dim, ...]
    before: tuple[Dim, ...]
    after: tuple[Dim, ...]


@dataclass(frozen=True)
class Convolution:
    """Layers of windows; ``shape`` are the axes that one flat input is laid out in, if it is flat."""

    shape: tuple[Dim, ...]
    layers: tuple[Windows, ...]
    stride: int
    same: bool


@dataclass(frozen=True)
class NetworkSpec:
    """The layers of a network: axes of its inputs, of its hidden layers and of each of its parts.

    ``table``: the inputs are labels, each of which has its own numbers.
    """

    name: str
    activation: str
    inputs: tuple[Dim, ...]
    hidden: tuple[Dim, ...]
    parts: tuple[tuple[str, tuple[Dim, ...]], ...]
    table: bool = False
    convolution: Convolution | None = None

    @property
    def layers(self) -> tuple[tuple[Dim, ...], ...]:
        """The axes of what every hidden layer gives."""
        maps = () if self.convolution is None else tuple(w.after for w in self.convolution.layers)
        return (*maps, *((d,) for d in self.hidden))


@dataclass(frozen=True, eq=False)
class NetworkCall(Node):
    """A part of a network at its inputs; ``weights`` are the arrays of its layers, in their order."""

    spec: NetworkSpec
    part: str
    arguments: tuple[Node, ...]
    weights: tuple[Node, ...]

    @property
    def network(self) -> str:
        """The network's name."""
        return self.spec.name


@dataclass(frozen=True, eq=False)
class Distribution(Node):
    """A distribution applied to arguments (which may be distributions: wrappers)."""

    name: str
    arguments: tuple[tuple[str, Node], ...]


# ---------------------------------------------------------------- domains, variables, factors


@dataclass(frozen=True)
class Domain:
    """A flat dim: the combinations of plain dims for which a data condition holds.

    Along the flat dim, index variable ``variables[k]`` runs over the rows of ``plain[k]``'s set.
    """

    dim: Dim
    plain: tuple[Dim, ...]
    variables: tuple[str, ...]
    conditions: tuple[Node, ...]


@dataclass(frozen=True)
class Place:
    """How a definition's plates fill its stored axes.

    ``plates`` are the dims the definition is computed over. ``axes`` are the stored axes in order:
    an event dim, or the node that gives the label of that axis along the plates.
    """

    plates: tuple[Dim, ...]
    axes: tuple[Dim | Node, ...]


@dataclass(frozen=True, eq=False)
class Statement:
    """A variable's definition or a factor, with its plates.

    kind: ``latent``, ``observed``, ``value``, ``param``, ``factor``. ``event`` are the event dims
    of one draw on the left; ``observed`` is the value node of an observation (None where ``name``
    is a stored variable); ``imputes`` the optional column that it also imputes.
    """

    name: str
    kind: str
    place: Place
    event: tuple[Dim, ...]
    body: Node
    type: Type
    span: Span
    observed: Node | None = None
    imputes: tuple[str, str] | None = None
    recurrent: bool = False


@dataclass(frozen=True, eq=False)
class Graph:
    """The log joint: the sum over ``statements`` of log densities, with named axes.

    ``inlined`` keeps the values that a pass substituted into their users. ``networks`` are those in
    use, whose weights are among the statements; ``guide`` what the text says of the approximation.
    """

    statements: tuple[Statement, ...]
    report: tuple[Statement, ...] = ()
    domains: dict[Dim, Domain] = field(default_factory=dict)
    inlined: tuple[Statement, ...] = ()
    networks: tuple[NetworkSpec, ...] = ()
    guide: tuple[Statement, ...] = ()

    def statement(self, name: str) -> Statement | None:
        """The statement that defines ``name`` (a latent, value or param)."""
        for s in self.statements:
            if s.name == name and s.kind in ("latent", "value", "param"):
                return s
        return None


def children(node: Node) -> tuple[Node, ...]:
    """The nodes a node is computed from."""
    match node:
        case Gather(value=value, selectors=selectors):
            return (value, *(n for s in selectors for n in _selector_nodes(s)))
        case Apply(arguments=arguments, keywords=keywords):
            return (*arguments, *(v for _, v in keywords))
        case Choose(test=test, then=then, other=other):
            return (test, then, other)
        case Reduce(body=body) | Stack(body=body):
            return (body,)
        case Segment(body=body, keys=keys):
            return (body, *(k for _, k in keys))
        case Items(items=items):
            return items
        case NetworkCall(arguments=arguments, weights=weights):
            return (*arguments, *weights)
        case Distribution(arguments=named):
            return tuple(v for _, v in named)
    return ()


def _selector_nodes(selector: Selector) -> tuple[Node, ...]:
    return (selector.index,) if isinstance(selector, At) else (selector.base, selector.amount)


def walk(roots: Iterable[Node]) -> Iterable[Node]:
    """Every node below the roots, once each, iteratively."""
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        stack.extend(children(node))


def variables(roots: Iterable[Node]) -> set[str]:
    """Names of the variables that the roots mention."""
    return {n.name for n in walk(roots) if isinstance(n, Variable)}


def stored_name(node: Variable | Input) -> str:
    """The key of a variable, or of a column (``table.column``) or given, among stored values."""
    if isinstance(node, Variable) or node.table is None:
        return node.name
    return f"{node.table}.{node.name}"
