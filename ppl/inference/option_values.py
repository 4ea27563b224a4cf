"""Options of methods from text: numbers, words, lists of names, and the size of a batch."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ppl.errors import PplError, UsageError, fail


def kind_of(hint: Any) -> Any:
    """The type of an option that may be left out: ``int`` of ``int | None``.

    >>> kind_of(int | None), kind_of(float)
    (<class 'int'>, <class 'float'>)
    """
    if get_origin(hint) in (Union, types.UnionType):
        kept = [a for a in get_args(hint) if a is not type(None)]
        return kept[0] if kept else str
    return hint


def option_kinds(backend: type[Any]) -> dict[str, Any]:
    """The type of each option of a method, by name."""
    from ppl.inference.base import options

    hints = get_type_hints(backend)
    return {f.name: kind_of(hints[f.name]) for f in options(backend)}


def from_text(backend: type[Any], name: str, text: str) -> Any:
    """The value of an option written as text. Raises `UsageError` (E705).

    >>> from ppl.inference.backends.advi import Backend
    >>> from_text(Backend, "draws", "60"), from_text(Backend, "family", "meanfield")
    (60, 'mean_field')
    """
    kind = option_kinds(backend)[name]
    if get_origin(kind) is Literal:
        return _word(name, text, get_args(kind))
    if kind is bool:
        return _word(name, text, ("true", "false")) == "true"
    try:
        return kind(text)
    except ValueError:
        raise _wrong(f"`{text}` is no {kind.__name__} for the option `{name}`") from None


def _word(name: str, text: str, words: Sequence[str]) -> str:
    found = next((w for w in words if plain_word(w) == plain_word(text)), None)
    if found is None:
        raise _wrong(f"`{name}` is `{text}`", f"there is: {', '.join(words)}")
    return found


def plain_word(word: str) -> str:
    """A word however its parts are joined.

    >>> plain_word("Mean-Field")
    'meanfield'
    """
    return word.replace("_", "").replace("-", "").lower()


def name_list(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names from a comma list, or from a sequence of names.

    >>> name_list("mu, sigma"), name_list(["mu"]), name_list("")
    (('mu', 'sigma'), ('mu',), ())
    """
    parts = (value or "").split(",") if isinstance(value, str) or value is None else list(value)
    names = tuple(p.strip() for p in parts)
    if names == ("",):
        return ()
    if not all(names):
        raise _wrong(f"`{value}` is no list of names", "write them with commas: mu,sigma")
    return tuple(dict.fromkeys(names))


def batch_size(value: str | None) -> tuple[str, int] | None:
    """The plate that batches are drawn from and their size; None where every row is taken.

    >>> batch_size("docs=64"), batch_size("")
    (('docs', 64), None)
    """
    if not value:
        return None
    name, equals, text = value.partition("=")
    if not equals or not name.strip() or not text.strip().isdecimal() or int(text) < 1:
        raise _wrong(f"`{value}` is no batch", "name a plate and how many of its elements: docs=64")
    return name.strip(), int(text)


def _wrong(message: str, help: str = "") -> PplError:
    return fail(UsageError, "E705", message, help=help)
