"""The log joint term by term, at draws of continuous and discrete latents together.

Nothing is summed out: a draw is one row of coordinates, first those of the continuous latents on
the real line, then the value of every element of every discrete latent. One recorded computation
(`ppl.graph.trace_terms`) gives each statement's log density in every cell of its plates, and the
slopes of their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.tape import Program, Tape, Value
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout
from ppl.graph.blocks import Block
from ppl.graph.drawn_guides import DrawnGuide
from ppl.graph.evaluate import Evaluator
from ppl.graph.nodes import Dim
from ppl.graph.reductions import concatenated

Array = Any


@dataclass(frozen=True, eq=False)
class Discrete:
    """A discrete latent, or the blank cells of a discrete column.

    Its elements lie in columns ``where`` of a draw, in the order of the flat positions ``cells`` of an
    array of shape ``shape``; states: (K,); weights: (n,), how often each element counts.
    """

    name: str
    statement: g.Statement
    where: slice
    shape: tuple[int, ...]
    cells: np.ndarray
    states: np.ndarray
    weights: np.ndarray

    @property
    def count(self) -> int:
        """Number of elements n."""
        return len(self.cells)


@dataclass(frozen=True, eq=False)
class Term:
    """The log density of one statement (or the Jacobian of one latent) over the cells of its plates.

    It fills columns ``where`` of the values, over ``dims`` of lengths ``sizes``. ``averaged`` is its mean over
    the latent's own Gaussian, in closed form, where there is one.
    """

    statement: g.Statement
    kind: str
    dims: tuple[Dim, ...]
    sizes: tuple[int, ...]
    where: slice
    array: Any
    averaged: Any = None


@dataclass(frozen=True, eq=False)
class Moments:
    """Further columns of a draw: the mean and the sd of the Gaussians of ``block``, the same in every draw."""

    block: Block
    mean: slice
    sd: slice


@dataclass(frozen=True, eq=False)
class TermsAtDraws:
    """A traced log joint. ``size``: continuous coordinates D; ``width``: D plus discrete elements.

    ``constant`` is the sum of the terms that no latent enters, which are left out of ``terms``. ``discretes``
    have tables of their own; ``drawn`` are latents whose guides may read others, in an order in which they can
    be drawn, with minus their log q among the terms. ``width`` counts the columns of both.
    """

    layout: Layout
    at: Evaluator
    tape: Tape
    discretes: tuple[Discrete, ...]
    terms: tuple[Term, ...]
    constant: float
    drawn: tuple[DrawnGuide, ...] = ()
    moments: tuple[Moments, ...] = ()

    @property
    def size(self) -> int:
        """D."""
        return self.layout.size

    @property
    def width(self) -> int:
        """Columns of a draw."""
        extra = sum(q.discrete.count for q in self.drawn if q.discrete is not None)
        return self.size + sum(d.count for d in self.discretes) + extra

    @property
    def held(self) -> np.ndarray:
        """Continuous coordinates that a guide draws: (D,)."""
        out = np.zeros(self.size, dtype=bool)
        for q in self.drawn:
            if q.discrete is None:
                out[q.where] = True
        return out

    @property
    def count(self) -> int:
        """Columns of the values: cells of all terms."""
        return self.terms[-1].where.stop if self.terms else 0

    @cached_property
    def program(self) -> Program:
        """All terms side by side: draws (S, width) to values (S, count)."""
        return self.part(self.terms)

    @cached_property
    def averaged(self) -> Program:
        """The same with closed forms where there are: draws with their moments to values (S, count)."""
        return self.part(self.terms, averaged=True)

    def part(self, terms: Sequence[Term], averaged: bool = False) -> Program:
        """The computation of some of the terms, side by side."""
        if not terms:
            return Program((), 1, None, np.zeros((1, 0)))
        arrays = [t.averaged if averaged and t.averaged is not None else t.array for t in terms]
        return self.tape.finish(concatenated(arrays, -1))

    def unpack(self, x: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Draws (S, width) by name in the user's coordinates: name -> (S, *shape).

        Imputed columns (``table.column``) give their blank cells alone.
        """
        arrays = [self.at.values[n].array for n in names]
        shapes = [np.shape(a.example if isinstance(a, Value) else a)[1:] for a in arrays]
        if not names:
            return {}
        flat = [
            xp.reshape_last(a, len(s), (int(np.prod(s, dtype=int)),))
            for a, s in zip(arrays, shapes, strict=True)
        ]
        whole = np.asarray(self.tape.finish(concatenated(flat, -1)).value(x))
        stops = np.cumsum([int(np.prod(s, dtype=int)) for s in shapes])
        parts = np.split(np.broadcast_to(whole, (len(x), whole.shape[-1])), stops[:-1], axis=-1)
        out = {}
        for name, part, shape in zip(names, parts, shapes, strict=True):
            if "." in name:
                table, column = name.split(".", 1)
                out[name] = part[:, np.flatnonzero(self.layout.data.missing[(table, column)])]
            else:
                out[name] = part.reshape(len(x), *shape)
        return out
