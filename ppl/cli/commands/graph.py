"""Draw a model's plate diagram as DOT or Mermaid text"""

from __future__ import annotations

import click


@click.command(name="graph")
@click.argument("model", metavar="MODEL.model", type=click.Path())
@click.option("--format", "form", type=click.Choice(["dot", "mermaid"]), default="dot", show_default=True)
def command(model: str, form: str) -> None:
    """Print the plate diagram of MODEL as text: `ppl graph m.model | dot -Tsvg > m.svg`."""
    from ppl.model import compile
    from ppl.report import diagram

    program = compile(model, path=True).program
    click.echo(diagram.dot(program) if form == "dot" else diagram.mermaid(program), nl=False)
