"""Simulate data from a model's prior"""

from __future__ import annotations

from typing import Any

import click

from ppl.cli import arguments


@click.command(name="simulate")
@arguments.model_argument
@arguments.data_arguments(required=False)
@arguments.reading_options
@click.option(
    "-n", "--n", "n", type=click.IntRange(1), default=1, show_default=True, help="How many data sets."
)
@click.option(
    "--rows", type=arguments.Setting(), multiple=True, help="Rows of a table without data: --rows schools=8."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of every random choice."
)
@click.option("--out", metavar="FILE", help="Write here, not to stdout; .csv or .json.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: every latent and observation of every data set."
)
def command(model: str, data: tuple[str, ...], out: str | None, as_json: bool, **given: Any) -> int:
    """Simulate data sets from the prior of MODEL: a CSV of the table, or JSON of everything."""
    from ppl.cli.files import write_text
    from ppl.model import compile

    unnamed, named = arguments.split_data(data)
    compiled = compile(model, path=True, prior=True)
    simulation = compiled.simulate(
        unnamed,
        tables=named,
        n=given["n"],
        seed=given["seed"],
        settings=arguments.split_settings(given["settings"]),
        sizes=arguments.split_settings(given["rows"]),
    )
    wants_json = as_json or (out or "").endswith(".json")
    write_text(out, simulation.json() if wants_json else simulation.csv())
    return 0
