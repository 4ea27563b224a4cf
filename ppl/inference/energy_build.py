"""From a bound problem to coordinate ascent over its energy, or a located refusal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ppl.energy.ascent import Ascent, ascent
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.build import energy
from ppl.energy.lowering import NotMultilinear
from ppl.energy.origin import distance, origins
from ppl.energy.plan import Disobeyed, NoFactor, plan
from ppl.energy.sampled import Cause, Component, with_drawn
from ppl.energy.terms import Energy
from ppl.energy.wishes import Wishes, members, root
from ppl.errors import Diagnostic, FitError, ModelError, UsageError, fail
from ppl.graph.evaluate import StillVector
from ppl.inference.guide_wishes import guided, wishes_of
from ppl.inference.sampled_search import LARGEST_DENSE, fixed_draws, search


def ascent_of(
    problem: Any, points: Collection[str] = (), merge: bool = True, joint_chains: bool = False
) -> Ascent:
    """The plan of a problem, ready to climb, as the model's ``guide:`` and the options ask for.

    Raises `UsageError` for a name in ``points`` that is no latent, `ModelError` where the guide asks for what
    there cannot be, `FitError` where a latent has no factor.
    """
    try:
        return _centred(problem, points, wishes_of(problem.program, points, merge, joint_chains))
    except StillVector as error:
        raise _whole(problem, error.name) from None


def _centred(problem: Any, points: Collection[str], wishes: Wishes) -> Ascent:
    """The plan with latents measured from where their data lie, if that is far from zero."""
    climb = climbing(problem, points, wishes, {})
    far = distance(problem)
    centres = origins(climb, far, np.random.default_rng(0)) if far else {}
    return climbing(problem, points, wishes, centres) if centres else climb


def climbing(problem: Any, points: Collection[str], wishes: Wishes, centres: Mapping[str, Any]) -> Ascent:
    """The plan that wishes lead to, latents measured from centres. Raises as `ascent_of`."""
    found = energy(problem, centres)
    for name in points:
        if name not in found.latents or found.latents[name].states is not None:
            known = ", ".join(n for n, latent in found.latents.items() if latent.states is None)
            raise fail(
                UsageError, "E705", f"no continuous latent is called `{name}`", help=f"there is: {known}"
            )
    causes: dict[str, Cause] = {}
    while True:
        try:
            return ascent(plan(with_blocks(found, causes, wishes), wishes))
        except Disobeyed as error:
            raise _disobeyed(error) from None
        except NoFactor as error:
            text, span, names = error.reason.text, error.reason.span, [error.name]
        except NotMultilinear as error:
            text, span = f"a factor is not affine in {', '.join(error.names)}: {error.why}", error.term.span
            names = list(error.names)
        more = _drawable(found, names) - set(causes)
        if not more:
            raise _refused(text, span)
        causes |= {n: Cause(text, span) for n in more}


def _drawable(found: Energy, names: Collection[str]) -> set[str]:
    """The continuous latents among some names, or that these are parts of."""
    roots = {n if n in found.latents else root(n) for name in names for n in members((name,))}
    return {n for n in roots if n in found.latents and found.latents[n].states is None}


def with_blocks(found: Energy, causes: Mapping[str, Cause], wishes: Wishes) -> Energy:
    """The energy with a block for each group of latents that have to be drawn."""
    points = [n for n in found.latents if wishes.is_point(n)]
    out = with_drawn(found, causes, points)
    return replace(out, drawn=tuple(_block(c, wishes) for c in out.drawn))


def _block(component: Component, wishes: Wishes) -> SampledBlock:
    free = [n for n, point in zip(component.names, component.points, strict=True) if not point]
    apart = bool(free) and all(wishes.apart(n) or wishes.families.get(root(n)) == "LogNormal" for n in free)
    block = SampledBlock(component, np.zeros((0, 0)), search, apart)
    rank = int((~block.point).sum())
    dense = not apart and 1 < rank <= LARGEST_DENSE and bool((block.counts == 1).all())
    return replace(block, eps=fixed_draws(rank, dense, block.work))


def _refused(text: str, span: Any) -> FitError:
    help = "`--method advi` fits any differentiable model"
    return FitError((Diagnostic("E608", text, span=span, help=help),))


def _whole(problem: Any, name: str) -> FitError:
    """Joint states of a whole vector are too many to sum."""
    statement = problem.plain.statement(name)
    text = f"a factor reads the discrete latent `{name}` as a whole vector, whose joint states are too many"
    span = None if statement is None else statement.span
    return FitError((Diagnostic("E608", text, span=span, help="`--method bbvi` draws its states"),))


def _disobeyed(error: Disobeyed) -> ModelError:
    help = "leave this `q` out: `ppl explain --method cavi --guide` prints what is chosen without it"
    return ModelError((Diagnostic("E504", error.reason.text, span=error.reason.span, help=help),))


def continuous_globals(problem: Any) -> tuple[str, ...]:
    """Latents and params on no table's rows, but for those that the guide speaks of."""
    kinds, spoken = ("latent", "param"), guided(problem.program)
    names = (q.name for q in problem.quantities if q.kind in kinds and not q.of_rows)
    return tuple(n for n in names if n not in spoken)
