"""Fit by several methods and score them by one estimator"""

from __future__ import annotations

import gc
import sys
from typing import Any

import click

from ppl.cli import arguments, output
from ppl.cli.limits import Size, limit_memory


@click.command(
    name="compare",
    epilog="A method is a name, with options after colons: `advi:full_rank`, `em:point=mu,sigma`, "
    "`cavi:restarts=20`. Exit status: 0 done; 2 the model or command is wrong; 3 the data are; 4 no method "
    "gave a fit; 5 a limit was reached.",
)
@arguments.model_argument
@arguments.data_arguments()
@arguments.reading_options
@click.option(
    "--methods",
    default="advi:mean_field,advi:full_rank",
    show_default=True,
    metavar="LIST",
    help="Methods, separated by commas.",
)
@click.option("--holdout", metavar="[TABLE=]SHARE", help="Hold out that share of the rows and score them.")
@click.option("--holdout-data", metavar="FILE", help="Score the rows of this file.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of every random choice."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="Stop each fit after that long.")
@click.option("--max-memory", type=Size(), help="Most memory to take, as 500M or 2G.")
@click.option("--prior", is_flag=True, help="Allow latents that reach no observation.")
def command(model: str, data: tuple[str, ...], **given: Any) -> int:
    """Fit MODEL to DATA by several methods and compare them.

    Every approximation is scored by one estimator on common random numbers: its ELBO over the continuous
    latents, discrete ones summed out, k-hat, and the log predictive density of held-out rows.
    """
    from ppl.model import compile

    limit_memory(given["max_memory"])
    compiled = compile(model, path=True, prior=given["prior"])
    output.show_warnings(compiled.program.warnings, compiled.source)
    gc.enable()
    unnamed, named = arguments.split_data(data)
    found = compiled.compare(
        unnamed,
        given["methods"],
        given["seed"],
        holdout=given["holdout"],
        holdout_data=given["holdout_data"],
        tables=named,
        settings=arguments.split_settings(given["settings"]),
        na=given["na"],
        drop_missing=given["drop_missing"],
        max_seconds=given["max_seconds"],
        began=(lambda label: output.say(f"fitting: {label}")) if sys.stderr.isatty() else None,
    )
    if given["as_json"]:
        output.result_json(found.to_dict())
    else:
        output.result(found.text())
    return 0 if any(entry.fit is not None for entry in found) else 4
