"""Explain how a model would be fitted"""

from __future__ import annotations

import click

from ppl.cli import arguments


@click.command(name="explain")
@arguments.model_argument
@arguments.data_arguments(required=False)
@arguments.reading_options
def command(model: str, data: tuple[str, ...], settings: tuple, na: tuple, drop_missing: tuple) -> None:
    """Explain how MODEL would be fitted: each latent's transform, what is summed out, and the method.

    With DATA also the sizes.
    """
    from ppl.model import compile
    from ppl.report.plan import plan_text

    compiled = compile(model, path=True)
    unnamed, named = arguments.split_data(data)
    problem = None
    if unnamed or named:
        problem = compiled.bind(
            unnamed,
            tables=named,
            settings=arguments.split_settings(settings),
            na=na,
            drop_missing=drop_missing,
        ).problem
    click.echo(plan_text(compiled, problem))
