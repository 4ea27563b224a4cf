"""The group of commands: listed from the folder, imported only when one is run."""

from __future__ import annotations

import difflib
import os
from typing import Any

import click

FOLDER = os.path.join(os.path.dirname(__file__), "commands")


def command_names() -> list[str]:
    """The names of all commands, from the names of their files.

    >>> "fit" in command_names()
    True
    """
    files = (f[:-3] for f in os.listdir(FOLDER) if f.endswith(".py") and not f.startswith("_"))
    return sorted(name.replace("_", "-") for name in files)


def one_line(name: str) -> str:
    """The first line of a command's docstring, read without importing its file."""
    with open(os.path.join(FOLDER, name.replace("-", "_") + ".py"), encoding="utf-8") as file:
        return file.readline().strip().strip('"').rstrip(".")


class Commands(click.Group):
    """A group whose commands are the files of a folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, sorted."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; a file that fails to import stops the program with its name."""
        if cmd_name not in command_names():
            return None
        from ppl.discovery import load

        command: click.Command = load("ppl.cli.commands", cmd_name.replace("-", "_")).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for ``ppl --help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one_line(name)) for name in command_names()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Look the command up, with the nearest name where there is none of that one."""
        name = args[0]
        if name not in command_names() and not name.startswith("-"):
            raise click.UsageError(f"there is no command `{name}`{_nearest(name)}", ctx)
        return super().resolve_command(ctx, args)


def _nearest(name: str) -> str:
    if name.endswith(".model"):
        return f"; did you mean `ppl fit {name}`?"
    near = difflib.get_close_matches(name, command_names(), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
