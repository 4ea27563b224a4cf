"""The one loop: steps, trace, limits, interruption and checkpoints, for every backend."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import numpy as np

from ppl.inference import checkpoint
from ppl.inference.base import AbstractBackend, NotFinite, Progress
from ppl.inference.checkpoint import Checkpoint
from ppl.inference.outcome import Outcome, outcome

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")
TRACE = ("step", "elbo", "gradient", "seconds")


@dataclass(frozen=True)
class Options:
    """How to run, whatever the backend.

    ``fingerprint`` names model, data and options, so that a checkpoint is not resumed by another fit.
    """

    progress: Callable[[Progress, float], None] | None = None
    max_seconds: float = np.inf
    checkpoint: Path | None = None
    checkpoint_seconds: float = 10.0
    resume: bool = False
    fingerprint: str = ""
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Run(Generic[S, R]):
    """What came of a run. trace: (steps + 1, 4), columns as in `TRACE`.

    ``result`` and ``state`` are None when the run failed at its start.
    """

    outcome: Outcome
    result: R | None
    state: S | None
    trace: np.ndarray[Any, np.dtype[np.float64]]
    seconds: float


def run(
    backend: AbstractBackend[T, S, R], target: T, rng: np.random.Generator, how: Options | None = None
) -> Run[S, R]:
    """Fit, and always come back with the last good state and a sentence.

    A first Ctrl-C or SIGTERM ends the run with what has been reached, a second one at once.
    Raises KeyboardInterrupt only when interrupted before there is anything to hand back.
    """
    how = how or Options()
    begun = how.clock()
    with _terminable():
        try:
            state, rows = _first(backend, target, rng, how)
        except NotFinite as trouble:
            return Run(outcome("failed", str(trouble)), None, None, np.zeros((0, 4)), how.clock() - begun)
        loop = _Loop(backend, target, how, begun, state, rows)
        end = loop.go()
        try:
            result = backend.finish(target, loop.state, hurry=end.status != "converged")
        except KeyboardInterrupt:
            end = outcome("interrupted")
            result = backend.finish(target, loop.state, hurry=True)
    loop.save()
    return Run(end, result, loop.state, np.array(loop.rows), how.clock() - begun)


def _first(backend: Any, target: Any, rng: np.random.Generator, how: Options) -> tuple[Any, list[Any]]:
    if how.resume and how.checkpoint is not None and how.checkpoint.exists():
        point = checkpoint.load(how.checkpoint, backend.state_type(), how.fingerprint)
        return point.state, [tuple(row) for row in point.trace]
    return backend.init(target, rng), []


@dataclass
class _Loop:
    """The running part: the only thing here that changes."""

    backend: Any
    target: Any
    how: Options
    begun: float
    state: Any
    rows: list[tuple[float, ...]]

    def go(self) -> Outcome:
        """Step until done, out of time, interrupted or no longer finite."""
        before = self.rows[-1][3] if self.rows else 0.0
        saved = self.how.clock()
        try:
            if not self.rows:
                self.note(before)
            while (end := self.backend.done(self.state)) is None:
                if self.how.clock() - self.begun >= self.how.max_seconds:
                    return outcome("time_limit")
                self.state = self.backend.step(self.target, self.state)
                self.note(before)
                if self.how.clock() - saved >= self.how.checkpoint_seconds:
                    self.save()
                    saved = self.how.clock()
        except KeyboardInterrupt:
            return outcome("interrupted")
        except NotFinite as trouble:
            return outcome("failed", str(trouble))
        return end  # type: ignore[no-any-return]

    def note(self, before: float) -> None:
        """One row of the trace, and the caller's progress."""
        at, seconds = self.backend.progress(self.state), before + self.how.clock() - self.begun
        self.rows.append((float(at.step), at.elbo, at.gradient, seconds))
        if self.how.progress is not None:
            self.how.progress(at, seconds)

    def save(self) -> None:
        """Write the checkpoint, if one was asked for."""
        if self.how.checkpoint is not None:
            point = Checkpoint(self.state, np.array(self.rows, float).reshape(-1, 4), self.how.fingerprint)
            checkpoint.save(self.how.checkpoint, point)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM as KeyboardInterrupt while the loop runs; only the main thread may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old if old is not None else signal.SIG_DFL)
