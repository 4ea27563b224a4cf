"""Probabilities written through a link, as log odds: nothing is lost where they round to 0 or 1."""

from __future__ import annotations

from dataclasses import replace

from ppl.graph import nodes as g


def steady(body: g.Distribution) -> g.Distribution:
    """``Bernoulli(Phi(a))`` by its log odds, log Phi(a) - log Phi(-a); anything else as it is.

    1 - Phi(9) is 0 in double precision, so that the probability itself would rule failures out.
    """
    given = dict(body.arguments)
    p = given.get("p")
    if body.name != "Bernoulli" or not isinstance(p, g.Apply) or p.function != "Phi":
        return body
    (a,) = p.arguments
    below = replace(p, function="negative", arguments=(a,))
    parts = tuple(replace(p, function="log_Phi", arguments=(x,)) for x in (a, below))
    return replace(body, arguments=(("logit", replace(p, function="subtract", arguments=parts)),))
