"""Fakes with closed forms among the methods, and the command line."""

from __future__ import annotations

import sys

import pytest

from tests.cli.conftest import Done
from tests.posterior.factored_fakes import FAKES


@pytest.fixture
def fakes(monkeypatch):
    from ppl.inference import base, fitting, ways

    known = {**base.discover(), **FAKES}
    for module in (base, fitting, ways):
        monkeypatch.setattr(module, "discover", lambda: known)
    return known


@pytest.fixture
def ppl_command(capsys, tmp_path, monkeypatch):
    """Run ``ppl ARGUMENTS`` in an empty folder."""
    from ppl.cli.main import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)

    def call(*arguments: str) -> Done:
        code = run([str(a) for a in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)

    return call
