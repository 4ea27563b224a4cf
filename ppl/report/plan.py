"""How a model would be fitted, latent by latent."""

from __future__ import annotations

from typing import Any

from ppl.language import typed as t
from ppl.supports import describe


def plan_text(model: Any, problem: Any = None) -> str:
    """One line a latent or param: its support, transform and treatment; sizes where data are bound."""
    lines = ["method: advi, a Gaussian over the transformed latents"]
    sizes = {q.name: len(q.labels) for q in problem.quantities} if problem is not None else {}
    apart = _non_centred(model.graph if problem is None else problem.graph)
    rows = [_row(d, sizes, apart) for d in model.program.definitions if d.kind in ("latent", "param")]
    rows += [_imputed(d) for d in model.program.definitions if d.imputes is not None]
    rows = [(name, _guided(model.program, name) or text) for name, text in rows]
    rows += [_network(n) for n in model.program.networks.values()]
    width = max((len(name) for name, _ in rows), default=0)
    lines += [f"  {name.ljust(width)}  {text}" for name, text in rows]
    if problem is not None:
        lines.append(_family(problem))
    return "\n".join(lines)


def _non_centred(graph: Any) -> set[str]:
    """The latents that a pass has written as location + scale * standard."""
    return {s.name.removesuffix(".raw") for s in graph.statements if s.name.endswith(".raw")}


def _row(d: t.Definition, sizes: dict[str, int], apart: set[str]) -> tuple[str, str]:
    axes = ", ".join(str(axis) for axis in d.type.axes)
    name = f"{d.name}[{axes}]" if axes else d.name
    count = f"{sizes[d.name]} elements, " if sizes.get(d.name, 1) > 1 else ""
    return name, count + _treatment(d, d.name in apart)


def _treatment(d: t.Definition, apart: bool) -> str:
    if d.type.element in ("label", "bool", "int"):
        what = "states" if d.type.element == "label" else "values"
        return f"discrete: its {what} are summed out exactly"
    support = describe(d.type.support)
    how = "a point estimate, by maximum likelihood" if d.kind == "param" else "Gaussian"
    if apart:
        return f"{how}, non-centred: location + scale times a standard latent"
    moved = "as it is" if support == "real" else f"from {support} to the real line"
    return f"{how}, {moved}"


def _guided(program: t.Program, row: str) -> str:
    """What the guide makes of a latent by a distribution of its own, if it does."""
    for q in program.guide:
        if isinstance(q.family, t.Dist) and row.partition("[")[0] in q.names:
            other = "" if q.strategy == "Flow" else ", or bbvi for states"
            return f"{q.family.name} as the guide says, by --method advi_stochastic{other}"
    return ""


def _network(network: t.NetworkDef) -> tuple[str, str]:
    latent = "prior" in dict(network.arguments)
    return network.name, f"{network.layer} whose weights are {'latents with a prior' if latent else 'points'}"


def _imputed(d: t.Definition) -> tuple[str, str]:
    assert d.imputes is not None
    return d.imputes[1], "missing cells are estimated like latents"


def _family(problem: Any) -> str:
    target = problem.target()
    free = int((~target.point).sum())
    family = (
        "full rank (every correlation)" if free <= 100 else "mean field, sds corrected by linear response"
    )
    return f"{free} coordinates on the real line: {family}"
