"""Whatever the bytes, the answer is a frame or an error with a code; both CSV readers agree."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppl.data import Frame, Labels, csv_file, read
from ppl.data.csv_text import split
from ppl.data.json_text import read_object
from ppl.errors import PplError

CELL = st.text(st.sampled_from(list("ab1.5-+e ,\"\n'é=#NA")), max_size=6)


@st.composite
def grids(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 4))
    return draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6))


def written(rows: list[list[str]], ends: str) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=ends, quoting=csv.QUOTE_MINIMAL)
    writer.writerow([f"c{i}" for i in range(len(rows[0]))])
    writer.writerows(rows)
    return buffer.getvalue()


@settings(max_examples=300, deadline=None)
@given(grids(), st.sampled_from(["\n", "\r\n"]))
def test_what_a_writer_wrote_is_read_back(rows: list[list[str]], ends: str) -> None:
    cells = split(written(rows, ends), "d.csv")
    assert [list(row) for row in zip(*cells.columns, strict=True)] == rows


def answers(frame: Frame) -> list[object]:
    found: list[object] = [frame.names, frame.size, frame.lines().tolist()]  # type: ignore[union-attr]
    for column in frame.columns.values():
        for convert in (column.as_real, column.as_int, column.as_bool, column.as_labels):
            try:
                got = convert()
            except PplError as problem:
                found.append(str(problem))
                continue
            if isinstance(got, Labels):
                found.append([None if c < 0 else got.levels[c] for c in got.codes])
            else:
                missing = None if got.missing is None else got.missing.tolist()
                found.append((got.values.tolist(), missing, got.warnings))
    return found


def outcome(data: bytes) -> object:
    try:
        return answers(csv_file.frame_of_bytes("d.csv", data))
    except PplError as problem:
        return str(problem)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        grids().map(lambda g: written(g, "\n").encode()), st.binary(max_size=60).map(lambda b: b"a,b\n" + b)
    )
)
def test_both_readers_agree(data: bytes) -> None:
    small = outcome(data)
    before = csv_file.SMALL
    try:
        csv_file.SMALL = 0
        assert outcome(data) == small
    finally:
        csv_file.SMALL = before


VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)


def rectangular(value: object) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return ()
    shapes = {rectangular(v) for v in value}
    if None in shapes or len(shapes) > 1:
        return None
    return (len(value), *(shapes.pop() if shapes else ()))  # type: ignore[misc]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_json_arrays_are_read_as_the_standard_library_reads_them(made: dict[str, object]) -> None:
    text = json.dumps(made)
    if any(rectangular(v) is None for v in made.values()):
        with pytest.raises(PplError, match="ragged"):
            read_object(text, "d.json")
        return
    found = read_object(text, "d.json")
    assert list(found) == list(made)
    for name, value in made.items():
        assert found[name].shape == rectangular(value)
        flat = np.array(value, dtype=object).ravel().tolist()
        assert len(flat) == len(found[name].texts) == math.prod(found[name].shape)
        for leaf, text_of in zip(flat, found[name].texts, strict=True):
            assert (leaf if isinstance(leaf, str) else type(leaf)(text_of)) == (
                text_of if isinstance(leaf, str) else leaf
            )


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from(list('{}[],:"ab1.e-+ \nNaInftrue0\\ud')), max_size=40))
def test_json_never_ends_in_another_error(text: str) -> None:
    problem = refusal(lambda: read_object(text, "d.json"))
    if problem is not None:
        assert problem.diagnostics[0].place is not None
        assert problem.diagnostics[0].place.line is not None


def refusal(action: Callable[[], object]) -> PplError | None:
    try:
        action()
    except PplError as problem:
        return problem
    return None


def mangled(data: bytes, rng: np.random.Generator) -> bytes:
    body = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(body)))
        choice = rng.integers(3)
        if choice == 0:
            body[at] = int(rng.integers(256))
        elif choice == 1:
            del body[at : at + int(rng.integers(1, 20))]
        else:
            body[at:at] = bytes(rng.integers(0, 256, 4, dtype=np.uint8))
        if not body:
            return b""
    return bytes(body)


def damage(tmp_path: Path, count: int) -> None:
    made = pa.table({"x": np.arange(50.0), "g": ["a", "b"] * 25})
    pq.write_table(made, tmp_path / "d.parquet")
    feather.write_feather(made, tmp_path / "d.arrow", compression="uncompressed")
    np.savez(tmp_path / "d.npz", x=np.arange(50.0))
    (tmp_path / "d.csv").write_text('x,g\n1,"a, b"\n2,NA\n' * 3)
    (tmp_path / "d.json").write_text('{"x": [[1, 2], [3, 4]], "g": ["a", "b"]}')
    rng = np.random.default_rng(7)
    for suffix in ("parquet", "arrow", "npz", "csv", "json"):
        good = (tmp_path / f"d.{suffix}").read_bytes()
        path = tmp_path / f"e.{suffix}"
        for _ in range(count):
            path.write_bytes(mangled(good, rng))
            problem = refusal(lambda path=path: everything(path))
            assert problem is None or problem.exit_code in (3, 5)


def everything(path: Path) -> None:
    frame = read(path)
    for name in frame.columns:
        frame.column(name).as_real()
        frame.column(name).as_labels()


def test_damaged_files(tmp_path: Path) -> None:
    damage(tmp_path, 150)


@pytest.mark.soak
def test_many_damaged_files(tmp_path: Path) -> None:
    damage(tmp_path, 5000)
