"""Fold the rows of an observation, so that an evaluation touches fewer of them.

In order of what is saved: Gaussian rows with an affine mean through their moments (`fold_gaussian`); rows
with equal parameters as one, through sufficient statistics (`fold_families`), or else through the
multiplicity of each distinct (row, observation). What cannot be folded is evaluated row by row, an affine
predictor of several terms as one product with its design matrix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ppl.graph import densities
from ppl.graph import nodes as g
from ppl.graph.affine import is_data
from ppl.graph.classes import Classes, group_rows
from ppl.graph.cost import FEWEST_ROWS, LARGEST_SHARE, Folding
from ppl.graph.design import predictor, read_design
from ppl.graph.evaluate import Evaluator
from ppl.graph.fold_design import LINKS, Counts, design_density, entries
from ppl.graph.fold_families import ClassRows, by_statistics, class_density
from ppl.graph.fold_gaussian import fold_gaussian
from ppl.graph.fold_logistic import logistic_density
from ppl.graph.fold_squares import square_density
from ppl.graph.fold_vectors import VECTORS, fold_vectors
from ppl.graph.gram import rows_of
from ppl.graph.inline import expand
from ppl.graph.links import linked
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Dim
from ppl.graph.observation import Observation
from ppl.graph.rowwise import CannotFold, columns_of_rows, restricted

Array = Any
FEW_CLASSES = 100  # that the recorded operations evaluate as fast as one primitive
HIDDEN = 2  # arrays over rows that a primitive over all rows stands for, besides its sparse entries
ALONE = "row by row: too few rows agree"
LOCATIONS = ("mean", "logit", "log_rate", "location")


def folded_density(
    at: Evaluator,
    s: g.Statement,
    value: Named,
    values: dict[str, g.Statement],
    weights: np.ndarray | None,
) -> tuple[Named | None, Folding]:
    """The summed log density over fewer rows (None where the rows stay), and what was done or why not.

    ``values`` are the deterministic statements that may be written out; ``weights`` the rows' own.
    """
    dim = _single_plate(at, s, value)
    body = s.body
    if dim is None or not isinstance(body, g.Distribution):
        return None, unfolded(at, s, value, _why_not(at, s, value))
    body = expand(body, {k: v for k, v in values.items() if _along(v, dim)})
    assert isinstance(body, g.Distribution)
    body = linked(body)
    rows = Observation(s, body, dim, aligned(value, (dim, *s.event))[0], weights)
    try:
        if body.name in VECTORS:
            found = fold_vectors(at, rows)
            if found is not None or s.event:
                return found or _unlike(at, s, value)
        return _by_moments(at, rows) or _by_design(at, rows) or _by_classes(at, rows) or _by_rows(at, rows)
    except CannotFold:
        return None, unfolded(at, s, value, "a row reads more than its own data")


def unfolded(at: Evaluator, s: g.Statement, value: Named, why: str) -> Folding:
    """The note of a statement that is evaluated row by row."""
    n = int(np.prod([at.size(d) for d in value.dims], dtype=int))
    return Folding(s.name, f"row by row: {why}", n, n, n, n)


def _unlike(at: Evaluator, s: g.Statement, value: Named) -> tuple[None, Folding]:
    return None, unfolded(at, s, value, ALONE.split(": ")[1])


def _single_plate(at: Evaluator, s: g.Statement, value: Named) -> Dim | None:
    if len(s.place.plates) != 1 or not value.constant or value.invalid is not None:
        return None
    if s.event and not (len(s.event) == 1 and getattr(s.body, "name", "") in VECTORS):
        return None
    dim = s.place.plates[0]
    return dim if set(value.dims) == {dim, *s.event} and at.size(dim) >= FEWEST_ROWS else None


def _why_not(at: Evaluator, s: g.Statement, value: Named) -> str:
    if len(s.place.plates) > 1:
        return "several plates"
    if value.dims and at.size(value.dims[0]) < FEWEST_ROWS:
        return "few rows"
    return "no single plate of scalar observations"


def _along(s: g.Statement, dim: Dim) -> bool:
    """Whether a value is stored row by row along the plate's own set, so that it can be written out."""
    rows = [a for a in s.place.axes if isinstance(a, g.Position) and a.dim.set == dim.set]
    return not s.recurrent and len(rows) == 1 == len(s.place.axes)


def _by_moments(at: Evaluator, o: Observation) -> tuple[Named, Folding] | None:
    found = fold_gaussian(at, o.body, o.dim, o.y, o.weights)
    if found is None:
        return None
    note = Folding(o.statement.name, found.how, len(o.y), found.kept, found.before, found.after)
    return found.density, note


def _by_design(at: Evaluator, o: Observation) -> tuple[Named, Folding] | None:
    """One dense and sparse design of Poisson, Bernoulli and Binomial rows, or of their classes where many."""
    link = LINKS.get(o.body.name, "")
    location = dict(o.body.arguments).get(link)
    if location is None or o.dim not in location.loops:
        return None
    classes = group_rows(columns_of_rows(at, o.body, o.dim), len(o.y), LARGEST_SHARE * len(o.y))
    if classes is not None and len(classes.rows) <= FEW_CLASSES:
        return None
    inner = at if classes is None else restricted(at, o.dim, classes.rows)
    design = read_design(inner, location, o.dim)
    trials = _trials(inner, o)
    if design is None or trials is None:
        return None
    n, kept = len(o.y), design.rows
    shared, dense, sparse = entries(design)
    if classes is None and o.body.name == "Bernoulli" and o.weights is None and not sparse:
        return None  # the primitive of logistic regressions
    rows = None if classes is None else rows_of(classes.of_row, classes.rows, o.weights)
    counts = Counts(o.y, rows, o.weights, trials)
    density = Named(design_density(o.body.name, design, counts))
    width = shared + dense + sparse + 3
    who = "row by row" if classes is None else f"sufficient statistics of {kept} classes of equal rows"
    how = f"{who}: one design of {dense} dense columns and {sparse} sparse entries"
    hidden = kept * (HIDDEN + sparse)
    return density, Folding(o.statement.name, how, n, kept, n * width, kept * width, hidden)


def _trials(inner: Evaluator, o: Observation) -> float | np.ndarray | None:
    """The trials of Binomial rows, 1 for others; None where they are not data."""
    node = dict(o.body.arguments).get("n")
    if node is None:
        return 1.0
    if not is_data(inner, node):
        return None
    found = inner.named(node)
    if found.invalid is not None or set(found.dims) - {o.dim}:
        return None
    n = np.asarray(aligned(found, (o.dim,))[0], dtype=float)
    return float(n[0]) if n.size == 1 else n


def _by_classes(at: Evaluator, o: Observation) -> tuple[Named, Folding] | None:
    leaves = columns_of_rows(at, o.body, o.dim)
    short = by_statistics(o.body.name, frozenset(k for k, _ in o.body.arguments))
    n = len(o.y)
    classes = group_rows([*leaves, *([] if short else [o.y])], n, LARGEST_SHARE * n)
    if classes is None:
        return None
    inner = restricted(at, o.dim, classes.rows)
    term = _sufficient(inner, o, classes) if short else _multiplied(inner, o, classes)
    word = "sufficient statistics" if short else "multiplicities"
    kept = len(classes.rows)
    width = 3 + len(leaves)
    note = Folding(
        o.statement.name, f"{word} of {kept} classes of equal rows", n, kept, n * width, kept * width
    )
    return term.renamed({o.dim: Dim("classes", o.dim.tag)}), note


def _sufficient(inner: Evaluator, o: Observation, classes: Classes) -> Named:
    rows = rows_of(classes.of_row, classes.rows, o.weights)
    ready = densities.prepare(inner, o.body, (), Named(o.y[classes.rows][None], (o.dim,)))

    def shaped(x: np.ndarray) -> np.ndarray:
        return np.asarray(aligned(Named(x[None], (o.dim,)), ready.batch))

    found = ClassRows(np.asarray(o.y, dtype=float), rows, shaped)
    return Named(class_density(o.body.name, found, ready.applied.given), ready.batch)


def _multiplied(inner: Evaluator, o: Observation, classes: Classes) -> Named:
    term = inner.log_density(o.body, Named(o.y[classes.rows][None], (o.dim,)), ())
    count = np.bincount(classes.of_row, o.weights, minlength=len(classes.rows)).astype(float)
    return _summed(term, o.dim, count)


def _summed(term: Named, dim: Dim, count: np.ndarray) -> Named:
    return Named(term.array * aligned(Named(count[None], (dim,)), term.dims), term.dims)


def _by_rows(at: Evaluator, o: Observation) -> tuple[Named | None, Folding]:
    """Row by row, a predictor of several terms as one matrix product and its gathers."""
    n = len(o.y)
    squares = square_density(at, o)
    if squares is not None:
        cost = n * (len(squares[1].columns) + 3)
        _, dense, sparse = entries(squares[1])
        how = (
            f"row by row: one design of {dense} dense columns and {sparse} sparse entries; too few rows agree"
        )
        return Named(squares[0]), Folding(o.statement.name, how, n, n, cost, cost, n * (HIDDEN + sparse))
    for name, node in o.body.arguments:
        if name not in LOCATIONS or o.dim not in node.loops:
            continue
        design = read_design(at, node, o.dim)
        if design is None or len(design.columns) < 2:
            continue
        cost = n * (len(design.columns) + 3)
        dense = sum(not c.by_row for c in design.columns)
        how = f"row by row: one design of {dense} columns and {len(design.columns) - dense} group terms"
        note = Folding(o.statement.name, f"{how}; too few rows agree", n, n, cost, cost)
        if o.body.name == "Bernoulli" and name == "logit" and o.weights is None:
            whole = logistic_density(design, o.y)
            if whole is not None:
                return Named(whole), replace(note, hidden=HIDDEN * n)
        eta = Named(predictor(n, design.columns, design.beta, design.offset), (o.dim,))
        inner = _with_value(at, node, eta)
        term = inner.log_density(o.body, Named(o.y[None], (o.dim,)), ())
        return term, note
    return None, Folding(o.statement.name, ALONE, n, n, n, n)


def _with_value(at: Evaluator, node: g.Node, value: Named) -> Evaluator:
    """The evaluator with one node's value given."""
    return replace(at, _memo={**at._memo, node: value})
