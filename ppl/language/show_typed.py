"""The typed program as text, for `ppl show --typed`: names resolved, types written out."""

from __future__ import annotations

from collections.abc import Callable

from ppl.language import typed

OPERATORS = {
    "add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "power": " ^ ", "matmul": " @ ",
    "eq": " == ", "ne": " != ", "lt": " < ", "le": " <= ", "gt": " > ", "ge": " >= ", "and": " and ", "or": " or ",
}  # fmt: skip

Piece = typed.Term | str


def dump(program: typed.Program) -> str:
    """Every declaration and definition, one a line, with its type.

    >>> from ppl.errors import Source
    >>> dump(typed.Program(Source("m.model", "")))
    ''
    """
    lines = [_set(s) for s in program.sets.values() if s.kind != "table"]
    lines += [line for table in program.tables.values() for line in _table(table)]
    lines += [_given(g) for g in program.givens.values()]
    lines += [_network(n) for n in program.networks.values()]
    lines += [_definition(d) for d in program.definitions]
    lines += [_guide(g) for g in program.guide]
    lines += [f"report {_definition(d)}" for d in program.report]
    return "".join(line + "\n" for line in lines)


# ---------------------------------------------------------------- declarations


def _set(found: typed.IndexSet) -> str:
    order = "" if found.ordered else ", unordered"
    match found.kind:
        case "labelled":
            size = f" = [{', '.join(found.labels)}]"
        case "range":
            size = f" = {_maybe(found.low)}..{_maybe(found.size)}"
        case "fixed":
            size = f" = {_maybe(found.size)}"
        case "filtered":
            name = found.loop.name if found.loop else "k"
            size = f" = [{name} for {name} in {found.parent} if {_maybe(found.condition)}]"
        case "gaps" | "pairs":
            size = f" = {found.kind}({found.parent})"
        case _:
            size = ""
    return f"index {found.name}{size}  ({found.kind}{order})"


def _maybe(term: typed.Term | None) -> str:
    return "?" if term is None else show(term)


def _table(table: typed.TableDef) -> list[str]:
    lines = [f"table {table.name}"]
    for c in table.columns:
        role = "" if c.role == "value" else f"  ({c.role}{' within ' + c.within if c.within else ''})"
        header = "" if c.header == c.name else f' = "{c.header}"'
        lines.append(f"    {c.name}: {c.type}{'?' if c.optional else ''}{header}{role}")
    return lines


def _given(found: typed.GivenDef) -> str:
    header = "" if found.header == found.name else f' from "{found.header}"'
    default = "" if found.default is None else f" = {show(found.default)}"
    return f"given {found.name}: {found.type}{'?' if found.optional else ''}{default}{header}"


def _network(found: typed.NetworkDef) -> str:
    inputs = ", ".join(str(a) for a in found.inputs)
    outputs = ", ".join(f"{n}[{', '.join(str(a) for a in axes)}]" if axes else n for n, axes in found.outputs)
    arguments = ", ".join(f"{n} = {show(t)}" for n, t in found.arguments)
    return f"network {found.name}({inputs} -> {outputs}) = {found.layer}({arguments})"


# ---------------------------------------------------------------- definitions


def _definition(d: typed.Definition) -> str:
    left = show(d.observed) if d.observed is not None else d.name
    if d.subscripts and d.observed is None:
        left += f"[{', '.join(s.name if isinstance(s, typed.Loop) else str(s) for s in d.subscripts)}]"
    sign = {"latent": " ~ ", "observed": " ~ ", "value": " = ", "param": " = ", "factor": " "}[d.kind]
    notes = [d.kind, *(["recurrent"] if d.recurrent else [])]
    if d.imputes is not None:
        notes.append("imputes")
    return f"{' '.join(notes)} {left}{sign}{show(d.body)}{_for(d.loops)}  : {d.type}"


def _for(loops: tuple[typed.Loop, ...]) -> str:
    return f" for {', '.join(_loop(loop) for loop in loops)}" if loops else ""


def _loop(loop: typed.Loop) -> str:
    text = f"{loop.name} in {loop.set}"
    if loop.of is not None:
        text += f" of {loop.of.name} by {loop.by}"
    return text if loop.condition is None else f"{text} if {show(loop.condition)}"


def _guide(found: typed.GuideDef) -> str:
    settings = [f"{name} = {value}" for name, value in found.settings]
    if found.strategy is not None and isinstance(found.family, typed.Dist):
        settings += [f"{name} = {show(term)}" for name, term in found.family.arguments]
    bare = f"{found.strategy}({', '.join(settings)})" if settings else found.strategy
    family = show(found.family) if found.strategy is None and found.family is not None else bare
    return f"guide q({', '.join(found.names)}) ~ {family}{_for(found.loops)}"


# ---------------------------------------------------------------- terms


def show(term: typed.Term) -> str:
    """A term on one line (iterative: terms may be wide and shared)."""
    out: list[str] = []
    stack: list[Piece] = [term]
    while stack:
        here = stack.pop()
        if isinstance(here, str):
            out.append(here)
        else:
            stack.extend(reversed(_pieces(here)))
    return "".join(out)


def _pieces(term: typed.Term) -> list[Piece]:
    shown: Callable[[typed.Term], list[Piece]] | None = _SHOW.get(type(term))
    return ["?"] if shown is None else shown(term)


def _commas(terms: tuple[typed.Term, ...]) -> list[Piece]:
    out: list[Piece] = []
    for i, term in enumerate(terms):
        out += [", ", term] if i else [term]
    return out


def _named(pairs: tuple[tuple[str, typed.Term], ...]) -> list[Piece]:
    out: list[Piece] = []
    for i, (name, term) in enumerate(pairs):
        out += [", " if i else "", f"{name} = ", term]
    return out


def _const(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Const)
    if isinstance(term.value, bool):
        return ["true" if term.value else "false"]
    return [f'"{term.value}"' if isinstance(term.value, str) else f"{term.value!r}"]


def _data(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.DataRef)
    return [f"{term.table}.{term.name}" if term.table else term.name]


def _apply(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Apply)
    sign = OPERATORS.get(term.function)
    if sign is None or len(term.arguments) < 2:
        tail = [", ", *_named(term.keywords)] if term.keywords else []
        return [f"{term.function}(", *_commas(term.arguments), *tail, ")"]
    out: list[Piece] = ["("]
    for i, argument in enumerate(term.arguments):
        out += [sign, argument] if i else [argument]
    return [*out, ")"]


def _shift(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Shift)
    return [term.base, " - ", term.amount]


def _subscript(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Subscript)
    return [term.value, "[", *_commas(term.indices), "]"]


def _choose(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Choose)
    return ["(", term.then, " if ", term.test, " else ", term.other, ")"]


def _reduce(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Reduce)
    return [f"{term.function}(", term.body, f"{_for(term.loops)})"]


def _stack(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Stack)
    return ["[", term.body, f" for {_loop(term.loop)}]"]


def _list(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.ListOf)
    return ["[", *_commas(term.items), "]"]


def _network_call(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.NetworkCall)
    return [f"{term.network}(", *_commas(term.arguments), f").{term.part}"]


def _dist(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Dist)
    return [f"{term.name}(", *_named(term.arguments), ")"]


def _variable(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Var)
    return [term.loop.name]


def _ref(term: typed.Term) -> list[Piece]:
    assert isinstance(term, typed.Ref)
    return [term.name]


_SHOW: dict[type[typed.Term], Callable[[typed.Term], list[Piece]]] = {
    typed.Const: _const,
    typed.Var: _variable,
    typed.DataRef: _data,
    typed.Ref: _ref,
    typed.Subscript: _subscript,
    typed.Shift: _shift,
    typed.Apply: _apply,
    typed.Choose: _choose,
    typed.Reduce: _reduce,
    typed.Stack: _stack,
    typed.ListOf: _list,
    typed.NetworkCall: _network_call,
    typed.Dist: _dist,
}
