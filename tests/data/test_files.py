"""Files that are not what they should be: sizes, kinds, damage, and typed columns."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from ppl.data import Limits, csv_text, escape_cell, read
from ppl.errors import DataError, LimitError, PplError


def fails(action: Callable[[], Any], kind: type[PplError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        action()
    return str(caught.value)


def column(path: Path, name: str = "x") -> Any:
    return read(path).column(name)


def test_gzip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(b"x\n" + b"1\n" * 50_000_000))
    assert "E601" in fails(lambda: read(path), LimitError)


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(b"x\n1\n") + gzip.compress(b"2\n"))
    assert column(path).as_int().values.tolist() == [1, 2]
    whole = gzip.compress(b"x\n" + os.urandom(3000).hex().encode() + b"\n")
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut short" in fails(lambda: read(path))
    path.write_bytes(whole[:100] + b"\0" * 200 + whole[300:])
    assert "E410" in fails(lambda: read(path))
    path.write_bytes(b"x\n1\n")
    assert "not a gzip file" in fails(lambda: read(path))


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "E409" in fails(lambda: read(tmp_path / "none.csv"))
    assert "is a folder" in fails(lambda: read(tmp_path))
    assert "web address" in fails(lambda: read("https://example.org/d.csv"))
    assert "not a file name" in fails(lambda: read("a\0b.csv"))
    os.mkfifo(tmp_path / "pipe.csv")
    assert "a pipe" in fails(lambda: read(tmp_path / "pipe.csv"))
    assert "a device" in fails(lambda: read("/dev/null"))


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n1\n")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("builtins.open", refuse)
    assert "permission" in fails(lambda: read(path))


@pytest.mark.parametrize("change", ["grow", "delete"])
def test_file_changed_while_it_is_read(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppl.data import read as module  # noqa: F401  (the function; its module is patched below)

    path = tmp_path / "d.csv"
    path.write_text("x\n1\n")
    import ppl.data.csv_file as csv_file

    original = csv_file.split

    def meddle(*arguments: Any) -> Any:
        if change == "grow":
            with path.open("a") as stream:
                stream.write("2\n")
        else:
            path.unlink()
        return original(*arguments)

    monkeypatch.setattr(csv_file, "split", meddle)
    assert "E409" in fails(lambda: read(path))


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_truncated(tmp_path: Path) -> None:
    path = parquet(tmp_path / "d.parquet", x=list(range(1000)))
    path.write_bytes(path.read_bytes()[:-20])
    assert "damaged Parquet" in fails(lambda: read(path))


def test_parquet_bomb_is_refused_from_its_metadata(tmp_path: Path) -> None:
    zeros = pa.table({"x": pa.array(np.zeros(10_000_000, dtype=np.int64))})
    path = tmp_path / "d.parquet"
    with pq.ParquetWriter(path, zeros.schema) as writer:
        for _ in range(10):
            writer.write_table(zeros)
    assert path.stat().st_size < 1_000_000
    assert "E601" in fails(lambda: read(path), LimitError)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1, 2], [3]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([Decimal("1.5"), Decimal("2.5")]),
        pa.array([1, 2], pa.timestamp("s")),
        pa.array([b"a", b"b"]),
    ],
    ids=["list", "struct", "decimal", "timestamp", "binary"],
)
def test_types_that_are_not_data(values: Any, tmp_path: Path) -> None:
    path = parquet(tmp_path / "d.parquet", x=values, y=[1, 2])
    message = fails(lambda: column(path).as_real())
    assert "E402" in message
    assert "has the type" in message
    assert column(path, "y").as_int().values.tolist() == [1, 2]


def test_extension_types_are_refused(tmp_path: Path) -> None:
    values = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"a" * 16, b"b" * 16], pa.binary(16)))
    assert "E402" in fails(lambda: column(parquet(tmp_path / "d.parquet", x=values)).as_labels())


def test_nullable_and_dictionary_columns(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "d.parquet",
        x=pa.array([1, None, 3]),
        g=pa.DictionaryArray.from_arrays(pa.array([1, None, 0]), pa.array(["low", "high"])),
        w=pa.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], pa.list_(pa.float64(), 2)),
        s=pa.array(["b", "NA", None]),
    )
    found = column(path).as_int()
    assert (found.values.tolist(), found.missing.tolist()) == ([1, 0, 3], [False, True, False])
    labels = column(path, "g").as_labels()
    assert (labels.codes.tolist(), labels.levels, labels.declared) == ([1, -1, 0], ("low", "high"), True)
    assert column(path, "w").as_real().values.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert column(path, "s").as_labels().levels == ("b", "NA")


def test_unsigned_beyond_int64(tmp_path: Path) -> None:
    path = parquet(tmp_path / "d.parquet", x=pa.array([1, 2**63 + 1], pa.uint64()))
    assert "row 2" in fails(lambda: column(path).as_int())


def test_parquet_parts(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", x=[1, 2])
    parquet(tmp_path / "b.parquet", x=[3])
    assert column(tmp_path).as_int().values.tolist() == [1, 2, 3]
    parquet(tmp_path / "c.parquet", x=[3.5])
    message = fails(lambda: read(tmp_path))
    assert "c.parquet" in message
    assert "`x` is int64 in a.parquet" in message


def test_arrow_file(tmp_path: Path) -> None:
    feather.write_feather(pa.table({"x": [1, 2], "y": ["a", "b"]}), tmp_path / "d.arrow")
    assert read(tmp_path / "d.arrow", columns=["y"]).column("y").as_labels().levels == ("a", "b")
    (tmp_path / "e.arrow").write_bytes((tmp_path / "d.arrow").read_bytes()[:-30])
    assert "damaged Arrow" in fails(lambda: read(tmp_path / "e.arrow"))


def npz(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def npy(shape: str, kind: str = "<f8", body: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(6.0).reshape(2, 3), g=np.array(["a", "b"]), n=3)
    frame = read(tmp_path / "d.npz")
    assert frame.column("x").as_real().values.shape == (2, 3)
    assert frame.column("g").as_labels().levels == ("a", "b")
    assert frame.column("n").as_int().values == 3


def test_npz_with_objects(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    assert "Python objects" in fails(lambda: read(npz(tmp_path / "d.npz", {"x.npy": buffer.getvalue()})))


def test_npz_with_a_huge_shape(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", {"x.npy": npy("(1000000000000,)")})
    assert "E601" in fails(lambda: read(path), LimitError)
    path = npz(tmp_path / "e.npz", {"x.npy": npy("(100,)")})
    assert "by its header" in fails(lambda: read(path))


def test_npz_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "d.npz", x=np.zeros(100_000_000 // 8 + 1))
    assert "E601" in fails(lambda: read(tmp_path / "d.npz"), LimitError)


def test_npz_entry_that_leads_out(tmp_path: Path) -> None:
    assert "leads out" in fails(
        lambda: read(npz(tmp_path / "d.npz", {"../x.npy": npy("()", body=b"\0" * 8)}))
    )


def test_memory_limit_is_checked_first(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n" + "1\n" * 1000)
    assert "E601" in fails(lambda: read(path, limits=Limits(memory=100)), LimitError)


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    path = parquet(tmp_path / "d.parquet", gene_a=[1], gene_b=[2], z=[3])
    frame = read(path, columns=["gene_*"])
    assert (frame.names, tuple(frame.columns)) == (("gene_a", "gene_b", "z"), ("gene_a", "gene_b"))


def test_tab_separated(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text("x\ty\n1,5\t2\n")
    assert column(tmp_path / "d.tsv", "y").as_int().values.tolist() == [2]


def test_output_runs_no_formula() -> None:
    for text in ("=cmd()", "+1", "-x", "@a", "\tb", "\rc"):
        assert escape_cell(text) == "'" + text
    assert csv_text(["a"], [["=1"], [np.float64(0.1)], [None]]) == "a\n'=1\n0.1\n\n"


def test_reading_imports_neither_pandas_nor_more_than_it_needs(tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("x\n1\nNA\n")
    (tmp_path / "large.csv").write_text("x,g\n" + "1,a\nNA,b\n" * 500_000)
    parquet(tmp_path / "d.parquet", x=[1, None], g=["a", None])
    code = (
        "import sys; from ppl.data import read\n"
        "small = read('small.csv').column('x').as_real()\n"
        "assert 'pyarrow' not in sys.modules\n"
        "for name in ('large.csv', 'd.parquet'):\n"
        "    frame = read(name)\n"
        "    frame.column('x').as_real(), frame.column('x').as_int(), frame.column('g').as_labels()\n"
        "assert 'pyarrow' in sys.modules and 'pandas' not in sys.modules\n"
        "import os; os._exit(0)\n"  # Arrow's threads have once aborted the interpreter while it shut down
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
