"""Print a model in its canonical layout"""

from __future__ import annotations

import difflib

import click


@click.command(name="fmt")
@click.argument("models", metavar="MODEL.model...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--check", "check_only", is_flag=True, help="Only say which files would change; exit 2 if any would."
)
@click.option("--write", is_flag=True, help="Rewrite the files.")
@click.option("--diff", is_flag=True, help="Print what would change.")
def command(models: tuple[str, ...], check_only: bool, write: bool, diff: bool) -> int:
    """Print MODEL in its canonical layout; comments are kept."""
    changed = [path for path in models if _format(path, check_only, write, diff)]
    return 2 if check_only and changed else 0


def _format(path: str, check_only: bool, write: bool, diff: bool) -> bool:
    from ppl.language.format import format_model
    from ppl.language.parse import parse
    from ppl.model import read_source

    source = read_source(path)
    parse(source)
    text = format_model(source.text)
    if diff:
        lines = difflib.unified_diff(source.text.splitlines(True), text.splitlines(True), path, path)
        click.echo("".join(lines), nl=False)
    elif check_only:
        if text != source.text:
            click.echo(f"{path}: would change")
    elif write:
        if text != source.text:
            with click.open_file(path, "w", encoding="utf-8", atomic=True) as file:
                file.write(text)
    else:
        click.echo(text, nl=False)
    return text != source.text
