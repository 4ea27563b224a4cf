"""The whole pipeline on one page: text, program, graph, bound problem, fit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ppl.errors import Diagnostic, PplError, Source
from ppl.language.typed import Program
from ppl.posterior.source_file import read_source

if TYPE_CHECKING:
    from ppl.posterior.bound import Bound
    from ppl.posterior.comparison import Comparison
    from ppl.posterior.density import Density
    from ppl.posterior.fit import Fit
    from ppl.posterior.simulate import Simulation

__all__ = ["Model", "compare", "compile", "fit", "load", "read_source"]


@dataclass(frozen=True)
class Model:
    """A checked model, for any number of data sets.

    >>> text = "table t(y: real)\\nmu ~ Normal(0, 1)\\ny[i] ~ Normal(mu, 1) for i in t\\n"
    >>> compile(text)
    Model(model: 1 table, 1 latent, 1 observation)
    """

    source: Source
    program: Program
    seconds: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Any:
        """The log-joint graph after every pass."""
        from ppl.graph.build import build
        from ppl.graph.passes import run_passes

        return run_passes(build(self.program))

    def check(self) -> tuple[Diagnostic, ...]:
        """The checker's warnings; a model with a mistake does not get this far."""
        return self.program.warnings

    def show(self, stage: str = "typed") -> str:
        """A stage in text: ``typed`` or ``graph``; a bound problem shows its code."""
        if stage == "typed":
            from ppl.language.show_typed import dump

            return dump(self.program)
        from ppl.graph.show import show_graph

        return show_graph(self.graph)

    def bind(self, data: Any = None, **more: Any) -> Bound:
        """Meet data: levels, sizes, missing cells and foreign keys are settled here.

        more: ``settings``, ``na``, ``drop_missing``, ``fold``; tables by name. Raises `DataError` with file,
        line and column.
        """
        from ppl.posterior.bound import bind_problem

        named = {k: more.pop(k) for k in list(more) if k in self.program.tables}
        tables = {**(more.pop("tables", None) or {}), **named}
        with _placed(self.source):
            return bind_problem(self.program, data, tables=tables, **more)

    def fit(
        self,
        data: Any = None,
        method: str = "advi",
        seed: int = 0,
        *,
        tables: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        draws: int | None = None,
        na: Any = (),
        drop_missing: Any = (),
        max_seconds: float | None = None,
        max_memory: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: Callable[[Any, float], None] | None = None,
        fold: bool = True,
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Fit:
        """Fit to data: a path, a mapping of columns, a data frame; several tables by name.

        fold: summarise rows that share their parameters once, in place of visiting every row at
        every step; the answer is the same. Other keywords are tables of the model or options of the method.
        """
        from ppl.inference.fitting import How, run_fit

        named = {k: v for k, v in more.items() if k in self.program.tables}
        chosen = {**(options or {}), **{k: v for k, v in more.items() if k not in named}}
        how = How(method, seed, chosen, draws, max_seconds, checkpoint, resume, progress)
        how.backend()  # an unknown method or option is said before data are read
        started = time.perf_counter()
        bound = self.bind(
            data,
            tables={**(tables or {}), **named},
            settings=settings,
            na=na,
            drop_missing=drop_missing,
            max_memory=max_memory,
            fold=fold,
        )
        seconds = {**self.seconds, "data": time.perf_counter() - started}
        with _placed(self.source):
            return run_fit(self.source, bound, how, seconds)

    def compare(
        self,
        data: Any = None,
        methods: str | Sequence[str] = "advi:mean_field,advi:full_rank",
        seed: int = 0,
        *,
        holdout: float | str | None = None,
        holdout_data: Any = None,
        tables: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        na: Any = (),
        drop_missing: Any = (),
        draws: int | None = None,
        max_seconds: float | None = None,
        began: Callable[[str], None] | None = None,
        **more: Any,
    ) -> Comparison:
        """Fit by several methods and score every q by one estimator: ELBO, k-hat, time, held-out rows.

        methods: ``cavi,advi:full_rank,em:point=mu`` or a sequence of such parts. holdout: the share of a
        table's rows to hold out, as 0.1 or ``TABLE=0.1``; holdout_data: other data to score instead.
        Methods that do not apply are listed with the reason. Other keywords are tables of the model.
        """
        from ppl.inference.comparing import Plan, compare
        from ppl.inference.ways import ways_of
        from ppl.posterior.held_out import held_out

        ways = ways_of(methods)
        with _placed(self.source):
            reading = {"settings": settings, "na": na, "drop_missing": drop_missing}
            given = {**(tables or {}), **more}
            bound, score = held_out(self.program, data, given, holdout, holdout_data, seed, reading)
            return compare(Plan(self.source, bound, ways, seed, draws, max_seconds, score, began))

    def density(self, data: Any = None, **more: Any) -> Density:
        """The compiled log joint over unconstrained coordinates: values, gradients, Hessian-vector products.

        Calls of it can be differentiated inside an autograd program. more: as for `bind`.
        """
        from ppl.posterior.density import Density

        bound = self.bind(data, **more)
        with _placed(self.source):
            density = Density(bound.problem)
            density.value_and_grad(density.start)  # compiled here, where mistakes are located
            return density

    def log_joint(self, values: Mapping[str, Any], data: Any = None, **more: Any) -> Any:
        """``log p(values, data)`` in the model's own parameterisation, and its gradient by name."""
        bound = self.bind(data, **more)
        with _placed(self.source):
            return bound.problem.log_joint(values)

    def simulate(self, data: Any = None, n: int = 1, seed: int = 0, **more: Any) -> Simulation:
        """Draw latents and observations from the prior; covariates come from ``data``.

        sizes: rows of tables that have no data.
        """
        from ppl.posterior.simulate import simulate

        with _placed(self.source):
            return simulate(self.program, data, n=n, seed=seed, **more)

    def __repr__(self) -> str:
        kinds = [d.kind for d in self.program.definitions]
        parts = [(len(self.program.tables), "table"), (kinds.count("latent"), "latent")]
        parts += [(kinds.count("param"), "param"), (kinds.count("observed"), "observation")]
        text = ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in parts if n)
        return f"Model({os.path.basename(self.source.name)}: {text})"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(repr(self))}</p><pre>{escape(self.source.text)}</pre>"


@contextmanager
def _placed(source: Source) -> Iterator[None]:
    """Errors from deep inside that know a place but no text are given this one."""
    try:
        yield
    except PplError as error:
        if error.source is None:
            error.source = source
        raise


def compile(model: str | os.PathLike[str], *, path: bool | None = None, prior: bool = False) -> Model:
    """Parse and check a model: a file's path, or the text itself.

    path: True or False where guessing must not happen; a text has a line break or a ``~``.
    prior: allow latents that reach no observation, to draw from the prior.
    Raises `ModelError` with every mistake and its place.
    """
    started = time.perf_counter()
    from ppl.language.parse import parse

    source = read_source(model) if _is_path(model, path) else Source("model", str(model))
    tree = parse(source)
    parsed = time.perf_counter()
    from ppl.language.check import check

    program = check(tree, source, prior=prior)
    seconds = {"parse": parsed - started, "compile": time.perf_counter() - parsed}
    return Model(source, program, seconds)


def _is_path(model: str | os.PathLike[str], path: bool | None) -> bool:
    if path is not None:
        return path
    return not isinstance(model, str) or not ("\n" in model or "~" in model)


def fit(model: Any, data: Any = None, **more: Any) -> Fit:
    """``compile(model).fit(data, ...)``."""
    compiled = model if isinstance(model, Model) else compile(model)
    return compiled.fit(data, **more)


def compare(model: Any, data: Any = None, **more: Any) -> Comparison:
    """``compile(model).compare(data, ...)``: several methods on one model, scored by one estimator."""
    compiled = model if isinstance(model, Model) else compile(model)
    return compiled.compare(data, **more)


def load(path: Any) -> Fit:
    """Read a saved fit."""
    from ppl.posterior.store import load as read

    return read(os.fspath(path))
