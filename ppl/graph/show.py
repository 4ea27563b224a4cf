"""The graph and its lowered computation as text."""

from __future__ import annotations

from ppl.backend.tape import Program
from ppl.graph import nodes as g
from ppl.supports import describe


def show_graph(graph: g.Graph) -> str:
    """One line for each statement: kind, name with its stored axes, plates, and the expression."""
    lines = [_line(s) for s in graph.statements]
    lines += [
        f"flat {d}: {', '.join(map(str, x.plain))} where {' and '.join(map(text, x.conditions))}"
        for d, x in graph.domains.items()
    ]
    lines += [f"inlined {s.name} = {text(s.body)}" for s in graph.inlined]
    return "\n".join(lines) + "\n"


def _line(s: g.Statement) -> str:
    axes = ", ".join(str(a) if isinstance(a, g.Dim) else text(a) for a in s.place.axes)
    left = text(s.observed) if s.observed is not None else f"{s.name}[{axes}]" if axes else s.name
    plates = f"   over {', '.join(map(str, s.place.plates))}" if s.place.plates else ""
    sign = {"value": "=", "factor": "+="}.get(s.kind, "~")
    support = f" : {describe(s.type.support)}" if s.kind in ("latent", "param") else ""
    return f"{s.kind:9}{left}{support} {sign} {text(s.body)}{plates}"


def text(node: g.Node) -> str:
    """An expression with its gathers spelled out."""
    match node:
        case g.Constant(value=value):
            return str(value)
        case g.Input(table=table, name=name):
            return f"data {table}.{name}" if table else f"data {name}"
        case g.Variable(name=name):
            return name
        case g.Position(variable=variable, dim=dim):
            return f"{variable or 'row'}@{dim.tag or dim.set}"
        case g.Gather(value=value, selectors=selectors):
            return f"{text(value)}[{', '.join(_selector(s) for s in selectors)}]"
        case g.Apply(function=function, arguments=arguments, keywords=keywords):
            parts = [*map(text, arguments), *(f"{k}={text(v)}" for k, v in keywords)]
            return f"{function}({', '.join(parts)})"
        case g.Choose(test=test, then=then, other=other):
            return f"where({text(test)}, {text(then)}, {text(other)})"
        case g.Reduce(function=function, body=body, over=over):
            return f"{function}({text(body)} over {', '.join(map(str, over))})"
        case g.Segment(function=function, body=body, over=over, keys=keys):
            to = ", ".join(f"{d} by {text(k)}" for d, k in keys)
            return f"{function}({text(body)} over {over} into {to})"
        case g.Stack(body=body, loop=loop):
            return f"stack({text(body)} along {loop})"
        case g.Items(items=items):
            return f"[{', '.join(map(text, items))}]"
        case g.NetworkCall(spec=spec, part=part, arguments=arguments):
            return f"{spec.name}({', '.join(map(text, arguments))}).{part}"
        case g.Distribution(name=name, arguments=named):
            return f"{name}({', '.join(f'{k}={text(v)}' for k, v in named)})"
    return type(node).__name__


def _selector(s: g.Selector) -> str:
    if isinstance(s, g.Lag):
        return f"shift {text(s.base)} by {text(s.amount)}"
    kind = "along" if isinstance(s.index, g.Position) else "gather"
    return f"{kind} {text(s.index)}"


def show_code(program: Program) -> str:
    """The recorded computation: one assignment for each operation."""
    lines = ["def log_joint(v0):  # v0: (draws, coordinates)"]
    constants = 0
    for i in program.instructions:
        parts = []
        for slot, c in zip(i.slots, i.constants, strict=True):
            if slot is not None:
                parts.append(f"v{slot}")
            elif hasattr(c, "shape"):
                constants += 1
                parts.append(f"c{constants}{list(c.shape)}")
            else:
                parts.append(repr(c))
        parts += [f"{k}={_attribute(v)}" for k, v in i.attributes.items()]
        lines.append(f"    v{i.out} = {i.op.name}({', '.join(parts)})")
    lines.append(f"    return v{program.output}" if program.output is not None else "    return c")
    return "\n".join(lines) + "\n"


def _attribute(value: object) -> str:
    shape = getattr(value, "shape", None)
    return f"array{list(shape)}" if shape is not None else repr(value)
