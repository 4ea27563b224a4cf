"""Networks: their weights as params or latents of the graph, and their value at a batch of inputs.

A dense layer of inputs ``x`` over axis F is ``a(x W + b)`` with W over (F, H) and b over H; the last layer,
one for each part, has no activation. Weights are statements of the graph like any other, named
``network/weight1``, ``network/bias1``, ..., ``network/part/weight``, ``network/part/bias``. Layers of windows
come before dense ones (`ppl.graph.convolutions`); a table of labels is read by subscripts, like any other array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.convolutions import convolution, convolved, terms_of, window_weights
from ppl.graph.named import Named, add, aligned, merge_invalid
from ppl.graph.nodes import Dim, NetworkSpec
from ppl.graph.weights import SEPARATOR, Weight, distinct, initial, once
from ppl.graph.weights import is_weight as is_weight
from ppl.language import typed as t
from ppl.types import Type

if TYPE_CHECKING:
    from ppl.graph.evaluate import Evaluator

Array = Any
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": xp.tanh,
    "relu": lambda x: xp.maximum(x, 0.0),
    "softplus": xp.softplus,
    "sigmoid": xp.sigmoid,
}
RECTIFIED = ("relu", "softplus")
DENSE = 64  # units of the hidden layer of an MLP that says none


# ---------------------------------------------------------------- declarations


def specification(network: t.NetworkDef) -> NetworkSpec:
    """The layers of a checked declaration."""
    hidden = hidden_terms(network)
    activation = dict(network.arguments).get("activation")
    return NetworkSpec(
        network.name,
        str(activation.value) if isinstance(activation, t.Const) else "tanh",
        tuple(g.event_dim(a) for a in network.inputs),
        tuple(hidden_dim(network.name, k) for k in range(len(hidden))),
        tuple((name, tuple(g.event_dim(a) for a in axes)) for name, axes in network.outputs),
        network.layer == "Embedding",
        convolution(network) if network.layer == "Conv" else None,
    )


def hidden_terms(network: t.NetworkDef) -> tuple[t.Term, ...]:
    """The sizes of the dense hidden layers, as written: one of 64 where an MLP says none."""
    return terms_of(network, "hidden", DENSE if network.layer == "MLP" else 0)


def hidden_dim(name: str, k: int) -> Dim:
    """The axis of a network's k-th hidden layer."""
    return Dim(f"{name}{SEPARATOR}hidden{k + 1}")


def layer_weights(spec: NetworkSpec) -> Iterator[Weight]:
    """Every array of a network, layer by layer."""
    rectified = spec.activation in RECTIFIED
    yield from window_weights(spec, rectified)
    inputs: tuple[tuple[Dim, ...], ...] = tuple((d,) for d in spec.inputs)
    for k, after in enumerate(spec.layers):
        if k >= len(spec.layers) - len(spec.hidden):
            yield from _layer(f"{spec.name}{SEPARATOR}", str(k + 1), inputs, after, rectified)
        inputs = (after,)
    for part, dims in spec.parts:
        prefix = f"{spec.name}{SEPARATOR}{part}{SEPARATOR}"
        yield from _layer(prefix, "", inputs, dims, False, spec.table)


def _layer(
    prefix: str,
    number: str,
    inputs: tuple[tuple[Dim, ...], ...],
    out: tuple[Dim, ...],
    rectified: bool,
    table: bool = False,
) -> Iterator[Weight]:
    for k, dims in enumerate(inputs):
        suffix = f"{SEPARATOR}{k + 1}" if len(inputs) > 1 else ""
        yield Weight(f"{prefix}weight{number}{suffix}", distinct((*dims, *out)), len(dims), rectified, table)
    if not table:
        yield Weight(f"{prefix}bias{number}", distinct(out), 0, rectified)


def weight_statement(network: t.NetworkDef, weight: Weight, prior: g.Node | None) -> g.Statement:
    """An array as a statement: a latent where the network has a prior, else a param."""
    kind = "param" if prior is None else "latent"
    zero = g.Constant(Type("real"), frozenset(), (), network.span, 0.0)
    body = zero if prior is None else prior
    place = g.Place((), weight.dims)
    return g.Statement(weight.name, kind, place, weight.dims, body, weight.type, network.span)


def weight_nodes(spec: NetworkSpec, part: str, span: Any) -> tuple[g.Variable, ...]:
    """The arrays that one part is computed from, in the order of `layer_weights`."""
    own = f"{spec.name}{SEPARATOR}{part}{SEPARATOR}"
    others = tuple(f"{spec.name}{SEPARATOR}{p}{SEPARATOR}" for p, _ in spec.parts)
    return tuple(
        g.Variable(w.type, frozenset(), w.dims, span, w.name)
        for w in layer_weights(spec)
        if w.name.startswith(own) or not w.name.startswith(others)
    )


# ---------------------------------------------------------------- values


def network(at: Evaluator, node: g.NetworkCall) -> Named:
    """A part's value over the loops of the inputs and the part's own axes."""
    spec, pending = node.spec, list(node.weights)
    layer = [at.named(a) for a in node.arguments]
    axes = [a.event[0] for a in node.arguments]
    if spec.convolution is not None:
        count = 2 * len(spec.convolution.layers)
        arrays, pending = pending[:count], pending[count:]
        made = partial(convolved, at, node, ACTIVATIONS[spec.activation], [at.named(a) for a in arrays])
        found = at.remembered((spec.name, "maps", *node.arguments), made)
        layer, axes = [found], [found.dims[-1]]
    for k, dim in enumerate(spec.hidden):
        count = len(layer) + 1
        arrays, pending = pending[:count], pending[count:]
        make = partial(_hidden, at, spec.activation, layer, axes, arrays)
        layer, axes = [at.remembered((spec.name, k, *node.arguments), make)], [dim]
    out = _affine(at, layer, axes, pending)
    return out.renamed(dict(zip(dict(spec.parts)[node.part], node.event, strict=True)))


def _hidden(
    at: Evaluator, activation: str, inputs: list[Named], axes: list[Dim], arrays: list[g.Node]
) -> Named:
    summed = _affine(at, inputs, axes, arrays)
    return replace(summed, array=ACTIVATIONS[activation](summed.array))


def _affine(at: Evaluator, inputs: list[Named], axes: list[Dim], arrays: list[g.Node]) -> Named:
    """Sum over inputs of x W, and the bias."""
    bias = at.named(arrays[-1])
    products = [
        _product(at, x, axis, at.named(w), bias.dims)
        for x, axis, w in zip(inputs, axes, arrays[:-1], strict=True)
    ]
    whole = products[0] if len(products) == 1 else add(products, at.size)
    out = xp.add(whole.array, once(aligned(bias, whole.dims)))
    return Named(out, whole.dims, whole.invalid)


def _product(at: Evaluator, x: Named, axis: Dim, w: Named, out: tuple[Dim, ...]) -> Named:
    rest = tuple(d for d in x.dims if d != axis)
    array = aligned(x, (*rest, axis))
    if axis not in x.dims:
        array = xp.broadcast_last(array, (at.size(axis),))
    if isinstance(array, np.ndarray) and array.dtype.kind != "f":
        array = array.astype(float)
    shape, width = tuple(map(at.size, rest)), tuple(map(at.size, out))
    flat = xp.reshape_last(array, count=len(rest) + 1, shape=(int(np.prod(shape, dtype=int)), at.size(axis)))
    matrix = xp.reshape_last(
        once(w.array), count=len(w.dims), shape=(at.size(axis), int(np.prod(width, dtype=int)))
    )
    product = xp.reshape_last(xp.dense(flat, matrix), count=2, shape=(*shape, *width))
    mask = x.invalid
    if mask is not None and axis in mask.dims:
        place = 1 + mask.dims.index(axis)
        mask = Named(mask.numpy.any(axis=place), tuple(d for d in mask.dims if d != axis))
    return Named(product, (*rest, *out), merge_invalid([Named(None, (), mask)], at.size))


# ---------------------------------------------------------------- starts


def initial_weights(
    networks: tuple[NetworkSpec, ...], size: Callable[[Dim], int], seed: int
) -> dict[str, np.ndarray]:
    """Where the search for each array starts, by the rule of `ppl.graph.weights.initial`."""
    return {w.name: initial(w, size, seed) for spec in networks for w in layer_weights(spec)}
