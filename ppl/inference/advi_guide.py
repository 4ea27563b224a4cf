"""The ``guide:`` block of a model as what is asked of ADVI: one Gaussian over all latents, or each by itself."""

from __future__ import annotations

from typing import Literal

from ppl.errors import Diagnostic, ModelError
from ppl.language.typed import Definition, GuideDef, Program
from ppl.supports import POSITIVE, REAL

Family = Literal["", "mean_field", "full_rank"]
SUPPORTS = {"Normal": REAL, "LogNormal": POSITIVE}
SUMMED = ("Exact", "MarkovChain", "Categorical", "Bernoulli")
ELSEWHERE = "`--method cavi` obeys guides block by block"


def family_asked(program: Program) -> Family:
    """``full_rank``, ``mean_field``, or ``""`` where the guide says nothing of continuous latents.

    Raises `ModelError` (E605), at its line, for what one Gaussian in unconstrained coordinates cannot be.
    """
    found = {d.name: d for d in program.definitions if d.kind == "latent" or d.imputes is not None}
    free = {n for n, d in found.items() if d.kind == "latent" and not _discrete(d)}
    asked: dict[str, Family] = {}
    for q in program.guide:
        for name in q.names:
            kind = _kind(q, found[name])
            if kind:
                asked[name] = kind
    kinds = set(asked.values())
    if not kinds:
        return ""
    last = next(q for q in program.guide if set(q.names) & set(asked))
    if len(kinds) > 1 or free - set(asked):
        left = ", ".join(sorted(free - set(asked)))
        raise _refused(
            last, f"all latents have one family in advi; nothing is said of {left}" if left else MIXED
        )
    if kinds == {"full_rank"} and not any(free <= set(q.names) for q in program.guide):
        raise _refused(last, "the Gaussian of advi is over all latents: name them in one `q(...)`")
    return kinds.pop()


def check_elementwise(program: Program) -> None:
    """Refuse names of families in a guide that are not each latent by itself, Gaussian or summed out.

    Distributions with arguments and flows are left alone. Raises `ModelError` (E605).
    """
    found = {d.name: d for d in program.definitions if d.kind == "latent" or d.imputes is not None}
    for q in program.guide:
        if q.strategy not in (None, "Flow") and any(
            _kind(q, found[n], STOCHASTIC) == "full_rank" for n in q.names
        ):
            raise _refused(q, "its latents are independent in q", name=STOCHASTIC)


STOCHASTIC = "advi_stochastic"
MIXED = "all latents have one family in advi; this guide asks for two"


def _discrete(d: Definition) -> bool:
    return d.type.element in ("label", "bool", "int")


def _kind(q: GuideDef, d: Definition, name: str = "advi") -> Family:
    """What one q asks for, empty where it is what happens anyway."""
    if q.strategy is None:
        raise _refused(q, "its parameters are written, and advi finds them itself", STOCHASTIC)
    if q.strategy == "Flow":
        raise _refused(q, "it has no flows", STOCHASTIC)
    if _discrete(d):
        if q.strategy in SUMMED:
            return ""
        raise _refused(q, "discrete latents are summed out, exactly", name=name)
    if q.strategy == "MultivariateNormal":
        return "full_rank"
    plain = SUPPORTS.get(q.strategy)
    if q.strategy == "MeanField" or (plain is not None and d.type.support == plain):
        return "mean_field"
    raise _refused(q, f"it has no `{q.strategy}`; q is Gaussian in coordinates without bounds", name=name)


def _refused(q: GuideDef, why: str, method: str = "", name: str = "advi") -> ModelError:
    message = f"`q({', '.join(q.names)})` is not for --method {name}: {why}"
    help = ELSEWHERE
    if method:
        help = f"`--method {method}` fits {'flows' if q.strategy == 'Flow' else 'written parameters'}"
    return ModelError((Diagnostic("E605", message, q.span, help=help),))
