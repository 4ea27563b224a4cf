"""Functions of the registry applied to named arrays: alignment of arguments, then one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.errors import DataError, Diagnostic, ModelError
from ppl.functions import find
from ppl.graph import nodes as g
from ppl.graph import reductions
from ppl.graph.contract import contract
from ppl.graph.named import Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any
MOST_STATES = 2_000_000


def apply(at: Evaluator, node: g.Apply) -> Named:
    if node.function in ("shift", "nothing", "first", "last", "position"):
        return _about_positions(at, node)
    if node.function == "logp":
        return at.log_density(node.arguments[0], at.named(node.arguments[1]), node.arguments[1].event)
    if node.function in ("eq", "ne", "lt", "le", "gt", "ge"):
        return _compare(at, node)
    if node.function in ("Prob", "quantile"):
        return _over_draws(at, node)
    function = find(node.function)
    if function is None or function.evaluate is None:
        raise TypeError(f"`{node.function}` cannot be evaluated here")
    parts = [at.named(a) for a in (*node.arguments, *(v for _, v in node.keywords))]
    if function.check is not None:
        _check_claim(at, node, function.check, parts[0])
    if function.kind == "elementwise":
        return _elementwise(at, node, function.evaluate, parts)
    if function.kind == "reduction":
        return _reduce_event(at, node, function.evaluate, parts)
    return _array(at, node, function.evaluate, parts)


def _over_draws(at: Evaluator, node: g.Apply) -> Named:
    """A summary of all draws: in `report`, where every draw is there."""
    parts = [at.named(a) for a in (*node.arguments, *(v for _, v in node.keywords))]
    if isinstance(parts[0].array, Traced):
        message = f"`{node.function}` summarises the posterior: it belongs in `report`"
        raise ModelError((Diagnostic("E306", message, span=node.span),))
    draws = parts[0].numpy
    if node.function == "Prob":
        return Named(draws.mean(axis=0, keepdims=True), parts[0].dims)
    place = float(parts[1].numpy.reshape(-1)[0])
    return Named(np.quantile(draws, place, axis=0, keepdims=True), parts[0].dims)


def _check_claim(at: Evaluator, node: g.Apply, check: Callable[..., Array], x: Named) -> None:
    """A claim of support about data must hold; of latents it is taken at its word."""
    if not x.constant:
        return
    event = node.arguments[0].event
    good = np.asarray(check(aligned(x, union((x.dims,), at.size, event))))
    if not good.all():
        count = int(good.size - np.count_nonzero(good))
        message = f"`{node.function}(...)` does not hold: {count} of {good.size} values break it"
        raise DataError((Diagnostic("E405", message, span=node.span),))


def _about_positions(at: Evaluator, node: g.Apply) -> Named:
    codes = at.named(node.arguments[0])
    name = node.arguments[0].type.set or ""
    if node.function == "shift":
        return at.shifted(node.arguments[0], node.arguments[1], name)
    if node.function == "nothing":
        return Named(np.zeros_like(codes.numpy, dtype=float), codes.dims)
    function = {"first": at.sets.is_first, "last": at.sets.is_last, "position": at.sets.position}
    out = function[node.function](codes.numpy, name)
    return Named(out, codes.dims, codes.invalid)


def _compare(at: Evaluator, node: g.Apply) -> Named:
    left, right = node.arguments
    x, y = at.named(left), at.named(right)
    if left.type.element == "label" and right.type.element == "label":
        y = at.translated(y, right.type.set or "", left.type.set or "")
    function = find(node.function)
    assert function is not None
    assert function.evaluate is not None
    return _elementwise(at, node, function.evaluate, [x, y])


def _elementwise(at: Evaluator, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
    parts = [_over(at, p, a, node.event) for p, a in zip(parts, node.arguments, strict=False)] + parts[
        len(node.arguments) :
    ]
    dims = union((p.dims for p in parts), at.size, [d for d in node.event if any(d in p.dims for p in parts)])
    _check_states(at, node, dims)
    arrays = [aligned(p, dims) for p in parts]
    words = {k: a for (k, _), a in zip(node.keywords, arrays[len(node.arguments) :], strict=True)}
    out = evaluate(*arrays[: len(node.arguments)], **words)
    return Named(out, dims, merge_invalid(parts, at.size))


def _check_states(at: Evaluator, node: g.Apply, dims: tuple[Dim, ...]) -> None:
    """Refuse a value over more joint states of discrete latents than can be summed."""
    names = [at.reads[d].name for d in dims if d in at.reads]
    states = math.prod(at.size(d) for d in dims if d in at.reads)
    if states > MOST_STATES:
        message = f"`{names[0]}` has more than {MOST_STATES:,} joint states here: too many to sum out"
        help = "let each factor read a few elements, or write the marginal with `Mixture` or `factor`"
        raise ModelError((Diagnostic("E505", message, span=node.span, help=help),))


def _over(at: Evaluator, part: Named, argument: g.Node, event: tuple[Dim, ...]) -> Named:
    """Event dims that differ in their primes only are matched by position."""
    if argument.event == event or len(argument.event) != len(event):
        return part
    return part.renamed({a: b for a, b in zip(argument.event, event, strict=True) if a.set == b.set})


def _reduce_event(at: Evaluator, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
    inner = node.arguments[0].event
    x = parts[0]
    dims = union((x.dims,), at.size, inner)
    words = {k: aligned(p, dims) for (k, _), p in zip(node.keywords, parts[1:], strict=True)}
    out = evaluate(filled(at, x, dims, inner), axis=tuple(range(-len(inner), 0)), **words)
    return Named(out, dims[: len(dims) - len(inner)], reductions.dropped(x.invalid, inner))


def filled(at: Evaluator, part: Named, dims: tuple[Dim, ...], event: tuple[Dim, ...]) -> Array:
    """Aligned, with its event dims at full length even where nothing varies along them."""
    array = aligned(part, dims)
    if all(d in part.dims for d in event):
        return array
    return xp.broadcast_last(array, tuple(at.size(d) for d in event))


def _array(at: Evaluator, node: g.Apply, evaluate: Callable[..., Array], parts: list[Named]) -> Named:
    nodes = (*node.arguments, *(v for _, v in node.keywords))
    batch = union((set(p.dims) - set(n.event) for p, n in zip(parts, nodes, strict=True)), at.size)
    arrays = [filled(at, p, (*batch, *n.event), n.event) for p, n in zip(parts, nodes, strict=True)]
    positional = arrays[: len(node.arguments)]
    words = {k: a for (k, _), a in zip(node.keywords, arrays[len(node.arguments) :], strict=True)}
    dims = tuple(len(n.event) for n in node.arguments)
    fast = contract(node.function, positional, dims)
    out = evaluate(*positional, dims=dims, **words) if fast is None else fast
    return Named(out, (*batch, *node.event), merge_invalid(parts, at.size))
