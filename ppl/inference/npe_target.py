"""What is learnt from: a bound problem, its simulations, and the network they ask for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ppl.inference.draws import stream
from ppl.inference.npe_data import Reading, Sets, reading_of, simulated
from ppl.inference.npe_head import Head
from ppl.inference.npe_heads import Sizes
from ppl.inference.npe_network import Network
from ppl.inference.npe_posterior import Amortised
from ppl.inference.npe_scaling import Scaling, from_arrays, scaling_of
from ppl.inference.npe_training import Examples
from ppl.posterior.target import Array

SIMULATE = 5  # the purpose of a random stream
HELD_OUT = 0.1


class Simulated:
    """A problem with ``count`` simulations, made once for a seed."""

    def __init__(self, problem: Any, count: int, sizes: Sizes, summary: str) -> None:
        self.problem = problem
        self.count, self.sizes = count, sizes
        self.reading: Reading = reading_of(problem, summary)
        sizes.check(self.size)
        self._sets: dict[int, tuple[Scaling, Examples]] = {}

    @property
    def size(self) -> int:
        """D."""
        return int(self.reading.layout.size)

    @cached_property
    def data(self) -> Sets:
        """The data themselves, as one data set."""
        return self.reading.numbers(self.reading.observed(), np.zeros((1, self.size)))

    @property
    def head(self) -> Head:
        """What the network ends in."""
        return self.sizes.head_of(self.size)

    def examples(self, seed: int) -> tuple[Scaling, Examples]:
        """Scaling and training examples of a seed."""
        if seed not in self._sets:
            sets = simulated(self.problem, self.reading, self.count, stream(seed, SIMULATE))
            scaling = scaling_of(sets)
            s = scaling.summaries(sets)
            t = scaling.whitened(sets.latents, s)
            rows = scaling.rows(sets)
            self._sets[seed] = (scaling, Examples(s, rows, t, int(HELD_OUT * len(t))))
        return self._sets[seed]

    def network(self, features: int, columns: int) -> Network:
        """The network for summaries and rows of these sizes."""
        return Network(features, columns, self.sizes.hidden, self.head.width)

    def posterior(self, scaling: Scaling, weights: Array, sizes: Sizes | None = None) -> Amortised:
        """The posterior that trained weights stand for, of the sizes asked for or of others."""
        kept = self.sizes if sizes is None else sizes
        head = kept.head_of(self.size)
        network = Network(scaling.axes.shape[1], len(scaling.row_centre), kept.hidden, head.width)
        return Amortised(network, head, scaling, weights, kept)

    def posterior_of(self, arrays: dict[str, Array]) -> Amortised:
        """The posterior kept with an earlier fit. Raises `KeyError` or `ValueError` where it does not fit."""
        scaling = from_arrays(arrays)
        sizes = Sizes.of(arrays["sizes"])
        q = self.posterior(scaling, np.asarray(arrays["weights"], dtype=float), sizes)
        if (
            len(q.weights) != q.network.count + q.head.count
            or len(scaling.centre) != self.data.cells.shape[1]
        ):
            raise ValueError("a network of other sizes")
        known = np.asarray(arrays["inputs"], dtype=float)
        if known.shape != self.inputs.shape or not np.allclose(known, self.inputs, rtol=1e-9):
            raise ValueError("a network of other covariates")
        return q

    @cached_property
    def inputs(self) -> Array:
        """Figures of all that is not simulated (sizes, covariates): a network knows only those it was shown."""
        from ppl.posterior.predict import observed_columns

        drawn, data = observed_columns(self.problem.program), self.problem.data
        found = [(float(s.size), 0.0, 0.0) for _, s in sorted(data.sets.items())]
        for key in sorted((k for k in data.arrays if k not in drawn), key=str):
            array = data.arrays[key]
            if array.dtype.kind in "fiub":
                flat = np.asarray(array, dtype=float).ravel()
                found.append(
                    (float(flat.size), float(flat @ np.cos(np.arange(len(flat)))), float(flat @ flat))
                )
        return np.array(found)
