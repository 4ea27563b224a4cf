"""Every mistake's code, place and full text; `PPL_PROMOTE=1` rewrites the expected files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppl.errors import Diagnostic, ModelError, Source
from ppl.language.check import check
from ppl.language.parse import parse

BAD = Path(__file__).parent / "bad"
MODELS = sorted(BAD.glob("*.model"))


def written(source: Source, found: tuple[Diagnostic, ...]) -> str:
    """Diagnostics as plain text, with every part that a reader sees."""
    lines = []
    for d in found:
        assert d.span is not None
        line, column = source.position(d.span.start)
        lines.append(f"{line}:{column}: {d.severity}[{d.code}]: {d.message}")
        lines += [f"    {source.line(line)}", f"    {' ' * (column - 1)}^ {d.label}"]
        for note in d.notes:
            at = source.position(note.span.start)
            lines.append(f"    note {at[0]}:{at[1]}: {note.text}")
        lines += [f"    help: {d.help}"] if d.help else []
        lines += [f"    write: {d.suggestion}"] if d.suggestion else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def mistakes(path: Path) -> str:
    source = Source(path.name, path.read_text())
    with pytest.raises(ModelError) as caught:
        check(parse(source), source)
    assert caught.value.exit_code == 2
    return written(source, caught.value.diagnostics)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_message(path: Path) -> None:
    found, expected = mistakes(path), path.with_suffix(".expected")
    if os.environ.get("PPL_PROMOTE"):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_the_first_mistake_is_the_one_meant(path: Path) -> None:
    """The file's name says its code; nothing else is reported unless the file says `several`."""
    codes = [line.split("[")[1][:4] for line in mistakes(path).splitlines() if ": error[" in line]
    if path.stem.startswith("several"):
        assert len(codes) > 1
    else:
        assert codes[0] == path.stem[:4].upper()


def test_no_expected_text_without_its_model() -> None:
    assert {p.stem for p in BAD.glob("*.expected")} == {p.stem for p in MODELS}
