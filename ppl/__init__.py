"""A probabilistic language with variational inference.

>>> import ppl
>>> sorted(ppl.__all__)[:4]
['Comparison', 'DataError', 'Fit', 'FitError']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppl.version import VERSION

if TYPE_CHECKING:
    from ppl.errors import DataError, FitError, LimitError, ModelError, PplError, UsageError
    from ppl.model import Model, compare, compile, fit, load
    from ppl.posterior.comparison import Comparison
    from ppl.posterior.fit import Fit
    from ppl.posterior.summary import Summary

__version__ = VERSION

_HOMES = {
    "Model": "ppl.model",
    "compare": "ppl.model",
    "compile": "ppl.model",
    "fit": "ppl.model",
    "load": "ppl.model",
    "Fit": "ppl.posterior.fit",
    "Comparison": "ppl.posterior.comparison",
    "Summary": "ppl.posterior.summary",
    "PplError": "ppl.errors",
    "ModelError": "ppl.errors",
    "UsageError": "ppl.errors",
    "DataError": "ppl.errors",
    "FitError": "ppl.errors",
    "LimitError": "ppl.errors",
}

__all__ = [
    "Comparison",
    "DataError",
    "Fit",
    "FitError",
    "LimitError",
    "Model",
    "ModelError",
    "PplError",
    "Summary",
    "UsageError",
    "compare",
    "compile",
    "fit",
    "load",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that `import ppl` costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ppl' has no attribute {name!r}")
    from importlib import import_module

    thing = getattr(import_module(_HOMES[name]), name)
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
