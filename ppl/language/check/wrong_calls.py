"""Messages about calls, attributes and lists, and the binding of arguments to parameters."""

from __future__ import annotations

from ppl import distributions, functions
from ppl.errors import Note
from ppl.functions.base import Function
from ppl.language import tree
from ppl.language.check.habits import known_distribution
from ppl.language.check.operators import listed
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.typed import Loop, NetworkDef, TableDef, Term

Bound = list[tuple[str, tree.Expr]]


def not_callable(scope: Scope, node: tree.Call) -> None:
    text = scope.problems.text(node.function.span)
    scope.error(
        "E208",
        f"`{text}` is not a function",
        node.function.span,
        "cannot be called",
        help="functions have plain names, such as `exp(x)`; subscripts are square: `x[i]`",
    )


def unknown_call(scope: Scope, node: tree.Call) -> None:
    """A call of something that is no function: a distribution, a value, or a misspelling."""
    assert isinstance(node.function, tree.Name)
    name = node.function.id
    if distributions.find(name) is not None or name == "Flat":
        distribution_as_value(scope, node, name)
        return
    known = known_distribution(name)
    if known is not None:
        distribution_as_value(scope, node, known)
        return
    symbol = scope.world.symbols.get(name)
    if symbol is not None or name in scope.loops:
        kind = symbol[0] if symbol else "index variable"
        arguments = ", ".join(scope.problems.text(a.span) for a in node.arguments)
        scope.error(
            "E208",
            f"`{name}` is {'an' if kind[0] in 'aeiou' else 'a'} {kind}, not a function",
            node.span,
            "called",
            notes=() if symbol is None else (Note(symbol[1], "defined here"),),
            help=f"subscripts are square: `{name}[{arguments}]`",
        )
        return
    _unknown_function(scope, node, name)


def _unknown_function(scope: Scope, node: tree.Call, name: str) -> None:
    scope.world.undefined = True
    if not scope.problems.once(f"function {name}"):
        return
    own = [*scope.world.defs, *scope.world.networks, *scope.world.externs]
    near = scope.world.nearest(name, own, functions.names(), distributions.names())
    message = f"no function `{name}`"
    help = f"declare it: `def {name}(...) = ...`"
    if near:
        message += f"; did you mean {quoted(near)}?"
        help = ""
    fix = (node.function.span, near[0]) if near else None
    scope.error("E208", message, node.function.span, "not a function", help=help, fix=fix)


def distribution_as_value(scope: Scope, node: tree.Call, name: str) -> None:
    """E307."""
    index = ", ".join(scope.loops)
    target = f"e[{index}]" if index else "e"
    text = scope.problems.text(node.span)
    scope.error(
        "E307",
        f"`{name}` is a distribution, not a number",
        node.span,
        "a distribution",
        help=f"name a draw first: `{target} ~ {text}`, then use `{target}`",
    )


# ---------------------------------------------------------------- arguments


def bind_arguments(scope: Scope, node: tree.Call, found: Function) -> Bound | None:
    """Arguments by parameter, in the order of the parameters; E301 or E302 when they do not match."""
    positional = [p for p in found.parameters if not p.keyword]
    plain = [a for a in node.arguments if a.name is None]
    if found.variadic or (found.name in ("min", "max") and len(plain) > 1):
        if any(a.name is not None for a in node.arguments) or not plain:
            _arity(scope, node, found)
            return None
        return [
            (f"{positional[0].name}{i}" if i else positional[0].name, a.value) for i, a in enumerate(plain)
        ]
    if len(plain) > len(positional):
        _arity(scope, node, found)
        return None
    given = {p.name: a.value for p, a in zip(positional, plain, strict=False)}
    names = [p.name for p in found.parameters]
    for argument in node.arguments:
        if argument.name is None:
            continue
        if argument.name not in names or argument.name in given:
            _parameter(scope, node, found, argument, argument.name in given)
            return None
        given[argument.name] = argument.value
    if any(p.default is None and p.name not in given for p in found.parameters):
        _arity(scope, node, found)
        return None
    return [(n, given[n]) for n in names if n in given]


def _arity(scope: Scope, node: tree.Call, found: Function) -> None:
    names = [p.name if not p.keyword else f"{p.name} =" for p in found.parameters]
    takes = quoted(names, "and") if names else "no arguments"
    scope.error(
        "E301",
        f"`{found.name}` takes {takes}; {len(node.arguments)} given",
        node.span,
        "arguments do not match",
        help=f"write `{found.name}({', '.join(n + ' ...' if n.endswith('=') else n for n in names)})`",
    )


def _parameter(scope: Scope, node: tree.Call, found: Function, argument: tree.Argument, twice: bool) -> None:
    names = [p.name for p in found.parameters]
    message = (
        f"`{argument.name}` of `{found.name}` is given twice"
        if twice
        else (f"`{found.name}` has no `{argument.name}`; it has {quoted(names, 'and')}")
    )
    scope.error("E302", message, argument.span, "given twice" if twice else "no such parameter")


def bind_formals(
    scope: Scope, node: tree.Call, found: tree.Def
) -> list[tuple[tree.Formal, tree.Expr]] | None:
    """The arguments of a `def`, by position or name."""
    given: dict[str, tree.Expr] = {}
    names = [f.name for f in found.formals]
    for i, argument in enumerate(node.arguments):
        name = argument.name or (names[i] if i < len(names) else None)
        if name not in names or name in given:
            break
        given[name] = argument.value
    if len(given) != len(names) or len(node.arguments) != len(names):
        takes = quoted(names, "and") if names else "no arguments"
        scope.error(
            "E301",
            f"`{found.name}` takes {takes}; {len(node.arguments)} given",
            node.span,
            "arguments do not match",
            notes=(Note(found.span, "declared here"),),
        )
        return None
    return [(f, given[f.name]) for f in found.formals]


def needs_data(scope: Scope, node: tree.Call, found: Function) -> None:
    span = node.arguments[0].span
    scope.error(
        "E309",
        f"`{found.name}` works on data columns, and `{scope.problems.text(span)}` is random",
        span,
        "not data",
        help="compute it from `mean` and `sd` instead, which take any vector",
    )


def nothing_to_reduce(scope: Scope, node: tree.Call, found: Function, term: Term) -> None:
    text = scope.problems.text(node.arguments[0].span)
    scope.error(
        "E316",
        f"`{found.name}` needs several values, and `{text}` is one number",
        node.span,
        "nothing to run over",
        help=f"write `{found.name}({text} for k in set)`, or give it a vector",
    )


# ---------------------------------------------------------------- attributes and networks


def no_column(scope: Scope, node: tree.Attribute, table: TableDef) -> None:
    names = [c.name for c in table.columns]
    near = scope.world.nearest(node.name, names)
    message = f"`{table.name}` has no column `{node.name}`"
    message += f"; did you mean {quoted(near)}?" if near else ""
    help = "" if near else f"its columns are {quoted(names, 'and')}"
    scope.error(
        "E202", message, node.span, "no such column", notes=(Note(table.span, "declared here"),), help=help
    )


def no_attribute(scope: Scope, node: tree.Attribute) -> None:
    text = scope.problems.text(node.value.span)
    scope.error(
        "E208",
        f"`{text}` has no part `{node.name}`: only a table's columns and a network's parts follow a dot",
        node.span,
        "no such part",
        help="functions are called by their bare name: `exp(x)`"
        if text in ("np", "math", "pm", "torch")
        else "",
    )


def no_part(scope: Scope, node: tree.Attribute, network: NetworkDef) -> None:
    parts = [p for p, _ in network.outputs]
    near = scope.world.nearest(node.name, parts)
    message = f"no part `{node.name}`; `{network.name}` returns {quoted(parts, 'and')}"
    at = node.span.end - len(node.name)
    span = type(node.span)(at, node.span.end)
    fix = (span, near[0]) if near else None
    scope.error(
        "E208",
        message,
        span,
        "no such part",
        notes=(Note(network.span, "declared here"),),
        fix=fix,
        help="" if near else f"write `.{parts[0]}`",
    )


def which_part(scope: Scope, node: tree.Call, network: NetworkDef) -> None:
    parts = [p for p, _ in network.outputs]
    text = scope.problems.text(node.span)
    scope.error(
        "E208",
        f"`{network.name}` returns {quoted(parts, 'and')}: say which",
        node.span,
        "which part?",
        notes=(Note(network.span, "declared here"),),
        help=f"write `{text}.{parts[0]}`",
    )


def network_arity(scope: Scope, node: tree.Call, network: NetworkDef, count: int) -> None:
    names = [str(a) for a in network.inputs]
    kind = {"Embedding": "label", "Conv": "array"}.get(network.layer, "vector")
    of = "of" if kind == "label" else "over"
    scope.error(
        "E301",
        f"`{network.name}` takes {count} {kind}{'s' if count != 1 else ''}, "
        f"{of} {quoted(names, 'and')}; {len(node.arguments)} given",
        node.span,
        "arguments do not match",
        notes=(Note(network.span, "declared here"),),
    )


def network_input(scope: Scope, term: Term, network: NetworkDef, k: int) -> None:
    """An argument that is not the vector, the array or the label that a network takes."""
    here = f"over {listed(term.type.axes)}" if term.type.axes else "one number"
    if term.type.element == "label" and not term.type.axes:
        here = f"a label of {term.type.set}"
    wanted = f"a vector over {network.inputs[k].set}"
    if network.layer == "Embedding":
        wanted = f"a label of {network.inputs[k].set}"
    elif network.layer == "Conv":
        wanted = f"an array over {listed(network.inputs)}"
    scope.error(
        "E316",
        f"`{network.name}` takes {wanted}; `{scope.world.source_text(term)}` is {here}",
        term.span,
        here,
        notes=(Note(network.span, "declared here"),),
    )


def extern_arity(scope: Scope, node: tree.Call, extern: tree.Extern) -> None:
    names = [f.name for f in extern.formals]
    scope.error(
        "E301",
        f"`{extern.name}` takes {quoted(names, 'and') or 'no arguments'}; {len(node.arguments)} given",
        node.span,
        "arguments do not match",
        notes=(Note(extern.span, "declared here"),),
    )


# ---------------------------------------------------------------- lists


def list_without_set(scope: Scope, node: tree.ListLiteral) -> None:
    if scope.problems.once(f"list {node.span.start}"):
        scope.error(
            "E317",
            "a list needs a set to run over, and nothing here says which",
            node.span,
            "over which set?",
            help="name it: `given x[S]: real = [...]`, or define `x[S] = [...]`",
        )


def list_length(scope: Scope, node: tree.ListLiteral, set: str, size: int) -> None:
    scope.error(
        "E316",
        f"`{set}` has {size} elements; this list has {len(node.items)}",
        node.span,
        f"{len(node.items)} values",
        notes=(Note(scope.world.sets[set].span, f"{size} elements"),),
    )


def empty_list(scope: Scope, node: tree.Node) -> None:
    scope.error("E304", "a list of nothing has no values", node.span, "empty")


def filtered_list(scope: Scope, node: tree.Comprehension, loop: Loop) -> None:
    scope.error(
        "E317",
        "a filtered list has no set to run over",
        node.span,
        f"some of {loop.set}",
        help=f"declare the set: `index part = [{loop.name} for {loop.name} in {loop.set} if ...]`",
    )


def no_reduction(scope: Scope, node: tree.Comprehension) -> None:
    assert node.function is not None
    text = scope.problems.text(node.function.span)
    names = [n for n in functions.names() if (f := functions.find(n)) is not None and f.kind == "reduction"]
    near = scope.world.nearest(text, names)
    message = f"`{text}` does not reduce a run of values"
    message += f"; did you mean {quoted(near)}?" if near else ""
    help = "" if near else f"these do: {', '.join(f'`{n}`' for n in names)}"
    scope.error("E208", message, node.function.span, "not a reduction", help=help)
