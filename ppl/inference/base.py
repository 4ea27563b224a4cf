"""What an inference backend is.

To add one, write ``ppl/inference/backends/NAME.py`` with one frozen dataclass ``Backend`` that
inherits `AbstractBackend`. Its fields are options: each has a default and
``metadata={"help": sentence}``, and becomes a flag of the command line. Its state is a frozen
dataclass of arrays, numbers and strings (nested if need be), so that the loop can save it and go
on later with the same bits. Progress, limits, interruption and checkpoints belong to the loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ppl import discovery
from ppl.graph.unsupported import refuse_guide
from ppl.inference.outcome import Outcome
from ppl.language.typed import Program
from ppl.posterior.diagnostics_findings import FitFacts

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")

PACKAGE = "ppl.inference.backends"


@dataclass(frozen=True)
class Progress:
    """Where a run stands: ``gradient`` is the largest slope in posterior sds."""

    step: int
    phase: str
    elbo: float
    gradient: float


class AbstractBackend(ABC, Generic[T, S, R]):
    """An algorithm over explicit state; T is what it fits, S its state, R its result."""

    summary: ClassVar[str]
    guided: ClassVar[bool] = False
    """Whether it obeys a ``guide:`` block; else a model with one is refused."""

    def target(self, problem: Any) -> T:
        """What to fit, from a bound problem: its log density on the real line, unless a method says otherwise."""
        found: T = problem.target()
        return found

    def obeying(self, program: Program) -> AbstractBackend[T, S, R]:
        """The backend as the model's ``guide:`` asks for it. Raises `ModelError` for what it cannot do."""
        if not self.guided:
            refuse_guide(program, type(self).__module__.rpartition(".")[2])
        return self

    def explain(self, problem: Any) -> Iterable[str]:
        """A line for each part of the approximation, known before any fitting."""
        return (self.summary,)

    @abstractmethod
    def init(self, target: T, rng: np.random.Generator) -> S:
        """The first state. Raises `NotFinite` when no start has a finite density."""

    @abstractmethod
    def step(self, target: T, state: S) -> S:
        """The next state; the one given is left as it was."""

    @abstractmethod
    def done(self, state: S) -> Outcome | None:
        """How the run ended, or None while it goes on."""

    @abstractmethod
    def finish(self, target: T, state: S, hurry: bool = False) -> R:
        """The result at any state, finished or not; ``hurry`` leaves out what takes time."""

    @abstractmethod
    def facts(self, state: S, end: Outcome) -> FitFacts:
        """What the certificate needs to hear of the run."""

    @abstractmethod
    def progress(self, state: S) -> Progress:
        """What to show and to keep in the trace."""

    @classmethod
    @abstractmethod
    def state_type(cls) -> type[S]:
        """The class of states, for reading checkpoints."""


class NotFinite(ArithmeticError):
    """The log density is not finite where it has to be; the text says where."""


class NotMonotone(ArithmeticError):
    """An update that cannot lower the ELBO did: a bug of ours; the text names the factor and by how much."""


def options(backend: type[Any]) -> tuple[Field[Any], ...]:
    """The option fields of a backend class."""
    return fields(backend)


def discover() -> dict[str, type[AbstractBackend[Any, Any, Any]]]:
    """Every backend by name.

    >>> "advi" in discover()
    True
    """
    names = discovery.module_names(PACKAGE)
    return {name: discovery.load(PACKAGE, name).Backend for name in names}
