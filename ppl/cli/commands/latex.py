"""Print a model's definitions as LaTeX"""

from __future__ import annotations

import click


@click.command(name="latex")
@click.argument("model", metavar="MODEL.model", type=click.Path())
def command(model: str) -> None:
    """Print the definitions of MODEL as a LaTeX `aligned` block."""
    from ppl.language.parse import parse
    from ppl.model import read_source
    from ppl.report.latex import latex

    click.echo(latex(parse(read_source(model))), nl=False)
