"""Saving a fit and reading it back, in another process and folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np

from ppl.graph.element_labels import ElementLabels
from ppl.posterior import archive, store_factored, store_redrawn
from ppl.posterior.approximation import Approximation
from ppl.posterior.bend import Bend
from ppl.posterior.estimates import Estimates
from ppl.posterior.factored import FactoredRecord
from ppl.posterior.fit import SCHEMA, Fit
from ppl.posterior.record import Bound, DataSource, FitWarning, ImputedCell, Level, finite
from ppl.posterior.redrawn import Draws
from ppl.posterior.states import StateTable

MODEL = "model.txt"
LISTED = 100_000  # elements whose figures are also written out in the JSON form
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
    elements = sum(len(e.labels) for e in fit.estimates)
    documents = {"fit": fit.to_dict(posterior=elements <= LISTED), "record": _record(fit)}
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
        "estimates": [{"name": e.name, "kind": e.kind, **_named(e.labels)} for e in fit.estimates],
        "draws": list(fit.draws),
        **store_redrawn.form(fit),
        "draw_count": fit.draw_count,
        "states": [{"name": s.name, "states": list(s.states), **_named(s.labels)} for s in fit.states],
        "constants": list(fit.constants),
        "trace": list(fit.trace),
        **({} if fit.factored is None else {"factored": store_factored.form(fit.factored)}),
    }


def _named(labels: Sequence[str]) -> dict[str, Any]:
    """Names of elements: one by one, or by the labels of their axes where they are many."""
    if isinstance(labels, ElementLabels):
        return {"prefix": labels.name, "axes": [list(axis) for axis in labels.axes]}
    return {"labels": list(labels)}


def _labels(form: Mapping[str, Any]) -> Sequence[str]:
    """The inverse of `_named`."""
    if "axes" not in form:
        return tuple(str(label) for label in form["labels"])
    return ElementLabels(str(form["prefix"]), [tuple(map(str, axis)) for axis in form["axes"]])


def _arrays(fit: Fit) -> Iterator[tuple[str, np.ndarray]]:
    """One after another: a copy is made of each only while it is written."""
    # Numbered, not named: a quantity's name may be anything, an entry's name may not.
    for i, e in enumerate(fit.estimates):
        checked = not np.isnan(e.khat).all()
        yield f"estimates/{i}", np.column_stack([e.values, e.khat]) if checked else _plain(e.values)
    made = store_redrawn.made(fit)
    for i, name in enumerate(fit.draws):
        if name not in made:
            yield f"draws/{i}", _plain(_once(fit.draws[name]))
    for group in ("constants", "trace"):
        for i, array in enumerate(getattr(fit, group).values()):
            yield f"{group}/{i}", _plain(array)
    for i, table in enumerate(fit.states):
        yield f"states/{i}", _plain(table.probabilities)
    if isinstance(fit.approximation, Approximation):
        yield from _gaussian_arrays(fit.approximation).items()
    if fit.factored is not None:
        yield from store_factored.arrays(fit.factored)


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
    plain: np.ndarray = array.astype(kinds.get(array.dtype.kind, np.float64), copy=False)
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
    saved = record.get("factored")
    factored = None if saved is None else store_factored.read(reader, saved)
    return Fit(
        **{name: record[name] for name in PLAIN},
        model_text=reader.text(MODEL),
        estimates=_estimates(reader, record["estimates"]),
        draws=_draws(reader, record, factored),
        approximation=_gaussian(reader) if factored is None else None,
        factored=factored,
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


def _draws(
    reader: archive.Reader, record: Mapping[str, Any], factored: FactoredRecord | None
) -> Mapping[str, np.ndarray]:
    made = store_redrawn.read(record, factored)
    names = [str(name) for name in record["draws"]]
    kept = {n: reader.array(f"draws/{i}") for i, n in enumerate(names) if n not in made}
    whole = _repeated(kept, int(record.get("draw_count", 0)))
    return Draws(tuple(names), whole, made) if made else whole


def _gaussian(reader: archive.Reader) -> Approximation:
    names = set(reader.names())
    arrays = {n: reader.array(f"approximation/{n}") for n in GAUSSIAN if f"approximation/{n}" in names}
    bend = Bend(**{n: reader.array(f"bend/{n}") for n in BENT}) if f"bend/{BENT[0]}" in names else None
    return Approximation(**arrays, bend=bend)  # type: ignore[arg-type]


def _estimates(reader: archive.Reader, listed: Any) -> tuple[Estimates, ...]:
    found = []
    for i, form in enumerate(listed):
        values = reader.array(f"estimates/{i}")
        labels = _labels(form)
        if values.ndim != 2 or len(values) != len(labels) or values.shape[1] not in (5, 6):
            raise ValueError(f"estimates of {form['name']}")
        khat = values[:, 5] if values.shape[1] > 5 else np.broadcast_to(np.nan, len(labels))
        found.append(Estimates(form["name"], form["kind"], labels, values[:, :5], khat))
    return tuple(found)


def _states(reader: archive.Reader, listed: Any) -> tuple[StateTable, ...]:
    found = []
    for i, form in enumerate(listed):
        table = reader.array(f"states/{i}")
        labels, states = _labels(form), tuple(map(str, form["states"]))
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
