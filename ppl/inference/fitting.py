"""One fit from a bound problem: run a backend, examine the result, gather the figures."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ppl.data.freed import give_back
from ppl.errors import FitError, InternalError, Source, UsageError, fail
from ppl.graph.bind_statistics import statistics
from ppl.inference.base import NotMonotone, discover, options
from ppl.inference.examined import Examined, examine
from ppl.inference.option_values import from_text, option_kinds
from ppl.inference.outcome import outcome
from ppl.inference.run import Options, Run, run
from ppl.language.typed import Program
from ppl.posterior.assemble import imputed_cells, levels_of
from ppl.posterior.bound import Bound
from ppl.posterior.fit import Fit
from ppl.version import VERSION

RUN = 0  # the purpose of a random stream; `ppl.inference.examined` has the others


@dataclass(frozen=True)
class How:
    """What the user asked for."""

    method: str = "advi"
    seed: int = 0
    options: Mapping[str, Any] | None = None
    draws: int | None = None
    max_seconds: float | None = None
    checkpoint: Any = None
    resume: bool = False
    progress: Callable[[Any, float], None] | None = None

    def backend(self) -> Any:
        """The backend with its options. Raises `UsageError` naming what there is."""
        known, method = discover(), self.method.replace("-", "_")
        if method not in known:
            raise fail(UsageError, "E705", f"no method `{self.method}`", help=f"there is: {', '.join(known)}")
        kind = known[method]
        fields = [f.name for f in options(kind)]
        for name in self.options or {}:
            if name not in fields:
                message = f"no table and no option of {self.method} is called `{name}`{_near(name, fields)}"
                raise fail(UsageError, "E705", message)
        if self.draws is not None and self.draws < 2:
            raise fail(UsageError, "E705", "at least 2 draws have to be kept")
        kinds = option_kinds(kind)
        given = {
            name: from_text(kind, name, value) if isinstance(value, str) and kinds[name] is not str else value
            for name, value in (self.options or {}).items()
        }
        return kind(**given)


def _near(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def run_fit(source: Source, bound: Bound, how: How, seconds: Mapping[str, float]) -> Fit:
    """Fit, certify, summarise. Raises `FitError` when not even a first state is finite."""
    started = time.perf_counter()
    problem = bound.problem
    backend = how.backend().obeying(bound.program)
    target = backend.target(problem)
    give_back(bound.data.arrays.values())
    done = _run(backend, target, source, bound, how)
    seen = _examined(problem, target, backend, done, how)
    fit_seconds = time.perf_counter() - started
    return Fit(
        model_name=source.name,
        model_text=source.text,
        method=how.method,
        status=seen.status,
        verdict=seen.verdict,
        seed=how.seed,
        estimates=seen.drawn.estimates,
        draws=seen.drawn.draws,
        approximation=done.result,
        bound=seen.bound,
        warnings=seen.warnings,
        log_evidence=seen.log_evidence,
        seconds={**seconds, "fit": fit_seconds, "total": sum(seconds.values()) + fit_seconds},
        options=dict(how.options or {}),
        checks=seen.checks,
        trace={name: done.trace[:, k] for k, name in enumerate(("step", "elbo", "gradient", "seconds"))},
        levels=levels_of(bound.data.sets),
        settings=dict(bound.settings),
        constants={name: array for (table, name), array in bound.data.arrays.items() if table is None}
        | statistics(bound.program, bound.data),
        sources=bound.inputs.sources,
        columns=_columns(bound.program),
        imputed=imputed_cells(problem, bound.data),
        states=seen.drawn.states,
        factored=seen.factored,
        versions={"ppl": VERSION, "numpy": np.__version__, "python": platform.python_version()},
        data_warnings=tuple(bound.data.warnings),
        unused=tuple(bound.data.unused),
        problem=bound,
    )


def _run(backend: Any, target: Any, source: Source, bound: Bound, how: How) -> Run[Any, Any]:
    """The run, with a result. Raises `FitError` without one, `InternalError` for an update that went wrong."""
    try:
        done = run(backend, target, np.random.default_rng([how.seed, RUN]), _loop(source, bound, how))
    except NotMonotone as trouble:
        help = "this is a bug in ppl, not in your model or data: please report it, with the model if you can"
        raise fail(InternalError, "E803", str(trouble), help=help) from trouble
    if done.result is None:
        raise fail(
            FitError, "E801", done.outcome.sentence, help="check scales and supports of data and priors"
        )
    return done


def _examined(problem: Any, target: Any, backend: Any, done: Run[Any, Any], how: How) -> Examined:
    """The result examined; when that is interrupted, as the result of an interrupted run."""
    try:
        return examine(problem, target, backend, done, how.seed, how.draws)
    except KeyboardInterrupt:
        short = replace(done, outcome=outcome("interrupted"))
        return examine(problem, target, backend, short, how.seed, how.draws)


def _loop(source: Source, bound: Bound, how: How) -> Options:
    return Options(
        progress=how.progress,
        max_seconds=np.inf if how.max_seconds is None else how.max_seconds,
        checkpoint=None if how.checkpoint is None else Path(how.checkpoint),
        resume=how.resume,
        fingerprint=_fingerprint(source, bound, how) if how.checkpoint is not None else "",
    )


def _fingerprint(source: Source, bound: Bound, how: How) -> str:
    data = hashlib.sha256()
    for key, array in bound.data.arrays.items():
        data.update(repr((key, array.shape, array.dtype.str)).encode())
        data.update(np.ascontiguousarray(array).tobytes())
    what = [source.text, how.method, how.seed, dict(how.options or {}), data.hexdigest()]
    return hashlib.sha256(json.dumps(what, default=str).encode()).hexdigest()


def _columns(program: Program) -> dict[str, str]:
    headers = {f"{t.name}.{c.name}": c.header for t in program.tables.values() for c in t.columns}
    return headers | {g.name: g.header for g in program.givens.values()}
