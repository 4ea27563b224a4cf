"""Logarithms, powers and other functions of polynomials, where these are polynomials again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.factors import finite
from ppl.energy.poly import Algebra, Monomial, NotPolynomial, Poly
from ppl.energy.statistics import same_element, statistic
from ppl.energy.terms import Atom
from ppl.graph.named import Named, aligned, constant, union
from ppl.graph.nodes import Dim
from ppl.supports import Interval
from ppl.supports.support import element

Array = Any
Case = tuple[Named | None, Monomial]


def values(x: Poly) -> Named:
    """The value of a polynomial without latents (and with nothing bound)."""
    a = x.algebra
    parts = [a.whole(m).coefficient for m in x.monomials]
    if len(parts) == 1:
        return Named(parts[0].array, parts[0].dims, x.invalid)
    dims = union((p.dims for p in parts), a.at.size)
    total: Array = sum((aligned(p, dims) for p in parts), np.zeros((1,) * (1 + len(dims))))
    return Named(total, dims, x.invalid)


def mapped(x: Poly, function: Callable[[Array], Array]) -> Poly:
    """A function of data."""
    found = values(x)
    with np.errstate(all="ignore"):
        array = np.asarray(function(found.numpy))
    return x.algebra.of(Named(array, found.dims, found.invalid))


def cases(x: Poly) -> list[Case]:
    """The monomials with the cells where each alone counts. Raises `NotPolynomial` where they overlap.

    Cells where none counts are a case of 0. In a case's monomial the coefficient is 1 outside its cells, so
    that any function may be taken of it.
    """
    size = x.algebra.at.size
    x = Poly(x.algebra, tuple(x.algebra.whole(m) for m in x.monomials), x.invalid)
    masks = [Named(m.coefficient.numpy != 0.0, m.coefficient.dims) for m in x.monomials]
    if len(masks) == 1 and masks[0].numpy.all():
        return [(None, x.monomials[0])]
    dims = union((m.dims for m in masks), size)
    count: Array = sum((aligned(m, dims).astype(int) for m in masks), np.zeros((1,) * (1 + len(dims)), int))
    if (count > 1).any():
        raise NotPolynomial("a function of a sum of latents")
    out: list[Case] = []
    for mask, m in zip(masks, x.monomials, strict=True):
        filled = Named(np.where(mask.numpy, m.coefficient.numpy, 1.0), m.coefficient.dims)
        out.append((mask, replace(m, coefficient=filled)))
    nothing = _uncovered(x, count, dims)
    if nothing is not None:
        out.append((nothing, Monomial(constant(np.float64(0.0)))))
    return out


def _uncovered(x: Poly, count: Array, dims: tuple[Dim, ...]) -> Named | None:
    """The cells that stand for a value, but where it is 0."""
    none = count == 0
    if x.invalid is not None:
        wide = union((dims, x.invalid.dims), x.algebra.at.size)
        none = aligned(Named(none, dims), wide) & ~aligned(x.invalid, wide)
        dims = wide
    return Named(none, dims) if none.any() else None


def by_case(x: Poly, function: Callable[[Monomial], Poly]) -> Poly:
    """A function of each case, put together again."""
    algebra = x.algebra
    parts = []
    for mask, m in cases(x):
        if m.bound:
            raise NotPolynomial("a function of a sum of latents")
        value = function(m)
        parts.append(value if mask is None else algebra.masked(value, mask))
    return Poly(algebra, tuple(m for p in parts for m in p.monomials), x.invalid)


# ---------------------------------------------------------------- powers and logarithms


def power(x: Poly, p: float) -> Poly:
    """x to a fixed power: a product where it is small and whole, else of single products only."""
    if x.data:
        return mapped(x, lambda v: np.power(v, p))
    if p == 0.0:
        return x.algebra.of(1.0)
    if p == 1.0:
        return x
    if p == 2.0:
        return x.algebra.square(x)
    try:
        return by_case(x, lambda m: _power_of(x.algebra, m, p))
    except NotPolynomial:
        if p in (3.0, 4.0):
            return x * power(x, p - 1.0)
        found = univariate(x, lambda v: np.power(v, p), f"power({{}}, {p:g})")
        if found is None:
            raise
        return found


def _power_of(algebra: Algebra, m: Monomial, p: float) -> Poly:
    c = m.coefficient.numpy
    if p != round(p) and (c < 0).any():
        raise NotPolynomial("a root of what may be negative")
    with np.errstate(all="ignore"):
        coefficient = np.where(c == 0.0, 0.0 if p > 0 else np.inf, np.power(np.where(c == 0, 1.0, c), p))
    atoms = []
    for a in _gathered(m.atoms):
        q = exponent(a)
        if q is None:
            raise NotPolynomial("a power of a function of a latent")
        if not (p == round(p) and q == round(q)) and not _positive(algebra, a):
            raise NotPolynomial("a root of what may be negative")
        atoms += raised(a, q * p)
    return Poly(algebra, (Monomial(Named(coefficient, m.coefficient.dims), tuple(atoms)),))


def _gathered(atoms: tuple[Atom, ...]) -> list[Atom]:
    """Powers of one element as one power."""
    out: list[Atom] = []
    for a in atoms:
        same = next((b for b in out if same_element(a, b)), None)
        p, q = exponent(a), None if same is None else exponent(same)
        if same is None or p is None or q is None:
            out.append(a)
        else:
            out.remove(same)
            out.append(replace(same, stat=f"power:{p + q:g}"))
    return out


def exponent(a: Atom) -> float | None:
    """The power of an element that an atom is, if it is one."""
    if a.stat == "x":
        return 1.0
    return float(a.stat.removeprefix("power:")) if a.stat.startswith("power:") else None


def raised(a: Atom, p: float) -> list[Atom]:
    """An element to a power: two atoms for a square, none for 1."""
    if p == 0.0:
        return []
    if p in (1.0, 2.0):
        return [replace(a, stat="x")] * int(p)
    return [replace(a, stat=f"power:{p:.17g}")]


def _positive(algebra: Algebra, a: Atom) -> bool:
    support = algebra.supports[a.name]
    return isinstance(support, Interval) and element(support).lower >= 0.0


def log(x: Poly) -> Poly:
    """The logarithm of data, of a product, or of 1 - x."""
    if x.data:
        return mapped(x, np.log)
    try:
        return by_case(x, lambda m: _log_of(x.algebra, m))
    except NotPolynomial:
        undone = _undone(x)
        if undone is not None:
            return log1m(undone)
        found = univariate(x, np.log, "log({})")
        if found is None:
            raise
        return found


def log1m(x: Poly) -> Poly:
    """log(1 - x) of data or of one scalar latent, case by case."""
    if x.data:
        return mapped(x, lambda v: np.log1p(-v))
    try:
        return by_case(x, lambda m: _log1m_of(x.algebra, m))
    except NotPolynomial:
        found = univariate(x, lambda v: np.log1p(-v), "log1m({})")
        if found is None:
            raise
        return found


def _log1m_of(algebra: Algebra, m: Monomial) -> Poly:
    alone = Poly(algebra, (m,))
    one = constant(np.float64(1.0))
    if not m.atoms:
        return mapped(alone, lambda v: np.log1p(-v))
    if len(m.atoms) == 1 and m.atoms[0].stat == "x" and (m.coefficient.numpy == 1.0).all():
        return Poly(algebra, (Monomial(one, (replace(m.atoms[0], stat="log1m"),)),))
    found = univariate(alone, lambda v: np.log1p(-v), "log1m({})")
    if found is None:
        raise NotPolynomial("a logarithm of 1 minus a product")
    return found


def _undone(x: Poly) -> Poly | None:
    """What was taken from 1, where the polynomial is 1 - it."""
    for i, m in enumerate(x.monomials):
        if (
            not m.atoms
            and not m.bound
            and not m.more
            and (m.coefficient.numpy == 1.0).all()
            and len(x.monomials) > 1
        ):
            rest = Poly(x.algebra, (*x.monomials[:i], *x.monomials[i + 1 :]), x.invalid)
            return -rest
    return None


def _log_of(algebra: Algebra, m: Monomial) -> Poly:
    if (m.coefficient.numpy < 0).any():
        raise NotPolynomial("a logarithm of what may be negative")
    if not m.atoms and not m.coefficient.numpy.all():
        return algebra.of(Named(_logs(m.coefficient.numpy), m.coefficient.dims))
    with np.errstate(divide="ignore"):
        logs = Named(np.log(m.coefficient.numpy), m.coefficient.dims)
    out = [Monomial(logs)] if m.coefficient.numpy.size and (logs.numpy != 0).any() else []
    for a in _gathered(m.atoms):
        out.append(_log_atom(algebra, a))
    return Poly(algebra, tuple(out) or algebra.of(0.0).monomials)


def _logs(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))


def _log_atom(algebra: Algebra, a: Atom) -> Monomial:
    p = exponent(a)
    if p is not None:
        return Monomial(constant(np.float64(p)), (replace(a, stat="log"),))
    one = constant(np.float64(1.0))
    if a.stat == "fn:exp(x)":
        return Monomial(one, (replace(a, stat="x", function=None),))
    f = statistic(a)
    return Monomial(one, (replace(a, stat=f"fn:log({text_of(a)})", function=lambda v: np.log(f(v))),))


def exp(x: Poly) -> Poly:
    """The exponential: powers of what stands in logarithms, and a function of at most one latent."""
    if x.data:
        return mapped(x, np.exp)
    algebra = x.algebra
    plain = [m for m in x.monomials if not m.atoms]
    logs = [m for m in x.monomials if len(m.atoms) == 1 and m.atoms[0].stat == "log" and _scalar(m)]
    rest = [m for m in x.monomials if m not in plain and m not in logs]
    if any(m.bound for m in x.monomials):
        raise NotPolynomial("an exponential of a sum of latents")
    out = algebra.of(1.0) if not plain else mapped(Poly(algebra, tuple(plain)), np.exp)
    for m in logs:
        atoms = tuple(raised(m.atoms[0], float(m.coefficient.numpy.ravel()[0])))
        out = out * Poly(algebra, (Monomial(constant(np.float64(1.0)), atoms),))
    if rest:
        found = univariate(Poly(algebra, tuple(rest)), np.exp, "exp({})")
        if found is None:
            raise NotPolynomial("an exponential of several latents, or of data times one")
        out = out * found
    return Poly(algebra, out.monomials, x.invalid)


def _scalar(m: Monomial) -> bool:
    return not m.coefficient.dims and not m.more


# ---------------------------------------------------------------- functions of one scalar latent


def univariate(x: Poly, function: Callable[[Array], Array], text: str) -> Poly | None:
    """A function of one scalar element as a statistic of it; None where there is more in it than one.

    text: a pattern whose ``{}`` stands for the argument.
    """
    return several([x], lambda values: function(values[0]), text)


def several(parts: list[Poly], function: Callable[[list[Array]], Array], text: str) -> Poly | None:
    """A function of several values that one scalar element determines."""
    parts = [Poly(p.algebra, tuple(p.algebra.settled(m) for m in p.monomials), p.invalid) for p in parts]
    atoms = [a for p in parts for m in p.monomials for a in m.atoms]
    if not atoms or any(not _uniform(m) or m.bound for p in parts for m in p.monomials):
        return None
    first = atoms[0]
    if first.stat in ("is", "logdet", "inverse") or not all(same_element(first, a) for a in atoms):
        return None
    readers = [_reader(p) for p in parts]

    def evaluate(v: Array) -> Array:
        with np.errstate(all="ignore"):
            return function([r(v) for r in readers])

    stat = "fn:" + text.format(*[_text(p) for p in parts])
    a = parts[0].algebra
    atom = replace(first, stat=stat, function=evaluate)
    return Poly(a, (Monomial(constant(np.float64(1.0)), (atom,)),), a.merged(parts))


def _uniform(m: Monomial) -> bool:
    """Whether the coefficient is one number."""
    c = m.coefficient.numpy
    return not m.more and bool(c.size) and bool((c == c.ravel()[0]).all())


def _reader(x: Poly) -> Callable[[Array], Array]:
    pieces = [(float(m.coefficient.numpy.ravel()[0]), [statistic(a) for a in m.atoms]) for m in x.monomials]

    def read(v: Array) -> Array:
        total: Array = 0.0
        for c, functions in pieces:
            part: Array = c
            for f in functions:
                part = part * f(v)
            total = total + part
        return total + np.zeros_like(np.asarray(v, dtype=float))

    return read


def _text(x: Poly) -> str:
    pieces = []
    for m in x.monomials:
        c = float(m.coefficient.numpy.ravel()[0])
        parts = [text_of(a) for a in m.atoms]
        pieces.append("*".join([f"{c:.17g}", *parts] if c != 1.0 or not parts else parts))
    return " + ".join(pieces)


def text_of(a: Atom) -> str:
    """An atom's statistic as text."""
    if a.stat == "x":
        return "x"
    if a.stat.startswith("fn:"):
        return a.stat.removeprefix("fn:")
    if a.stat.startswith("power:"):
        return f"x^{a.stat.removeprefix('power:')}"
    return f"{a.stat}(x)"


def data_of(x: Poly) -> Named | None:
    """The data that a polynomial is, or None."""
    return finite(values(x)) if x.data else None
