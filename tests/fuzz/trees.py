"""Random syntax trees, only such as a text can mean.

One recipe drives two sources of choice: hypothesis (which shrinks) and a numpy generator (which is
fast enough for a hundred thousand).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st

from ppl.language import tree as t

T = TypeVar("T")

_NAME_LIST = (
    "x y z mu tau beta sigma eta order key within of by q from weight lambda class σ été x1 _a Normal real"
    " Gamma sum exp first docs vocab tokens topics n_obs"
)
NAMES = _NAME_LIST.split()
TYPES = tuple(name for name in NAMES if name not in ("key", "order", "weight"))
NUMBERS = ("0", "1", "2.5", "3.", ".5", "1e-300", "17E+3", "0.1000", "12345678901234567890")
STRINGS = (
    "",
    "a",
    "Age at entry",
    'say "hi"',
    "back\\slash",
    "tab\tnew\nline",
    "gene_*",
    "# no comment",
    "中文",
)


class Choice(Protocol):
    """Where decisions come from."""

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""


class Generated:
    """Decisions of a numpy generator, drawn in bulk."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pool: list[float] = []

    def below(self, n: int) -> int:
        if not self._pool:
            self._pool = self._rng.random(4096).tolist()
        return int(self._pool.pop() * n)


class Drawn:
    """Decisions of hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def below(self, n: int) -> int:
        return self._draw(st.integers(0, n - 1))


class Grower:
    """Makes trees from decisions; ``budget`` bounds the nodes of one tree."""

    def __init__(self, choice: Choice, budget: int = 60) -> None:
        self._choice = choice
        self._budget = budget

    def pick(self, options: Sequence[T]) -> T:
        return options[self._choice.below(len(options))]

    def maybe(self) -> bool:
        return self._choice.below(3) == 0

    def some(self, make: Callable[[], T], least: int = 1, most: int = 3) -> tuple[T, ...]:
        return tuple(make() for _ in range(least + self._choice.below(most - least + 1)))

    # ------------------------------------------------------------ expressions

    def name(self) -> t.Name:
        return t.Name(self.pick(NAMES))

    def axis(self) -> t.Name:
        return t.Name(self.pick(NAMES) + self.pick(("", "", "", "'", "''")))

    def leaf(self) -> t.Expr:
        kind = self._choice.below(8)
        if kind < 4:
            return self.name()
        if kind < 6:
            return t.Number(self.pick(NUMBERS))
        return t.String(self.pick(STRINGS)) if kind == 6 else t.Bool(self.maybe())

    def expr(self) -> t.Expr:
        self._budget -= 1
        if self._budget <= 0 or self._choice.below(4) == 0:
            return self.leaf()
        return self.pick(self._makers())()

    def _makers(self) -> tuple[Callable[[], t.Expr], ...]:
        return (
            self.sum, self.product, self.compare, self.either, self.both, self.call, self.subscript,
            self.comprehension,
            lambda: t.Negative(self.expr()),
            lambda: t.Not(self.expr()),
            lambda: t.Power(self.expr(), self.expr()),
            lambda: t.Conditional(self.expr(), self.expr(), self.expr()),
            lambda: t.Attribute(self.expr(), self.pick(NAMES)),
            lambda: t.ListLiteral(self.some(self.expr, 0)),
        )  # fmt: skip

    def _rest(self, signs: Sequence[str]) -> tuple[tuple[str, t.Expr], ...]:
        return self.some(lambda: (self.pick(signs), self.expr()))

    def sum(self) -> t.Expr:
        return t.Sum(self.expr(), self._rest("+-"))

    def product(self) -> t.Expr:
        return t.Product(self.expr(), self._rest("*/@"))

    def compare(self) -> t.Expr:
        return t.Compare(self.expr(), self._rest(("==", "!=", "<", "<=", ">", ">=")))

    def either(self) -> t.Expr:
        return t.Or(self.some(self.expr, 2))

    def both(self) -> t.Expr:
        return t.And(self.some(self.expr, 2))

    def call(self) -> t.Expr:
        return t.Call(self.pick((self.name, self.name, self.expr))(), self.some(self.argument, 0))

    def argument(self) -> t.Argument:
        return t.Argument(self.pick(NAMES) if self.maybe() else None, self.expr())

    def subscript(self) -> t.Expr:
        return t.Subscript(self.expr(), self.some(lambda: self.axis() if self.maybe() else self.expr()))

    def comprehension(self) -> t.Expr:
        function = self.name() if self.maybe() else None
        return t.Comprehension(function, self.expr(), self.bindings(1))

    def bindings(self, least: int = 0) -> tuple[t.Binding, ...]:
        return self.some(self.binding, least, 2)

    def binding(self) -> t.Binding:
        of = self.pick(NAMES) if self.maybe() else None
        by = self.pick(NAMES) if of and self.maybe() else None
        return t.Binding(self.pick(NAMES), self.pick(NAMES), of, by, self.expr() if self.maybe() else None)

    # ------------------------------------------------------------ statements

    def target(self) -> t.Target:
        return t.Target(self.pick(NAMES), self.some(self.axis, 0, 2))

    def type(self) -> t.TypeRef:
        return t.TypeRef(self.pick(NAMES), self.some(self.expr, 0, 2))

    def shape(self) -> t.TypeRef:
        return t.TypeRef(self.pick(NAMES), self.some(self.expr, 0, 2), self.some(self.axis, 0, 2))

    def header(self) -> str | None:
        return self.pick(STRINGS) if self.maybe() else None

    def column(self) -> t.Column:
        shared = {"axes": self.some(self.axis, 0, 1), "optional": self.maybe(), "header": self.header()}
        role = self.pick(("value", "value", "value", "key", "weight", "order"))
        within = self.pick(NAMES) if role == "order" and self.maybe() else None
        # A type called `key` would read as the role.
        kind = t.TypeRef(self.pick(TYPES), self.some(self.expr, 0, 2)) if role == "value" else None
        return t.Column(self.pick(NAMES), role=role, type=kind, within=within, **shared)

    def index_def(self) -> t.IndexDef:
        size = self.pick((lambda: None, self.expr, lambda: t.Range(self.expr(), self.expr())))()
        return t.IndexDef(self.pick(NAMES), size)

    def formal(self) -> t.Formal:
        return t.Formal(self.pick(NAMES), self.shape() if self.maybe() else None)

    def part(self) -> t.NetworkPart:
        return t.NetworkPart(self.pick(NAMES), self.some(self.axis, 0, 2))

    def left(self) -> t.Target | t.Expr:
        """An expression that a reader would take for a target is one."""
        if self._choice.below(4):
            return self.target()
        e = self.expr()
        return self.target() if isinstance(e, (t.Name, t.Subscript)) else e

    def plain(self) -> t.Statement:
        makers: tuple[Callable[[], t.Statement], ...] = (
            lambda: t.Sample(self.some(self.left, 1, 2), self.expr(), self.bindings()),
            lambda: t.Assign(self.some(self.target, 1, 2), self.expr(), self.bindings()),
            lambda: t.Factor(self.expr(), self.bindings()),
        )
        return self.pick(makers)()

    def statement(self, depth: int = 0) -> t.Statement:
        if depth < 3 and self.maybe():
            return t.For(self.bindings(1), self.some(lambda: self.statement(depth + 1), 1, 2))
        return self.plain()

    def q_statement(self, depth: int = 0) -> t.Statement:
        if depth < 2 and self.maybe():
            return t.For(self.bindings(1), self.some(lambda: self.q_statement(depth + 1), 1, 2))
        given = self.some(self.expr, 0, 2)
        return t.QStatement(self.some(self.target, 1, 2), given, self.expr(), self.bindings())

    def _value(self) -> t.Expr | None:
        return self.expr() if self.maybe() else None

    def item(self) -> t.Statement:
        makers: tuple[Callable[[], t.Statement], ...] = (
            lambda: t.Table(self.pick(NAMES), self.some(self.column)),
            lambda: t.Index(self.some(self.index_def, 1, 2)),
            lambda: t.Given(
                self.some(self.target, 1, 2), self.type(), self.maybe(), self._value(), self.header()
            ),
            lambda: t.Param(
                self.some(self.target, 1, 2),
                self.type() if self.maybe() else None,
                self._value(),
                self.bindings(),
            ),
            lambda: t.Network(self.pick(NAMES), self.some(self.axis), self.some(self.part), self.expr()),
            lambda: t.Def(
                self.pick(NAMES),
                self.some(self.formal, 0),
                self.shape() if self.maybe() else None,
                self.expr(),
            ),
            lambda: t.Extern(self.pick(NAMES), self.some(self.formal, 0), self.shape()),
            lambda: t.Guide(self.some(self.q_statement, 1, 2)),
            lambda: t.Report(self.some(self.statement, 1, 2)),
            *(self.statement,) * 4,
        )
        return self.pick(makers)()

    def model(self, most: int = 4) -> t.Model:
        return t.Model(self.some(self.item, 1, most))


@st.composite
def models(draw: Callable[[st.SearchStrategy[int]], int]) -> t.Model:
    """Whole models, for hypothesis."""
    return Grower(Drawn(draw)).model()


def random_model(rng: np.random.Generator, budget: int = 60) -> t.Model:
    """A whole model from a generator."""
    return Grower(Generated(rng), budget).model()
