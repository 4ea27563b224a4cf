"""Arguments and options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

NAME = re.compile(r"[^\W\d]\w*")


class Setting(click.ParamType):
    """``NAME=VALUE``; the declared type of the given says how to read the value."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The pair of name and value.

        >>> Setting().convert("K=5", None, None)
        ('K', '5')
        """
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not NAME.fullmatch(name.strip()):
            self.fail(f"`{value}` should read NAME=VALUE, as in --set K=5", param, ctx)
        return name.strip(), text.strip()


def model_argument(function: F) -> F:
    """The model file."""
    return click.argument("model", metavar="MODEL.model", type=click.Path())(function)


def data_arguments(required: bool = True) -> Callable[[F], F]:
    """The data files: ``data.csv``, or ``table=file`` where there are several."""

    def decorate(function: F) -> F:
        metavar = "DATA..." if required else "[DATA]..."
        return click.argument("data", metavar=metavar, nargs=-1, required=False)(function)

    return decorate


def reading_options(function: F) -> F:
    """How data files are read."""
    options = (
        click.option(
            "--set", "settings", type=Setting(), multiple=True, help="Replace a given's value: --set K=5."
        ),
        click.option(
            "--na", multiple=True, metavar="CODE", help="Also a missing cell: CODE, or COLUMN=CODE."
        ),
        click.option(
            "--drop-missing", multiple=True, metavar="COLUMN", help="Leave out rows where COLUMN is missing."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def split_data(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Unnamed files, and files by table.

    >>> split_data(["a.csv", "pupils=p.csv"])
    (['a.csv'], {'pupils': 'p.csv'})
    """
    unnamed: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments:
        table, equals, path = argument.partition("=")
        if not equals or not NAME.fullmatch(table) or os.path.exists(argument):
            unnamed.append(argument)
        elif table in named:
            raise click.UsageError(f"two files for the table `{table}`")
        else:
            named[table] = path
    return unnamed, named


def split_settings(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Settings by name; the same name twice is a mistake."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise click.UsageError("--set names the same setting twice")
    return found
