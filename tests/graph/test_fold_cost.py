"""What folding saves: work that does not grow with the rows, memory below that of the columns, and the table."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ppl
from ppl.cli.commands import explain, show
from ppl.graph import gram
from ppl.graph.affine import AffineReader, NotAffine
from ppl.graph.assemble import walk
from ppl.graph.lower import GraphTarget
from tests.graph.fold_cases import GAUSSIAN, data, pair

TEXT = """
index groups
table rows(g: groups, x: real, t: real, y: real)
mu ~ Normal(0, 5)
b ~ Normal(0, 1)
tau ~ HalfNormal(1)
sigma ~ HalfNormal(2)
a[j] ~ Normal(mu, tau) for j in groups
u[j] ~ Normal(0, 1) for j in groups
for i in rows:
    eta[i] = a[g[i]] + b * t[i] + u[g[i]] * x[i]
    y[i] ~ Normal(eta[i], sigma)
"""


def _rows(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {"g": rng.integers(0, 20, n), **{k: rng.standard_normal(n) for k in "xty"}}


def _target(n: int, fold: bool = True) -> GraphTarget:
    target: GraphTarget = ppl.compile(TEXT).bind(_rows(n), fold=fold).problem.target()
    return target


def test_work_does_not_grow_with_the_rows() -> None:
    few, many = _target(2_000), _target(50_000)
    assert few.work == many.work
    assert _target(50_000, fold=False).work > 100 * many.work


def _peak_share(n: int) -> float:
    """Peak memory of making the target and one gradient, over the bytes of the columns."""
    problem = ppl.compile(TEXT).bind(_rows(n)).problem
    held = sum(a.nbytes for a in problem.data.arrays.values())
    tracemalloc.start()
    try:
        target = problem.target()
        target.value_and_grad(np.zeros((4, target.size)))
        return tracemalloc.get_traced_memory()[1] / held
    finally:
        tracemalloc.stop()


def test_memory_stays_below_the_columns_in_use() -> None:
    """With the columns themselves at most twice their bytes."""
    assert _peak_share(1_000_000) <= 1.0


def test_a_copy_of_the_columns_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: all rows centred at once."""
    monkeypatch.setattr(gram.Rows, "blocks", lambda self, width: [slice(0, len(self.of_row))])
    assert _peak_share(300_000) > 1.0


@pytest.mark.parametrize(
    "location", ["exp(a[g[i]])", "a[g[i]] * e[h[i]]", "b ^ 2 * x[i] + exp(b * x[i])", "x[i] / (b + x[i])"]
)
def test_what_is_not_affine_is_left(location: str) -> None:
    folded, _ = pair(f"y[i] ~ Normal({location}, sigma) for i in rows", data())
    assert not folded.foldings[0].how.startswith("Gaussian")


def test_the_reader_names_what_it_cannot_read() -> None:
    folded, _ = pair("y[i] ~ Normal(exp(b * x[i]), sigma) for i in rows", data())
    statement = next(s for s in folded.layout.graph.statements if s.kind == "observed")
    mean = dict(statement.body.arguments)["mean"]  # type: ignore[attr-defined]
    at = folded.layout.evaluator()
    walk(folded.layout, at, np.zeros((1, folded.size)), None)
    reader = AffineReader(at, statement.place.plates[0])
    with pytest.raises(NotAffine):
        reader.read(mean)


def test_few_rows_are_left() -> None:
    short = {k: v[:50] for k, v in data().items()}
    folded, _ = pair(GAUSSIAN["groups"], short)
    assert folded.foldings[0].how == "row by row: few rows"


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    rows = _rows(400)
    lines = [",".join(rows), *(",".join(map(str, r)) for r in zip(*rows.values(), strict=True))]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "m.model").write_text(TEXT)
    names = [str(tmp_path / "m.model"), str(tmp_path / "d.csv")]

    def run(command: str, *words: str) -> str:
        chosen = {"explain": explain, "show": show}[command].command
        done = CliRunner().invoke(chosen, [*words, *names])
        assert done.exception is None, done.output
        return done.output

    return run


def test_the_table_says_how(files: Callable[..., str]) -> None:
    assert "Gaussian: moments of 20 classes, a factor each of 2 covariates" in files("explain", "--cost")
    assert "row by row: as asked" in files("explain", "--cost", "--no-fold")
    assert "moments of 20 classes" in files("show", "--graph")


DESIGN = (
    TEXT.replace("y: real)", "y: count)")
    .replace("Normal(eta[i], sigma)", "Poisson(log_rate = eta[i])")
    .replace("sigma ~ HalfNormal(2)\n", "")
)


def _design_share(n: int) -> tuple[float, float]:
    """What count rows that are all different keep, and the peak, over the bytes of the columns."""
    columns = {**_rows(n), "y": np.random.default_rng(4).poisson(2.0, n)}
    problem = ppl.compile(DESIGN).bind(columns).problem
    held = sum(a.nbytes for a in problem.data.arrays.values())
    tracemalloc.start()
    try:
        target = problem.target()
        target.value_and_grad(np.zeros((4, target.size)))
        assert "one design" in target.foldings[0].how
        kept, peak = tracemalloc.get_traced_memory()
        return kept / held, peak / held
    finally:
        tracemalloc.stop()


def test_a_design_takes_no_more_than_the_columns() -> None:
    """With the columns themselves at most twice their bytes, once it is made; more while it is."""
    _design_share(1000)  # imports take memory too
    kept, peak = _design_share(300_000)
    assert kept <= 0.8
    assert peak <= 1.8  # while it is sorted
