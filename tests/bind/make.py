"""Typed programs made by hand, as the checker would make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.data.csv_file import frame_of_bytes
from ppl.data.frame import Frame
from ppl.data.json_file import frame_of_json
from ppl.errors import Source, Span
from ppl.language import typed as t
from ppl.supports import BOOL, COUNT, INTEGER, REAL, Support
from ppl.types import Axis, Type

HERE = Span(0, 1)
KINDS = {"real": ("real", REAL), "int": ("int", INTEGER), "count": ("int", COUNT), "bool": ("bool", BOOL)}


def kind(text: str, axes: tuple[str, ...] = (), support: Support | None = None) -> Type:
    """``real``, ``int``, ``count``, ``bool``, or the name of a set (a label of it)."""
    over = tuple(Axis(a) for a in axes)
    if text in KINDS:
        element, own = KINDS[text]
        return Type(element, support or own, over)  # type: ignore[arg-type]
    return Type("label", axes=over, set=text)


def column(table: str, name: str, text: str = "real", **more: Any) -> t.ColumnDef:
    header, role = more.pop("header", name), more.pop("role", "value")
    made = kind(text, more.pop("axes", ()), more.pop("support", None))
    return t.ColumnDef(table, name, header, role, made, HERE, **more)


def given(name: str, text: str = "count", **more: Any) -> t.GivenDef:
    header = more.pop("header", name)
    return t.GivenDef(name, header, kind(text, more.pop("axes", ())), HERE, **more)


def number(value: float) -> t.Const:
    return t.Const(kind("int" if isinstance(value, int) else "real"), HERE, value)


def ref(name: str, table: str | None = None, text: str = "int", axes: tuple[str, ...] = ()) -> t.DataRef:
    return t.DataRef(kind(text, axes), HERE, name, table)


def apply(function: str, *arguments: t.Term) -> t.Apply:
    return t.Apply(kind("real"), HERE, function, arguments)


def index(name: str, kind: Any = "columns", **more: Any) -> t.IndexSet:
    return t.IndexSet(name, kind, HERE, **more)


def observe(
    table: str, name: str, text: str = "real", condition: t.Term | None = None, **more: Any
) -> t.Definition:
    """``name[i] ~ Normal(beta * x[i], 1)`` over the rows of a table."""
    loop = more.pop("loop", None) or t.Loop("i", more.pop("set", table), HERE, condition=condition)
    var = t.Var(kind(table), HERE, loop)
    seen = t.Subscript(kind(text), HERE, ref(name, table, text, (table,)), (var,))
    body: t.Term = number(0)
    for x in more.pop("predictors", ()):
        cell = t.Subscript(kind("real"), HERE, ref(x, table, "real", (table,)), (var,))
        body = apply("multiply", number(2.0), cell)
    return t.Definition(name, "observed", (loop,), (loop,), kind(text, (table,)), body, HERE, seen)


def program(*parts: Any) -> t.Program:
    tables: dict[str, list[t.ColumnDef]] = {}
    for p in parts:
        if isinstance(p, t.ColumnDef):
            tables.setdefault(p.table, []).append(p)
    sets = {p.name: p for p in parts if isinstance(p, t.IndexSet)}
    sets |= {name: index(name, "table") for name in tables}
    return t.Program(
        Source("m.model", "x"),
        sets,
        {name: t.TableDef(name, tuple(columns), HERE) for name, columns in tables.items()},
        {p.name: p for p in parts if isinstance(p, t.GivenDef)},
        definitions=tuple(p for p in parts if isinstance(p, t.Definition)),
    )


def csv(text: str, file: str = "d.csv") -> Frame:
    return frame_of_bytes(file, text.encode())


def json(text: str, file: str = "d.json") -> Frame:
    return frame_of_json(file, text.encode())


def same(left: Any, right: Any) -> bool:
    return np.asarray(left).tolist() == right
