"""From a model's text and small tables to a bound problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.data.csv_file import frame_of_bytes
from ppl.data.json_file import frame_of_json
from ppl.errors import Source
from ppl.graph.bind import bind
from ppl.graph.bind_types import BoundData
from ppl.graph.inline import is_discrete
from ppl.graph.problem import Problem
from ppl.language import typed as t
from ppl.language.check import check
from ppl.language.parse import parse


@dataclass(frozen=True)
class Case:
    """A model with its data: CSV text by table, JSON text for givens."""

    name: str
    text: str
    tables: Mapping[str, str]
    givens: str = ""
    counts: int = 0

    def __str__(self) -> str:
        return self.name


def program_of(text: str) -> t.Program:
    source = Source("m.model", text.strip("\n") + "\n")
    return check(parse(source), source)


def data_of(program: t.Program, case: Case) -> BoundData:
    frames: list[Any] = [
        (name, frame_of_bytes(f"{name}.csv", csv.replace(" ", "").encode()))
        for name, csv in case.tables.items()
    ]
    if case.givens:
        frames.append((None, frame_of_json("constants.json", case.givens.encode())))
    return bind(program, frames)


def problem_of(case: Case, **more: Any) -> Problem:
    program = program_of(case.text)
    return Problem(program, data_of(program, case), **more)


def values_at(problem: Problem, z: np.ndarray) -> dict[str, np.ndarray]:
    """Every latent, param and imputed column at one point."""
    return {n: a[0] for n, a in problem.constrain(z[None]).items()}


def spaces_of(problem: Problem, counts: int) -> dict[str, Any]:
    """Shape and states of every discrete latent and every imputed discrete column."""
    out: dict[str, Any] = {}
    sets = problem.data.sets
    for d in problem.program.definitions:
        statement = next(s for s in problem.plain.statements if s.name == d.name or d.kind != "latent")
        if d.kind == "latent" and is_discrete(statement):
            shape = tuple(2 if s.set == "bool" else sets[s.set].size for s in d.subscripts)
            out[d.name] = (shape, _states(problem, d, counts))
            continue
        if d.imputes is not None and d.body.type.element != "real":
            mask = problem.data.missing.get(d.imputes)
            if mask is not None and mask.any():
                out[".".join(d.imputes)] = ((int(mask.sum()),), _states(problem, d, counts))
    return out


def _states(problem: Problem, d: t.Definition, counts: int) -> range:
    kind = d.body.type
    if kind.element == "label":
        return range(2 if kind.set == "bool" else problem.data.sets[kind.set or ""].size)
    return range(2) if kind.element == "bool" else range(counts + 1)
