"""Put statements in an order in which each comes after what its value needs."""

from __future__ import annotations

from dataclasses import replace

from ppl.graph import nodes as g


def statement_roots(s: g.Statement) -> tuple[g.Node, ...]:
    """The nodes a statement evaluates."""
    labels = tuple(a for a in s.place.axes if isinstance(a, g.Node))
    return (s.body, *labels, *(() if s.observed is None else (s.observed,)))


def needs(s: g.Statement) -> set[str]:
    """Names of the variables and imputed columns (``table.column``) a statement mentions."""
    return mentions(statement_roots(s))


def mentions(roots: tuple[g.Node, ...]) -> set[str]:
    """Names of variables, and of columns as ``table.column``, below the roots."""
    found = set()
    for node in g.walk(roots):
        if isinstance(node, g.Variable):
            found.add(node.name)
        elif isinstance(node, g.Input) and node.table is not None:
            found.add(f"{node.table}.{node.name}")
    return found


def sort_statements(graph: g.Graph) -> g.Graph:
    """Definitions after what they mention; definitions in a cycle (recurrences) stay together.

    Latents that only refer to each other's earlier rows form such groups too.
    """
    return replace(graph, statements=tuple(s for group in groups(graph) for s in group))


def observed_column(s: g.Statement) -> tuple[str, str] | None:
    """The table and column that an observation draws, where its left side is a column."""
    node = s.observed
    if isinstance(node, g.Gather):
        node = node.value
    if isinstance(node, g.Input) and node.table is not None:
        return (node.table, node.name)
    return None


def groups(graph: g.Graph, columns: bool = False) -> list[tuple[g.Statement, ...]]:
    """Strongly connected groups of statements, dependencies first (Tarjan, iteratively).

    With ``columns`` an observation defines its column, as where columns are simulated.
    """
    defined: dict[str, int] = {}
    for i, s in enumerate(graph.statements):
        column = observed_column(s) if columns else None
        if column is not None:
            defined[".".join(column)] = i
        if s.kind in ("latent", "value", "param"):
            defined[s.name] = i
        if s.imputes is not None:
            defined[".".join(s.imputes)] = i
    edges = [
        sorted(defined[n] for n in needs(s) if n in defined and defined[n] != i)
        for i, s in enumerate(graph.statements)
    ]
    return [tuple(graph.statements[i] for i in sorted(component)) for component in _components(edges)]


def _components(edges: list[list[int]]) -> list[list[int]]:
    """Tarjan's algorithm with an explicit stack; components in reverse topological order."""
    n = len(edges)
    number = [-1] * n
    low = [0] * n
    on_stack = [False] * n
    stack: list[int] = []
    out: list[list[int]] = []
    counter = 0
    for root in range(n):
        if number[root] >= 0:
            continue
        work = [(root, 0)]
        while work:
            v, i = work.pop()
            if i == 0:
                number[v] = low[v] = counter
                counter += 1
                stack.append(v)
                on_stack[v] = True
            descended = False
            for k in range(i, len(edges[v])):
                w = edges[v][k]
                if number[w] < 0:
                    work += [(v, k + 1), (w, 0)]
                    descended = True
                    break
                if on_stack[w]:
                    low[v] = min(low[v], number[w])
            if descended:
                continue
            if low[v] == number[v]:
                out.append(_pop_component(stack, on_stack, v))
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[v])
    return out


def _pop_component(stack: list[int], on_stack: list[bool], v: int) -> list[int]:
    component = []
    while True:
        w = stack.pop()
        on_stack[w] = False
        component.append(w)
        if w == v:
            return component
