"""Explain a diagnostic by its code"""

from __future__ import annotations

import click


@click.command(name="explain-error")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Explain the diagnostic CODE, such as E311; without one, list them all."""
    from ppl.language.codes import EXPLANATIONS

    if code is None:
        for known, text in sorted(EXPLANATIONS.items()):
            click.echo(f"{known}  {text.splitlines()[0]}")
        return 0
    found = EXPLANATIONS.get(code.upper())
    if found is None:
        raise click.UsageError(f"there is no diagnostic `{code}`; `ppl explain-error` lists them")
    click.echo(f"{code.upper()}: {found}")
    return 0
