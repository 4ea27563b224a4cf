"""The ``guide:`` block of a model as what is asked of black-box variational inference."""

from __future__ import annotations

from ppl.errors import Diagnostic, ModelError
from ppl.language import typed as t
from ppl.supports import POSITIVE, REAL

FREE = {"Normal": REAL, "LogNormal": POSITIVE}  # what the free Gaussians on the real line are called
TABLES = ("Bernoulli", "Categorical")


def check_guides(program: t.Program) -> None:
    """Raise `ModelError` (E605), at its line, for a ``q`` that is not obeyed.

    Obeyed are distributions with arguments, of one latent each, and by name what a latent gets that has no
    guide: `MeanField`, `Normal`, `LogNormal`, the table of a discrete one; `Point` of a continuous one, and
    `MultivariateNormal` of those on the real line.
    """
    found = {d.name: d for d in program.definitions if d.kind == "latent" or d.imputes is not None}
    for q in program.guide:
        why = _written(q, found) if q.strategy is None else _named(q, q.strategy, found)
        if why:
            what = q.family.name if isinstance(q.family, t.Dist) else q.strategy or "a choice"
            message = f"`q({', '.join(q.names)}) ~ {what}` is not obeyed by --method bbvi: {why}"
            help = (
                "it takes a distribution with arguments for one latent each, `Point`, `MultivariateNormal` over "
                "latents on the real line, and the names of the independent factors that latents have without a guide"
            )
            raise ModelError((Diagnostic("E605", message, q.span, help=help),), program.source)


def _written(q: t.GuideDef, found: dict[str, t.Definition]) -> str:
    if len(q.names) != 1:
        return "its draws are of one latent"
    if found[q.names[0]].kind != "latent":
        return "blank cells have factors of their own"
    if not isinstance(q.family, t.Dist):
        return "it chooses between distributions"
    return ""


def _named(q: t.GuideDef, strategy: str, found: dict[str, t.Definition]) -> str:
    for name in q.names:
        d = found[name]
        discrete = d.type.element in ("label", "bool", "int") or getattr(d.type.support, "integer", False)
        if strategy == "MeanField" or (strategy in TABLES and discrete):
            continue
        if strategy == "Point":
            if discrete or d.kind != "latent":
                return "a discrete latent has a table"
        elif strategy == "MultivariateNormal" and d.kind == "latent" and d.type.support == REAL:
            continue
        elif discrete or d.type.support != FREE.get(strategy):
            return f"independent factors have no `{strategy}`"
    return ""
