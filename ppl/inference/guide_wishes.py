"""The ``guide:`` block of a model as what is asked of coordinate ascent and EM."""

from __future__ import annotations

from collections.abc import Collection

from ppl.energy.wishes import ELEMENTWISE, Wishes
from ppl.errors import Diagnostic, ModelError, Span, UsageError, fail
from ppl.language.typed import GuideDef, Loop, Program

JOINT = ("MultivariateNormal", "MarkovChain", "Exact")


def wishes_of(
    program: Program, points: Collection[str] = (), merge: bool = True, chains: bool = False
) -> Wishes:
    """Points, blocks and families that the guide and the options ask for.

    Raises `ModelError` (E605) for a q whose parameters are written, `UsageError` where an option says otherwise.
    """
    families: dict[str, str] = {}
    spans: dict[str, Span] = {}
    joint: list[frozenset[str]] = []
    cut: dict[str, frozenset[int]] = {}
    for q in program.guide:
        if q.strategy is None:
            raise _written(q)
        names = tuple(latent_name(program, n) for n in q.names)
        for name in names:
            families[name], spans[name] = q.strategy, q.span
            cut[name] = _plates(q)
        if q.strategy in JOINT and (len(names) > 1 or q.strategy != "MultivariateNormal"):
            joint += [frozenset(names)] if not cut[names[0]] else []
    _no_contradiction(families, points)
    whole = {*points, *(n for n, f in families.items() if f == "Point")}
    return Wishes(whole, merge, families, tuple(joint), cut, spans, chains)


def latent_name(program: Program, name: str) -> str:
    """What a latent is called in the energy: imputed columns with their table."""
    for d in program.definitions:
        if d.name == name and d.imputes is not None:
            return ".".join(part for part in d.imputes if part)
    return name


def guided(program: Program) -> frozenset[str]:
    """Latents that the guide speaks of."""
    return frozenset(latent_name(program, n) for q in program.guide for n in q.names)


def _plates(q: GuideDef) -> frozenset[int]:
    """The stored axes that the text writes as plates: their elements are independent in q."""
    if q.strategy in ELEMENTWISE or q.strategy not in JOINT:
        return frozenset()
    return frozenset(i for i, s in enumerate(q.subscripts) if isinstance(s, Loop))


def _written(q: GuideDef) -> ModelError:
    message = f"the parameters of `q({', '.join(q.names)})` are written; coordinate ascent finds them itself"
    help = "name the family only, as in `q(mu) ~ Normal`; --method advi_stochastic fits written parameters"
    return ModelError((Diagnostic("E605", message, q.span, help=help),))


def _no_contradiction(families: dict[str, str], points: Collection[str]) -> None:
    for name in points:
        asked = families.get(name, "Point")
        if asked != "Point":
            message = f"`--point {name}`, but the guide says `q({name}) ~ {asked}`"
            raise fail(UsageError, "E705", message, help="leave one of them out")
