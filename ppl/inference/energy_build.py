"""From a bound problem to coordinate ascent over its energy, or a located refusal."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ppl.energy.ascent import Ascent, ascent
from ppl.energy.build import energy
from ppl.energy.lowering import NotMultilinear
from ppl.energy.plan import Disobeyed, NoFactor, plan
from ppl.errors import Diagnostic, FitError, ModelError, UsageError, fail
from ppl.inference.guide_wishes import guided, wishes_of


def ascent_of(
    problem: Any, points: Collection[str] = (), merge: bool = True, joint_chains: bool = False
) -> Ascent:
    """The plan of a problem, ready to climb, as the model's ``guide:`` and the options ask for.

    Raises `UsageError` for a name in ``points`` that is no latent, `ModelError` where the guide asks for what
    there cannot be, `FitError` where a latent has no factor.
    """
    wishes = wishes_of(problem.program, points, merge, joint_chains)
    found = energy(problem)
    for name in points:
        if name not in found.latents or found.latents[name].states is not None:
            known = ", ".join(n for n, latent in found.latents.items() if latent.states is None)
            raise fail(
                UsageError, "E705", f"no continuous latent is called `{name}`", help=f"there is: {known}"
            )
    try:
        return ascent(plan(found, wishes))
    except Disobeyed as error:
        raise _disobeyed(error) from None
    except NoFactor as error:
        raise _refused(error.reason.text, error.reason.span) from None
    except NotMultilinear as error:
        raise _refused(
            f"a factor is not affine in {', '.join(error.names)}: {error.why}", error.term.span
        ) from None


def _refused(text: str, span: Any) -> FitError:
    help = "`--method advi` fits any differentiable model"
    return FitError((Diagnostic("E606", text, span=span, help=help),))


def _disobeyed(error: Disobeyed) -> ModelError:
    help = "leave this `q` out: `ppl explain --method cavi --guide` prints what is chosen without it"
    return ModelError((Diagnostic("E504", error.reason.text, span=error.reason.span, help=help),))


def continuous_globals(problem: Any) -> tuple[str, ...]:
    """Latents and params on no table's rows, but for those that the guide speaks of."""
    kinds, spoken = ("latent", "param"), guided(problem.program)
    names = (q.name for q in problem.quantities if q.kind in kinds and not q.of_rows)
    return tuple(n for n in names if n not in spoken)
