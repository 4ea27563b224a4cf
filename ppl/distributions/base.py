"""What a distribution is, and how to add one.

To add a distribution, write one file named after it (``student_t.py`` for ``StudentT``) with one
final subclass of `Distribution`:

* ``parameters``: every parameter, whatever the parameterisation, with the support it needs;
* ``signatures``: the sets of names that may be given together; the first is the positional order;
* ``support``: the support of a draw, from the supports of the arguments;
* ``log_density``: normalised, written in `ppl.backend.ops`, for any one of the signatures;
* ``sample``: draws with a `numpy.random.Generator`;
* where it is one: ``polynomial``, the log density in statistics of the value and of the arguments;
* where they exist: ``limits`` (bounds that depend on arguments), ``log_cdf``, ``log_sf``,
  ``quantile``, ``states`` (finite discrete), ``family`` (exponential family);
* ``examples``: arguments and values that the generic tests, the reference and the docs use.

The name in the language, its signature and suggestions, the transform to the real line, and every
generic test follow from these.

Array convention: all arguments and the value are aligned to one batch rank (the leading axis holds
posterior draws) and broadcast; a vector parameter or value has its event axis last, a matrix its
two last. ``log_density`` returns the batch shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ppl.supports import REAL, Support
from ppl.types import Element

Array = Any


@dataclass(frozen=True)
class Parameter:
    """A parameter: its support, and how many event axes one value of it has (0, 1 or 2).

    ``length`` says how its event axis relates to the value's: ``"event"`` the same set,
    ``"states"`` the set whose labels the value takes (Categorical), ``"gaps"`` its cutpoints.
    """

    name: str
    support: Support = REAL
    event_dims: int = 0
    length: str = "event"
    default: float | None = None
    doc: str = ""


@dataclass(frozen=True)
class ExponentialFamily:
    """p(x) = h(x) exp(<eta, t(x)> - A(eta)).

    ``statistics(x)`` and ``natural(**given)`` return equally long tuples of arrays in matching
    order; ``log_normaliser(*eta)`` is A; ``log_base(x)`` is log h; ``given(*eta)`` inverts
    ``natural`` to the first signature.
    """

    statistics: Callable[..., tuple[Array, ...]]
    natural: Callable[..., tuple[Array, ...]]
    log_normaliser: Callable[..., Array]
    given: Callable[..., dict[str, Array]]
    log_base: Callable[[Array], Array]


@dataclass(frozen=True)
class Example:
    """Arguments (plain numbers or nested lists) and values inside the support."""

    arguments: Mapping[str, Any]
    values: tuple[Any, ...]


class Distribution(ABC):
    """The abstract distribution; see this module's docstring for the recipe."""

    parameters: ClassVar[tuple[Parameter, ...]]
    signatures: ClassVar[tuple[tuple[str, ...], ...]]
    event_dims: ClassVar[int] = 0
    element: ClassVar[Element] = "real"
    wrapper: ClassVar[bool] = False
    normalised: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = ()
    family: ClassVar[ExponentialFamily | None] = None
    reference: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def support(cls, **given: Support) -> Support:
        """The support of one draw, from the supports of the arguments (constants are points)."""

    @classmethod
    @abstractmethod
    def log_density(cls, x: Array, **given: Array) -> Array:
        """Normalised log density or mass of x (batch shape), -inf off the support."""

    @classmethod
    @abstractmethod
    def sample(cls, rng: np.random.Generator, shape: tuple[int, ...], **given: Array) -> Array:
        """Draws of batch shape ``shape`` (event axes follow); arguments broadcast to it."""

    @classmethod
    def polynomial(cls, form: Any, x: Any, **given: Any) -> Any:
        """The log density as a polynomial in statistics of x and the arguments; None where it is none.

        The arguments have ``+``, ``-`` and ``*``; ``form`` has ``log``, ``log1m``, ``exp``, ``power``, ``square``,
        ``function``, sums over the event (``total``), ``pick``, and ``quadratic``, ``trace``, ``logdet``,
        ``inverse`` of matrices. Where one of these is no polynomial it raises, which counts as None.
        """
        return None

    @classmethod
    def limits(cls, **given: Array) -> tuple[Array, Array] | None:
        """Lower and upper bound where they depend on arguments (Uniform), else None."""
        return None

    @classmethod
    def states(cls, **given: Array) -> Array | None:
        """The values a draw can take where these are few and known (1-D integers), else None."""
        return None

    # distribution functions of scalar distributions; None where there is no closed form
    log_cdf: ClassVar[Callable[..., Array] | None] = None
    log_sf: ClassVar[Callable[..., Array] | None] = None
    quantile: ClassVar[Callable[..., Array] | None] = None


@dataclass(frozen=True)
class Applied:
    """A distribution with its arguments: what wrappers wrap and the graph evaluates."""

    distribution: type[Distribution]
    given: Mapping[str, Any]

    def log_density(self, x: Array) -> Array:
        """Log density of x under the arguments (batch shape)."""
        return self.distribution.log_density(x, **self.given)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draws of batch shape ``shape``."""
        return self.distribution.sample(rng, shape, **self.given)

    def limits(self) -> tuple[Array, Array] | None:
        """Bounds that depend on the arguments, or None."""
        return self.distribution.limits(**self.given)

    def states(self) -> Array | None:
        """The finite set of values, or None."""
        return self.distribution.states(**self.given)

    def log_cdf(self, x: Array) -> Array:
        """log P(X <= x); for integers x counts."""
        assert self.distribution.log_cdf is not None
        return self.distribution.log_cdf(x, **self.given)

    def log_sf(self, x: Array) -> Array:
        """log P(X > x)."""
        assert self.distribution.log_sf is not None
        return self.distribution.log_sf(x, **self.given)

    def quantile(self, p: Array) -> Array:
        """The smallest x with P(X <= x) >= p."""
        assert self.distribution.quantile is not None
        return self.distribution.quantile(p, **self.given)
