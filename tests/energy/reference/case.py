"""What a hand-written reference is: a model's text, data, and its updates one block at a time.

A state holds q by blocks: ``state["tau"]["shape"]``. A block is a latent, or several joined by commas where q
couples them. Families and their arrays (leading axes: the latent's plates, in the order of the text):

    Normal       mean, var              MvNormal    mean (..., D), cov (..., D, D)
    Gamma        shape, rate            Beta        a, b
    Dirichlet    concentration (..., K) Wishart     df, scale (..., D, D), its mean df * scale
    Categorical  p (..., K)             Chain       node (..., T, K), pair (..., K, K) summed over steps, log_z
    Point        value
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
State = dict[str, dict[str, Array]]
Data = Mapping[str, Array]


@dataclass(frozen=True)
class Case:
    """One model by hand.

    columns: made-up data, in the form that the model's `fit` takes. start: a proper q of every block; its local
    blocks may be what the updates give. update: q with one block replaced by its best, the others fixed.
    elbo: E_q[log p] + entropy, every constant included. evidence: the exact log evidence, where it is easy;
    for `em` the ELBO right after the update of the exact block must equal it.
    """

    name: str
    model: str
    method: str
    blocks: tuple[str, ...]
    families: dict[str, str]
    columns: Callable[[np.random.Generator], dict[str, Array]]
    start: Callable[[Data, np.random.Generator], State]
    update: Callable[[State, Data, str], State]
    elbo: Callable[[State, Data], float]
    evidence: Callable[[State, Data], float] | None = None

    def sweep(self, state: State, data: Data) -> State:
        """All blocks once, in their order."""
        for block in self.blocks:
            state = self.update(state, data, block)
        return state

    def fitted(self, state: State, data: Data, sweeps: int = 500, tolerance: float = 1e-12) -> State:
        """Sweeps until the ELBO gains less than ``tolerance`` of itself."""
        last = -np.inf
        for _ in range(sweeps):
            state = self.sweep(state, data)
            now = self.elbo(state, data)
            if now - last < tolerance * (1 + abs(now)):
                break
            last = now
        return state
