"""What a minibatch cannot give an unbiased estimate of, refused before any step is taken."""

from __future__ import annotations

from collections.abc import Iterable

from ppl.errors import Diagnostic, ModelError
from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph.nodes import Dim
from ppl.graph.order import statement_roots

_EARLIER, _PLACE = "reads earlier rows", "asks for the place of a row"
_OTHER = "batch another plate, or fit without --batch"
_SERIES = (
    "batch a plate whose elements have whole series, `sents` where a table has `sent: sents, t: order within sent`;"
    " or fit without --batch"
)
_NO_SERIES = "fit without --batch; `--method advi_stochastic` takes whole series in batches"


def refuse_batches(graph: g.Graph, cut: frozenset[str], whole: frozenset[str] | None = None) -> None:
    """Raise `ModelError` (E607) where a statement reads rows that a batch may lack.

    That are earlier rows (lags), sums and lists over all rows, and plates over two sets that are cut. whole:
    ordered sets that are cut between their groups, so that a row has the earlier ones of its group with it;
    None where a method cuts no series at all.
    """
    torn = cut - (whole or frozenset())
    for s in (*graph.statements, *graph.guide):
        if sum(_over(graph, d, cut) for d in s.place.plates) > 1:
            raise _refused(s, s.body, "runs over pairs of elements")
        if any(d.set in cut for d in s.event) and s.kind != "observed":
            raise _refused(s, s.body, "is over a whole plate")
        for node in g.walk(statement_roots(s)):
            why = _trouble(graph, node, cut, torn)
            if why:
                raise _refused(s, node, why, _NO_SERIES if whole is None else _SERIES)


def _trouble(graph: g.Graph, node: g.Node, cut: frozenset[str], torn: frozenset[str]) -> str:
    match node:
        case g.Gather(selectors=selectors) if any(_lags(x, torn) for x in selectors):
            return _EARLIER
        case g.Apply(function="shift", arguments=(base, *_)) if base.type.set in torn:
            return _EARLIER
        case g.Apply(function="position" | "first" | "last", arguments=(label, *_)) if label.type.set in torn:
            return _PLACE
        case g.Reduce(over=over) if any(_over(graph, d, cut) for d in over):
            return "sums over all rows"
        case g.Stack(loop=loop) if loop.set in cut:
            return "lists all rows"
        case g.Segment(over=over, keys=keys) if _over(graph, over, cut):
            return "" if _any_cut((d for d, _ in keys), cut) else "sums over all rows"
        case g.Apply(function=function, arguments=arguments) if any(
            _any_cut(a.event, cut) for a in arguments
        ):
            found = find(function)
            if found is not None and found.kind == "elementwise":
                return ""
            return "reads a whole column"
    return ""


def _lags(selector: g.Selector, cut: frozenset[str]) -> bool:
    return isinstance(selector, g.Lag) and selector.base.type.set in cut


def _any_cut(dims: Iterable[Dim], cut: frozenset[str]) -> bool:
    return any(d.set in cut for d in dims)


def _over(graph: g.Graph, dim: Dim, cut: frozenset[str]) -> int:
    """How many of the sets that a loop runs over are cut."""
    plain = graph.domains[dim].plain if dim in graph.domains else (dim,)
    return sum(d.set in cut for d in plain)


def _refused(s: g.Statement, node: g.Node, why: str, series: str = _OTHER) -> ModelError:
    message = f"`{s.name}` {why}, which a minibatch does not have"
    help = series if why in (_EARLIER, _PLACE) else _OTHER
    return ModelError((Diagnostic("E607", message, span=node.span or s.span, help=help),))
