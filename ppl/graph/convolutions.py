"""Layers of windows: what a `Conv` declaration says, and the maps it makes of a batch of inputs.

A map x has one or two axes of places and, except for a first one, channels last. A layer of windows of
size K slides over the places, ``a(sum_k,c x[s i + k - p, c] W[k, c, o] + b[o])`` with stride s and zeros
outside the map, p of them before its first place. The last map goes on as one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.convolution import places
from ppl.graph import nodes as g
from ppl.graph.named import Named, aligned
from ppl.graph.nodes import Convolution, Dim, NetworkSpec, Windows
from ppl.graph.weights import SEPARATOR, Weight, once
from ppl.language import typed as t
from ppl.types import Type

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any
WIDTH, CHANNELS = 3, 8
LONGEST = 2  # axes of places


# ---------------------------------------------------------------- declarations


def terms_of(network: t.NetworkDef, name: str, default: int = 0) -> tuple[t.Term, ...]:
    """A setting's numbers as terms; the default, or none where that is 0."""
    term = dict(network.arguments).get(name)
    if term is None:
        return (t.Const(Type("int"), network.span, default),) if default else ()
    return term.items if isinstance(term, t.ListOf) else (term,)


def rank_of(network: t.NetworkDef) -> tuple[int, int]:
    """How many axes a map of the input has, and how many of them, the last ones, are places."""
    axes = len(terms_of(network, "shape")) or len(network.inputs)
    width = dict(network.arguments).get("width")
    return axes, len(width.items) if isinstance(width, t.ListOf) else min(axes, LONGEST)


def convolution(network: t.NetworkDef) -> Convolution:
    """The layers of a checked declaration."""
    settings, name = dict(network.arguments), network.name + SEPARATOR
    shape = tuple(Dim(f"{name}shape{k + 1}") for k in range(len(terms_of(network, "shape"))))
    axes = shape or tuple(g.event_dim(a) for a in network.inputs)
    rank = rank_of(network)[1]
    width = tuple(Dim(f"{name}window{k + 1}") for k in range(rank))
    before, layers = (*axes[len(axes) - rank :], *axes[: len(axes) - rank]), []
    for k in range(len(terms_of(network, "channels", CHANNELS))):
        spots = tuple(Dim(f"{name}map{k + 1}{SEPARATOR}{i + 1}") for i in range(rank))
        after = (*spots, Dim(f"{name}channels{k + 1}"))
        layers.append(Windows(width, before, after))
        before = after
    stride, padding = settings.get("stride"), settings.get("padding")
    return Convolution(
        shape,
        tuple(layers),
        int(stride.value) if isinstance(stride, t.Const) else 1,
        not isinstance(padding, t.Const) or padding.value == "same",
    )


def window_weights(spec: NetworkSpec, rectified: bool) -> Iterator[Weight]:
    """The arrays of the layers of windows."""
    layers = () if spec.convolution is None else spec.convolution.layers
    for k, layer in enumerate(layers):
        summed = (*layer.width, *layer.before[len(layer.width) :])
        out = layer.after[-1]
        yield Weight(f"{spec.name}{SEPARATOR}weight{k + 1}", (*summed, out), len(summed), rectified)
        yield Weight(f"{spec.name}{SEPARATOR}bias{k + 1}", (out,), 0, rectified)


# ---------------------------------------------------------------- values


def convolved(
    at: Evaluator, node: g.NetworkCall, activation: Callable[[Array], Array], arrays: Sequence[Named]
) -> Named:
    """The last map of the one argument of a call, as one vector along its last dim."""
    found = node.spec.convolution
    assert found is not None
    x, event = at.named(node.arguments[0]), node.arguments[0].event
    rest = tuple(d for d in x.dims if d not in event)
    rows = tuple(map(at.size, rest))
    array = _as_map(at, x, rest, event, found)
    for layer, w, b in zip(found.layers, arrays[::2], arrays[1::2], strict=True):
        array = activation(_layer(at, array, layer, w, b, found))
    features = int(np.prod(np.shape(_example(array))[2:], dtype=int))
    axis = Dim(f"{node.spec.name}{SEPARATOR}features")
    at.define_dim(axis, features)
    flat = xp.reshape_last(array, count=4, shape=(*rows, features))
    return Named(flat, (*rest, axis), _invalid(x, event))


def _as_map(
    at: Evaluator, x: Named, rest: tuple[Dim, ...], event: tuple[Dim, ...], found: Convolution
) -> Array:
    """The input as (draw, row, place, place, channel)."""
    sizes = tuple(map(at.size, event))
    array = aligned(x, (*rest, *event))
    if any(d not in x.dims for d in event):
        array = xp.broadcast_last(array, sizes)
    if isinstance(array, np.ndarray) and array.dtype.kind != "f":
        array = array.astype(float)
    shape = tuple(map(at.size, found.shape)) or sizes
    rank = len(found.layers[0].width)
    lead = len(shape) - rank
    spots, channels = shape[lead:], shape[0] if lead else 1
    high, wide = spots if rank == LONGEST else (1, *spots)
    rows = int(np.prod(tuple(map(at.size, rest)), dtype=int))
    kept = len(rest) + len(event)
    array = xp.reshape_last(array, count=kept, shape=(rows, channels, high, wide))
    return xp.transpose(array, (0, 1, 3, 4, 2))


def _layer(at: Evaluator, x: Array, layer: Windows, w: Named, b: Named, found: Convolution) -> Array:
    """One layer before its activation: (draw, row, place, place, channel) again."""
    _, rows, high, wide, channels = np.shape(_example(x))
    width = tuple(map(at.size, layer.width))
    down, across = width if len(width) == LONGEST else (1, *width)
    fits = [places(n, k, found.stride, found.same) for n, k in ((high, down), (wide, across))]
    count, pads = tuple(c for c, _ in fits), tuple(p for _, p in fits)
    window = xp.patches(x, width=(down, across), stride=found.stride, pads=pads, count=count)
    out = at.size(layer.after[-1])
    matrix = xp.reshape_last(once(w.array), count=len(w.dims), shape=(down * across * channels, out))
    summed = xp.add(xp.dense(window, matrix), xp.expand_dims(once(b.array), -2))
    return xp.reshape_last(summed, count=2, shape=(rows, *count, out))


def _invalid(x: Named, event: tuple[Dim, ...]) -> Named | None:
    """Rows with a cell that no value stands for."""
    mask = x.invalid
    if mask is None:
        return None
    axes = tuple(1 + i for i, d in enumerate(mask.dims) if d in event)
    return Named(mask.numpy.any(axis=axes), tuple(d for d in mask.dims if d not in event))


def _example(x: Array) -> Array:
    return getattr(x, "example", x)
