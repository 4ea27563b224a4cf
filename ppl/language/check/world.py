"""What is known of a model while it is checked: its declarations and the types found so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ppl.errors import Source, Span
from ppl.language import tree
from ppl.language.check.levels import CONSTANT, level_of
from ppl.language.check.problems import Problems
from ppl.language.check.suggest import nearest
from ppl.language.typed import ColumnDef, GivenDef, IndexSet, NetworkDef, TableDef, Term
from ppl.supports import BOOL
from ppl.types import Axis, Type

UNKNOWN_SET = "?"
MOST_COMPARED = 100_000
"""Names compared in search of suggestions, in one check."""


def unknown(axes: tuple[Axis, ...] = ()) -> Type:
    """The type of what could not be checked; nothing more is said about it."""
    return Type(axes=axes, set=UNKNOWN_SET)


def is_unknown(type: Type) -> bool:
    return type.set == UNKNOWN_SET


@dataclass
class Defined:
    """A name with a definition: what other statements see of it.

    ``subscripts`` are the sets of the target's axes in order; ``structured`` the positions among
    them of the axes that a structured support ties together; ``level`` as in `levels`.
    """

    name: str
    kind: str
    span: Span
    axes: tuple[Axis, ...]
    prior: Span
    type: Type = field(default_factory=unknown)
    level: int = CONSTANT
    plates: frozenset[int] = frozenset()
    unmodelled: bool = False


@dataclass
class World:
    """Everything that has a name, and the problems met.

    ``symbols`` maps every declared or defined name to its kind and place, for E204 and suggestions.
    ``loop_names`` maps index variables to the text of their binding, for hints.
    """

    source: Source
    problems: Problems
    symbols: dict[str, tuple[str, Span]] = field(default_factory=dict)
    sets: dict[str, IndexSet] = field(default_factory=dict)
    tables: dict[str, TableDef] = field(default_factory=dict)
    columns: dict[str, list[ColumnDef]] = field(default_factory=dict)
    givens: dict[str, GivenDef] = field(default_factory=dict)
    networks: dict[str, NetworkDef] = field(default_factory=dict)
    defs: dict[str, tree.Def] = field(default_factory=dict)
    externs: dict[str, tree.Extern] = field(default_factory=dict)
    defined: dict[str, Defined] = field(default_factory=dict)
    loop_names: dict[str, tree.Binding] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    modelled: set[str] = field(default_factory=set)
    observed_at: dict[str, Span] = field(default_factory=dict)
    depth: int = 0
    compared: int = 0
    inlined: int = 0
    improper: list[Span] = field(default_factory=list)
    undefined: bool = False
    hinted: set[str] = field(default_factory=set)
    clashes: set[str] = field(default_factory=set)
    _levels: dict[int, tuple[Term, int]] = field(default_factory=dict)

    def level(self, term: Term) -> int:
        """How random a term is; see `levels`. Remembered, so that each term is looked at once."""
        known = self._levels.get(id(term))
        if known is None:
            known = (term, level_of(self, term))
            self._levels[id(term)] = known
        return known[1]

    def nearest(self, name: str, *kinds: Iterable[str]) -> tuple[str, ...]:
        """Names close to one, as long as not too many were compared: texts may be all mistakes."""
        candidates = [list(kind) for kind in kinds]
        self.compared += sum(map(len, candidates))
        return () if self.compared > MOST_COMPARED else nearest(name, *candidates)

    def source_text(self, term: Term) -> str:
        return self.problems.text(term.span)

    # ------------------------------------------------------------ index sets

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The set and those it was filtered from, nearest first."""
        chain = [name]
        while len(chain) < 1000:
            found = self.sets.get(chain[-1])
            if found is None or found.kind != "filtered" or found.parent is None:
                break
            chain.append(found.parent)
        return tuple(chain)

    def labels_fit(self, label: str, axis: str) -> bool:
        """Whether labels of one set may pick from an axis over the other: same or derived."""
        return label == axis or axis in self.ancestors(label) or label in self.ancestors(axis)

    def ordered(self, name: str) -> bool:
        found = self.sets.get(name)
        return found is None or found.ordered

    def constant_size(self, name: str) -> int | None:
        """The size of a set when the model text alone settles it."""
        found = self.sets.get(name)
        if found is None:
            return None
        if found.kind == "labelled":
            return len(found.labels)
        low, high = constant(found.low), constant(found.size)
        if found.kind == "fixed":
            return high
        if found.kind == "range" and low is not None and high is not None:
            return max(0, high - low + 1)
        return None

    def need_bool_set(self) -> None:
        """Add the built-in set of two labels once it is used."""
        if "bool" not in self.sets:
            self.sets["bool"] = IndexSet("bool", "labelled", Span(0, 0), labels=("false", "true"))

    def unmodelled_columns(self) -> list[str]:
        """Columns that no statement mentions yet."""
        return [n for n, found in self.columns.items() if n not in self.used and found[0].role == "value"]


def constant(term: Term | None) -> int | None:
    """The whole number a constant term holds, if it is one."""
    value = getattr(term, "value", None)
    return int(value) if isinstance(value, (int, float)) and value == int(value) else None


def boolean(axes: tuple[Axis, ...] = ()) -> Type:
    return Type("bool", BOOL, axes)


def label(set: str | None, axes: tuple[Axis, ...] = ()) -> Type:
    return Type("label", axes=axes, set=set)
