r"""The coordinate update of one latent in LaTeX, derived from the terms of the energy.

\eta_f = \sum over plates of coefficient * E[the other atoms],    then the family's parameters from \eta
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ppl.energy.ascent import Ascent
from ppl.energy.build import energy
from ppl.energy.conditionals import Conditional, conditionals
from ppl.energy.operands import Size
from ppl.energy.relations import relation
from ppl.energy.terms import Atom, Energy, Latent, Term
from ppl.energy.wishes import root
from ppl.errors import UsageError, fail
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.inference.guide_wishes import latent_name
from ppl.report.data_names import Datum, data_of, match
from ppl.report.explained import place
from ppl.report.latex import symbol
from ppl.report.letters import Alphabet, Letters, fresh, lag, own_letters
from ppl.report.update_families import closing

if TYPE_CHECKING:
    from ppl.posterior.bound import Bound

STATISTICS = {
    "x": "{}",
    "log": r"\log {}",
    "log1m": r"\log(1 - {})",
    "logdet": r"\log |{}|",
}
HALF = {0.5: r"\tfrac{1}{2}", 0.25: r"\tfrac{1}{4}", 1.5: r"\tfrac{3}{2}", 0.125: r"\tfrac{1}{8}"}


def update_latex(ascent: Ascent, bound: Bound, name: str) -> str:
    """The update of a latent, ready for an ``align*``. Raises `UsageError` for a name that is none."""
    found = energy(bound.problem)
    own = latent_name(bound.program, name)
    if own not in found.latents:
        known = ", ".join(found.latents)
        raise fail(UsageError, "E705", f"no latent is called `{name}`", help=f"there is: {known}")
    return Update(ascent, bound, found, found.latents[own]).latex()


@dataclass(frozen=True)
class Part:
    """One term's share of a natural parameter: of which statistic, and the formula."""

    statistic: str
    formula: str


class Update:
    """The terms of one latent, put in words."""

    def __init__(self, ascent: Ascent, bound: Bound, found: Energy, latent: Latent) -> None:
        self.ascent, self.bound, self.energy, self.latent = ascent, bound, found, latent
        self.graph = bound.problem.plain
        self.at = bound.problem._plain_layout.evaluator()
        self.size = Size(dict(found.sizes))
        self.alphabet = Alphabet.of(bound.program)
        definition = next((d for d in bound.program.definitions if d.name == latent.name), None)
        self.own = own_letters(self.alphabet, latent, definition)
        self.state = ""
        if latent.states is not None:
            self.state = fresh(self.alphabet.states.get(latent.name, "k"), self.own)
        self.notes: list[str] = []

    def latex(self) -> str:
        """The natural parameters, one a line, then the family."""
        c = self._conditional()
        grouped: dict[str, list[str]] = {}
        for part in self.parts():
            grouped.setdefault(part.statistic, []).append(part.formula)
        lines = [rf"\eta\left[{stat}\right] &= {_sum(parts)}" for stat, parts in grouped.items()]
        lines += list(self._stand_ins())
        lines += [rf"{left} &{right}" for left, right in closing(c, self._symbol(self.own), self.state)]
        if self.latent.name in self.ascent.plan.splits.made and len(c.names) == 1:
            self.notes.append("of products of two elements, the other one is replaced by its expectation")
        if c.kind == "drawn":
            self.notes.append(
                "only the factors that are polynomials in its statistics; the others are evaluated"
            )
        if self.latent.multiplicity is not None:
            self.notes.append("every eta is divided by the weight of its element, which stands for as many")
        notes = "".join(f"% {n}\n" for n in dict.fromkeys(self.notes))
        return notes + "\\begin{align*}\n  " + " \\\\\n  ".join(lines) + "\n\\end{align*}"

    def parts(self) -> Iterator[Part]:
        """Every term that holds the latent, once."""
        for term in self.energy.terms:
            if any(a.name == self.latent.name for a in term.atoms):
                yield self._part(term)

    def _conditional(self) -> Conditional:
        return next(
            c for c in conditionals(self.ascent.plan) if self.latent.name in {root(n) for n in c.names}
        )

    def _stand_ins(self) -> Iterator[str]:
        for r in self.energy.residuals:
            if self.latent.name in r.names and r.predictor is not None:
                self.notes.append(f"u: the predictor of {place(self.bound.program.source, r.statement)}")
                self.notes.append(
                    "g, h: E f'(u) and E f''(u) of its log density f, by Gauss-Hermite quadrature"
                )
                plates = ",".join(self.alphabet.base(d) for d in r.dims)
                yield (
                    rf"&\quad{{}} + \sum_{{{plates}}} \left( (g - h \, \mathbb{{E}}[u])_{{{plates}}} \, "
                    rf"u_{{{plates}}} + \tfrac{{1}}{{2}} h_{{{plates}}} \, u_{{{plates}}}^2 \right)"
                )

    # ---------------------------------------------------------------- one term

    def _part(self, term: Term) -> Part:
        places = [i for i, a in enumerate(term.atoms) if a.name == self.latent.name]
        chief = min(places, key=lambda i: self._distance(term.atoms[i], term))
        second = [term.atoms[i] for i in places if i != chief]
        others = [a for a in term.atoms if a.name != self.latent.name]
        letters, conditions, single = self._letters(term, term.atoms[chief])
        coefficient, sign, folded = self._coefficient(term, letters)
        gone = self._fixed(letters) | self._beside(second) | single
        gone |= {d for d in term.dims if "~" in d.tag and self.size(d) == 1}
        over = [d for d in dict.fromkeys((*term.dims, *folded)) if d not in gone]
        found = [coefficient, *conditions[1], *self._expectations(others, term, letters)]
        body = r" \, ".join(p for p in found if p)
        under = self._under(over, letters, conditions[0])
        sums = rf"\sum_{{{under}}} " if under else ""
        return Part(self._statistic(term.atoms[chief], second, term, letters), f"{sign}{sums}{body or '1'}")

    def _distance(self, a: Atom, term: Term) -> int:
        """How indirectly an atom reads its elements: along dims, by lags, by data."""
        steps = [0 if isinstance(e, Dim) else 1 if self._lag(e, term) else 2 for e in a.index]
        return sum(steps)

    def _lag(self, e: Named, term: Term) -> tuple[Dim, int] | None:
        return lag(e, term.coefficient, self.size.lengths)

    def _letters(self, term: Term, chief: Atom) -> tuple[Letters, tuple[str, list[str]], set[Dim]]:
        """Letters of all dims so that the chief atom is at the latent's own element.

        Also what ties other rows to it (to stand under the sum, and as factors), and dims of length one.
        """
        letters: Letters = {}
        rows: list[tuple[str, Named]] = []
        factors, single = [], set()
        for letter, entry in zip(self.own, chief.index, strict=False):
            step = None if isinstance(entry, Dim) else self._lag(entry, term)
            if isinstance(entry, Dim):
                letters[entry] = letter
            elif step is not None:
                letters[step[0]] = letter if step[1] == 0 else f"{letter}{step[1]:+d}"
            elif entry.numpy.size == 1:
                factors.append(f"[{letter} = {int(entry.numpy.ravel()[0]) + 1}]")
                single |= set(entry.dims)
            else:
                rows.append((letter, entry))
        if chief.state is not None:
            letters[chief.state] = self.state
        self._rest(term, letters)
        tied = [f"{self._codes(entry, term, letters)} = {letter}" for letter, entry in rows]
        return letters, (", ".join(tied), factors), single

    def _rest(self, term: Term, letters: Letters) -> None:
        """Letters of the dims that are summed over, or that a second read has."""
        taken = [*self.own, *letters.values(), self.state]
        for d in sorted(dict.fromkeys((*term.dims, *self._folded(term))), key=str):
            if d not in letters:
                letters[d] = fresh(self.alphabet.base(d), taken)
                taken.append(letters[d])

    def _fixed(self, letters: Letters) -> set[Dim]:
        own = {*self.own, self.state}
        return {d for d, text in letters.items() if text.split("+")[0].split("-")[0] in own}

    def _folded(self, term: Term) -> tuple[Dim, ...]:
        """Plates of the statement that were summed out into the coefficient."""
        if term.origin is None:
            return ()
        plates = [
            d
            for d in (*term.origin.place.plates, *term.origin.event)
            if d in self.size.lengths or self._known(d)
        ]
        return tuple(d for d in plates if d not in term.dims and not self._stands(d, term))

    def _known(self, d: Dim) -> bool:
        self.size.lengths.setdefault(d, self.at.size(d))
        return True

    def _stands(self, d: Dim, term: Term) -> bool:
        """Whether a dim of the term was made from this plate (its live places only)."""
        return any(e.set == d.set and e.tag.split("~")[0] == d.tag for e in term.dims)

    def _beside(self, second: list[Atom]) -> set[Dim]:
        """The dims of the statistic itself: other elements, and states, of a second read."""
        out: set[Dim] = set()
        for a in second:
            own = [e for e in a.index if isinstance(e, Dim)]
            out |= {*own} | ({a.state} if a.state is not None else set())
        return out

    def _under(self, over: list[Dim], letters: Letters, condition: str) -> str:
        names = ",".join(dict.fromkeys(letters[d] for d in over))
        return f"{names} : {condition}" if names and condition else names or condition

    # ---------------------------------------------------------------- atoms

    def _index(self, a: Atom, term: Term, letters: Letters) -> list[str]:
        return [letters[e] if isinstance(e, Dim) else self._codes(e, term, letters) for e in a.index]

    def _codes(self, e: Named, term: Term, letters: Letters) -> str:
        step = self._lag(e, term)
        if step is not None:
            base = letters.get(step[0], "i")
            return base if not step[1] else _shifted(base, -step[1])
        if e.numpy.size == 1:
            return str(int(e.numpy.ravel()[0]) + 1)
        if len(e.dims) == 1 and "~" in e.dims[0].tag and (np.diff(e.numpy[0]) > 0).all():
            letter = letters[e.dims[0]]
            self.notes.append(f"{letter}: some rows only, in {self._line(term)}")
            return letter
        for datum in self._data(term):
            if datum.value.dims == e.dims and np.array_equal(datum.value.numpy, e.numpy):
                return datum.shown(letters)
        self.notes.append(f"s: which element, from {self._line(term)}")
        return f"s({','.join(letters[d] for d in e.dims)})"

    def _element(self, name: str, index: list[str]) -> str:
        head = symbol(name.rpartition(".")[2])
        return f"{{{head}}}_{{{','.join(index)}}}" if index else head

    def _symbol(self, index: list[str]) -> str:
        return self._element(self.latent.name, index)

    def _atom(self, a: Atom, term: Term, letters: Letters) -> str:
        state = "" if a.state is None else letters[a.state]
        return self._at(a, self._index(a, term, letters), state)

    def _at(self, a: Atom, index: list[str], state: str) -> str:
        """The statistic of an atom at an element."""
        if a.stat == "inverse":
            return f"({self._element(a.name, index[:-2])}^{{-1}})_{{{','.join(index[-2:])}}}"
        x = self._element(a.name, index[: len(a.index)])
        if a.stat == "is":
            return f"[{x} = {state}]"
        if a.stat.startswith("power:"):
            return f"{{{x}}}^{{{a.stat.removeprefix('power:')}}}"
        if a.stat.startswith("fn:"):
            text = a.stat.removeprefix("fn:").replace("_", r"\_").replace("(x)", "")
            return rf"\mathrm{{{text}}}({x})"
        return STATISTICS[a.stat].format(x)

    def _statistic(self, chief: Atom, second: list[Atom], term: Term, letters: Letters) -> str:
        first = self._at(chief, self.own, self.state)
        for a in second:
            pairs = zip(chief.index, a.index, strict=False)
            same = all(relation(x, y, term.coefficient, self.size) == "same" for x, y in pairs)
            if same and a.stat == chief.stat == "x":
                return f"{{{first}}}^{{2}}"
            first += rf" \, {self._atom(a, term, letters)}"
        return first

    def _expectations(self, others: list[Atom], term: Term, letters: Letters) -> Iterator[str]:
        """Expectations of atoms that q keeps together, and apart."""
        blocks: dict[object, list[str]] = {}
        for a in others:
            key = self.ascent.plan.of.get(a.name, a.name)
            blocks.setdefault(key, []).append(self._atom(a, term, letters))
        for atoms in blocks.values():
            counted = {t: atoms.count(t) for t in atoms}
            inner = r" \, ".join(t if n == 1 else f"{{{t}}}^{{{n}}}" for t, n in counted.items())
            if all(t.startswith("[") for t in counted):
                yield f"q({', '.join(t[1:-1] for t in counted)})"
            else:
                yield rf"\mathbb{{E}}[{inner}]"

    # ---------------------------------------------------------------- coefficients

    def _data(self, term: Term) -> tuple[Datum, ...]:
        return () if term.origin is None else data_of(self.at, self.graph, term.origin)

    def _states(self, term: Term, letters: Letters) -> Iterator[Datum]:
        """The values of states, which count where a discrete latent is a number."""
        for a in term.atoms:
            states = self.energy.latents[a.name].states
            if a.state is not None and states is not None:
                yield Datum(None, Named(np.asarray(states, float)[None], (a.state,)), letters[a.state])

    def _weights(self, term: Term, letters: Letters) -> list[Datum]:
        """The weights of rows, by which every plate over them is multiplied."""
        out = []
        tables = self.bound.program.tables
        for d in dict.fromkeys((*term.dims, *self._folded(term))):
            weights = self.at.data.weights.get(d.set)
            if (
                weights is not None
                and len(weights) == self.size(d)
                and "~" not in d.tag
                and d in self._plates(term)
            ):
                name = next(c.name for c in tables[d.set].columns if c.role == "weight")
                value = Named(np.asarray(weights, float)[None], (d,))
                out.append(Datum(None, value, self._element(name, [letters[d]])))
        return out

    def _plates(self, term: Term) -> tuple[Dim, ...]:
        return () if term.origin is None else term.origin.place.plates

    def _coefficient(self, term: Term, letters: Letters) -> tuple[str, str, tuple[Dim, ...]]:
        """The coefficient's text, its sign, and the folded plates that it is summed over."""
        c = Named(np.asarray(term.coefficient.numpy, float), term.coefficient.dims)
        data = (*self._states(term, letters), *self._data(term))
        folded = self._folded(term)
        plates = [d for d in folded if d in self._plates(term)]
        found = match(
            c, data, folded, self.size.lengths, tuple(term.dims), plates, self._weights(term, letters)
        )
        if found is not None:
            parts = _powers([d.shown(letters) for d in found.data])
            text = r" \, ".join(p for p in (_number(abs(found.ratio)), *parts) if p)
            return text, "-" if found.ratio < 0 else "", found.over
        if not c.dims:
            value = float(c.numpy.ravel()[0])
            return _number(abs(value)), "-" if value < 0 else "", ()
        self.notes.append(f"c: data and constants of {self._line(term)}")
        return f"c_{{{','.join(letters[d] for d in c.dims)}}}", "", ()

    def _line(self, term: Term) -> str:
        return str(place(self.bound.program.source, term.origin)) if term.origin is not None else "the model"


def _shifted(letter: str, step: int) -> str:
    """``t+1`` one step back is ``t``.

    >>> _shifted("t+1", -1), _shifted("t", -1)
    ('t', 't-1')
    """
    base, sign, amount = letter.partition("+")
    total = (int(amount) if sign else 0) + step
    return base if total == 0 else f"{base}{total:+d}"


def _powers(parts: list[str]) -> list[str]:
    return [f"{{{p}}}^{{2}}" if parts.count(p) == 2 else p for p in dict.fromkeys(parts)]


def _number(value: float) -> str:
    return "" if value == 1.0 else HALF.get(value, f"{value:.6g}")


def _sum(parts: list[str]) -> str:
    out = parts[0]
    for p in parts[1:]:
        out += f" - {p[1:]}" if p.startswith("-") else f" + {p}"
    return out
