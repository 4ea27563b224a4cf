"""Predict the observed columns of new data from a saved fit"""

from __future__ import annotations

from typing import Any

import click

from ppl.cli import arguments, output


@click.command(name="predict")
@click.argument("fit", metavar="FIT", type=click.Path())
@arguments.data_arguments()
@arguments.reading_options
@click.option(
    "--new-levels",
    type=click.Choice(["error", "prior"]),
    is_flag=False,
    flag_value="prior",
    default="error",
    show_default=True,
    help="Draw effects of levels that the fit has not seen from their prior.",
)
@click.option(
    "--of", "of", multiple=True, metavar="NAME", help="Also this value, such as a row's linear predictor."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the new observations."
)
@click.option("--out", metavar="FILE", help="Write the CSV here, not to stdout.")
def command(
    fit: str, data: tuple[str, ...], settings: tuple, new_levels: str, out: str | None, **given: Any
) -> int:
    """Predict the observed columns for DATA from a saved FIT: a CSV with a row an observation."""
    from ppl.cli.files import write_text
    from ppl.posterior.predict import predict
    from ppl.posterior.store import load

    unnamed, named = arguments.split_data(data)
    prediction = predict(
        load(fit),
        unnamed,
        named,
        new_levels=new_levels,
        settings=arguments.split_settings(settings),
        **given,
    )
    write_text(out, prediction.csv())
    for warning in prediction.warnings:
        output.say(f"warning[{warning.code}]: {warning.message}")
    return 0
