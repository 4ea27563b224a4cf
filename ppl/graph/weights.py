"""The arrays of networks: their names, axes and starts. They are statements of the graph like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from ppl.graph.nodes import Dim
from ppl.supports import REAL
from ppl.types import Axis, Type

SEPARATOR = "/"


@dataclass(frozen=True)
class Weight:
    """One array of a network: its name and its dims, inputs before outputs.

    ``inputs``: how many of the dims are summed over. A ``table`` has a row for each label, of which a call
    reads one; a bias has no inputs.
    """

    name: str
    dims: tuple[Dim, ...]
    inputs: int = 1
    rectified: bool = False
    table: bool = False

    @property
    def bias(self) -> bool:
        """Whether it is added, whatever the input."""
        return self.inputs == 0

    @property
    def type(self) -> Type:
        """The type of the whole array."""
        return Type("real", REAL, tuple(Axis(d.set, len(d.tag)) for d in self.dims))


def is_weight(name: str) -> bool:
    """Whether a statement's name is that of an array of a network.

    >>> is_weight("encoder/weight1"), is_weight("slope")
    (True, False)
    """
    return SEPARATOR in name


def distinct(dims: Iterable[Dim]) -> tuple[Dim, ...]:
    """Dims over one set told apart by primes."""
    out: list[Dim] = []
    for dim in dims:
        while dim in out:
            dim = Dim(dim.set, dim.tag + "'")
        out.append(dim)
    return tuple(out)


def initial(weight: Weight, size: Callable[[Dim], int], seed: int) -> np.ndarray:
    """Where the search for an array starts; it depends on the seed and the array's name alone.

    Normal draws of variance 2 / (inputs + outputs), of 2 / inputs before rectifiers, of 1 / outputs in tables;
    biases 0. Inputs are the numbers that one output sums over. Glorot & Bengio 2010; He et al. 2015.
    """
    sizes = tuple(map(size, weight.dims))
    if weight.bias:
        return np.zeros(sizes)
    fan_in = int(np.prod(sizes[: weight.inputs], dtype=int))
    fan_out = int(np.prod(sizes[weight.inputs :], dtype=int))
    variance = 2.0 / fan_in if weight.rectified else 2.0 / (fan_in + fan_out)
    if weight.table:
        variance = 1.0 / fan_out
    rng = np.random.default_rng([seed, crc32(weight.name.encode())])
    return float(np.sqrt(variance)) * rng.standard_normal(sizes)


def once(array: Any) -> Any:
    """Draws that are all the same memory, as the weights of a fit are, need one product only."""
    if isinstance(array, np.ndarray) and len(array) > 1 and array.strides[0] == 0:
        return array[:1]
    return array
