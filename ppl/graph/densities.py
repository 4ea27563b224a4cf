"""Distribution nodes applied to arrays: alignment of arguments, wrappers, log densities, draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Traced
from ppl.distributions import Applied, Distribution, find
from ppl.errors import Diagnostic, ModelError
from ppl.graph import nodes as g
from ppl.graph.drawn_states import draw_states
from ppl.graph.named import LARGEST_TABLE, Named, aligned, merge_invalid, union
from ppl.graph.nodes import Dim
from ppl.supports import Interval, Support

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any


def event_dims(body: g.Node) -> int:
    """How many event axes one draw consumes (a scalar distribution: none)."""
    if isinstance(body, g.Choose):
        return event_dims(body.then)
    assert isinstance(body, g.Distribution)
    kind = distribution(body)
    if not kind.wrapper or kind.event_dims:
        return kind.event_dims
    inner = dict(body.arguments).get("distribution") or dict(body.arguments)["components"]
    return event_dims(_first(inner))


def _first(node: g.Node) -> g.Node:
    """One of the distributions that a wrapper's argument holds."""
    if isinstance(node, g.Items):
        return node.items[0]
    return node.body if isinstance(node, g.Stack) else node


def distribution(body: g.Distribution) -> type[Distribution]:
    """The class of a distribution node."""
    kind = find(body.name)
    assert kind is not None
    return kind


@dataclass(frozen=True, eq=False)
class Leaf:
    """An argument: its value and how many of its trailing event dims the distribution consumes."""

    value: Named
    node: g.Node
    consumed: tuple[Dim, ...]


def _leaves(at: Evaluator, body: g.Distribution, event: tuple[Dim, ...]) -> list[Leaf]:
    """Every array argument, wrappers' inner ones included."""
    out: list[Leaf] = []
    kind = distribution(body)
    for name, node in body.arguments:
        for part in _parts(node):
            if isinstance(part, g.Distribution):
                out += _leaves(at, part, event)
            elif isinstance(part, g.Choose) and isinstance(part.then, g.Distribution):
                raise TypeError("a choice between distributions inside a wrapper")
            else:
                out.append(_leaf(at, kind, name, part, event))
    return out


def _parts(node: g.Node) -> tuple[g.Node, ...]:
    if isinstance(node, g.Stack) and isinstance(node.body, g.Distribution):
        return (node.body,)
    if isinstance(node, g.Items) and isinstance(node.items[0], g.Distribution):
        return node.items
    return (node,)


def _leaf(at: Evaluator, kind: type[Distribution], name: str, node: g.Node, event: tuple[Dim, ...]) -> Leaf:
    parameter = next((p for p in kind.parameters if p.name == name), None)
    k = 0 if parameter is None else parameter.event_dims
    value = at.named(node)
    if k == 0:
        return Leaf(_matched(value, node.event, event), node, ())
    consumed = node.event[len(node.event) - k :] if len(node.event) >= k else ()
    extra = node.event[: len(node.event) - k]
    return Leaf(_matched(value, extra, event), node, consumed)


def _matched(value: Named, own: Sequence[Dim], event: tuple[Dim, ...]) -> Named:
    """Event dims of an elementwise argument take the names of the value's dims over the same sets."""
    free = [d for d in event if d not in own]
    names = {}
    for d in own:
        same = [e for e in free if e.set == d.set]
        if d not in event and same:
            names[d] = same[0]
            free.remove(same[0])
    return value.renamed(names) if names else value


@dataclass(frozen=True, eq=False)
class Ready:
    """A distribution with arrays aligned to ``batch`` dims, and the event dims it consumes."""

    applied: Applied
    batch: tuple[Dim, ...]
    consumed: tuple[Dim, ...]
    invalid: Named | None


def prepare(
    at: Evaluator, body: g.Distribution, event: tuple[Dim, ...], x: Named | None, plates: Sequence[Dim] = ()
) -> Ready:
    """Align all arguments (and the value's own dims) to one batch."""
    k = event_dims(body)
    consumed = event[len(event) - k :]
    leaves = _leaves(at, body, event)
    dims: list[set[Dim]] = [set(leaf.value.dims) - set(leaf.consumed) for leaf in leaves]
    if x is not None:
        dims.append(set(x.dims))
    dims.append(set(event) | set(plates))
    inner = set(consumed) | _components(body)
    batch = union((d - inner for d in dims), at.size)
    values = {id(leaf.node): leaf for leaf in leaves}
    applied = _applied(at, body, values, batch, consumed)
    return Ready(applied, batch, consumed, merge_invalid([leaf.value for leaf in leaves], at.size))


def _components(body: g.Distribution) -> set[Dim]:
    """The loops that components of mixtures run over: batch dims of their arguments alone."""
    out: set[Dim] = set()
    for _, node in body.arguments:
        if isinstance(node, g.Stack) and isinstance(node.body, g.Distribution):
            out.add(node.loop)
        for part in _parts(node):
            if isinstance(part, g.Distribution):
                out |= _components(part)
    return out


def _applied(
    at: Evaluator,
    body: g.Distribution,
    values: dict[int, Leaf],
    batch: tuple[Dim, ...],
    consumed: tuple[Dim, ...],
) -> Applied:
    kind = distribution(body)
    given: dict[str, Any] = {}
    for name, node in body.arguments:
        parts = _parts(node)
        if isinstance(parts[0], g.Distribution):
            inner_event = consumed
            layout = batch
            if kind.event_dims and not event_dims(parts[0]):
                layout, inner_event = (*batch, *consumed), ()
            if isinstance(node, g.Stack):
                layout = (*layout, node.loop)
            built = tuple(
                _applied(at, p, values, layout, inner_event) for p in parts if isinstance(p, g.Distribution)
            )
            given[name] = built if isinstance(node, g.Items) else built[0]
        else:
            given[name] = _argument(at, kind, name, values[id(node)], batch, consumed)
    if body.name == "Flat":
        given["on"] = body.type.support
    return Applied(kind, given)


def _argument(
    at: Evaluator,
    kind: type[Distribution],
    name: str,
    leaf: Leaf,
    batch: tuple[Dim, ...],
    consumed: tuple[Dim, ...],
) -> Array:
    parameter = next((p for p in kind.parameters if p.name == name), None)
    k = 0 if parameter is None else parameter.event_dims
    array = aligned(leaf.value, (*batch, *leaf.consumed))
    if k and leaf.consumed and not all(d in leaf.value.dims for d in leaf.consumed):
        return xp.broadcast_last(array, tuple(at.size(d) for d in leaf.consumed))
    if k and not leaf.consumed:
        array = xp.expand_dims(array, tuple(range(-k, 0)))
        array = xp.broadcast_last(array, tuple(at.size(d) for d in consumed[len(consumed) - k :]))
    return array


def _check_table(at: Evaluator, batch: tuple[Dim, ...]) -> None:
    """Refuse a table over states that memory could not hold. Raises `ModelError` (E505)."""
    read = next((at.reads[d] for d in batch if d in at.reads), None)
    cells = float(np.prod([float(at.size(d)) for d in batch]))
    if read is None or cells <= LARGEST_TABLE:
        return
    message = (
        f"the discrete latent `{read.name}` cannot be summed out: a table of {cells:.2g} cells is needed"
    )
    help = "give it fewer states, for example with `Truncated(..., upper = K)`"
    raise ModelError((Diagnostic("E505", message, help=help),))


def log_density(at: Evaluator, body: g.Distribution, x: Named, event: tuple[Dim, ...]) -> Named:
    """Log density of x over the batch dims."""
    ready = prepare(at, body, event, x)
    _check_table(at, ready.batch)
    value = aligned(x, (*ready.batch, *ready.consumed))
    out = ready.applied.log_density(value)
    shape = tuple(at.size(d) for d in ready.batch)
    if not isinstance(out, Traced):
        out = np.broadcast_to(out, (np.shape(out)[0], *shape))
    elif out.shape[1:] != shape:  # type: ignore[attr-defined]
        out = xp.broadcast_last(out, shape)
    invalid = merge_invalid([x, Named(None, (), ready.invalid)], at.size)
    return Named(out, ready.batch, invalid)


class NoDraw(Exception):
    """A sampler refused its parameters."""


@contextmanager
def _sampling() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise NoDraw(str(error)) from error


def draw(
    at: Evaluator,
    body: g.Node,
    event: tuple[Dim, ...],
    plates: tuple[Dim, ...],
    draws: int,
    rng: np.random.Generator,
) -> Named:
    """One draw of a distribution node for each posterior draw, over plates and event dims.

    Raises `NoDraw` where the sampler refuses its parameters.
    """
    if isinstance(body, g.Choose):
        test = at.named(body.test)
        then, other = (draw(at, b, event, plates, draws, rng) for b in (body.then, body.other))
        dims = union((test.dims, then.dims, other.dims), at.size, event)
        mask = aligned(test, dims).astype(bool)
        return Named(np.where(mask, aligned(then, dims), aligned(other, dims)), dims)
    assert isinstance(body, g.Distribution)
    looked_up = draw_states(at, body, plates, draws, rng)
    if looked_up is not None:
        return looked_up
    ready = prepare(at, body, event, None, plates)
    shape = (draws, *(at.size(d) for d in ready.batch))
    kind = body.name
    if kind in ("Dirichlet", "MultivariateNormal", "Ordered", "ZeroSumNormal") or ready.consumed:
        return Named(_sample_event(at, ready, rng, shape), (*ready.batch, *ready.consumed))
    with _sampling():
        return Named(np.asarray(ready.applied.sample(rng, shape)), ready.batch)


def _sample_event(
    at: Evaluator, ready: Ready, rng: np.random.Generator, shape: tuple[int, ...]
) -> np.ndarray:
    kind, event_shape = ready.applied.distribution, tuple(at.size(d) for d in ready.consumed)
    sized = {"event_shape": event_shape} if kind.event_dims else {}
    with _sampling():
        out = np.asarray(kind.sample(rng, shape, **ready.applied.given, **sized))
    want = (*shape, *event_shape)
    return np.broadcast_to(out, want) if out.shape != want else out


def limits(
    at: Evaluator, body: g.Node, event: tuple[Dim, ...], plates: tuple[Dim, ...]
) -> tuple[Named, Named] | None:
    """Bounds that depend on other quantities, over the batch dims; None where they are static."""
    if isinstance(body, g.Choose):
        return _limits_by_case(at, body, event, plates)
    assert isinstance(body, g.Distribution)
    if distribution(body).limits.__func__ is Distribution.limits.__func__:  # type: ignore[attr-defined]
        return None
    ready = prepare(at, body, event, None, plates)
    bounds = ready.applied.limits()
    if bounds is None:
        return None
    lower, upper = (_bound(b, len(ready.batch)) for b in bounds)
    return Named(lower, ready.batch), Named(upper, ready.batch)


def _limits_by_case(
    at: Evaluator, body: g.Choose, event: tuple[Dim, ...], plates: tuple[Dim, ...]
) -> tuple[Named, Named] | None:
    """The bounds of the branch that each cell takes."""
    then, other = (limits(at, b, event, plates) for b in (body.then, body.other))
    if then is None and other is None and body.then.type.support == body.other.type.support:
        return None
    test = at.named(body.test)
    if not test.constant:
        return None
    pairs = zip(then or _static(body.then), other or _static(body.other), strict=True)
    lower, upper = (_chosen(at, test, a, b) for a, b in pairs)
    return lower, upper


def _static(body: g.Node) -> tuple[Named, Named]:
    """The bounds of a support that depends on nothing."""
    own = body.type.support
    assert isinstance(own, Interval)
    return Named(np.full((1,), own.lower)), Named(np.full((1,), own.upper))


def _chosen(at: Evaluator, test: Named, then: Named, other: Named) -> Named:
    dims = union((test.dims, then.dims, other.dims), at.size)
    mask = np.asarray(aligned(test, dims), dtype=bool)
    return Named(xp.where(mask, aligned(then, dims), aligned(other, dims)), dims)


def _bound(b: Any, dims: int) -> Array:
    """A bound as an array over (draw, batch); a plain number fits every cell."""
    return b if isinstance(b, Traced) or np.ndim(b) else np.full((1,) * (1 + dims), float(b))


def support(body: g.Node) -> Support:
    """The static support of one draw."""
    return body.type.support


def normal_sd(given: Mapping[str, Array]) -> Array:
    """The standard deviation among the arguments of a Normal, whichever of its names it goes by."""
    if given.get("sd") is not None:
        return given["sd"]
    if given.get("var") is not None:
        return xp.sqrt(given["var"])
    return 1.0 / xp.sqrt(given["precision"])
