"""A model as LaTeX: one aligned line for each definition, from its tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ppl.language import tree

GREEK = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi
    chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split()  # noqa: SIM905
)
SIGNS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}
FUNCTIONS = {"exp": r"\exp", "log": r"\log", "sqrt": r"\sqrt", "max": r"\max", "min": r"\min"}
TIGHT, PRODUCT, SUM, LOOSE = 4, 3, 2, 1


def symbol(name: str) -> str:
    r"""A name: Greek letters as such, single letters in italics, words upright; labels of summands are an ell.

    >>> symbol("tau"), symbol("b_age"), symbol("x")
    ('\\tau', 'b_{\\mathrm{age}}', 'x')
    """
    if name.startswith("#"):
        return r"\ell^{" + symbol(name[1:]) + "}"
    bare = name.rstrip("'")
    primes = name[len(bare) :]
    head, _, tail = bare.partition("_")
    if head not in GREEK and len(head) > 1:
        return r"\mathrm{" + bare.replace("_", r"\_") + "}" + primes
    shown = "\\" + head if head in GREEK else head
    if tail:
        escaped = tail.replace("_", r"\_")
        shown += "_{" + (escaped if len(tail) == 1 or tail.isdigit() else r"\mathrm{" + escaped + "}") + "}"
    return shown + primes


def latex(model: tree.Model) -> str:
    """The definitions of a model in an ``aligned`` block; declarations are left out."""
    lines: list[str] = []
    stack: list[tuple[tree.Statement, tuple[tree.Binding, ...]]] = [
        (s, ()) for s in reversed(model.statements)
    ]
    while stack:
        statement, outer = stack.pop()
        if isinstance(statement, tree.For):
            stack += [(s, (*outer, *statement.bindings)) for s in reversed(statement.body)]
        else:
            lines += _definition(statement, outer)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n"


def _definition(statement: tree.Statement, outer: tuple[tree.Binding, ...]) -> list[str]:
    if isinstance(statement, tree.Sample):
        lefts: Sequence[tree.Target | tree.Expr] = statement.left
        sign, right = r"\sim", statement.distribution
    elif isinstance(statement, tree.Assign):
        lefts, sign, right = statement.targets, "=", statement.value
    else:
        return []
    tail = _bindings((*outer, *statement.bindings))
    return [f"  {_left(left)} &{sign} {_expr(right)[0]}" + (f" && {tail}" if tail else "") for left in lefts]


def _left(left: tree.Target | tree.Expr) -> str:
    if isinstance(left, tree.Target):
        return _indexed(symbol(left.name), [symbol(s.id) for s in left.subscripts])
    return _expr(left)[0]


def _indexed(name: str, indices: Sequence[str]) -> str:
    if not indices:
        return name
    body = ",".join(indices)
    return f"{{{name}}}_{{{body}}}" if "_{" in name else f"{name}_{{{body}}}"


def _bindings(bindings: Sequence[tree.Binding]) -> str:
    parts = []
    for b in bindings:
        text = f"{symbol(b.name)} \\in {symbol(b.set)}" + (rf" \text{{ of }} {symbol(b.of)}" if b.of else "")
        parts.append(text + (f",\\ {_expr(b.test)[0]}" if b.test is not None else ""))
    return ",\\ ".join(parts)


def _inside(e: tree.Expr, level: int) -> str:
    text, own = _expr(e)
    return text if own >= level else rf"\left({text}\right)"


def _expr(e: tree.Expr) -> tuple[str, int]:
    """The text and how tightly it binds. The parser bounds the depth, so this may recurse."""
    for kind, show in SHOWN.items():
        if isinstance(e, kind):
            return show(e)
    return r"\text{" + type(e).__name__.lower() + "}", TIGHT


def _sum(e: tree.Sum) -> tuple[str, int]:
    rest = "".join(f" {sign} {_inside(term, PRODUCT)}" for sign, term in e.rest)
    return _inside(e.first, SUM) + rest, SUM


def _product(e: tree.Product) -> tuple[str, int]:
    text = _inside(e.first, PRODUCT)
    for sign, factor in e.rest:
        if sign == "/":
            text = rf"\frac{{{text}}}{{{_expr(factor)[0]}}}"
        else:
            text += r" \, " + _inside(factor, TIGHT)
    return text, PRODUCT


def _compare(e: tree.Compare) -> tuple[str, int]:
    rest = "".join(f" {SIGNS.get(sign, sign)} {_inside(term, SUM)}" for sign, term in e.rest)
    return _inside(e.first, SUM) + rest, LOOSE


def _conditional(e: tree.Conditional) -> tuple[str, int]:
    rows = (
        rf"{_expr(e.then)[0]} & \text{{if }} {_expr(e.test)[0]} \\ {_expr(e.other)[0]} & \text{{otherwise}}"
    )
    return rf"\begin{{cases}} {rows} \end{{cases}}", TIGHT


def _call(e: tree.Call) -> tuple[str, int]:
    parts = [(rf"\mathrm{{{a.name}}} = " if a.name else "") + _expr(a.value)[0] for a in e.arguments]
    name = e.function.id if isinstance(e.function, tree.Name) else ""
    if name == "sqrt" and len(parts) == 1:
        return rf"\sqrt{{{parts[0]}}}", TIGHT
    shown = FUNCTIONS.get(name) or (
        rf"\mathrm{{{name}}}".replace("_", r"\_") if name else _expr(e.function)[0]
    )
    return rf"{shown}\left({', '.join(parts)}\right)", TIGHT


def _comprehension(e: tree.Comprehension) -> tuple[str, int]:
    name = e.function.id if isinstance(e.function, tree.Name) else ""
    over = _bindings(e.bindings)
    if name in ("sum", "prod"):
        return rf"\{name}_{{{over}}} {_inside(e.body, PRODUCT)}", PRODUCT
    shown = rf"\mathrm{{{name}}}" if name else ""
    return rf"{shown}\left({_expr(e.body)[0]}\right)_{{{over}}}", TIGHT


def _joined(word: str) -> Callable[[tree.And | tree.Or], tuple[str, int]]:
    return lambda e: (rf" {word} ".join(_inside(o, LOOSE + 1) for o in e.operands), LOOSE)


SHOWN: dict[type[tree.Expr], Callable[..., tuple[str, int]]] = {
    tree.Name: lambda e: (symbol(e.id), TIGHT),
    tree.Number: lambda e: (e.text, TIGHT),
    tree.Bool: lambda e: (rf"\text{{{str(e.value).lower()}}}", TIGHT),
    tree.String: lambda e: (r"\text{``" + e.value.replace("_", r"\_") + "''}", TIGHT),
    tree.Negative: lambda e: ("-" + _inside(e.operand, PRODUCT), SUM),
    tree.Sum: _sum,
    tree.Product: _product,
    tree.Power: lambda e: (f"{{{_inside(e.base, TIGHT)}}}^{{{_expr(e.exponent)[0]}}}", TIGHT),
    tree.Compare: _compare,
    tree.Not: lambda e: (r"\lnot " + _inside(e.operand, TIGHT), TIGHT),
    tree.And: _joined(r"\land"),
    tree.Or: _joined(r"\lor"),
    tree.Conditional: _conditional,
    tree.Subscript: lambda e: (_indexed(_inside(e.value, TIGHT), [_expr(i)[0] for i in e.indices]), TIGHT),
    tree.Call: _call,
    tree.Attribute: lambda e: (rf"{_inside(e.value, TIGHT)}.\mathrm{{{e.name}}}", TIGHT),
    tree.ListLiteral: lambda e: (rf"\left[{', '.join(_expr(i)[0] for i in e.items)}\right]", TIGHT),
    tree.Comprehension: _comprehension,
}
