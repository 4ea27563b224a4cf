"""Values of constant terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppl.language.typed import Const, ListOf, Term


def constant_array(term: Term) -> np.ndarray[Any, Any] | None:
    """The numbers of a constant, a list of them, or lists of lists; None for anything else.

    >>> from ppl.types import Type
    >>> from ppl.errors import Span
    >>> constant_array(Const(Type(), Span(0, 1), 2))
    array(2.)
    """
    if isinstance(term, Const):
        return None if isinstance(term.value, str) else np.asarray(float(term.value))
    if not isinstance(term, ListOf):
        return None
    rows = [constant_array(item) for item in term.items]
    known = [r for r in rows if r is not None]
    if len(known) != len(rows) or len({r.shape for r in known}) != 1:
        return None
    return np.stack(known)
