"""The rows of one observation, as the passes that fold them see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppl.graph import nodes as g
from ppl.graph.nodes import Dim


@dataclass(frozen=True, eq=False)
class Observation:
    """Rows ``y`` (N,) or (N, K) of one plate under a distribution written out to data and latents."""

    statement: g.Statement
    body: g.Distribution
    dim: Dim
    y: np.ndarray
    weights: np.ndarray | None
