"""The compiled log joint over unconstrained coordinates: for samplers, optimisers and programs of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ppl.backend.embedded import Embedded
from ppl.posterior.target import coordinate_names

if TYPE_CHECKING:
    from ppl.graph.lower import GraphTarget
    from ppl.graph.problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Density:
    """``log p(T(z), data) + log |det dT/dz|`` at coordinates z, all of them on the real line.

    Every method takes one point (D,) or rows of points (S, D). A call is one operation of an autograd
    program: `autograd.grad` of anything made of it works, with one gradient of the log joint in reverse.

    >>> import autograd, ppl
    >>> text = "table t(y: real)\\nmu ~ Normal(0, 1)\\ny[i] ~ Normal(mu, 1) for i in t\\n"
    >>> density = ppl.compile(text).density({"y": [1.0, 2.0]})
    >>> autograd.grad(lambda b: density(2.0 * b))(np.array([0.25]))
    array([3.])
    >>> density.hvp(np.zeros(1), np.ones(1)).round(6)
    array([-3.])
    """

    problem: Problem

    @cached_property
    def target(self) -> GraphTarget:
        """The compiled log joint, as inference sees it."""
        return self.problem.target()

    @property
    def size(self) -> int:
        """D, the number of coordinates."""
        return self.target.size

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each coordinate; a latent that was non-centred has the ending ``.raw``."""
        return coordinate_names(self.target.groups, self.size)

    @property
    def where(self) -> Mapping[str, slice]:
        """The coordinates of each latent."""
        return {group.name: group.where for group in self.target.groups}

    @property
    def start(self) -> Array:
        """A point near the middle of the prior: (D,)."""
        return self.target.start.copy()

    def __call__(self, z: Any) -> Any:
        """The log density: a number, or (S,)."""
        z = np.asarray(z, dtype=float) if isinstance(z, list | tuple) else z
        return self._whole(z[None])[0] if z.ndim == 1 else self._whole(z)

    def value_and_grad(self, z: Any) -> tuple[Any, Array]:
        """The log density and its gradient in z, of z's shape."""
        rows = np.atleast_2d(np.asarray(z, dtype=float))
        value, slope = self.target.value_and_grad(rows)
        return (value, slope) if np.ndim(z) == 2 else (float(value[0]), slope[0])

    def hvp(self, z: Any, v: Any) -> Array:
        """The Hessian at z times v, by two gradients; z and v broadcast.

        The relative error is 1e-12 to 1e-9 for coordinates of order one (see
        `ppl.backend.directional.hessian_vector`).
        """
        rows, ways = np.broadcast_arrays(np.asarray(z, dtype=float), np.asarray(v, dtype=float))
        out = self.target.hvp(np.atleast_2d(rows), np.atleast_2d(ways))
        return out if rows.ndim == 2 else out[0]

    def constrain(self, z: Any) -> dict[str, Array]:
        """Latents and params by name in the model's own coordinates, with a leading axis for rows."""
        found = self.problem.constrain(np.atleast_2d(np.asarray(z, dtype=float)))
        return found if np.ndim(z) == 2 else {name: array[0] for name, array in found.items()}

    @cached_property
    def _whole(self) -> Embedded:
        return Embedded(self.target.value_and_grad)

    def __repr__(self) -> str:
        return f"Density({self.size} coordinates: {', '.join(self.where)})"
