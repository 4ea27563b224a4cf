"""Methods with their options, from text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from ppl.errors import UsageError, fail
from ppl.inference.base import discover
from ppl.inference.option_values import from_text, option_kinds, plain_word


@dataclass(frozen=True)
class Way:
    """A method with its options, and what to call it."""

    label: str
    method: str
    options: Mapping[str, Any]


def ways_of(methods: str | Sequence[str]) -> tuple[Way, ...]:
    """Methods from text: ``cavi,advi:full_rank,em:point=mu,sigma`` or a sequence of such parts.

    An option follows a colon, as NAME=VALUE or as a word that only one option of the method takes.
    Raises `UsageError` (E705).

    >>> [(w.label, dict(w.options)) for w in ways_of("advi:meanfield,advi:draws=60:bend=false")]
    [('advi:meanfield', {'family': 'mean_field'}), ('advi:draws=60:bend=false', {'draws': 60, 'bend': False})]
    """
    texts = _parts(methods) if isinstance(methods, str) else [str(m).strip() for m in methods]
    found = tuple(_way(text) for text in dict.fromkeys(texts) if text)
    if not found:
        raise fail(UsageError, "E705", "no methods to compare", help=f"there is: {', '.join(discover())}")
    return found


def _parts(text: str) -> list[str]:
    """Split at commas, except inside a list of names: what names no method goes on with the part before."""
    out: list[str] = []
    for part in (p.strip() for p in text.split(",")):
        if out and part and "=" in out[-1] and part.split(":")[0] not in discover():
            out[-1] += f",{part}"
        else:
            out.append(part)
    return out


def _way(text: str) -> Way:
    method, *rest = text.split(":")
    known = discover()
    if method not in known:
        raise fail(UsageError, "E705", f"no method `{method}`", help=f"there is: {', '.join(known)}")
    return Way(text, method, dict(_option(known[method], method, part) for part in rest))


def _option(backend: type[Any], method: str, text: str) -> tuple[str, Any]:
    kinds = option_kinds(backend)
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if equals and name in kinds:
        return name, from_text(backend, name, value.strip())
    for other, kind in kinds.items():
        words = get_args(kind) if get_origin(kind) is Literal else ()
        word = next((w for w in words if plain_word(w) == plain_word(text)), None)
        if word is not None and not equals:
            return other, word
    message = f"no option of {method} is called `{name}`"
    raise fail(UsageError, "E705", message, help=f"it has: {', '.join(kinds)}")
