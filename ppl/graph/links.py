"""Rates and probabilities written through the inverse of a link, as arguments on the scale of the link."""

from __future__ import annotations

from dataclasses import replace

from ppl.graph import nodes as g

INVERSES = {
    ("Poisson", "rate"): ("exp", "log_rate"),
    ("Bernoulli", "p"): ("inv_logit", "logit"),
    ("Binomial", "p"): ("inv_logit", "logit"),
}


def linked(body: g.Distribution) -> g.Distribution:
    """``Poisson(exp(t))`` as ``Poisson(log_rate = t)``, and so for ``inv_logit``: the density is the same."""
    found = []
    for name, node in body.arguments:
        function, link = INVERSES.get((body.name, name), ("", name))
        if isinstance(node, g.Apply) and node.function == function and len(node.arguments) == 1:
            found.append((link, node.arguments[0]))
        else:
            found.append((name, node))
    return replace(body, arguments=tuple(found))
