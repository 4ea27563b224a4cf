"""Blankets leave nothing out: whatever a changed latent changes lies in its blanket."""

from __future__ import annotations

import numpy as np
import pytest

from ppl.graph.blankets import coordinate_elements, incidence, stored_shape
from ppl.graph.terms_at_draws import TermsAtDraws
from ppl.inference.score_estimate import ScoreTarget
from tests.graph.corpus import CONTINUOUS, DISCRETE
from tests.graph.make import Case, problem_of

CASES = [*CONTINUOUS, *DISCRETE]


def _terms(case: Case) -> TermsAtDraws:
    return ScoreTarget(problem_of(case)).terms


def _draw(terms: TermsAtDraws) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = 0.3 * rng.normal(size=(1, terms.width))
    for d in terms.discretes:
        x[:, d.where] = rng.choice(d.states, size=d.count)
    return x


def _touched(terms: TermsAtDraws, name: str, shape: tuple[int, ...], whole: int = 0) -> np.ndarray:
    """Whether each cell of all terms is in the blanket of each element: (cells, elements)."""
    out = np.zeros((terms.count, int(np.prod(shape, dtype=int))))
    for term in terms.terms:
        found = incidence(terms.layout, terms.at, term, name, shape, whole)
        if found is not None:
            costs = np.zeros((term.where.stop - term.where.start, *shape))
            found.add_to(costs, np.eye(len(costs)))
            out[term.where] = costs.reshape(len(costs), -1)
    assert np.isin(out, (0.0, 1.0)).all()  # no cell counts twice
    return out > 0


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (after != before) & ~(np.isnan(after) & np.isnan(before))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_changed_cell_is_in_the_blanket(case: Case) -> None:
    terms = _terms(case)
    x = _draw(terms)
    before = terms.program.value(x)[0]
    for d in terms.discretes:
        touched = _touched(terms, d.name, d.shape)
        for e, cell in enumerate(d.cells):
            for state in d.states:
                y = x.copy()
                y[0, d.where.start + e] = state
                assert not (_changed(before, terms.program.value(y)[0]) & ~touched[:, cell]).any(), d.name
    for block in terms.layout.blocks.values():
        shape = stored_shape(terms.layout, terms.at, block)
        touched = _touched(terms, block.name, shape, len(block.consumed))
        for j, element in enumerate(coordinate_elements(terms.layout, terms.at, block)):
            y = x.copy()
            y[0, block.where.start + j] += 0.1
            assert not (_changed(before, terms.program.value(y)[0]) & ~touched[:, element]).any(), block.name


def _case(name: str) -> Case:
    return next(c for c in CASES if c.name == name)


@pytest.mark.parametrize(("name", "latent", "most"), [("mixture", "c", 2), ("hmm", "z", 3)])
def test_blankets_are_small_where_plates_separate(name: str, latent: str, most: int) -> None:
    terms = _terms(_case(name))
    d = next(d for d in terms.discretes if d.name == latent)
    assert _touched(terms, d.name, d.shape).sum(0).max() == most


@pytest.mark.parametrize("case", [c for c in CONTINUOUS], ids=lambda c: c.name)
def test_the_terms_add_up_to_the_log_joint(case: Case) -> None:
    found = problem_of(case)
    terms = ScoreTarget(found).terms
    z = 0.3 * np.random.default_rng(1).normal(size=(4, terms.size))
    mine = terms.program.value(z).sum(1) + terms.constant
    np.testing.assert_allclose(mine, found.target().log_density(z), rtol=1e-9)
