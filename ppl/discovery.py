"""Find one thing a file, loudly: a file that fails to import stops the program with its name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def module_names(package: str) -> tuple[str, ...]:
    """Names of a package's public modules, without importing them."""
    root = importlib.import_module(package)
    found = (m.name for m in pkgutil.iter_modules(root.__path__))
    return tuple(sorted(n for n in found if not n.startswith("_") and n != "base"))


def load(package: str, module: str) -> ModuleType:
    """Import one discovered module; a failure names the file."""
    try:
        return importlib.import_module(f"{package}.{module}")
    except Exception as error:
        raise ImportError(f"cannot load {package}.{module}: {error}") from error
