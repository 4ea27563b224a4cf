"""Print the table of a saved fit"""

from __future__ import annotations

import click

from ppl.cli import output


@click.command(name="summary")
@click.argument("fit", metavar="FIT", type=click.Path())
@click.option("--all", "whole", is_flag=True, help="Print every element, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of the table.")
@click.option("--of", "names", multiple=True, metavar="NAME", help="Only this quantity or element.")
@click.option("--states", is_flag=True, help="Print the most probable state of each discrete latent, as CSV.")
def command(fit: str, whole: bool, as_json: bool, names: tuple[str, ...], states: bool) -> int:
    """Print the table of a saved FIT."""
    from ppl.cli import fit_output
    from ppl.posterior.select import select
    from ppl.posterior.store import load

    if states:
        from ppl.posterior.states import states_csv

        output.result(states_csv(load(fit).states).rstrip("\n"))
        return 0
    saved = select(load(fit), names)
    if as_json:
        from ppl.posterior.json_text import pieces

        output.result_pieces(pieces(saved))
    else:
        output.result(fit_output.table(saved, whole, fit))
    return 0
