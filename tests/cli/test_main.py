"""Help, suggestions, exit codes and internal errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ppl.cli.group as group
from ppl.cli import failure
from ppl.cli.group import command_names, one_line


def test_help_lists_every_command_with_its_line(ppl):
    done = ppl("--help")
    assert done.code == 0
    for name in command_names():
        assert name in done.out
        assert one_line(name).split()[0] in done.out


@pytest.mark.parametrize("name", command_names())
def test_each_command_has_help(ppl, name):
    done = ppl(name, "--help")
    assert done.code == 0
    assert "Usage: ppl" in done.out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["fitt", "m.model"], "did you mean `fit`?"),
        (["m.model", "d.csv"], "did you mean `ppl fit m.model`?"),
        (["fit", "m.model", "--sed", "1"], "--seed"),
        (["fit", "m.model", "--set", "K"], "should read NAME=VALUE"),
        (["fit", "m.model", "--seed", "-1"], "--seed"),
        (["fit", "m.model", "--max-memory", "lots"], "write 500M or 2G"),
        (["fit", "m.model", "--family", "wide"], "auto, meanfield, fullrank"),
        (["fit", "absent.model", "d.csv"], "cannot read the model"),
        (["check"], "MODEL.model"),
        (["explain-error", "E999"], "no diagnostic"),
        (["summary", "absent"], "cannot read `absent`"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(ppl, arguments, said):
    done = ppl(*arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_near_file_name_is_suggested(ppl, tmp_path):
    (tmp_path / "schools.model").write_text("")
    assert "did you mean `schools.model`" in ppl("check", "school.model").err


def test_an_internal_error_asks_for_a_report_and_shows_no_traceback(ppl, monkeypatch, tmp_path):
    monkeypatch.setattr(group.Commands, "invoke", lambda *_: 1 / 0)
    done = ppl("--log", str(tmp_path / "log"), "check", "m.model")
    assert done.code == 1
    assert "bug in ppl" in done.err
    assert "ZeroDivisionError" in (tmp_path / "log").read_text()


def test_an_interrupt_is_130_and_memory_is_5(ppl, monkeypatch):
    for error, code in ((KeyboardInterrupt, 130), (MemoryError, 5), (BrokenPipeError, 0)):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(group.Commands, "invoke", fail)
        assert ppl("check", "m.model").code == code


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m ppl --help | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert done.stderr == ""


def test_the_bug_message_is_one_short_line_each():
    try:
        raise ValueError("x" * 1000)
    except ValueError as error:
        lines = failure.report_bug(error, []).splitlines()
    assert all(len(line) < 300 for line in lines)


def test_a_memory_limit_ends_the_command_with_5(tmp_path):
    (tmp_path / "m.model").write_text(
        "table t(y: real)\nindex k = 100000\nx[i, j] ~ Normal(0, 1) for i in k, j in t\n"
        "m[i] = sum(x[i, j] for j in t) for i in k\ny[j] ~ Normal(m[1], 1) for j in t\n"
    )
    (tmp_path / "d.csv").write_text("y\n" + "1\n" * 2000)
    command = [sys.executable, "-m", "ppl", "fit", "m.model", "d.csv", "--max-memory", "300M"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
