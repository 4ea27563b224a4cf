"""The options of inference backends as flags, made from their dataclass fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING
from functools import cache
from typing import Any, Literal, get_args, get_origin

import click

PREFIX = "backend_"


class LooseChoice(click.ParamType):
    """One of some words, however they are joined: ``mean_field``, ``mean-field``, ``meanfield``."""

    def __init__(self, words: Collection[str]) -> None:
        self.words = tuple(words)
        self.name = "|".join(word.replace("_", "") for word in words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself.

        >>> LooseChoice(("auto", "mean_field")).convert("meanfield", None, None)
        'mean_field'
        """
        found = next((word for word in self.words if _joined(word) == _joined(value)), None)
        if found is not None:
            return found
        raise click.BadParameter(
            f"`{value}` is not one of {', '.join(_joined(w) for w in self.words)}", ctx, param
        )


def _joined(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


@cache
def backend_flags(taken: frozenset[str]) -> tuple[click.Option, ...]:
    """One flag for each option field of each backend; ``taken`` flags get the method as a prefix.

    Methods may share a flag, whose help then tells what it does for each.
    """
    from ppl.inference.base import discover, options
    from ppl.inference.option_values import option_kinds

    found: dict[str, list[tuple[str, Any, Any]]] = {}
    for method, backend in discover().items():
        kinds = option_kinds(backend)
        for field in options(backend):
            flag = "--" + field.name.replace("_", "-")
            if flag in taken:
                flag = f"--{method}-{field.name.replace('_', '-')}"
            found.setdefault(flag, []).append((method, field, kinds[field.name]))
    return tuple(_flag(flag, uses) for flag, uses in found.items())


def _flag(flag: str, uses: Sequence[tuple[str, Any, Any]]) -> click.Option:
    field = uses[0][1]
    destination = PREFIX + field.name
    text = _help(uses)
    if all(k is bool for _, _, k in uses):
        spelling = f"{flag}/--no-{flag.removeprefix('--')}"
        return click.Option([spelling, destination], default=None, help=text)
    return click.Option([flag, destination], type=_type([k for _, _, k in uses]), default=None, help=text)


def _type(kinds: Sequence[Any]) -> Any:
    """The type of all uses, or text, which the method that is chosen then reads by its own type."""
    if all(get_origin(kind) is Literal for kind in kinds):
        return LooseChoice(dict.fromkeys(word for kind in kinds for word in get_args(kind)))
    return kinds[0] if len(set(kinds)) == 1 else str


def _help(uses: Sequence[tuple[str, Any, Any]]) -> str:
    """One sentence, or one a method where they differ."""
    by_text: dict[str, list[str]] = {}
    for method, field, _ in uses:
        by_text.setdefault(_one_help(field), []).append(method)
    if len(by_text) == 1:
        text = next(iter(by_text))
        return text[:1].upper() + text[1:]
    return "; ".join(f"{', '.join(methods)}: {text}" for text, methods in by_text.items())


def _one_help(field: Any) -> str:
    default = field.default if field.default is not MISSING else field.default_factory()
    shown = "" if default in (0, True, False, None) or default == "" else f" [{default}]"
    return f"{field.metadata.get('help', '')}{shown}"


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """The backend options that were given, by field name."""
    return {k.removeprefix(PREFIX): v for k, v in values.items() if k.startswith(PREFIX) and v is not None}
