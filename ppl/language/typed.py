"""The typed program: what the checker hands to the graph builder.

Names are resolved, `def`s are inlined, parameters of distributions are named canonically, every
expression carries its type, and every index variable is a distinct `Loop`. Nothing here refers to
syntax except through spans (for messages that need data).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ppl.errors import Diagnostic, Source, Span
from ppl.types import Axis, Type

# ---------------------------------------------------------------- declarations


@dataclass(frozen=True)
class IndexSet:
    """A nominal index set.

    kind: ``fixed`` (``size`` is a data-only expression; the set is 1..size), ``range``
    (``size`` and ``low`` give its whole-number labels low..size), ``labelled`` (``labels``),
    ``columns`` (levels come from the columns typed by it), ``glob`` (levels are the starred parts
    of wide column headers), ``table`` (a table's rows), ``filtered`` (``parent`` and ``condition``
    over ``loop``), ``gaps`` or ``pairs`` (of ``parent``).
    ``ordered``: may lag (fixed, range, labelled, a table without key or with an order column).
    """

    name: str
    kind: Literal["fixed", "range", "labelled", "columns", "glob", "table", "filtered", "gaps", "pairs"]
    span: Span
    size: Term | None = None
    low: Term | None = None
    labels: tuple[str, ...] = ()
    parent: str | None = None
    loop: Loop | None = None
    condition: Term | None = None
    ordered: bool = True


@dataclass(frozen=True)
class ColumnDef:
    """One column of a table. ``type.axes`` are the event axes of a wide column.

    role: ``value``, ``key``, ``weight`` or ``order``. A value whose ``type.element`` is ``label``
    and whose ``type.set`` is a table is a foreign key.
    """

    table: str
    name: str
    header: str
    role: Literal["value", "key", "weight", "order"]
    type: Type
    span: Span
    within: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class TableDef:
    name: str
    columns: tuple[ColumnDef, ...]
    span: Span


@dataclass(frozen=True)
class GivenDef:
    """A constant or array supplied with the data (``default`` makes it a setting)."""

    name: str
    header: str
    type: Type
    span: Span
    default: Term | None = None
    optional: bool = False


@dataclass(frozen=True)
class NetworkDef:
    """A network; ``call`` is the layer call as written (``MLP``, keyword arguments as terms)."""

    name: str
    inputs: tuple[Axis, ...]
    outputs: tuple[tuple[str, tuple[Axis, ...]], ...]
    layer: str
    arguments: tuple[tuple[str, Term], ...]
    span: Span


# ---------------------------------------------------------------- loops


@dataclass(frozen=True, eq=False)
class Loop:
    """One binding of an index variable; compared by identity.

    ``of`` is the outer loop whose row this one's rows point at, through the foreign-key column
    ``by`` (``for a in active of n``): then the rows of ``set`` run and the outer variable is their
    parent. ``condition`` may mention this loop and earlier ones; it is data only.
    """

    name: str
    set: str
    span: Span
    of: Loop | None = None
    by: str | None = None
    condition: Term | None = None


# ---------------------------------------------------------------- terms (typed expressions)


@dataclass(frozen=True, eq=False)
class Term:
    """A typed expression; compared by identity."""

    type: Type
    span: Span


@dataclass(frozen=True, eq=False)
class Const(Term):
    """A number, truth value, or (``type.element == 'label'``) a label's text.

    Texts among a network's settings are labels of no set.
    """

    value: float | int | bool | str


@dataclass(frozen=True, eq=False)
class Var(Term):
    """An index variable used as a label."""

    loop: Loop


@dataclass(frozen=True, eq=False)
class DataRef(Term):
    """A whole column (``table`` set) or given; ``type.axes`` leads with the table's axis."""

    name: str
    table: str | None


@dataclass(frozen=True, eq=False)
class Ref(Term):
    """A whole defined quantity (latent, deterministic, param), axes as its target lists them."""

    name: str


@dataclass(frozen=True, eq=False)
class Subscript(Term):
    """``value[indices]``: each index removes one leading axis of ``value``.

    An index is a Term of element ``label`` over that axis's set (or over a set it is derived from,
    or one derived from it), or a `Shift`, or a literal `Const` label, or, for an axis over ``bool``,
    a Term of element ``bool``. A whole axis before a picked one (``z[k, i]`` with k a set) is a
    `Stack` over that set's loop.
    """

    value: Term
    indices: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Shift(Term):
    """``i - k`` as a subscript: the row ``amount`` places before ``base`` (``t+1`` is -1).

    ``base`` is a label (usually a Var); ``amount`` a data-only whole number (a label of a fixed
    set counts as its position: the checker writes ``position(k)``, or the number itself for a range).
    Restarts within the groups of an ``order within`` table. A whole number that picks from a fixed or
    range set is a shift from its first label: ``a[n]`` is base ``"1"``, amount ``1 - n``.
    """

    base: Term
    amount: Term


@dataclass(frozen=True, eq=False)
class Apply(Term):
    """A function of the registry, or an operator under its function name.

    Operators: ``add subtract multiply divide power negative matmul eq ne lt le gt ge and or not``.
    ``add`` and ``multiply`` take two or more arguments. ``logp`` takes a distribution and a value.
    Calls of an ``extern`` have its name. The number of members of a set, ``size(S)``, is a `Reduce`:
    the sum of 1 over a loop. Constants are folded.
    """

    function: str
    arguments: tuple[Term, ...]
    keywords: tuple[tuple[str, Term], ...] = ()


@dataclass(frozen=True, eq=False)
class Choose(Term):
    """``then if test else other``; ``then`` and ``other`` may be distributions."""

    test: Term
    then: Term
    other: Term


@dataclass(frozen=True, eq=False)
class Reduce(Term):
    """``function(body for loops)``: sum, prod, mean, min, max, logsumexp, ... over the loops."""

    function: str
    body: Term
    loops: tuple[Loop, ...]


@dataclass(frozen=True, eq=False)
class Stack(Term):
    """``[body for loop]``: a value with one new leading event axis over the loop's set."""

    body: Term
    loop: Loop


@dataclass(frozen=True, eq=False)
class ListOf(Term):
    """``[a, b, c]``: a value over ``type.axes[0]``, a labelled or fixed set (nested for matrices).

    Lists among a network's settings are over no set. The weights and components of a `Mixture` that
    are lists without a set are over a set named ``1..n``, which is among the program's sets.
    """

    items: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class NetworkCall(Term):
    """``net(args).part``."""

    network: str
    part: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Dist(Term):
    """A distribution with its arguments under the names written (``mean``, ``precision``, ...).

    ``type`` is the type of one draw. Wrappers (Truncated, Censored, Mixture, Ordered,
    ZeroInflated) are Dists whose arguments include Dists (or Choose of Dists; a Mixture's components
    are a ListOf or a Stack of them). ``Flat`` has its support in ``type`` and arguments ``lower``,
    ``upper`` only where one of them is not constant. ``DiscreteUniform(S)`` is a Categorical with
    equal log odds.
    """

    name: str
    arguments: tuple[tuple[str, Term], ...]


# ---------------------------------------------------------------- definitions


@dataclass(frozen=True, eq=False)
class Definition:
    """One ``~``, ``=``, ``param`` or ``factor`` with the plates around it.

    kind: ``latent``, ``observed`` (the left side is ``observed``, a data-only term: a column
    subscripted by the plates, a given, a constant, or an expression), ``value`` (``=``), ``param``,
    ``factor``. ``loops`` lists every enclosing loop, outermost first. ``subscripts`` is the target's
    subscript list in written order: a Loop for a plate, an Axis for an event axis; so the stored
    quantity has exactly these axes in this order. ``type`` is the type of the whole stored
    quantity. ``body`` is the distribution (Dist, or Choose of Dists) or the value.
    ``imputes`` is the optional (``?``) column that an observed definition also imputes, as
    (table, column); the table of a given is "".

    An observation whose left side is no plain name has ``subscripts`` equal to ``loops``, and its text
    as ``name``; names that occur again get a number: ``0 (2)``. The ``body`` of a ``param`` is where its
    search starts (0, or a value inside its interval, unless the text says). ``type`` of the body is
    that of one draw or value over the event axes; ``type.axes`` follow ``subscripts``, so where plates
    come after event axes a structured support holds along the event axes, not the last ones.
    ``recurrent`` marks values that read earlier rows of themselves, directly or through each other.
    """

    name: str
    kind: Literal["latent", "observed", "value", "param", "factor"]
    loops: tuple[Loop, ...]
    subscripts: tuple[Loop | Axis, ...]
    type: Type
    body: Term
    span: Span
    observed: Term | None = None
    imputes: tuple[str, str] | None = None
    recurrent: bool = False


@dataclass(frozen=True, eq=False)
class GuideDef:
    """One ``q(...) ~ family``; ``family`` is a Dist, or None beside a bare strategy name.

    ``subscripts`` are those of the first name, completed by the axes of its latent that are not written:
    a Loop for a plate of the guide, an Axis for an event axis of the family. ``settings``: of a flow, whose
    family, if any, is a Dist of what it reads: ``mean``, ``sd``, ``context``.
    """

    names: tuple[str, ...]
    loops: tuple[Loop, ...]
    strategy: str | None
    family: Term | None
    span: Span
    subscripts: tuple[Loop | Axis, ...] = ()
    settings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Program:
    """A checked model. Mappings keep the order of writing."""

    source: Source
    sets: dict[str, IndexSet] = field(default_factory=dict)
    tables: dict[str, TableDef] = field(default_factory=dict)
    givens: dict[str, GivenDef] = field(default_factory=dict)
    networks: dict[str, NetworkDef] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()
    guide: tuple[GuideDef, ...] = ()
    report: tuple[Definition, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
