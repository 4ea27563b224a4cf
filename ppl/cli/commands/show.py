"""Show what a model becomes: tree, typed program, graph, code"""

from __future__ import annotations

import click

STAGES = ("tree", "typed", "graph", "code")


@click.command(name="show")
@click.argument("model", metavar="MODEL.model", type=click.Path())
@click.option("--tree", "stage", flag_value="tree", type=str, help="The tree of the text.")
@click.option(
    "--typed", "stage", flag_value="typed", type=str, help="Every name with its type (the default)."
)
@click.option("--graph", "stage", flag_value="graph", type=str, help="The log-joint graph.")
@click.option("--code", "stage", flag_value="code", type=str, help="The array operations, one a line.")
def command(model: str, stage: str | None) -> None:
    """Show a stage of what MODEL becomes."""
    from ppl.model import compile, read_source

    if stage == "tree":
        from ppl.language.format import dump_tree
        from ppl.language.parse import parse

        click.echo(dump_tree(parse(read_source(model))).rstrip("\n"))
        return
    compiled = compile(model, path=True)
    click.echo(compiled.show(stage or "typed").rstrip("\n"))
