"""What the language has and no backend runs yet: refused by name, with what to use meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from ppl.errors import Diagnostic, ModelError
from ppl.functions import find
from ppl.graph.bind_usage import children
from ppl.graph.networks import ACTIVATIONS, specification
from ppl.language import typed as t

OPERATORS = frozenset({"shift", "nothing"})


def refuse_unsupported(program: t.Program) -> None:
    """Raise `ModelError` E605 for the activations and external functions that a definition calls in vain."""
    found: dict[str, Diagnostic] = {}
    bodies = [d.body for d in (*program.definitions, *program.report)]
    bodies += [q.family for q in program.guide if q.family is not None]
    for body in bodies:
        for term in _terms(body):
            if isinstance(term, t.NetworkCall):
                _network(program.networks[term.network], found)
            elif isinstance(term, t.Apply) and term.function not in OPERATORS and find(term.function) is None:
                found.setdefault(term.function, _extern(term))
    if found:
        raise ModelError(tuple(found.values()), program.source)


def refuse_guide(program: t.Program, method: str) -> None:
    """Raise `ModelError` E605 where a method would pass over a `guide:` block in silence."""
    if program.guide:
        message = f"`guide` is not obeyed by --method {method}"
        given = any(q.family is not None for q in program.guide)
        obeys = "advi_stochastic" if given else "cavi or em"
        help = f"fit with --method {obeys}, or leave it out: `ppl explain` prints what is chosen"
        raise ModelError((Diagnostic("E605", message, program.guide[0].span, help=help),), program.source)


def _network(network: t.NetworkDef, found: dict[str, Diagnostic]) -> None:
    activation = specification(network).activation
    if activation not in ACTIVATIONS:
        message = f"`{network.name}` has no activation `{activation}`"
        help = f"there are {', '.join(ACTIVATIONS)}"
        found.setdefault(network.name, Diagnostic("E605", message, network.span, help=help))


def _extern(term: t.Apply) -> Diagnostic:
    help = "meanwhile write it as a `def`, or give its values as a `given`"
    return Diagnostic(
        "E605", f"external functions are not called yet: `{term.function}`", term.span, help=help
    )


def _terms(root: t.Term) -> Iterator[t.Term]:
    pending = [root]
    while pending:
        term = pending.pop()
        yield term
        pending.extend(children(term))
