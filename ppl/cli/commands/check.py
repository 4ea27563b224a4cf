"""Check a model without data: every mistake, with its place"""

from __future__ import annotations

import click

from ppl.errors import ModelError


@click.command(name="check")
@click.argument("models", metavar="MODEL.model...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--prior", is_flag=True, help="Allow latents that reach no observation.")
def command(models: tuple[str, ...], form: str, strict: bool, prior: bool) -> int:
    """Check one or more models without data. Exit status 2 when one is wrong."""
    codes = [_check(path, form, strict, prior) for path in models]
    return max(codes)


def _check(path: str, form: str, strict: bool, prior: bool) -> int:
    from ppl.cli.failure import colour_wanted
    from ppl.language import render
    from ppl.model import compile, read_source

    try:
        model = compile(path, path=True, prior=prior)
        diagnostics, source = model.program.warnings, model.source
    except ModelError as error:
        diagnostics, source = error.diagnostics, error.source or read_source(path)
    bad = any(d.severity == "error" for d in diagnostics) or (strict and bool(diagnostics))
    if form == "text":
        if diagnostics:
            click.echo(render.render_text(diagnostics, source, color=colour_wanted()), err=True)
        click.echo(f"{path}: " + _count(diagnostics))
    else:
        click.echo(getattr(render, f"render_{form}")(diagnostics, source))
    return ModelError.exit_code if bad else 0


def _count(diagnostics: tuple) -> str:
    errors = sum(d.severity == "error" for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [
        f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n
    ]
    return ", ".join(parts) or "no mistakes found"
