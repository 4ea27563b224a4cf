"""Run one command and turn whatever happens into an exit code.

0 done; 1 our own bug; 2 the command or the model is wrong; 3 the data are; 4 the fit is written
but not to be used as it is; 5 a limit on memory, time or size; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ppl.cli.group import Commands
from ppl.errors import InternalError, PplError
from ppl.version import VERSION

INTERRUPTED = 130


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The main job: `ppl fit vote.model voters.csv`. Help on one command: `ppl fit --help`.",
)
@click.version_option(VERSION, prog_name="ppl")
@click.option(
    "--log", "log", metavar="FILE", envvar="PPL_LOG", help="Write the details of an internal error here."
)
def group(log: str | None) -> None:
    """Write a model, fit it to data, get a posterior you can trust."""


def run(arguments: Sequence[str]) -> int:
    """The exit code of ``ppl ARGUMENTS``; nothing escapes as a traceback.

    >>> run(["--version"])
    ppl, version 0.1.0
    0
    """
    try:
        result = group.main(list(arguments), prog_name="ppl", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except PplError as error:
        return _explain(error, arguments)
    except MemoryError:
        click.echo("error: out of memory; --max-memory stops earlier, with a reason", err=True)
        return 5
    except Exception as error:
        return _our_bug(error, arguments)


def _explain(error: PplError, arguments: Sequence[str]) -> int:
    from ppl.cli.failure import as_json, as_text, log_bug

    if "--json" in arguments:
        click.echo(as_json(error))
    click.echo(as_text(error), err=True, nl=False)
    if isinstance(error, InternalError):
        click.echo(log_bug(error, arguments), err=True, nl=False)
    return error.exit_code


def _our_bug(error: Exception, arguments: Sequence[str]) -> int:
    from ppl.cli.failure import report_bug

    click.echo(report_bug(error, arguments), err=True)
    return 1
