"""The options of inference backends as flags, made from their dataclass fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

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
    """One flag for each option field of each backend; ``taken`` flags get the method as a prefix."""
    from ppl.inference.base import discover, options

    found: dict[str, click.Option] = {}
    for method, backend in discover().items():
        hints = get_type_hints(backend)
        for field in options(backend):
            flag = "--" + field.name.replace("_", "-")
            if flag in taken:
                flag = f"--{method}-{field.name.replace('_', '-')}"
            found.setdefault(flag, _flag(flag, field, hints[field.name]))
    return tuple(found.values())


def _flag(flag: str, field: Any, hint: Any) -> click.Option:
    default = field.default if field.default is not MISSING else field.default_factory()
    shown = "" if default in (0, True, False) or default == "" else f" [{default}]"
    text = f"{field.metadata.get('help', '')}{shown}"
    text = text[:1].upper() + text[1:]
    destination = PREFIX + field.name
    if hint is bool:
        spelling = f"{flag}/--no-{flag.removeprefix('--')}"
        return click.Option([spelling, destination], default=None, help=text)
    kind = LooseChoice(get_args(hint)) if get_origin(hint) is Literal else hint
    return click.Option([flag, destination], type=kind, default=None, help=text)


def chosen(values: Mapping[str, Any]) -> dict[str, Any]:
    """The backend options that were given, by field name."""
    return {k.removeprefix(PREFIX): v for k, v in values.items() if k.startswith(PREFIX) and v is not None}
