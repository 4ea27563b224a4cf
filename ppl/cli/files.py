"""Writing a result to a file or to stdout."""

from __future__ import annotations

import click

from ppl.errors import UsageError, fail


def write_text(path: str | None, text: str) -> None:
    """Write text to a file, whole or not at all; to stdout where no file is named."""
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        with click.open_file(path, "w", encoding="utf-8", atomic=True) as file:
            file.write(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise fail(
            UsageError, "E702", f"cannot write `{path}`: {reason}", help="choose another --out"
        ) from None
