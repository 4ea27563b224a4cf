"""No failure of evaluation leaves without the place of the statement it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ppl.errors import Diagnostic, InternalError, LimitError, PplError
from ppl.graph import nodes as g

_FAILURES = (ArithmeticError, AssertionError, LookupError, TypeError, ValueError)


@contextmanager
def evaluating(s: g.Statement) -> Iterator[None]:
    """Errors inside become located `PplError`s: a model's limits by name, our own failures as E600."""
    try:
        yield
    except PplError as error:
        error.diagnostics = tuple(
            d if d.span or d.place else replace(d, span=s.span) for d in error.diagnostics
        )
        raise
    except RecursionError as error:
        message = f"the expression of `{s.name}` is nested too deeply"
        raise LimitError((Diagnostic("E601", message, span=s.span, help="name its parts"),)) from error
    except _FAILURES as error:
        message = f"internal error at `{s.name}`: {type(error).__name__}: {error}"
        help = "this is a bug in ppl, not in your model or data; please report it, with the model if you can"
        raise InternalError((Diagnostic("E600", message, span=s.span, help=help),)) from error
