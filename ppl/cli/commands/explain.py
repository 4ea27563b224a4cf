"""Explain how a model would be fitted"""

from __future__ import annotations

from typing import Any

import click

from ppl.cli import arguments

Texts = tuple[Any, ...]


@click.command(name="explain")
@arguments.model_argument
@arguments.data_arguments(required=False)
@arguments.reading_options
@click.option("--cost", is_flag=True, help="Show how the rows of each observation are evaluated; needs DATA.")
@click.option("--fold/--no-fold", default=True, help="Summarise rows of equal parameters once (the default).")
def command(
    model: str,
    data: Texts,
    settings: tuple[tuple[str, str], ...],
    na: Texts,
    drop_missing: Texts,
    cost: bool,
    fold: bool,
) -> None:
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
            fold=fold,
        ).problem
    if cost and problem is None:
        raise click.UsageError("--cost needs DATA")
    click.echo(plan_text(compiled, problem))
    if cost and problem is not None:
        click.echo("\n" + problem.target().cost)
