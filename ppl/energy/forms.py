"""What a distribution's ``polynomial`` works with: sums, products and functions of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppl.energy import poly_functions as f
from ppl.energy.logs import ExpOf
from ppl.energy.poly import Algebra, Monomial, NotPolynomial, Poly
from ppl.functions import find
from ppl.graph.gathers import Index
from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim

Array = Any


@dataclass(frozen=True, eq=False)
class LogSum:
    """``count * log value`` of a value that is a sum of latents; counts are data, none negative."""

    count: Named
    value: Poly


@dataclass(frozen=True, eq=False)
class Form:
    """The algebra of one density.

    event: the dims of one draw. ``second``: the column dim of matrices whose rows run along ``event[0]``.
    ``states``: the axis of a table of probabilities that a label picks from. ``sums``: where logarithms of sums
    are put that may be left out of the density; None where none may.
    """

    algebra: Algebra
    event: tuple[Dim, ...] = ()
    second: Dim | None = None
    states: Dim | None = None
    sums: list[LogSum] | None = None

    # ---------------------------------------------------------------- elementwise

    def log(self, a: Poly | ExpOf) -> Poly:
        """log a."""
        if isinstance(a, ExpOf):
            return a.log
        return f.log(self.algebra.of(a))

    def log1m(self, a: Poly) -> Poly:
        """log(1 - a)."""
        return f.log1m(self.algebra.of(a))

    def times_log(self, x: Poly, a: Poly | ExpOf) -> Poly:
        """x log a, 0 where x is 0 in the data."""
        return self._counted(x, self.log(a))

    def counted_log(self, x: Poly | float, a: Poly | ExpOf) -> Poly:
        """x log a of counts x, 0 where x is 0; a sum of latents inside the logarithm may be left to ``sums``."""
        x = self.algebra.of(x)
        try:
            return self.times_log(x, a)
        except NotPolynomial:
            if self.sums is None or not x.data or isinstance(a, ExpOf):
                raise
            self.sums.append(LogSum(f.values(x), a))
            return self.algebra.of(0.0)

    def times_log1m(self, x: Poly, a: Poly) -> Poly:
        """x log(1 - a), 0 where x is 0 in the data."""
        return self._counted(x, self.log1m(a))

    def _counted(self, x: Poly, logs: Poly) -> Poly:
        x = self.algebra.of(x)
        if x.data:
            counts = f.values(x)
            x = self.algebra.of(counts)  # one number a cell: 0 times log 0 never stands in a sum
            logs = self.algebra.masked(logs, Named(counts.numpy != 0.0, counts.dims))
        return x * logs

    def exp(self, a: Poly) -> Poly:
        """exp a."""
        return f.exp(self.algebra.of(a))

    def power(self, a: Poly | ExpOf, p: float) -> Poly | ExpOf:
        """a to a fixed power."""
        if isinstance(a, ExpOf):
            return ExpOf(a.log * p, a.why)
        return f.power(self.algebra.of(a), p)

    def square(self, a: Poly) -> Poly:
        """a times a."""
        return self.algebra.square(self.algebra.of(a))

    def function(self, name: str, *arguments: Poly | float) -> Poly:
        """A function of the registry of data or of one scalar latent."""
        found = find(name)
        assert found is not None and found.evaluate is not None
        evaluate = found.evaluate
        return self.elementwise(name, lambda *v: evaluate(*v), *arguments)

    def elementwise(self, name: str, function: Callable[..., Array], *arguments: Poly | float) -> Poly:
        """Any elementwise function of data or of one scalar latent; equal names are equal functions."""
        parts = [self.algebra.of(a) for a in arguments]
        if all(p.data for p in parts):
            return self._table(function, parts)
        text = f"{name}({', '.join(['{}'] * len(parts))})"
        out = f.several(parts, lambda values: function(*values), text)
        if out is None and len(parts) == 1 and len(parts[0].monomials) > 1:
            return f.by_case(parts[0], lambda m: self.elementwise(name, function, Poly(self.algebra, (m,))))
        if out is None:
            raise NotPolynomial(f"`{name}` of several latents, or of data times one")
        return out

    def _table(self, function: Callable[..., Array], parts: list[Poly]) -> Poly:
        found = [f.values(p) for p in parts]
        dims = union((v.dims for v in found), self.algebra.at.size)
        with np.errstate(all="ignore"):
            array = np.asarray(function(*(aligned(v, dims) for v in found)))
        return self.algebra.of(Named(array, dims, self.algebra.merged(parts)))

    def number(self, a: Poly) -> float | None:
        """The number that an argument is everywhere, or None."""
        a = self.algebra.of(a)
        if not a.data:
            return None
        found = f.values(a).numpy
        return float(found.ravel()[0]) if found.size and (found == found.ravel()[0]).all() else None

    def is_data(self, *arguments: Poly) -> bool:
        """Whether no latent is in any of them."""
        return all(self.algebra.of(a).data for a in arguments)

    # ---------------------------------------------------------------- over the event

    @property
    def length(self) -> int:
        """The length of the (first) event axis."""
        return int(self.algebra.at.size(self.event[0]))

    def total(self, a: Poly) -> Poly:
        """The sum over the event axes."""
        return self.algebra.bind(self.algebra.of(a), self.event)

    def pick(self, table: Poly | ExpOf, x: Poly) -> Poly | ExpOf:
        """The element of a table that a label, which data or states give, names."""
        if isinstance(table, ExpOf):
            picked = self.pick(table.log, x)
            assert isinstance(picked, Poly)
            return ExpOf(picked, table.why)
        assert self.states is not None
        if not x.data:
            raise NotPolynomial("a label that is neither data nor a discrete latent")
        codes = f.values(x)
        return self.algebra.reindexed(table, {self.states: Index(codes)})

    # ---------------------------------------------------------------- matrices

    @property
    def matrix(self) -> tuple[Dim, Dim]:
        """The dims of a matrix: those of the event, or its one and ``second``."""
        if len(self.event) == 2:
            return self.event[0], self.event[1]
        assert self.second is not None
        return self.event[0], self.second

    def quadratic(self, matrix: Poly, v: Poly) -> Poly:
        """v' matrix v of a vector over the event axis."""
        row, column = self.matrix
        other = self.algebra.renamed(v, {row: column})
        product = self.algebra.multiply(self.algebra.multiply(matrix, v), other)
        return self.algebra.bind(product, (row, column))

    def trace(self, a: Poly, b: Poly) -> Poly:
        """tr(a b') over the matrix dims."""
        return self.algebra.bind(self.algebra.multiply(a, b), self.matrix)

    def logdet(self, a: Poly) -> Poly:
        """log det of a positive definite matrix."""
        if a.data:
            return self._of_matrix(a, lambda m: np.linalg.slogdet(m)[1], scalar=True)
        return f.by_case(a, self._logdet)

    def inverse(self, a: Poly) -> Poly:
        """The inverse of a positive definite matrix."""
        if a.data:
            return self._of_matrix(a, np.linalg.inv, scalar=False)
        return f.by_case(a, self._inverse)

    def of_matrix(self, a: Poly, function: Callable[[Array], Array]) -> Poly:
        """A matrix-valued function of matrices of data."""
        if not a.data:
            raise NotPolynomial("a factor of a latent matrix")
        return self._of_matrix(a, function, scalar=False)

    def _of_matrix(self, a: Poly, function: Callable[[Array], Array], *, scalar: bool) -> Poly:
        found = f.values(a)
        batch = union((set(found.dims) - set(self.matrix),), self.algebra.at.size)
        array = aligned(found, (*batch, *self.matrix))
        sizes = tuple(self.algebra.at.size(d) for d in self.matrix)
        array = np.broadcast_to(array, (*array.shape[:-2], *sizes))
        with np.errstate(all="ignore"):
            out = np.asarray(function(array))
        return self.algebra.of(Named(out, batch if scalar else (*batch, *self.matrix), found.invalid))

    def _logdet(self, m: Monomial) -> Poly:
        (atom,) = self._whole_matrix(m)
        scale = Poly(self.algebra, (replace(m, atoms=()),))
        one = constant(np.float64(1.0))
        own = replace(atom, stat="logdet", index=atom.index[:-2])
        return f.log(scale) * float(self.length) + Poly(self.algebra, (Monomial(one, (own,)),))

    def _inverse(self, m: Monomial) -> Poly:
        (atom,) = self._whole_matrix(m)
        scale = f.power(Poly(self.algebra, (replace(m, atoms=()),)), -1.0)
        one = constant(np.float64(1.0))
        return scale * Poly(self.algebra, (Monomial(one, (replace(atom, stat="inverse"),)),))

    def _whole_matrix(self, m: Monomial) -> tuple[Any, ...]:
        """The one atom of a scaled matrix that runs along the matrix dims."""
        if (
            len(m.atoms) != 1
            or m.atoms[0].stat != "x"
            or any(set(x.dims) & set(self.matrix) for x in (m.coefficient, *m.more))
            or set(m.atoms[0].index[-2:]) != set(self.matrix)
        ):
            raise NotPolynomial("the determinant of a sum of matrices")
        return m.atoms
