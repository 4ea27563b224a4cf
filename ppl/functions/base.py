"""What a function of the language is, and how to add one.

Decorate its evaluation with `@function(...)` of `ppl.functions._define` in a file of this folder; the
docstring is its entry in the reference and must hold an example in the language between backticks,
and a doctest.

kind:

* ``elementwise``: arguments are aligned and broadcast; ``result(*types)`` gives element and support
  only, axes are the arguments' common axes;
* ``reduction``: ``evaluate(x, axis)`` reduces the given negative axes (``axis`` a tuple); used for
  ``sum(v)`` over event axes and for comprehensions ``sum(e for k in S)``; ``result(x)`` gives element
  and support only;
* ``array``: arguments keep their event axes, batch axes lead and are aligned; ``result`` gives the
  whole type, axes included; ``evaluate(*arrays, dims, **keywords)`` is told how many event axes
  each positional array has;
* ``data``: like ``array``, of whole data columns only (``zscore(age)``), evaluated once in numpy;
* ``index``: about positions in an index set (``first``, ``position``); evaluated by the graph;
* ``special``: the checker and the graph know it by name (``logp``, ``Prob``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ppl.types import Type

Array = Any
Kind = Literal["elementwise", "reduction", "array", "data", "index", "special"]


@dataclass(frozen=True)
class FunctionParameter:
    """One parameter; ``keyword`` ones must be named; ``default`` None means required."""

    name: str
    keyword: bool = False
    default: float | None = None


@dataclass(frozen=True)
class Function:
    """A function of the language.

    ``result`` takes the arguments' types in parameter order and raises `Mismatch`.
    ``evaluate`` takes arrays (see the module docstring), written in `ppl.backend.ops`.
    ``variadic``: two or more positional arguments of the one parameter.
    ``check`` (claims of support only) takes the evaluated array and says, per batch element, whether
    the claim holds.
    """

    name: str
    kind: Kind
    parameters: tuple[FunctionParameter, ...]
    result: Callable[..., Type]
    evaluate: Callable[..., Array] | None
    variadic: bool = False
    doc: str = ""
    check: Callable[[Array], Array] | None = None


class Mismatch(Exception):
    """Argument types that do not fit; the checker adds the place. ``argument`` counts from 0."""

    def __init__(self, code: str, message: str, *, help: str = "", argument: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.argument = argument


_REGISTRY: dict[str, Function] = {}


def register(new: Function) -> Function:
    """Add a function; a name may be registered once."""
    if new.name in _REGISTRY:
        raise ImportError(f"function {new.name} is registered twice")
    _REGISTRY[new.name] = new
    return new


def registry() -> dict[str, Function]:
    """The functions registered so far (see `ppl.functions.find`)."""
    return _REGISTRY
