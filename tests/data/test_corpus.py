"""Every malformed text file gets its class and its place; every odd but right one loads right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ppl.data import Labels, csv_file, read
from ppl.errors import DataError
from tests.data.corpus import CSV, JSON, MISSING, Case


def cells(case: Case, path: Path) -> tuple[object, list[str]]:
    path.write_bytes(case.content)
    frame = read(path)
    column = frame.column(case.column)
    convert = {"real": lambda: column.as_real(infinite=case.file.endswith("json"))}
    found = convert.get(case.kind, lambda: getattr(column, f"as_{case.kind}")())()
    warnings = [w.message for w in frame.warnings]
    if isinstance(found, Labels):
        return [None if c < 0 else found.levels[c] for c in found.codes.ravel().tolist()], warnings
    values = found.values.astype(object)
    if found.missing is not None:
        values[found.missing] = None
    return values.tolist(), warnings + [w.message for w in found.warnings]


def check(case: Case, path: Path) -> None:
    if case.code == "OK":
        values, warnings = cells(case, path)
        assert values == case.values
        assert bool(warnings) == bool(case.warns)
        assert any(case.warns in w for w in warnings) or not case.warns
        return
    with pytest.raises(DataError) as caught:
        cells(case, path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == case.code
    assert diagnostic.place is not None
    assert diagnostic.place.file == path.name
    assert case.line is None or diagnostic.place.line == case.line
    assert case.contains in f"{diagnostic.message} ({diagnostic.help})"
    if case.code in ("E401", "E402", "E403"):
        assert diagnostic.place.column == case.column


@pytest.mark.parametrize("case", CSV, ids=lambda c: f"{c.number}-{c.what}")
def test_csv(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path / "d.csv")


@pytest.mark.parametrize("case", CSV, ids=lambda c: f"{c.number}-{c.what}")
def test_large_files_are_read_by_the_same_rules(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "SMALL", 0)
    check(case, tmp_path / "d.csv")


@pytest.mark.parametrize("case", JSON, ids=lambda c: f"{c.number}-{c.what}")
def test_json(case: Case, tmp_path: Path) -> None:
    check(replace(case, file="d.json"), tmp_path / "d.json")


@pytest.mark.parametrize("case", MISSING, ids=lambda c: f"{c.number}-{c.what}")
@pytest.mark.parametrize("small", [1 << 20, 0])
def test_missing(case: Case, small: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", small)
    path = tmp_path / "d.csv"
    path.write_bytes(case.content)
    frame = read(path)
    for found in (frame.column("x").as_real(), frame.column("x").as_int(), frame.column("x").as_labels()):
        assert found.missing is not None
        rows = np.flatnonzero(found.missing)
        lines = frame.lines()
        assert lines is not None
        assert lines[rows].tolist() == [case.line]


def test_text_after_300_000_numbers(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n" + "12345678901234\n" * 300_000 + "oops\n")
    with pytest.raises(DataError) as caught:
        read(path).column("x").as_real()
    assert caught.value.diagnostics[0].place is not None
    assert caught.value.diagnostics[0].place.line == 300_002


def test_a_hundred_thousand_columns(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join(["1"] * 100_000) + "\n")
    assert read(path).column("c99999").as_int().values.tolist() == [1]


def test_quoted_newlines_count_lines_in_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", 0)
    path = tmp_path / "d.csv"
    path.write_text('g,x\n"a\n""b""\n",1\nc,2\n"d\n,e",3\n')
    frame = read(path)
    lines = frame.lines()
    assert lines is not None
    assert lines.tolist() == [2, 5, 6]
    assert frame.column("g").as_labels().levels == ('a\n"b"\n', "c", "d\n,e")
