"""Letters for dims in formulas: the index variables of the text, primed where two meet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ppl.energy.terms import Latent
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.language.typed import Definition, Loop, Program

Letters = dict[Dim, str]


@dataclass(frozen=True)
class Alphabet:
    """The letters that a program's own text uses for its index sets."""

    by_set: Mapping[str, str]
    states: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program) -> Alphabet:
        """From the loops of its definitions; states of a latent have the letter of their set."""
        found: dict[str, str] = {}
        for loop in (loop for d in program.definitions for loop in d.loops):
            found.setdefault(loop.set, loop.name)
        for d in program.definitions:
            for axis in d.subscripts:
                if not isinstance(axis, Loop):
                    found.setdefault(axis.set, axis.set[0])
        states = {d.name: found.get(d.type.set or "", "k") for d in program.definitions}
        return cls(found, states)

    def base(self, dim: Dim) -> str:
        """The letter of a dim before primes.

        >>> Alphabet({"rows": "i"}).base(Dim("rows", "#3")), Alphabet({}).base(Dim("docs", "d.4~1"))
        ('i', 'd')
        """
        if dim.set.startswith("#"):
            return self.states.get(dim.set[1:], "k")
        word = re.match(r"[A-Za-z]+", dim.tag)
        return word[0] if word else self.by_set.get(dim.set, dim.set[0])


def own_letters(alphabet: Alphabet, latent: Latent, definition: Definition | None) -> list[str]:
    """One letter for each stored axis of a latent, each its own."""
    out: list[str] = []
    written = definition.subscripts if definition is not None else ()
    for k, dim in enumerate(latent.dims):
        named = written[k] if k < len(written) else None
        letter = named.name if isinstance(named, Loop) else alphabet.by_set.get(dim.set, dim.set[0])
        out.append(fresh(letter, out))
    return out


def fresh(letter: str, taken: list[str]) -> str:
    """The letter with as many primes as it takes.

    >>> fresh("k", ["k", "k'"])
    "k''"
    """
    while letter in taken:
        letter += "'"
    return letter


def lag(codes: Named, live: Named, sizes: Mapping[Dim, int]) -> tuple[Dim, int] | None:
    """The dim and the step, where codes are those of a dim some steps back wherever it counts."""
    if len(codes.dims) != 1:
        return None
    dim = codes.dims[0]
    counts = np.ones(sizes[dim], dtype=bool)
    if dim in live.dims:
        others = tuple(i for i in range(live.numpy.ndim) if i != 1 + live.dims.index(dim))
        counts = (live.numpy != 0).any(axis=others)
    gap = np.arange(sizes[dim])[counts] - codes.numpy[0][counts]
    return (dim, int(gap[0])) if gap.size > 1 and (gap == gap[0]).all() else None
