"""Explain coordinate ascent or EM on a model: text, JSON, a guide, or one update in LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ppl.energy.ascent import Ascent
from ppl.errors import PplError, UsageError, fail
from ppl.inference.fitting import How
from ppl.report.explain_text import explain_text
from ppl.report.explained import Explained, explained, to_dict
from ppl.report.made_up import ROWS, made_up

if TYPE_CHECKING:
    from ppl.model import Model
    from ppl.posterior.bound import Bound


@dataclass(frozen=True, eq=False)
class Planned:
    """A model with the plan that a method makes of it. ``sizes_made_up``: no data were there to bind."""

    model: Model
    bound: Bound
    method: str
    ascent: Ascent
    sizes_made_up: bool

    @property
    def explained(self) -> Explained:
        """The plan in words."""
        return explained(self.method, self.ascent, self.model.program)


def plan_of(
    model: Model,
    bound: Bound | None,
    method: str = "cavi",
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Planned:
    """The plan of a model; without data, of made-up columns of the declared types.

    Raises `UsageError` where no such columns can be made up, `FitError` where the method does not apply.
    """
    made = bound is None
    if bound is None:
        bound = _without_data(model, settings or {})
    try:
        target = How(method, options=dict(options or {})).backend().target(bound.problem)
    except PplError as error:
        if error.source is None:
            error.source = model.source
        raise
    return Planned(model, bound, method, target.ascent, made)


def _without_data(model: Model, settings: Mapping[str, Any]) -> Bound:
    with suppress(PplError):
        return model.bind(made_up(model.program), settings=dict(settings))
    message = "the plan of this model depends on its data: name the file"
    raise fail(UsageError, "E701", message, help="ppl explain MODEL.model DATA")


def text_of(plan: Planned) -> str:
    """The plan in words."""
    note = f"\nno DATA: planned for {ROWS} made-up rows in every table" if plan.sizes_made_up else ""
    return explain_text(plan.explained) + note


def as_dict(plan: Planned) -> dict[str, Any]:
    """The plan as JSON takes it."""
    return {**to_dict(plan.explained), "sizes_made_up": plan.sizes_made_up}


def guide_of(plan: Planned) -> str:
    """A ``guide:`` block that asks for just this plan."""
    return plan.explained.guide


def update_of(plan: Planned, name: str) -> str:
    """The coordinate update of one latent, in LaTeX."""
    from ppl.report.updates import update_latex

    return update_latex(plan.ascent, plan.bound, name)
