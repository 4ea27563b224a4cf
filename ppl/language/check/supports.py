"""Supports of arguments: shown, left to the data, or E304 and E305 with the fix."""

from __future__ import annotations

import numpy as np

from ppl.distributions.base import Parameter
from ppl.errors import Note
from ppl.language.check.constants import outside, words
from ppl.language.check.levels import CONSTANT, DATA
from ppl.language.check.scope import Scope
from ppl.language.check.typed_values import constant_array
from ppl.language.typed import Ref, Subscript, Term
from ppl.supports import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Structured, Support, describe, within
from ppl.supports.support import element

Fix = tuple[str, ...]


def check_support(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    """E304 or E305 unless the argument's support lies in the parameter's."""
    need, have = parameter.support, term.type.support
    level = scope.world.level(term)
    if level == CONSTANT:
        _constant(scope, name, parameter, term)
        return
    if isinstance(need, Structured):
        if within(have, need) or level == DATA:
            return
        _joint(scope, name, parameter, term)
        return
    if need == REAL or within(element(have), need) or level == DATA:
        return
    _one(scope, name, parameter, term)


# ---------------------------------------------------------------- constants


def _constant(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    value = constant_array(term)
    if value is None:
        return
    trouble = outside(value, parameter.support)
    if trouble:
        code = "E305" if describe(parameter.support) in ("simplex", "row_stochastic") else "E304"
        scope.error(
            code,
            f"`{parameter.name}` of `{name}` must be {words(parameter.support)}; {trouble}",
            term.span,
            "here",
        )


# ---------------------------------------------------------------- random arguments


def _one(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    """E304 for a quantity whose support is too wide."""
    text = scope.world.source_text(term)
    reason, notes, prior = because(scope, term)
    need = parameter.support
    tries = [*_other_priors(prior, need), *_wrapped(text, need, parameter)]
    scope.error(
        "E304",
        f"`{parameter.name}` of `{name}` must be {words(need)}; `{text}` is {_kind(term)}{reason}",
        term.span,
        f"this is {_kind(term)}",
        notes=notes,
        help="try " + " or ".join(f"`{t}`" for t in tries),
    )


def _kind(term: Term) -> str:
    return describe(term.type.support)


def because(scope: Scope, term: Term) -> tuple[str, tuple[Note, ...], str]:
    """Why a name has the support it has, and the text of its prior."""
    while isinstance(term, Subscript):
        term = term.value
    if not isinstance(term, Ref):
        return "", (), ""
    known = scope.world.defined[term.name]
    text = scope.problems.text(known.prior)
    if known.kind == "latent":
        return (
            f" because its prior is `{text}`",
            (Note(known.prior, f"so `{term.name}` is {describe(known.type.support)}"),),
            text,
        )
    return f" (line {scope.problems.line(known.span)})", (Note(known.span, "defined here"),), ""


def _other_priors(prior: str, need: Support) -> Fix:
    """The half of a symmetric prior, for what must be positive."""
    head, _, rest = prior.partition("(")
    arguments = rest.rstrip(")").split(",")
    if need in (POSITIVE, NONNEGATIVE) and head in ("Normal", "Cauchy") and len(arguments) == 2:
        return (f"Half{head}({arguments[1].strip()})",)
    if need in (POSITIVE, NONNEGATIVE) and head in ("Normal", "Cauchy", "StudentT", "Flat"):
        return ("HalfNormal(1)",) if head != "Flat" else ("Flat(positive)",)
    return ("Beta(1, 1)",) if need == UNIT and head else ()


def _wrapped(text: str, need: Support, parameter: Parameter) -> Fix:
    """Functions that bring a number into the support, or claim that it is there."""
    if need in (POSITIVE, NONNEGATIVE):
        return (f"exp({text})", f"{describe(need)}({text})")
    if need == UNIT:
        first = f"logit = {text}" if parameter.name == "p" else f"inv_logit({text})"
        return (first, f"unit({text})")
    if isinstance(need, Interval) and need.lower == 0 and not need.integer:
        return (f"exp({text})",) if need.upper == np.inf else (f"inv_logit({text})",)
    claim = describe(need)
    return (
        (f"{claim}({text})",)
        if claim.isidentifier()
        else (f"clip({text}, {need.lower:g}, {need.upper:g})",)
        if isinstance(need, Interval)
        else ()
    )


def _joint(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    """E305 for probabilities, E304 for matrices."""
    text = scope.world.source_text(term)
    reason, notes, _ = because(scope, term)
    need = parameter.support
    assert isinstance(need, Structured)
    if need.kind in ("simplex", "row_stochastic"):
        help = f"give it a `Dirichlet` prior, or use `softmax({text})`, or claim it: `simplex({text})`"
        asks = "; did you mean `logit = " + text + "`?" if parameter.name == "p" else ""
        scope.error(
            "E305",
            f"`{name}` needs probabilities over one set; `{text}` is {term.type}{reason}{asks}",
            term.span,
            "not a probability vector",
            notes=notes,
            help=help,
        )
        return
    claim = need.kind
    scope.error(
        "E304",
        f"`{parameter.name}` of `{name}` must be {words(need)}; `{text}` is {term.type}{reason}",
        term.span,
        f"this is {_kind(term)}",
        notes=notes,
        help=f"claim it if you know it: `{claim}({text})`",
    )
