"""The JSON form of a fit as text, a thousand elements at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

from ppl.posterior.estimates import Estimates
from ppl.posterior.fit import Fit

AT_ONCE = 1000

_text = partial(json.dumps, ensure_ascii=False, allow_nan=False)


def pieces(fit: Fit) -> Iterator[str]:
    """The text of `Fit.to_dict` piece by piece: never all elements of a large posterior at once."""
    form = fit.to_dict(posterior=False)
    factored = form.pop("factored", None)
    yield _text(form)[:-1] + ', "posterior": {'
    yield from _posterior(fit.estimates)
    yield "}}" if factored is None else f'}}, "factored": {_text(factored)}}}'


def _posterior(estimates: Sequence[Estimates]) -> Iterator[str]:
    comma = ""
    for quantity in estimates:
        for lo in range(0, len(quantity.labels), AT_ONCE):
            rows = [quantity.row(i) for i in range(lo, min(lo + AT_ONCE, len(quantity.labels)))]
            yield comma + _text({row.name: row.to_dict() for row in rows})[1:-1]
            comma = ", "
