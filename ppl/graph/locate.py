"""Find the statement and the row where a log joint is not finite."""

from __future__ import annotations

import numpy as np

from ppl.graph.assemble import Layout, Terms, walk
from ppl.graph.named import Named
from ppl.graph.rows import place_name


def locate(lay: Layout, z: np.ndarray) -> str:
    """A sentence about the first log term that is not finite at one draw z (D,)."""
    at = lay.evaluator()
    with np.errstate(all="ignore"):
        for group in lay.groups:
            terms = Terms()
            from dataclasses import replace

            walk(replace(lay, groups=(group,), fold=False), at, z[None], terms)
            named = [*terms.prior, *terms.likelihood]
            named += [p.named for p in terms.potentials if not _degenerate(p.named)]
            for s in group:
                value = at.values.get(s.name)
                if s.kind == "value" and value is not None and not np.isfinite(value.numpy).all():
                    return f"`{s.name}` is not finite{_where(lay, at, value)}"
            for term in named:
                if not np.isfinite(term.numpy).all():
                    names = " or ".join(f"`{s.name}`" for s in group)
                    return f"the log density of {names} is not finite{_where(lay, at, term)}"
    return "the log joint is not finite, though every factor is"


def _degenerate(term: Named) -> bool:
    """-inf alone is a probability of zero, which states summed out may have."""
    return bool(np.isneginf(term.numpy[~np.isfinite(term.numpy)]).all() and np.isfinite(term.numpy).any())


def _where(lay: Layout, at: object, x: Named) -> str:
    bad = np.argwhere(~np.isfinite(x.numpy[0]))
    if not len(bad) or not x.dims:
        return ""
    parts = []
    for d, i in zip(x.dims, bad[0], strict=True):
        if d.set in lay.data.sets or d in at.domains:  # type: ignore[attr-defined]
            parts.append(place_name(at, d, int(i)))  # type: ignore[arg-type]
    return " at " + ", ".join(parts) if parts else ""
