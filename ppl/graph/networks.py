"""Networks: their weights as params or latents of the graph, and their value at a batch of inputs.

A layer of inputs ``x`` over axis F is ``a(x W + b)`` with W over (F, H) and b over H; the last layer,
one for each part, has no activation. Weights are statements of the graph like any other, named
``network/weight1``, ``network/bias1``, ..., ``network/part/weight``, ``network/part/bias``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from ppl.backend import ops as xp
from ppl.graph import nodes as g
from ppl.graph.named import Named, add, aligned, merge_invalid
from ppl.graph.nodes import Dim, NetworkSpec
from ppl.language import typed as t
from ppl.supports import REAL
from ppl.types import Axis, Type

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
FITTED = ("MLP", "Linear")
SEPARATOR = "/"


@dataclass(frozen=True)
class Weight:
    """One array of a network: its name and its dims, inputs before outputs."""

    name: str
    dims: tuple[Dim, ...]
    bias: bool
    rectified: bool


def is_weight(name: str) -> bool:
    """Whether a statement's name is that of an array of a network."""
    return SEPARATOR in name


# ---------------------------------------------------------------- declarations


def specification(network: t.NetworkDef) -> NetworkSpec:
    """The layers of a checked declaration."""
    settings = dict(network.arguments)
    hidden = hidden_terms(network)
    activation = settings.get("activation", settings.get("argument 2"))
    return NetworkSpec(
        network.name,
        str(activation.value) if isinstance(activation, t.Const) else "tanh",
        tuple(g.event_dim(a) for a in network.inputs),
        tuple(hidden_dim(network.name, k) for k in range(len(hidden))),
        tuple((name, tuple(g.event_dim(a) for a in axes)) for name, axes in network.outputs),
    )


def hidden_terms(network: t.NetworkDef) -> tuple[t.Term, ...]:
    """The sizes of the hidden layers, as written: one of 64 where an MLP says none."""
    if network.layer != "MLP":
        return ()
    settings = dict(network.arguments)
    term = settings.get("hidden", settings.get("argument 1"))
    if term is None:
        return (t.Const(Type("int"), network.span, 64),)
    return term.items if isinstance(term, t.ListOf) else (term,)


def hidden_dim(name: str, k: int) -> Dim:
    """The axis of a network's k-th hidden layer."""
    return Dim(f"{name}{SEPARATOR}hidden{k + 1}")


def layer_weights(spec: NetworkSpec) -> Iterator[Weight]:
    """Every array of a network, layer by layer."""
    rectified = spec.activation in RECTIFIED
    inputs = spec.inputs
    for k, dim in enumerate(spec.hidden):
        yield from _layer(f"{spec.name}{SEPARATOR}", str(k + 1), inputs, (dim,), rectified)
        inputs = (dim,)
    for part, dims in spec.parts:
        yield from _layer(f"{spec.name}{SEPARATOR}{part}{SEPARATOR}", "", inputs, dims, False)


def _layer(
    prefix: str, number: str, inputs: tuple[Dim, ...], out: tuple[Dim, ...], rectified: bool
) -> Iterator[Weight]:
    for k, dim in enumerate(inputs):
        suffix = f"{SEPARATOR}{k + 1}" if len(inputs) > 1 else ""
        yield Weight(f"{prefix}weight{number}{suffix}", _distinct((dim, *out)), False, rectified)
    yield Weight(f"{prefix}bias{number}", _distinct(out), True, rectified)


def _distinct(dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Dims over one set told apart by primes."""
    out: list[Dim] = []
    for dim in dims:
        while dim in out:
            dim = Dim(dim.set, dim.tag + "'")
        out.append(dim)
    return tuple(out)


def weight_type(weight: Weight) -> Type:
    """The type of a whole array."""
    return Type("real", REAL, tuple(Axis(d.set, len(d.tag)) for d in weight.dims))


def weight_statement(network: t.NetworkDef, weight: Weight, prior: g.Node | None) -> g.Statement:
    """An array as a statement: a latent where the network has a prior, else a param."""
    kind = "param" if prior is None else "latent"
    zero = g.Constant(Type("real"), frozenset(), (), network.span, 0.0)
    body = zero if prior is None else prior
    place = g.Place((), weight.dims)
    return g.Statement(weight.name, kind, place, weight.dims, body, weight_type(weight), network.span)


def weight_nodes(spec: NetworkSpec, part: str, span: Any) -> tuple[g.Variable, ...]:
    """The arrays that one part is computed from, in the order of `layer_weights`."""
    own = f"{spec.name}{SEPARATOR}{part}{SEPARATOR}"
    others = tuple(f"{spec.name}{SEPARATOR}{p}{SEPARATOR}" for p, _ in spec.parts)
    return tuple(
        g.Variable(weight_type(w), frozenset(), w.dims, span, w.name)
        for w in layer_weights(spec)
        if w.name.startswith(own) or not w.name.startswith(others)
    )


# ---------------------------------------------------------------- values


def network(at: Evaluator, node: g.NetworkCall) -> Named:
    """A part's value over the loops of the inputs and the part's own axes."""
    spec, pending = node.spec, list(node.weights)
    layer = [at.named(a) for a in node.arguments]
    axes = [a.event[0] for a in node.arguments]
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
    out = xp.add(whole.array, _once(aligned(bias, whole.dims)))
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
        _once(w.array), count=len(w.dims), shape=(at.size(axis), int(np.prod(width, dtype=int)))
    )
    product = xp.reshape_last(xp.dense(flat, matrix), count=2, shape=(*shape, *width))
    mask = x.invalid
    if mask is not None and axis in mask.dims:
        place = 1 + mask.dims.index(axis)
        mask = Named(mask.numpy.any(axis=place), tuple(d for d in mask.dims if d != axis))
    return Named(product, (*rest, *out), merge_invalid([Named(None, (), mask)], at.size))


def _once(array: Array) -> Array:
    """Draws that are all the same memory, as the weights of a fit are, need one product only."""
    if isinstance(array, np.ndarray) and len(array) > 1 and array.strides[0] == 0:
        return array[:1]
    return array


# ---------------------------------------------------------------- starts


def initial_weights(
    networks: tuple[NetworkSpec, ...], size: Callable[[Dim], int], seed: int
) -> dict[str, np.ndarray]:
    """Where the search for each array starts; it depends on the seed and the array's name alone.

    Normal draws of variance 2 / (inputs + outputs), of 2 / inputs before rectifiers; biases 0.
    Glorot & Bengio 2010; He et al. 2015.
    """
    return {w.name: _initial(w, size, seed) for spec in networks for w in layer_weights(spec)}


def _initial(weight: Weight, size: Callable[[Dim], int], seed: int) -> np.ndarray:
    sizes = tuple(map(size, weight.dims))
    if weight.bias:
        return np.zeros(sizes)
    fan_in, fan_out = sizes[0], int(np.prod(sizes[1:], dtype=int))
    variance = 2.0 / fan_in if weight.rectified else 2.0 / (fan_in + fan_out)
    rng = np.random.default_rng([seed, crc32(weight.name.encode())])
    return float(np.sqrt(variance)) * rng.standard_normal(sizes)
