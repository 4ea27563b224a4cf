"""The factors of a fit, as a JSON form and numbered arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ppl.posterior import archive
from ppl.posterior.factored import BlockReport, FactoredRecord

Form = dict[str, Any]


def form(record: FactoredRecord) -> Form:
    """The JSON form; names of arrays stand in their order."""
    blocks = [
        {
            "names": list(b.names),
            "family": b.family,
            "exact": b.exact,
            "reason": b.reason,
            "parameters": list(b.parameters),
        }
        for b in record.blocks
    ]
    return {**record.to_dict(), "blocks": blocks, "arrays": list(record.arrays)}


def arrays(record: FactoredRecord) -> Iterator[tuple[str, np.ndarray]]:
    """Every array by the number of its block and its own: a name may be anything, an entry's may not."""
    for j, a in enumerate(record.arrays.values()):
        yield f"factored/more/{j}", _plain(a)
    for i, block in enumerate(record.blocks):
        for j, a in enumerate(block.parameters.values()):
            yield f"factored/{i}/{j}", _plain(a)


def _plain(array: Any) -> np.ndarray:
    array = np.asarray(array)
    kind: Any = {"b": np.bool_, "i": np.int64, "u": np.int64}.get(array.dtype.kind, np.float64)
    plain: np.ndarray = array.astype(kind, copy=False)
    return plain


def read(reader: archive.Reader, saved: Mapping[str, Any]) -> FactoredRecord:
    """The record again. Raises `KeyError` or `TypeError` where the form is not as written here."""
    return FactoredRecord(
        tuple(_block(reader, i, b) for i, b in enumerate(saved["blocks"])),
        _numbers(saved["elbo_terms"]),
        str(saved["evidence_reason"]),
        tuple(-np.inf if v is None else float(v) for v in saved["restarts"]),
        {str(name): reader.array(f"factored/more/{j}") for j, name in enumerate(saved["arrays"])},
        _numbers(saved["criteria"]),
        _numbers({"evidence": saved.get("evidence")})["evidence"],
    )


def _block(reader: archive.Reader, i: int, b: Mapping[str, Any]) -> BlockReport:
    parameters = {str(name): reader.array(f"factored/{i}/{j}") for j, name in enumerate(b["parameters"])}
    return BlockReport(
        tuple(map(str, b["names"])), str(b["family"]), bool(b["exact"]), str(b["reason"]), parameters
    )


def _numbers(saved: Mapping[str, Any]) -> dict[str, float]:
    return {str(k): np.nan if v is None else float(v) for k, v in saved.items()}
