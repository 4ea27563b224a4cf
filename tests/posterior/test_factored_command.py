"""The commands on factored fits: fit, summary and predict, with methods that bring flags of their own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ppl.cli import backend_options
from ppl.cli.main import run
from tests.posterior import factored_fakes as fakes_of


@pytest.fixture
def command(fakes, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    backend_options.backend_flags.cache_clear()
    rng = np.random.default_rng(1)
    heaps = np.concatenate([rng.normal(-3, 1, 60), rng.normal(3, 1, 40)])
    for name, y in (("d.csv", rng.normal(3, 2, 40)), ("two.csv", heaps)):
        (tmp_path / name).write_text("y\n" + "\n".join(map(str, y)) + "\n")
    for name in ("NORMAL_GAMMA", "LIKELIHOOD", "MIXTURE"):
        (tmp_path / f"{name.lower()}.model").write_text(getattr(fakes_of, name))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    yield call
    backend_options.backend_flags.cache_clear()


def test_fit_save_summary_predict(command):
    code, table, said = command(
        "fit", "likelihood.model", "d.csv", "--method", "likelihood", "--out", "x.fit", "--point", "mu,sigma"
    )
    assert code == 0 and "saved: x.fit" in said
    assert "(exact)" in table and "AIC" in table and "every check passed" in table
    assert command("summary", "x.fit")[1] == table
    code, text, _ = command("predict", "x.fit", "d.csv")
    assert code == 0 and len(text.splitlines()) == 41


def test_json_has_the_factors(command):
    code, text, _ = command(
        "fit", "normal_gamma.model", "d.csv", "--method", "normalgamma", "--json", "--restarts", "3"
    )
    form = json.loads(text)
    assert code == 0 and form["bound"]["error"] == 0.0
    assert len(form["factored"]["restarts"]) == 3


def test_states_of_a_saved_fit(command):
    assert command("fit", "mixture.model", "two.csv", "--method", "mixture", "--out", "x.fit")[0] == 0
    lines = command("summary", "x.fit", "--states")[1].splitlines()
    assert lines[0] == "element,state,probability" and len(lines) == 101


def test_a_dead_component_ends_with_a_warning(command):
    code, table, said = command(
        "fit", "mixture.model", "two.csv", "--method", "mixture", "--dead", "--strict"
    )
    assert code == 4 and "warning[W719]: `sigma[2]` collapsed" in said
    assert table.splitlines()[-1].startswith("Use with care")


def test_a_flag_of_another_method_is_refused(command):
    code, _, said = command(
        "fit", "normal_gamma.model", "d.csv", "--method", "normalgamma", "--family", "auto"
    )
    assert code == 2 and "no option of normalgamma is called `family`" in said
    code, _, said = command(
        "fit", "normal_gamma.model", "d.csv", "--method", "normalgamma", "--max-sweeps", "few"
    )
    assert code == 2 and "few" in said
