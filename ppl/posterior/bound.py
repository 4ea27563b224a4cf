"""A checked model meets data: the problem that inference and prediction see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ppl.data import Limits
from ppl.data.freed import give_back
from ppl.language.typed import Program
from ppl.posterior.inputs import Inputs, gather

if TYPE_CHECKING:
    from ppl.graph.bind_types import BoundData
    from ppl.graph.problem import Problem


@dataclass(frozen=True)
class Bound:
    """A problem, its program, the data bound to it, and where they came from."""

    program: Program
    problem: Problem
    data: BoundData
    inputs: Inputs
    settings: Mapping[str, Any]


def bind_problem(
    program: Program,
    data: Any = None,
    *,
    tables: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    na: Sequence[str] | Mapping[str, Collection[str]] = (),
    drop_missing: Collection[str] = (),
    constants: Sequence[tuple[str | None, Any]] = (),
    max_memory: int | None = None,
    fold: bool = True,
    **more: Any,
) -> Bound:
    """Read and bind data; ``more`` goes to `ppl.graph.bind.bind`.

    na: texts for missing cells, each for all columns or as COLUMN=TEXT. constants: further frames,
    after the user's own. max_memory: bytes that reading and binding may take. fold: whether
    rows that share their parameters may be folded. Raises `DataError`
    with file, line and column.
    """
    from ppl.graph.bind import bind
    from ppl.graph.problem import Problem

    limits = None if max_memory is None else Limits(memory=max_memory)
    inputs = gather(program, data, tables or {}, limits)
    chosen = dict(settings or {})
    frames = (*inputs.frames, *constants)
    bound = bind(
        program,
        frames,
        chosen,
        na=missing_texts(na),
        drop_missing=tuple(drop_missing),
        max_memory=max_memory,
        **more,
    )
    del frames
    told = Inputs((), inputs.sources)  # texts and columns as read are not needed any more
    del inputs
    give_back(bound.arrays.values())
    return Bound(program, Problem(program, bound, fold=fold), bound, told, chosen)


def missing_texts(na: Sequence[str] | Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Texts for missing cells by column, ``*`` being every column.

    >>> missing_texts(["-9", "age=0"])
    {'*': ['-9'], 'age': ['0']}
    """
    if isinstance(na, Mapping):
        return {k: [v] if isinstance(v, str) else list(v) for k, v in na.items()}
    found: dict[str, list[str]] = {}
    for code in [na] if isinstance(na, str) else na:
        column, equals, text = str(code).partition("=")
        found.setdefault(column if equals else "*", []).append(text if equals else column)
    return found
