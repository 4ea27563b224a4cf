"""The axes of hidden layers, as index sets of the bound data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ppl.errors import DataError, Diagnostic
from ppl.graph.bind_terms import Scope, evaluate
from ppl.graph.bind_types import Array, BoundData, BoundSet
from ppl.graph.convolution_sizes import map_sizes
from ppl.graph.networks import hidden_dim, hidden_terms, specification
from ppl.language import typed as t


@dataclass(frozen=True)
class _World:
    """Bound data, as the evaluator of sizes asks for them."""

    program: t.Program
    data: BoundData

    def array(self, table: str | None, name: str) -> Array:
        return self.data.arrays[(table, name)]

    def set(self, name: str) -> BoundSet:
        return self.data.sets[name]

    def definition(self, name: str) -> t.Definition | None:
        return next((d for d in self.program.definitions if d.name == name), None)


def with_hidden_layers(program: t.Program, data: BoundData) -> BoundData:
    """The data with one set for each hidden layer. Raises `DataError` (E408) for a size below one."""
    if not program.networks:
        return data
    scope = Scope(_World(program, data))
    sets = dict(data.sets)
    for network in program.networks.values():
        for k, term in enumerate(hidden_terms(network)):
            name, size = hidden_dim(network.name, k).set, float(np.asarray(evaluate(term, scope)).ravel()[0])
            if size < 1 or size != int(size):
                message = f"a hidden layer of `{network.name}` has {size:g} units"
                raise DataError((Diagnostic("E408", message, term.span, help="give a whole number from 1"),))
            sets[name] = BoundSet(name, int(size))
        for name, size in map_sizes(network, specification(network), scope, sets).items():
            sets[name] = BoundSet(name, size)
    return replace(data, sets=sets)
