"""Small models with tiny data, one construct of the language each: `continuous.txt`, `discrete.txt`.

A case starts with ``=== name``, then the model, then each table after ``--- table`` as CSV and the
givens after ``--- json``. ``counts=K`` bounds the states of unbounded counts for enumeration.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.graph.make import Case

HERE = Path(__file__).parent


def case(name: str, text: str, givens: str = "", counts: int = 0, **tables: str) -> Case:
    """A case with its tables by keyword."""
    return Case(name, text, tables, givens, counts)


def read(path: Path) -> list[Case]:
    """The cases of a file."""
    return [_parsed(block) for block in re.split(r"^=== ", path.read_text(), flags=re.M)[1:]]


def _parsed(block: str) -> Case:
    head, _, rest = block.partition("\n")
    name, _, counts = head.partition(" counts=")
    text, *parts = re.split(r"^--- ", rest, flags=re.M)
    data = {k: v for k, _, v in (p.partition("\n") for p in parts)}
    givens = data.pop("json", "")
    return Case(name.strip(), text, data, givens, int(counts or 0))


CONTINUOUS = read(HERE / "continuous.txt")
DISCRETE = read(HERE / "discrete.txt")
