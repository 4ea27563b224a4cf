"""Information criteria of a maximum likelihood fit."""

from __future__ import annotations

import math
from typing import Any

from ppl.graph.assemble import row_weights
from ppl.posterior.factored import Factored


def criteria(problem: Any, q: Factored) -> dict[str, float]:
    """AIC and BIC where free `param`s are all that has points and the log likelihood is exact, else {}.

    AIC = 2k - 2 log L, BIC = k log n - 2 log L (Akaike 1974; Schwarz 1978), with k free parameters (a
    simplex has one less than entries) and n observed rows. Latents, discrete or not, are integrated out.
    """
    params = {x.name for x in problem.quantities if x.kind == "param"}
    points = {name for block in q.blocks if block.point for name in block.names}
    if q.log_evidence is None or not math.isfinite(q.log_evidence) or not params or points != params:
        return {}
    count, rows = int(problem.own_target.point.sum()), observed_rows(problem)
    likelihood = float(q.log_evidence)
    return {
        "log_likelihood": likelihood,
        "parameters": float(count),
        "rows": rows,
        "aic": 2.0 * count - 2.0 * likelihood,
        "bic": count * math.log(max(rows, 1.0)) - 2.0 * likelihood,
    }


def observed_rows(problem: Any) -> float:
    """Rows that an observation is about, each plate once, rows with weights by their weight."""
    lay = problem.layout
    at = lay.evaluator()
    weight = row_weights(lay, at)
    plates = {s.place.plates for s in problem.plain.statements if s.kind == "observed"}
    total = 0.0
    for dims in plates:
        size = 1.0
        for dim in dims:
            own = weight(dim)
            size *= at.size(dim) if own is None else float(own.sum())
        total += size
    return total
