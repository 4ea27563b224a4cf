"""The sizes of what a convolution makes: windows, channels, and the maps between its layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ppl.backend.convolution import places
from ppl.errors import DataError, Diagnostic
from ppl.graph.bind_terms import Scope, evaluate
from ppl.graph.bind_types import BoundSet
from ppl.graph.convolutions import CHANNELS, WIDTH, terms_of
from ppl.graph.nodes import Convolution, NetworkSpec
from ppl.language import typed as t


def map_sizes(
    network: t.NetworkDef, spec: NetworkSpec, scope: Scope, sets: Mapping[str, BoundSet]
) -> dict[str, int]:
    """Sizes by set; nothing without a convolution. Raises `DataError` (E408) where windows do not fit."""
    found = spec.convolution
    if found is None:
        return {}
    out = _numbers(network, found, scope)
    inputs = [sets[d.set].size for d in spec.inputs]
    shape = [out[d.set] for d in found.shape]
    if shape and np.prod(shape) != inputs[0]:
        message = f"`{network.name}` lays {inputs[0]} numbers out in {' x '.join(map(str, shape))}"
        raise _wrong(message, network, "the product of `shape` is the size of the input")
    out |= {d.set: n for d, n in zip(spec.inputs, inputs, strict=True)}
    for layer in found.layers:
        for before, width, after in zip(layer.before, layer.width, layer.after[:-1], strict=False):
            out[after.set], _ = places(out[before.set], out[width.set], found.stride, found.same)
            if out[after.set] < 1:
                message = f"a window of {out[width.set]} does not fit on {out[before.set]} places"
                raise _wrong(f"{message} in `{network.name}`", network, 'narrow it, or `padding = "same"`')
    return {name: size for name, size in out.items() if name not in {d.set for d in spec.inputs}}


def _numbers(network: t.NetworkDef, found: Convolution, scope: Scope) -> dict[str, int]:
    """What is written: the shape, the widths of windows, and the channels of every layer."""
    width = terms_of(network, "width", WIDTH)
    widths = width * len(found.layers[0].width) if len(width) == 1 else width
    channels = terms_of(network, "channels", CHANNELS)
    pairs = [
        *zip(found.shape, terms_of(network, "shape"), strict=True),
        *zip(found.layers[0].width, widths, strict=True),
        *((layer.after[-1], term) for layer, term in zip(found.layers, channels, strict=True)),
    ]
    return {dim.set: _whole(network, term, scope) for dim, term in pairs}


def _whole(network: t.NetworkDef, term: t.Term, scope: Scope) -> int:
    size = float(np.asarray(evaluate(term, scope)).ravel()[0])
    if size < 1 or size != int(size):
        message = f"a size of {size:g} in `{network.name}`"
        raise DataError((Diagnostic("E408", message, term.span, help="give a whole number from 1"),))
    return int(size)


def _wrong(message: str, network: t.NetworkDef, help: str) -> DataError:
    return DataError((Diagnostic("E408", message, network.span, help=help),))
