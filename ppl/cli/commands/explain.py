"""Explain how a model would be fitted"""

from __future__ import annotations

from typing import Any

import click

from ppl.cli import arguments, output

Texts = tuple[Any, ...]
ENERGY = ("cavi", "em")


@click.command(name="explain")
@arguments.model_argument
@arguments.data_arguments(required=False)
@arguments.reading_options
@click.option(
    "--method", default="advi", show_default=True, help="The method; others than advi, cavi, em need DATA."
)
@click.option(
    "--point", default="", metavar="NAMES", help="Latents to fit by points, with --method cavi or em."
)
@click.option(
    "--joint-chains", is_flag=True, help="Small chains that meet as one exact joint chain; for cavi."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with --method cavi or em.")
@click.option("--guide", "as_guide", is_flag=True, help="Print the plan of cavi or em as a `guide:` block.")
@click.option("--update", metavar="NAME", help="Print the coordinate update of NAME in LaTeX; needs DATA.")
@click.option("--cost", is_flag=True, help="Show how the rows of each observation are evaluated; needs DATA.")
@click.option("--fold/--no-fold", default=True, help="Summarise rows of equal parameters once (the default).")
def command(model: str, data: Texts, **given: Any) -> None:
    """Explain how MODEL would be fitted: each latent's transform, what is summed out, and the method.

    With DATA also the sizes. With --method cavi or em: each latent's full conditional, its q, whether the
    update is exact, the statement that is the reason and what nearby change would make it exact.
    """
    from ppl.model import compile

    compiled = compile(model, path=True)
    bound = _bound(compiled, data, given)
    for flag in ("cost", "update"):
        if given[flag] and bound is None:
            raise click.UsageError(f"--{flag} needs DATA")
    if given["method"] not in ("advi", *ENERGY):
        _other(bound, given["method"])
    elif given["method"] in ENERGY or any(given[f] for f in ("as_json", "as_guide", "update")):
        _energy(compiled, bound, given)
    else:
        _advi(compiled, bound, given["cost"])


def _bound(compiled: Any, data: Texts, given: dict[str, Any]) -> Any:
    unnamed, named = arguments.split_data(data)
    if not unnamed and not named:
        return None
    return compiled.bind(
        unnamed,
        tables=named,
        settings=arguments.split_settings(given["settings"]),
        na=given["na"],
        drop_missing=given["drop_missing"],
        fold=given["fold"],
    )


def _advi(compiled: Any, bound: Any, cost: bool) -> None:
    from ppl.report.plan import plan_text

    problem = None if bound is None else bound.problem
    click.echo(plan_text(compiled, problem))
    if cost and problem is not None:
        click.echo("\n" + problem.target().cost)


def _other(bound: Any, method: str) -> None:
    from ppl.inference.fitting import How

    backend = How(method).backend()
    if bound is None:
        raise click.UsageError(f"--method {method} needs DATA")
    click.echo(f"method: {method}, {backend.summary}")
    for line in backend.explain(bound.problem):
        click.echo(f"  {line}")


def _energy(compiled: Any, bound: Any, given: dict[str, Any]) -> None:
    from ppl.report import explain

    method = given["method"] if given["method"] in ENERGY else "cavi"
    settings = arguments.split_settings(given["settings"])
    options = {"point": given["point"]}
    if given["joint_chains"] and method == "cavi":
        options["joint_chains"] = True
    plan = explain.plan_of(compiled, bound, method, options, settings)
    if given["update"]:
        click.echo(explain.update_of(plan, given["update"]))
    elif given["as_json"]:
        output.result_json(explain.as_dict(plan))
    else:
        click.echo(
            explain.guide_of(plan) if given["as_guide"] else explain.text_of(plan), nl=not given["as_guide"]
        )
