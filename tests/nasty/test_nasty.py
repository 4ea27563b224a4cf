"""Every nasty model gets its class and its place, and never a traceback."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from ppl.cli.main import run
from tests.nasty import data_cases, fit_cases, text_cases
from tests.nasty.case import Case

ALL = text_cases.CASES + data_cases.CASES + fit_cases.CASES


def written(case: Case, folder: Path) -> list[str]:
    """Write the case's files; the command line that fits it."""
    model = folder / "nasty.model"
    model.write_bytes(case.text if isinstance(case.text, bytes) else case.text.encode())
    for name, content in case.data.items():
        (folder / name).write_text(content)
    return [case.command, str(model), *(str(folder / n) for n in case.data), *case.options]


def located(case: Case, output: str) -> bool:
    """Whether a diagnostic of the case's code stands at its line and column."""
    line, column = case.line or "[0-9]+", case.column or "[0-9]+"
    at = rf"{line}:{column}\b"
    return bool(re.search(rf"error\[({case.code})\][^\n]*\n\s*--> [^\n]*nasty\.model:{at}", output))


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.name)
def test_class_and_place(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started = time.process_time()
    exit_code = run(written(case, tmp_path))
    seconds = time.process_time() - started
    captured = capsys.readouterr()
    output = captured.err + captured.out
    assert exit_code == case.exit, output
    assert "Traceback" not in output
    if case.code:
        assert re.search(rf"error\[({case.code})\]", output), output
        assert case.line is None or located(case, output), output
    for word in case.says:
        assert word in output, output
    assert seconds < case.within


def test_names_differ() -> None:
    assert len({c.name for c in ALL}) == len(ALL)


@pytest.mark.parametrize("case", fit_cases.CASES[1:], ids=lambda c: c.name)
def test_status_is_not_ok(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON form says so too, in words a script can read."""
    run([*written(case, tmp_path), "--json"])
    form = json.loads(capsys.readouterr().out)
    assert form["status"] != "ok"
