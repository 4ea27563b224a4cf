"""Lower a bound graph to a target: one replayable tape from coordinates to the log joint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ppl.backend.directional import hessian_vector
from ppl.backend.tape import Program, Tape
from ppl.errors import DataError, Diagnostic
from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.assemble import Layout, Terms, joint, walk
from ppl.graph.blocks import Block, unconstrained
from ppl.graph.cost import Folding, cost_table
from ppl.graph.named import Named
from ppl.graph.networks import initial_weights
from ppl.graph.order import mentions
from ppl.graph.store import to_stored
from ppl.supports import REAL

Array = Any
ELEMENTS_AT_ONCE = 1_000_000  # array elements of one intermediate per piece of a batch of draws


@dataclass(frozen=True)
class Group:
    """A latent's coordinates, as inference sees them."""

    name: str
    where: slice
    is_global: bool


class GraphTarget:
    """The log joint of a bound graph over unconstrained coordinates (see `ppl.posterior.target`)."""

    def __init__(self, lay: Layout) -> None:
        self.layout = lay
        self.size = lay.size
        self.groups = tuple(Group(b.name, b.where, b.is_global) for b in lay.blocks.values())
        self.point = np.zeros(lay.size, dtype=bool)
        for b in lay.blocks.values():
            self.point[b.where] = b.point

    @property
    def hidden(self) -> bool:
        """Whether labels were summed out: discrete latents, or the components of mixtures."""
        mixed = (getattr(s.body, "name", "") == "Mixture" for s in self.layout.graph.statements)
        return bool(self.layout.discrete) or any(mixed)

    @cached_property
    def start(self) -> np.ndarray:
        """The middle of the prior in unconstrained coordinates."""
        return prior_start(self.layout)

    @cached_property
    def _traced(self) -> tuple[Program, Program, tuple[Folding, ...]]:
        """The log joint, the prior's part of it, and how observations were folded, from one trace."""
        tape = Tape(np.stack([self.start, self.start + 0.1]))
        at = self.layout.evaluator()
        terms = Terms()
        with np.errstate(all="ignore"):
            walk(self.layout, at, tape.input, terms)
            prior, rest = joint(self.layout, at, terms)
        return tape.finish(prior.array + rest.array), tape.finish(prior.array), tuple(terms.foldings)

    @property
    def _program(self) -> Program:
        return self._traced[0]

    @property
    def _prior(self) -> Program:
        return self._traced[1]

    @property
    def foldings(self) -> tuple[Folding, ...]:
        """How the rows of each observation are evaluated (``ppl explain --cost``)."""
        return self._traced[2]

    @property
    def cost(self) -> str:
        """A table of the observations' rows, before and after folding, and of the work of one draw."""
        return cost_table(self.foldings) + f"\n{self.work:.0f} elements for one draw in all"

    @cached_property
    def widest(self) -> float:
        """Elements of the largest intermediate for one draw."""
        return self._program.widest

    @cached_property
    def work(self) -> float:
        """Elements computed for one draw."""
        return self._program.work + sum(f.hidden for f in self.foldings)

    @property
    def instructions(self) -> Program:
        """The recorded computation (``ppl show --code``)."""
        return self._program

    def _pieces(self, n: int) -> list[slice]:
        rows = max(1, int(ELEMENTS_AT_ONCE // max(self.widest, 1.0)))
        return [slice(i, min(i + rows, n)) for i in range(0, n, rows)]

    def log_density(self, z: Array) -> np.ndarray:
        """log p(T(z), y) + log |det J| of each draw: (S, D) -> (S,)."""
        z = np.asarray(z, dtype=float)
        return np.concatenate([np.atleast_1d(self._program.value(z[p])) for p in self._pieces(len(z))])

    def log_prior(self, z: Array) -> np.ndarray:
        """The prior's part with the Jacobian: (S, D) -> (S,)."""
        z = np.asarray(z, dtype=float)
        return np.concatenate([np.atleast_1d(self._prior.value(z[p])) for p in self._pieces(len(z))])

    def value_and_grad(self, z: Array) -> tuple[np.ndarray, np.ndarray]:
        """The log density (S,) and its gradient (S, D)."""
        z = np.asarray(z, dtype=float)
        pieces = self._pieces(len(z))
        if len(pieces) == 1:
            return self._program.value_and_grad(z)
        parts = [self._program.value_and_grad(z[p]) for p in pieces]
        return np.concatenate([v for v, _ in parts]), np.concatenate([g for _, g in parts])

    def hvp(self, z: Array, v: Array) -> np.ndarray:
        """The Hessian of each draw's log density times v: (S, D), (S, D) -> (S, D)."""
        z, v = np.asarray(z, dtype=float), np.asarray(v, dtype=float)
        return np.asarray(hessian_vector(lambda at: self.value_and_grad(at)[1], z, v))

    def locate(self, z: Array) -> str:
        """The first statement whose log density is not finite at one draw, with the row."""
        from ppl.graph.locate import locate

        return locate(self.layout, np.asarray(z, dtype=float))


def prior_start(lay: Layout, far: float = 20.0) -> np.ndarray:
    """Conditional prior medians, parents at theirs, in unconstrained coordinates (0 where improper).

    Those of latents on the whole real line lie within ``far`` of 0, all others within 20.
    """
    rng = np.random.default_rng(0)
    at = lay.evaluator()
    out = np.zeros(lay.size)
    terms = None
    weights = initial_weights(lay.graph.networks, at.size, 0)
    with np.errstate(all="ignore"):
        for group in lay.groups:
            for s in group:
                block = lay.blocks.get(s.name)
                if block is not None and s.name in weights:
                    out[block.where] = unconstrained(at, block, Named(weights[s.name][None], block.dims))[0]
                elif block is not None and s.kind == "latent":
                    middle = _median(lay, at, block, rng)
                    most = far if block.support == REAL else 20.0
                    out[block.where] = np.clip(middle, -most, most)
            _advance(lay, at, out, group, terms)
    return out


def _advance(
    lay: Layout, at: Any, z: np.ndarray, group: tuple[g.Statement, ...], terms: Terms | None
) -> None:
    from dataclasses import replace

    walk(replace(lay, groups=(group,)), at, z[None], terms)


def _median(lay: Layout, at: Any, block: Block, rng: np.random.Generator) -> np.ndarray:
    s = block.statement
    count = block.where.stop - block.where.start
    flat = np.zeros(count)
    if mentions((s.body,)) & lay.discrete or s.name in mentions((s.body,)):
        return flat
    try:
        drawn = densities.draw(at, s.body, s.event, s.place.plates, 101, rng)
        u = unconstrained(at, block, drawn)
    except (densities.NoDraw, ArithmeticError, ValueError, KeyError, TypeError, np.linalg.LinAlgError):
        return flat
    middle = _middle(u)
    return np.where(np.isfinite(middle), middle, 0.0)


def _middle(u: np.ndarray) -> np.ndarray:
    """The median of an odd number of draws, each coordinate by itself."""
    return np.asarray(np.sort(u, axis=0)[len(u) // 2])


def require_latents(lay: Layout) -> None:
    """Refuse a model with nothing continuous to infer."""
    if lay.size == 0:
        help = (
            "`--method bbvi` and `--method cavi` fit models with discrete latents alone"
            if lay.discrete
            else ""
        )
        raise DataError(
            (Diagnostic("E603", "the model has no continuous latent or param to fit", help=help),)
        )


def stored_value(lay: Layout, at: Any, block: Block, z: Array) -> Named:
    """A block's constrained value under its target's axes."""
    from ppl.graph.blocks import constrained

    value, _ = constrained(at, block, z)
    return to_stored(at, block.statement, value)
