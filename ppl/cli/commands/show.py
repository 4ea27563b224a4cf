"""Show what a model becomes: tree, typed program, graph, code"""

from __future__ import annotations

from typing import Any

import click

from ppl.cli import arguments


@click.command(name="show")
@arguments.model_argument
@arguments.data_arguments(required=False)
@arguments.reading_options
@click.option("--tree", "stage", flag_value="tree", type=str, help="The tree of the text.")
@click.option(
    "--typed", "stage", flag_value="typed", type=str, help="Every name with its type (the default)."
)
@click.option(
    "--graph", "stage", flag_value="graph", type=str, help="The log-joint graph; with DATA how rows fold."
)
@click.option(
    "--code", "stage", flag_value="code", type=str, help="The array operations, one a line; needs DATA."
)
def command(model: str, data: tuple[str, ...], stage: str | None, **given: Any) -> None:
    """Show a stage of what MODEL becomes."""
    from ppl.model import compile, read_source

    if stage == "tree":
        from ppl.language.format import dump_tree
        from ppl.language.parse import parse

        click.echo(dump_tree(parse(read_source(model))).rstrip("\n"))
        return
    compiled = compile(model, path=True)
    if stage == "code":
        from ppl.graph.show import show_code

        text = show_code(_target(compiled, data, given).instructions)
    else:
        text = compiled.show(stage or "typed")
        if stage == "graph" and data:
            text += "\n" + _target(compiled, data, given).cost
    click.echo(text.rstrip("\n"))


def _target(compiled: Any, data: tuple[str, ...], given: dict[str, Any]) -> Any:
    unnamed, named = arguments.split_data(data)
    settings = arguments.split_settings(given.pop("settings"))
    return compiled.bind(unnamed, tables=named, settings=settings, **given).problem.target()
