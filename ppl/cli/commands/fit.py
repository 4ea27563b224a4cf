"""Fit a model to data and print the posterior"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import click

from ppl.cli import arguments, output
from ppl.cli.backend_options import backend_flags, chosen
from ppl.cli.limits import Size, limit_memory

if TYPE_CHECKING:
    from ppl.posterior.fit import Fit

SEPARATE = frozenset(
    {"--draws", "--seed", "--out", "--json", "--strict", "--checkpoint", "--resume", "--verbose"}
)


class FitCommand(click.Command):
    """The command with the options of every inference backend added."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The fixed parameters, then the backends'."""
        return [*super().get_params(ctx), *backend_flags(SEPARATE)]


@click.command(
    cls=FitCommand,
    name="fit",
    epilog="Exit status: 0 done; 2 the model or command is wrong; 3 the data are; 4 fitted, but not to be "
    "used as it is (with --strict also when a check failed); 5 a limit was reached; 130 interrupted.",
)
@arguments.model_argument
@arguments.data_arguments()
@arguments.reading_options
@click.option("--method", default="advi", show_default=True, help="The inference method.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of every random choice."
)
@click.option("--out", metavar="FILE", help="Save the fit here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
@click.option("--strict", is_flag=True, help="Exit with 4 when any check fails.")
@click.option("--draws", metavar="N|FILE", help="How many draws to keep, or the CSV file to write them to.")
@click.option("--all", "whole", is_flag=True, help="Print every element, also on a terminal.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(0, min_open=True),
    help="Stop after that long, with what is reached.",
)
@click.option("--max-memory", type=Size(), help="Most memory to take, as 500M or 2G.")
@click.option("--checkpoint", metavar="FILE", help="Save the state here now and then.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint.")
@click.option("--progress/--no-progress", default=None, help="Show progress (the default on a terminal).")
@click.option("--prior", is_flag=True, help="Allow latents that reach no observation.")
@click.option("--fold/--no-fold", default=True, help="Summarise rows of equal parameters once (the default).")
@click.option("-v", "--verbose", is_flag=True, help="Also list unused columns, timings and settings.")
def command(model: str, data: tuple[str, ...], **given: Any) -> int:
    """Fit MODEL to DATA and print the posterior.

    One file feeds the only table; with several tables write table=file.
    """
    from ppl.cli.allocator import keep_freed_memory
    from ppl.model import compile

    keep_freed_memory()
    limit_memory(given["max_memory"])
    compiled = compile(model, path=True, prior=given["prior"])
    output.show_warnings(compiled.program.warnings, compiled.source)
    line = output.ProgressLine(sys.stderr.isatty() if given["progress"] is None else given["progress"])
    try:
        fit = _run(compiled, data, given, line)
    finally:
        line.end()
    return _deliver(fit, compiled, given)


def _run(compiled: Any, data: tuple[str, ...], given: dict[str, Any], line: output.ProgressLine) -> Fit:
    from ppl.cli import fit_output

    unnamed, named = arguments.split_data(data)
    gc.freeze()  # what was made so far stays; only the fit's own garbage is looked for
    gc.enable()
    draws = given["draws"]
    fitted: Fit = compiled.fit(
        unnamed,
        method=given["method"],
        seed=given["seed"],
        draws=int(draws) if draws and draws.isdigit() else None,
        settings=arguments.split_settings(given["settings"]),
        na=given["na"],
        drop_missing=given["drop_missing"],
        max_seconds=given["max_seconds"],
        max_memory=given["max_memory"],
        checkpoint=given["checkpoint"],
        resume=given["resume"],
        progress=line if line.on else None,
        fold=given["fold"],
        tables=named,
        options=chosen(given),
    )
    return fit_output.told(fitted)


def _deliver(fit: Fit, compiled: Any, given: dict[str, Any]) -> int:
    from ppl.cli import fit_output

    fit_output.warn(fit, compiled.source, given["verbose"])
    if given["as_json"]:
        from ppl.posterior.json_text import pieces

        output.result_pieces(pieces(fit))
    else:
        output.result(fit_output.table(fit, given["whole"], given["out"]))
    fit_output.keep(fit, given["out"], given["draws"])
    return fit_output.exit_code(fit, given["strict"])
