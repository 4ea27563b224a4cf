"""What the documentation shows is true: models check, commands print, scripts run, links lead somewhere.

Blocks are told apart by the word after the fence. ``model`` must check without a mistake, and with a
file name it is written for the commands of the page; ``model-wrong`` is only written; ``console``
is run, and what it prints is compared loosely: figures to 5 % or 0.02, ``...`` stands for any
lines, a line may go on; ``python`` blocks of a page run as one script.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ppl.cli.main import run
from ppl.errors import Source
from ppl.language.check import check
from ppl.language.parse import parse

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
FENCE = re.compile(r"^```([\w-]+)[ ]?([\w.]*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the page, what it is, the file it is to be written to, its text."""

    page: Path
    kind: str
    file: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield Block(page, *match.groups())


def where(page: Path) -> str:
    return str(page.relative_to(ROOT))


def pages_with(kind: str) -> list[Path]:
    return [p for p in PAGES if any(b.kind == kind for b in blocks(p))]


MODELS = [b for p in PAGES for b in blocks(p) if b.kind == "model"]


@pytest.mark.parametrize("block", MODELS, ids=lambda b: f"{where(b.page)}-{b.text.split(chr(10))[0][:30]}")
def test_model_checks(block: Block) -> None:
    source = Source(where(block.page), block.text)
    check(parse(source), source)


def same(shown: str, printed: str) -> bool:
    """Whether two words are equal, or two figures near.

    >>> same("0.610", "0.6098"), same("mu", "nu")
    (True, False)
    """
    try:
        a, b = float(shown), float(printed)
    except ValueError:
        return shown == printed
    return abs(a - b) <= max(0.05 * abs(a), 0.02)


def line_matches(shown: str, printed: str) -> bool:
    ours, theirs = shown.split(), printed.split()
    return len(ours) <= len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=False))


def first_missing(shown: list[str], printed: list[str]) -> str | None:
    """The first shown line that the output lacks, in order; None when all are there."""
    rest = iter(printed)
    for line in shown:
        if line.strip() in ("", "..."):
            continue
        if not any(line_matches(line, other) for other in rest):
            return line
    return None


def sessions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.splitlines()


@pytest.mark.parametrize("page", pages_with("console"), ids=where)
def test_commands_print_what_is_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        if block.kind != "console":
            continue
        for command, shown in sessions(block.text):
            program, *arguments = shlex.split(command)
            assert program == "ppl", command
            run(arguments)
            captured = capsys.readouterr()
            missing = first_missing(shown, captured.out.splitlines())
            assert missing is None, f"{missing!r} is not in\n{captured.out}{captured.err}"


@pytest.mark.parametrize("page", pages_with("python"), ids=where)
def test_scripts_run(page: Path) -> None:
    script = "\n".join(b.text for b in blocks(page) if b.kind == "python")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [t for t in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert [t for t in targets if not (page.parent / t).exists()] == []


def test_generated_pages_are_current() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "docs" / "make_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_figure_is_noticed() -> None:
    """The broken twin of the comparison."""
    assert first_missing(["mu  4.41  3.31"], ["mu  4.40  3.30  -0.9"]) is None
    assert first_missing(["mu  4.41  3.31"], ["mu  5.41  3.30  -0.9"]) is not None
    assert first_missing(["mu  4.41", "tau  3.6"], ["tau  3.6", "mu  4.41"]) is not None
