"""Families of scalars by unconstrained coordinates: where to step in them, and nodes for any expectation.

theta = (place, log of a width or shape), nearly orthogonal: Newton steps in it need no more than a unit for each.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import numpy as np

from ppl.backend.lazy import special
from ppl.energy.families import find
from ppl.energy.families._form_nodes import HALF_LOG, NODES, around, gamma_entropy
from ppl.energy.families.base import Family
from ppl.energy.families.exponential import EULER

Array = Any
Parameters = dict[str, np.ndarray]


class Form(ABC):
    """One family; arrays (D, *batch) of coordinates. Final subclasses, class methods only."""

    name: ClassVar[str]

    @classmethod
    def kind(cls) -> type[Family]:
        """The exponential family that it is."""
        found = find(cls.name)
        assert found is not None
        return found

    @classmethod
    @abstractmethod
    def parameters(cls, theta: Array) -> Parameters:
        """Its parameters as the family names them."""

    @classmethod
    @abstractmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        """The inverse of `parameters`."""

    @classmethod
    @abstractmethod
    def units(cls, theta: Array) -> np.ndarray:
        """Steps of about one standard deviation in each coordinate, (D, *batch)."""

    @classmethod
    @abstractmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        """Nats, (*batch), without differences of large numbers."""

    @classmethod
    @abstractmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        """Coordinates for this mean and variance (nearly) of the unconstrained latent: x, log x or logit x."""

    @classmethod
    @abstractmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        """Unconstrained places and probabilities, (*batch, NODES) each: E f = sum of probability times f."""


@final
class NormalForm(Form):
    """theta = (mean, log sd)."""

    name = "Normal"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        return {"mean": theta[0], "sd": np.exp(theta[1])}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        return np.stack(np.broadcast_arrays(parameters["mean"], np.log(parameters["sd"])))

    @classmethod
    def units(cls, theta: Array) -> np.ndarray:
        return np.stack([np.exp(theta[1]), np.ones(theta[1].shape)])

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        return np.asarray(theta[1] + HALF_LOG)

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        return np.stack([mean, 0.5 * np.log(variance)])

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        z = np.linspace(-9.5, 9.5, NODES)
        weight = np.exp(-0.5 * np.square(z))
        u = theta[0][..., None] + np.exp(theta[1])[..., None] * z
        return u, np.broadcast_to(weight / weight.sum(), u.shape)


@final
class LogNormalForm(Form):
    """theta = (mean, log sd) of log x."""

    name = "LogNormal"
    parameters = NormalForm.parameters
    theta = NormalForm.theta
    units = NormalForm.units
    about = NormalForm.about
    nodes = NormalForm.nodes

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        return np.asarray(theta[0] + theta[1] + HALF_LOG)


@final
class GammaForm(Form):
    """theta = (log(shape / rate), log shape)."""

    name = "Gamma"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        return {"shape": np.exp(theta[1]), "rate": np.exp(theta[1] - theta[0])}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        shape = np.log(parameters["shape"])
        return np.stack(np.broadcast_arrays(shape - np.log(parameters["rate"]), shape))

    @classmethod
    def units(cls, theta: Array) -> np.ndarray:
        return np.stack([np.exp(-0.5 * theta[1]), np.ones(theta[1].shape)])

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        return np.asarray(theta[0] - theta[1] + gamma_entropy(np.exp(theta[1])))

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        shape = 0.5 * (1.0 + np.sqrt(1.0 + 2.0 * variance)) / variance  # trigamma(a) is about 1/a + 1/(2 a^2)
        return np.stack([mean + 0.5 / shape, np.log(shape)])

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        shape = np.exp(theta[1])[..., None]
        d, weight = around(shape, np.inf)
        return theta[0][..., None] + d, weight


@final
class InverseGammaForm(Form):
    """theta = (log(scale / shape), log shape); 1 / x is Gamma."""

    name = "InverseGamma"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        return {"shape": np.exp(theta[1]), "scale": np.exp(theta[0] + theta[1])}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        shape = np.log(parameters["shape"])
        return np.stack(np.broadcast_arrays(np.log(parameters["scale"]) - shape, shape))

    units = GammaForm.units

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        shape = np.exp(theta[1])
        return np.asarray(gamma_entropy(shape) + theta[0] + theta[1] - 2.0 * special.digamma(shape))

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        found = GammaForm.about(-mean, variance)
        return np.stack([-found[0], found[1]])

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        d, weight = around(np.exp(theta[1])[..., None], np.inf)
        return theta[0][..., None] - d, weight


@final
class BetaForm(Form):
    """theta = (log(a / b), log(a + b))."""

    name = "Beta"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        log_p, log_q = -np.logaddexp(0.0, -theta[0]), -np.logaddexp(0.0, theta[0])
        return {"a": np.exp(theta[1] + log_p), "b": np.exp(theta[1] + log_q)}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        a, b = np.broadcast_arrays(parameters["a"], parameters["b"])
        return np.stack([np.log(a) - np.log(b), np.log(a + b)])

    @classmethod
    def units(cls, theta: Array) -> np.ndarray:
        found = cls.parameters(theta)
        return np.stack([np.sqrt(1.0 / found["a"] + 1.0 / found["b"]), np.ones(theta[1].shape)])

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        """From those of three Gammas."""
        found = cls.parameters(theta)
        total = np.exp(theta[1])
        parts = gamma_entropy(found["a"]) + gamma_entropy(found["b"]) - gamma_entropy(total)
        return np.asarray(parts - special.digamma(total))

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        p = special.expit(mean)
        return np.stack([mean, -np.log(p * (1.0 - p) * variance)])

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        found = cls.parameters(theta)
        d, weight = around(found["a"][..., None], found["b"][..., None])
        return theta[0][..., None] + d, weight


@final
class HalfNormalForm(Form):
    """theta = (log scale)."""

    name = "HalfNormal"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        return {"scale": np.exp(theta[0])}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        return np.log(parameters["scale"])[None]

    @classmethod
    def units(cls, theta: Array) -> np.ndarray:
        return np.ones(theta.shape)

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        return np.asarray(theta[0] + HALF_LOG - math.log(2.0))

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        return np.asarray(mean + 0.5 * (EULER + math.log(2.0)))[None]

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        """x^2 / scale^2 / 2 is Gamma(1/2, 1), and log of it over 1/2 is ``d``."""
        d, weight = around(np.full((*theta[0].shape, 1), 0.5), np.inf)
        return theta[0][..., None] + 0.5 * d, weight


@final
class ExponentialForm(Form):
    """theta = (log mean)."""

    name = "Exponential"

    @classmethod
    def parameters(cls, theta: Array) -> Parameters:
        return {"rate": np.exp(-theta[0])}

    @classmethod
    def theta(cls, parameters: Parameters) -> np.ndarray:
        return -np.log(parameters["rate"])[None]

    units = HalfNormalForm.units

    @classmethod
    def entropy(cls, theta: Array) -> np.ndarray:
        return np.asarray(theta[0] + 1.0)

    @classmethod
    def about(cls, mean: Array, variance: Array) -> np.ndarray:
        return np.asarray(mean + EULER)[None]

    @classmethod
    def nodes(cls, theta: Array) -> tuple[np.ndarray, np.ndarray]:
        d, weight = around(np.ones((*theta[0].shape, 1)), np.inf)
        return theta[0][..., None] + d, weight


FORMS: dict[str, type[Form]] = {
    f.name: f
    for f in (
        NormalForm,
        LogNormalForm,
        GammaForm,
        InverseGammaForm,
        BetaForm,
        HalfNormalForm,
        ExponentialForm,
    )
}
