"""Every distribution's ``polynomial`` against its ``log_density`` at its own examples, whatever is latent."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ppl.distributions import find, names
from ppl.distributions.base import Distribution, Example
from ppl.energy.evaluate_terms import value
from ppl.energy.forms import Form
from ppl.energy.poly import Algebra, NotPolynomial, Poly
from ppl.energy.terms import Energy, Latent, Term
from ppl.graph.evaluate import Evaluator
from ppl.graph.named import Named
from ppl.graph.nodes import Dim
from ppl.supports import POSITIVE, REAL, Structured, Support
from tests.graph.make import Case, problem_of

POLYNOMIAL = {
    *(
        "Bernoulli",
        "Beta",
        "Binomial",
        "Categorical",
        "Dirichlet",
        "Exponential",
        "Flat",
        "Gamma",
        "Geometric",
    ),
    *("HalfNormal", "InverseGamma", "InverseWishart", "LogNormal", "Multinomial", "MultivariateNormal"),
    *("NegativeBinomial", "Normal", "Pareto", "Poisson", "Uniform", "Weibull", "Wishart", "ZeroSumNormal"),
}
CASES = [(n, i) for n in names() for i in range(len(find(n).examples)) if n in POLYNOMIAL]  # type: ignore[union-attr]


def test_these_distributions_are_polynomials() -> None:
    own = {n for n in names() if "polynomial" in vars(find(n))}
    assert own == POLYNOMIAL


@pytest.mark.parametrize(("name", "which"), CASES)
def test_polynomial_is_the_log_density(name: str, which: int) -> None:
    kind = find(name)
    assert kind is not None
    example = kind.examples[which]
    matched = 0
    for x in example.values:
        if name == "Flat":
            continue
        arrays = {k: np.asarray(v, dtype=float) for k, v in example.arguments.items()}
        want = float(np.asarray(kind.log_density(np.asarray(x, dtype=float), **arrays)))
        every = ["x", *arrays] if kind.element == "real" else list(arrays)
        for count in range(len(every) + 1):
            for latent in combinations(every, count):
                got = _evaluated(kind, example, np.asarray(x, dtype=float), frozenset(latent))
                if got is not None:
                    matched += bool(latent)
                    assert np.isclose(got, want, rtol=1e-9, atol=1e-9), latent
    left = name == "Flat" or "logit" in example.arguments
    assert matched or left or (name == "NegativeBinomial" and "p" not in example.arguments)


def _evaluated(
    kind: type[Distribution], example: Example, x: np.ndarray, latent: frozenset[str]
) -> float | None:
    """The density with some arguments (and the value) as latents; None where that is no polynomial."""
    at = _evaluator()
    algebra = Algebra(at, {}, {})
    event = tuple(Dim("e", str(i)) for i in range(kind.event_dims))
    size = x.shape[0] if x.ndim else len(next(iter(example.arguments.values()), ())) if _table(kind) else 1
    for d in (*event, Dim("e", "second"), Dim("e", "states")):
        at.define_dim(d, size)
    form = Form(algebra, event, Dim("e", "second"), Dim("e", "states"))
    point: dict[str, np.ndarray] = {}
    latents: dict[str, Latent] = {}

    def argument(name: str, array: np.ndarray, support: Support, dims: tuple[Dim, ...]) -> Poly:
        if name not in latent:
            return algebra.of(Named(array[None], dims))
        algebra.supports[name] = support
        point[name] = array
        latents[name] = Latent(name, "latent", dims, array.shape, 0, support)
        return algebra.atom(name, dims)

    given = {}
    for p in kind.parameters:
        if p.name in example.arguments:
            array = np.asarray(example.arguments[p.name], dtype=float)
            dims: tuple[Dim, ...] = ()
            if p.event_dims:
                dims = form.matrix if p.event_dims == 2 else (event or (Dim("e", "states"),))
            given[p.name] = argument(p.name, array, p.support, dims)
    own = argument("x", x, _own_support(kind), event)
    try:
        out = kind.polynomial(form, own, **given)
    except NotPolynomial:
        return None
    if out is None:
        return None
    terms = tuple(Term(m.coefficient, m.atoms) for m in algebra.of(out).monomials)
    sizes = {d: at.size(d) for t in terms for d in t.dims}
    return value(Energy(latents, terms, sizes=sizes), point)


def _own_support(kind: type[Distribution]) -> Support:
    found = kind.support(**{p.name: p.support for p in kind.parameters})
    return found if isinstance(found, Structured) else POSITIVE if found == POSITIVE else REAL


def _table(kind: type[Distribution]) -> bool:
    return any(p.length == "states" for p in kind.parameters)


def _evaluator() -> Evaluator:
    case = Case(
        "one", "table rows(y: real)\nm ~ Normal(0, 1)\ny[n] ~ Normal(m, 1) for n in rows", {"rows": "y\n1\n"}
    )
    problem = problem_of(case)
    return Evaluator(problem.data, {})
