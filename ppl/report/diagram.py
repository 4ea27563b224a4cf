"""The plate diagram of a model as DOT or Mermaid text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ppl.language.typed import Program
from ppl.report.dependencies import Vertex, vertices


@dataclass
class _Plate:
    """The vertices of one nesting of plates, and the plates inside."""

    path: tuple[str, ...]
    vertices: list[Vertex] = field(default_factory=list)
    inner: dict[str, _Plate] = field(default_factory=dict)


def _plates(found: Sequence[Vertex]) -> _Plate:
    root = _Plate(())
    for vertex in found:
        plate = root
        for name in vertex.plates:
            plate = plate.inner.setdefault(name, _Plate((*plate.path, name)))
        plate.vertices.append(vertex)
    return root


def _ids(found: Sequence[Vertex]) -> dict[str, str]:
    return {v.name: f"v{i}" for i, v in enumerate(found)}


def _edges(found: Sequence[Vertex]) -> Iterable[tuple[str, str]]:
    ids = _ids(found)
    for vertex in found:
        for name in vertex.reads:
            if name in ids and name != vertex.name:
                yield ids[name], ids[vertex.name]


def _lines(
    plate: _Plate, opened: Callable[[_Plate], str], closed: str, drawn: Callable[[Vertex], str]
) -> list[str]:
    lines = [drawn(vertex) for vertex in plate.vertices]
    for inner in plate.inner.values():
        lines += [opened(inner), *("  " + line for line in _lines(inner, opened, closed, drawn)), closed]
    return lines


SHAPES = {
    "latent": "shape=ellipse",
    "param": "shape=diamond",
    "value": "shape=ellipse, style=dashed",
    "observed": 'shape=ellipse, style=filled, fillcolor="gray85"',
    "data": 'shape=box, style=filled, fillcolor="gray95"',
}


def dot(program: Program) -> str:
    """The diagram in Graphviz's language: plates are clusters, observed quantities are shaded."""
    found = vertices(program)
    ids = _ids(found)

    def opened(plate: _Plate) -> str:
        return (
            f'subgraph "cluster_{"/".join(plate.path)}" {{ label="{plate.path[-1]}"; labeljust=r; labelloc=b;'
        )

    def drawn(v: Vertex) -> str:
        law = f"\\n{v.law}" if v.law else ""
        return f'{ids[v.name]} [label="{v.name}{law}", {SHAPES[v.kind]}];'

    body = _lines(_plates(found), opened, "}", drawn)
    body += [f"{a} -> {b};" for a, b in _edges(found)]
    return "digraph model {\n" + "\n".join("  " + line for line in body) + "\n}\n"


MARKS = {
    "latent": ("([", "])"),
    "param": ("{{", "}}"),
    "value": ("(", ")"),
    "observed": ("[[", "]]"),
    "data": ("[", "]"),
}


def mermaid(program: Program) -> str:
    """The diagram in Mermaid's language, which many code hosts draw in Markdown."""
    found = vertices(program)
    ids = _ids(found)
    numbers: dict[tuple[str, ...], int] = {}

    def opened(plate: _Plate) -> str:
        number = numbers.setdefault(plate.path, len(numbers))
        return f'subgraph p{number}["{plate.path[-1]}"]'

    def drawn(v: Vertex) -> str:
        left, right = MARKS[v.kind]
        law = f"<br/>{v.law}" if v.law else ""
        return f'{ids[v.name]}{left}"{v.name}{law}"{right}'

    body = _lines(_plates(found), opened, "end", drawn)
    body += [f"{a} --> {b}" for a, b in _edges(found)]
    return "flowchart TD\n" + "\n".join("  " + line for line in body) + "\n"
