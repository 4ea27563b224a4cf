"""One fit from a bound problem: run a backend, examine the result, gather the figures."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppl.errors import FitError, Source, UsageError, fail
from ppl.graph.bind_statistics import statistics
from ppl.graph.unsupported import refuse_guide
from ppl.inference.base import discover, options
from ppl.inference.run import Options, Run, run
from ppl.language.typed import Program
from ppl.posterior.approximation import Approximation
from ppl.posterior.assemble import draw_count, imputed_cells, levels_of, spread_khat, summarise
from ppl.posterior.bound import Bound
from ppl.posterior.boundary_check import boundary_collapses
from ppl.posterior.diagnostics import Certificate, certify
from ppl.posterior.element_names import ElementNames
from ppl.posterior.fit import Fit
from ppl.posterior.prior_check import prior_conflicts
from ppl.posterior.record import Bound as ElboBound
from ppl.posterior.record import FitWarning
from ppl.version import VERSION

RUN, CHECK, REPORT, PRIOR = 0, 1, 2, 5  # purposes of random streams


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
        known = discover()
        if self.method not in known:
            raise fail(UsageError, "E705", f"no method `{self.method}`", help=f"there is: {', '.join(known)}")
        kind = known[self.method]
        fields = [f.name for f in options(kind)]
        for name in self.options or {}:
            if name not in fields:
                message = f"no table and no option of {self.method} is called `{name}`{_near(name, fields)}"
                raise fail(UsageError, "E705", message)
        if self.draws is not None and self.draws < 2:
            raise fail(UsageError, "E705", "at least 2 draws have to be kept")
        return kind(**(self.options or {}))


def _near(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def run_fit(source: Source, bound: Bound, how: How, seconds: Mapping[str, float]) -> Fit:
    """Fit, certify, summarise. Raises `FitError` when not even a first state is finite."""
    started = time.perf_counter()
    refuse_guide(bound.program)
    problem = bound.problem
    target = problem.target()
    backend = how.backend()
    done = run(backend, target, np.random.default_rng([how.seed, RUN]), _loop(source, bound, how))
    if done.result is None:
        raise fail(
            FitError, "E801", done.outcome.sentence, help="check scales and supports of data and priors"
        )
    checked = _certify(target, backend, done, how, problem)
    drawn = summarise(
        problem, checked.draws, spread_khat(problem, target.groups, checked.importance.coordinate_khat),
        np.random.default_rng([how.seed, REPORT]),
    )  # fmt: skip
    conflicts = (
        *boundary_collapses(problem, target, done.result),
        *prior_conflicts(problem, drawn.draws, np.random.default_rng([how.seed, PRIOR])),
    )
    fit_seconds = time.perf_counter() - started
    return Fit(
        model_name=source.name,
        model_text=source.text,
        method=how.method,
        status="warn" if conflicts and _status(done, checked) == "ok" else _status(done, checked),
        verdict=_verdict(ElementNames(problem, target).rewritten(checked.verdict), checked, conflicts),
        seed=how.seed,
        estimates=drawn.estimates,
        draws=drawn.draws,
        approximation=done.result,
        bound=_elbo(done.result, checked),
        warnings=(*_warnings(problem, target, checked), *conflicts),
        log_evidence=checked.elbo if checked.importance.exact else None,
        seconds={**seconds, "fit": fit_seconds, "total": sum(seconds.values()) + fit_seconds},
        options=dict(how.options or {}),
        checks=_checks(done, checked),
        trace={name: done.trace[:, k] for k, name in enumerate(("step", "elbo", "gradient", "seconds"))},
        levels=levels_of(bound.data.sets),
        settings=dict(bound.settings),
        constants={name: array for (table, name), array in bound.data.arrays.items() if table is None}
        | statistics(bound.program, bound.data),
        sources=bound.inputs.sources,
        columns=_columns(bound.program),
        imputed=imputed_cells(problem, bound.data),
        states=drawn.states,
        versions={"ppl": VERSION, "numpy": np.__version__, "python": platform.python_version()},
        data_warnings=tuple(bound.data.warnings),
        unused=tuple(bound.data.unused),
        problem=bound,
    )


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


def _certify(target: Any, backend: Any, done: Run[Any, Approximation], how: How, problem: Any) -> Certificate:
    facts = backend.facts(done.state, done.outcome)
    assert done.result is not None
    elements = sum(len(q.labels) for q in problem.quantities if q.kind != "value")
    count = draw_count(elements, how.draws)
    return certify(target, done.result, np.random.default_rng([how.seed, CHECK]), facts, draws=count)


def _status(done: Run[Any, Any], checked: Certificate) -> str:
    return done.outcome.status if done.outcome.status != "converged" else checked.status


def _verdict(sentence: str, checked: Certificate, conflicts: tuple[FitWarning, ...]) -> str:
    return f"Use with care: {conflicts[0].message}." if conflicts and checked.status == "ok" else sentence


def _elbo(q: Approximation, checked: Certificate) -> ElboBound:
    entropy = float(q.entropy)
    return ElboBound(
        checked.elbo,
        checked.elbo_se,
        checked.expected_log_likelihood,
        checked.kl,
        checked.elbo - entropy,
        entropy,
    )


def _warnings(problem: Any, target: Any, checked: Certificate) -> tuple[FitWarning, ...]:
    names = ElementNames(problem, target)
    return tuple(
        FitWarning(f.code, names.rewritten(f.text), names.of(f.coordinates), f.severity)
        for f in checked.findings
    )


def _checks(done: Run[Any, Any], checked: Certificate) -> dict[str, Any]:
    weights = checked.importance
    found = {
        "steps": len(done.trace),
        "gradient": checked.facts.gradient,
        "khat": weights.khat,
        "khat_text": checked.khat_text,
        "khat_globals": weights.khat_globals,
        "importance_draws": weights.count,
        "importance_share": weights.share,
        "corrected": bool(weights.corrected),
        "exact": bool(weights.exact),
        "draw_shift": checked.facts.shift,
    }
    return {k: _plain(v) for k, v in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def _columns(program: Program) -> dict[str, str]:
    headers = {f"{t.name}.{c.name}": c.header for t in program.tables.values() for c in t.columns}
    return headers | {g.name: g.header for g in program.givens.values()}
