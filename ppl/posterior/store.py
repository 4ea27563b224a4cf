"""Saving a fit and reading it back, in another process and folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np

from ppl.posterior import archive, store_factored
from ppl.posterior.approximation import Approximation
from ppl.posterior.bend import Bend
from ppl.posterior.estimates import Estimates
from ppl.posterior.fit import SCHEMA, Fit
from ppl.posterior.record import Bound, DataSource, FitWarning, ImputedCell, Level, finite
from ppl.posterior.states import StateTable

MODEL = "model.txt"
PLAIN = (
    "model_name",
    "method",
    "status",
    "verdict",
    "seed",
    "options",
    "checks",
    "settings",
    "columns",
    "versions",
)
GAUSSIAN = ("mean", "log_sd", "scale_tril", "response_cov", "response_sd", "point")
BENT = tuple(f.name for f in fields(Bend))

T = TypeVar("T")


def save(fit: Fit, path: str) -> None:
    """Write a fit atomically; see `ppl.posterior.archive`."""
    documents = {"fit": fit.to_dict(), "record": _record(fit)}
    archive.write(path, documents, {MODEL: fit.model_text}, _arrays(fit))


def _record(fit: Fit) -> dict[str, Any]:
    return {
        **{name: getattr(fit, name) for name in PLAIN},
        "schema": SCHEMA,
        "log_evidence": finite(fit.log_evidence),
        "seconds": dict(fit.seconds),
        "bound": fit.bound.to_dict(),
        "warnings": [w.to_dict() for w in fit.warnings],
        "levels": [asdict(level) for level in fit.levels.values()],
        "sources": [asdict(s) for s in fit.sources],
        "imputed": [asdict(c) for c in fit.imputed],
        "estimates": [{"name": e.name, "kind": e.kind, "labels": list(e.labels)} for e in fit.estimates],
        "draws": list(fit.draws),
        "draw_count": fit.draw_count,
        "states": [{"name": s.name, "labels": list(s.labels), "states": list(s.states)} for s in fit.states],
        "constants": list(fit.constants),
        "trace": list(fit.trace),
        **({} if fit.factored is None else {"factored": store_factored.form(fit.factored)}),
    }


def _arrays(fit: Fit) -> dict[str, np.ndarray]:
    # Numbered, not named: a quantity's name may be anything, an entry's name may not.
    arrays: dict[str, np.ndarray] = {}
    for i, e in enumerate(fit.estimates):
        arrays[f"estimates/{i}"] = np.column_stack([e.values, e.khat])
    for group in ("draws", "constants", "trace"):
        for i, array in enumerate(getattr(fit, group).values()):
            arrays[f"{group}/{i}"] = _plain(_once(array) if group == "draws" else array)
    for i, table in enumerate(fit.states):
        arrays[f"states/{i}"] = _plain(table.probabilities)
    if isinstance(fit.approximation, Approximation):
        arrays |= _gaussian_arrays(fit.approximation)
    if fit.factored is not None:
        arrays |= store_factored.arrays(fit.factored)
    return arrays


def _gaussian_arrays(q: Approximation) -> dict[str, np.ndarray]:
    known = {name: getattr(q, name) for name in GAUSSIAN}
    arrays = {f"approximation/{name}": _plain(a) for name, a in known.items() if a is not None}
    if q.bend is not None:
        arrays |= {f"bend/{name}": _plain(getattr(q.bend, name)) for name in BENT}
    return arrays


def _once(array: Any) -> Any:
    """One draw of an array whose draws are all the same memory, as those of a network's weights are."""
    return array[:1] if np.ndim(array) and len(array) > 1 and np.asarray(array).strides[0] == 0 else array


def _repeated(draws: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """The inverse of `_once`, without a copy."""
    count = max([count, *(len(a) for a in draws.values())])
    return {
        name: np.broadcast_to(a, (count, *a.shape[1:])) if len(a) == 1 else a for name, a in draws.items()
    }


def _plain(array: Any) -> np.ndarray:
    array = np.asarray(array)
    kinds = {"b": np.bool_, "i": np.int64, "u": np.int64}
    plain: np.ndarray = array.astype(kinds.get(array.dtype.kind, np.float64))
    return plain


def load(path: str) -> Fit:
    """Read a saved fit. Raises `UsageError`, `DataError` or `LimitError` with the file's name."""
    reader = archive.Reader(path)
    record = reader.document("record")
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        raise reader.broken("its record has no schema version")
    if record["schema"] > SCHEMA:
        raise reader.broken(
            f"it was written by a newer ppl (schema {record['schema']}; this one reads {SCHEMA})"
        )
    try:
        return _fit(reader, record)
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
        raise reader.broken(f"its record is not as this program writes it ({error})") from None


def _fit(reader: archive.Reader, record: Mapping[str, Any]) -> Fit:
    factored = record.get("factored")
    return Fit(
        **{name: record[name] for name in PLAIN},
        model_text=reader.text(MODEL),
        estimates=_estimates(reader, record["estimates"]),
        draws=_repeated(_group(reader, "draws", record), int(record.get("draw_count", 0))),
        approximation=_gaussian(reader) if factored is None else None,
        factored=None if factored is None else store_factored.read(reader, factored),
        bound=Bound(**{k: np.nan if v is None else float(v) for k, v in record["bound"].items()}),
        warnings=tuple(
            FitWarning(w["code"], w["message"], tuple(w["names"]), w["severity"]) for w in record["warnings"]
        ),
        log_evidence=record["log_evidence"],
        seconds=record["seconds"],
        trace=_group(reader, "trace", record),
        levels={v["name"]: _level(v) for v in record["levels"]},
        constants=_group(reader, "constants", record),
        sources=tuple(_known(DataSource, v) for v in record["sources"]),
        imputed=tuple(_known(ImputedCell, v) for v in record["imputed"]),
        states=_states(reader, record["states"]),
    )


def _gaussian(reader: archive.Reader) -> Approximation:
    names = set(reader.names())
    arrays = {n: reader.array(f"approximation/{n}") for n in GAUSSIAN if f"approximation/{n}" in names}
    bend = Bend(**{n: reader.array(f"bend/{n}") for n in BENT}) if f"bend/{BENT[0]}" in names else None
    return Approximation(**arrays, bend=bend)  # type: ignore[arg-type]


def _estimates(reader: archive.Reader, listed: Any) -> tuple[Estimates, ...]:
    found = []
    for i, form in enumerate(listed):
        values = reader.array(f"estimates/{i}")
        labels = tuple(str(label) for label in form["labels"])
        if values.shape != (len(labels), 6):
            raise ValueError(f"estimates of {form['name']}")
        found.append(Estimates(form["name"], form["kind"], labels, values[:, :5], values[:, 5]))
    return tuple(found)


def _states(reader: archive.Reader, listed: Any) -> tuple[StateTable, ...]:
    found = []
    for i, form in enumerate(listed):
        table = reader.array(f"states/{i}")
        labels, states = tuple(map(str, form["labels"])), tuple(map(str, form["states"]))
        if table.shape != (len(labels), len(states)):
            raise ValueError(f"states of {form['name']}")
        found.append(StateTable(str(form["name"]), labels, states, table))
    return tuple(found)


def _group(reader: archive.Reader, group: str, record: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {str(name): reader.array(f"{group}/{i}") for i, name in enumerate(record[group])}


def _level(form: Mapping[str, Any]) -> Level:
    labels = form["labels"]
    return Level(
        str(form["name"]), int(form["size"]), None if labels is None else tuple(labels), int(form["low"])
    )


def _known(kind: type[T], form: Mapping[str, Any]) -> T:
    return kind(**{f.name: form.get(f.name) for f in fields(kind)})  # type: ignore[arg-type]
