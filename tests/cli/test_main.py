"""Help, suggestions, exit codes and internal errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ppl.cli.group as group
from ppl.cli import failure
from ppl.cli.group import command_names, one_line
from ppl.cli.limits import parse_size


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


def test_sizes():
    assert parse_size("1G") == 1 << 30
