"""Every distribution with arguments as arrays: what the generic tests run over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl import distributions
from ppl.distributions import Applied, Distribution, find


@dataclass(frozen=True)
class Setting:
    """A distribution, its arguments with a leading batch axis of one, and values (n, event...)."""

    name: str
    given: dict[str, Any]
    values: np.ndarray

    @property
    def kind(self) -> type[Distribution]:
        found = find(self.name)
        assert found is not None
        return found

    @property
    def applied(self) -> Applied:
        return Applied(self.kind, self.given)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numeric arguments, inner ones included, under unique keys."""
        return dict(walk(self.given, self.kind))


def apply(spec: Any, name: str = "") -> Any:
    """("Normal", {...}) to Applied, lists and numbers to arrays with a leading axis."""
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], str):
        kind = find(spec[0])
        return Applied(kind, {k: apply(v, k) for k, v in spec[1].items()})
    if isinstance(spec, tuple):
        return tuple(apply(s) for s in spec)
    return np.asarray(spec, dtype=float)[None]


def walk(given: dict[str, Any], kind: type[Distribution], prefix: str = ""):
    """Pairs of a dotted key and an array."""
    for key, value in given.items():
        if isinstance(value, Applied):
            yield from walk(dict(value.given), value.distribution, f"{prefix}{key}.")
        elif isinstance(value, tuple):
            for i, part in enumerate(value):
                yield from walk(dict(part.given), part.distribution, f"{prefix}{key}.{i}.")
        else:
            yield f"{prefix}{key}", value


def rebuilt(given: dict[str, Any], new: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The same arguments with the arrays of ``new`` put in."""
    out = {}
    for key, value in given.items():
        if isinstance(value, Applied):
            out[key] = Applied(value.distribution, rebuilt(dict(value.given), new, f"{prefix}{key}."))
        elif isinstance(value, tuple):
            out[key] = tuple(
                Applied(p.distribution, rebuilt(dict(p.given), new, f"{prefix}{key}.{i}."))
                for i, p in enumerate(value)
            )
        else:
            out[key] = new.get(f"{prefix}{key}", value)
    return out


def settings() -> list[Setting]:
    """One setting for each example and each shape of its values."""
    out = []
    for name in distributions.names():
        kind = find(name)
        for example in kind.examples:
            given = {k: apply(v, k) for k, v in example.arguments.items()}
            shapes = {np.shape(v) for v in example.values}
            for shape in sorted(shapes):
                values = np.array([v for v in example.values if np.shape(v) == shape], dtype=float)
                if kind.event_dims == 1 and name == "Ordered":
                    given = {"distribution": apply(("Normal", {"mean": [0.0], "sd": [2.0]}))}
                out.append(Setting(name, given, values))
    return out


def label(setting: Setting) -> str:
    return f"{setting.name}({', '.join(setting.given)})x{setting.values.shape}"
