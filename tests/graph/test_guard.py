"""Our own bugs are told apart from mistakes of the model, and located."""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.cli.main import run
from ppl.distributions.normal import Normal
from ppl.errors import DataError, InternalError, PplError, fail
from ppl.graph import densities
from ppl.graph.guard import evaluating

MODEL = "table d(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in d\n"


@pytest.mark.parametrize("bug", [KeyError("a"), AssertionError("b"), TypeError("c"), ValueError("d")])
def test_a_bug_is_ours_and_has_a_place(bug: Exception) -> None:
    s = ppl.compile(MODEL).bind({"y": [1.0]}).problem.graph.statements[0]
    with pytest.raises(InternalError, match="E600") as caught, evaluating(s):
        raise bug
    assert caught.value.exit_code == 1
    assert caught.value.diagnostics[0].span is not None


def test_a_mistake_stays_the_users() -> None:
    s = ppl.compile(MODEL).bind({"y": [1.0]}).problem.graph.statements[0]
    with pytest.raises(DataError), evaluating(s):
        raise fail(DataError, "E405", "outside")


def test_the_command_ends_with_1_and_logs(tmp_path, monkeypatch, capsys) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(densities, "log_density", broken)
    (tmp_path / "m.model").write_text(MODEL)
    (tmp_path / "d.csv").write_text("y\n1\n2\n")
    log = tmp_path / "log.txt"
    assert run(["--log", str(log), "fit", str(tmp_path / "m.model"), str(tmp_path / "d.csv")]) == 1
    assert "report" in capsys.readouterr().err
    assert "planted" in log.read_text()


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError("scale < 0"), "E604"), (TypeError("planted"), "E600")]
)
def test_what_a_sampler_refuses_is_the_models_and_its_bugs_are_ours(
    error: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = ppl.compile(MODEL).bind({"y": [1.0]}).problem

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Normal, "sample", broken)
    with pytest.raises(PplError, match=code) as caught:
        problem.prior(2, np.random.default_rng(0))
    assert caught.value.diagnostics[0].span is not None
