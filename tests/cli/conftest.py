"""The command line run within the test's process, with what it wrote and its exit code."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ppl.cli.main import run


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def ppl(capsys, tmp_path, monkeypatch):
    """Run ``ppl ARGUMENTS`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Done:
        code = run([str(a) for a in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)

    return call
