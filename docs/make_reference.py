"""Write docs/reference.md, docs/commands.md and docs/errors.md from what the program itself declares.

    python docs/make_reference.py [--check]

With --check nothing is written, and the exit status is 1 when a page is out of date.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import click

from ppl import distributions, functions
from ppl.cli.group import command_names
from ppl.cli.main import group
from ppl.distributions import Distribution, Parameter
from ppl.functions import Function, FunctionParameter
from ppl.functions.constants import CONSTANTS
from ppl.language.codes import ENTRIES
from ppl.supports import describe

DOCS = Path(__file__).resolve().parent
MADE = "Made by `docs/make_reference.py` from the program's own declarations."
KINDS = {
    "elementwise": "Elementwise functions and operators",
    "reduction": "Reductions: of an axis, or over a comprehension",
    "array": "Vectors, matrices, kernels and claims of support",
    "data": "Columns made from data columns",
    "index": "Positions in an index set",
    "special": "Known to the checker by name",
}


def prose(doc: str | None) -> str:
    """A docstring without its doctests, as one paragraph a blank-line block.

    >>> prose("One line.\\n\\n>>> 1 + 1\\n2\\n")
    'One line.'
    """
    kept = []
    for block in inspect.cleandoc(doc or "").split("\n\n"):
        lines = block.split("\n")
        stop = next((i for i, line in enumerate(lines) if line.startswith(">>>")), len(lines))
        if stop:
            kept.append(" ".join(lines[:stop]))
    return "\n\n".join(kept)


def parameter_text(p: Parameter) -> str:
    """A parameter with its support and its remark."""
    shape = {0: "", 1: ", a vector", 2: ", a matrix"}[p.event_dims]
    return f"`{p.name}` {describe(p.support)}{shape}" + (f" ({p.doc})" if p.doc else "")


def distribution_entry(name: str) -> Iterator[str]:
    """The section of one distribution."""
    found: type[Distribution] | None = distributions.find(name)
    assert found is not None
    yield f"### {name}"
    forms = (f"`{name}({', '.join(names)})`" for names in found.signatures)
    yield " or ".join(forms)
    yield prose(found.__doc__)
    if found.parameters:
        yield "Parameters: " + "; ".join(parameter_text(p) for p in found.parameters) + "."


def parameter_of(p: FunctionParameter) -> str:
    """A function's parameter as it is written in a call."""
    if p.keyword:
        return f"{p.name} = {'...' if p.default is None else format(p.default, 'g')}"
    return p.name if p.default is None else f"{p.name} = {p.default:g}"


def function_entry(found: Function) -> str:
    """One bullet of a function."""
    arguments = ", ".join(parameter_of(p) for p in found.parameters) + (", ..." if found.variadic else "")
    return f"* `{found.name}({arguments})`: {prose(found.doc)}".replace("\n\n", " ")


def reference() -> str:
    """The text of reference.md."""
    parts = ["# Reference: distributions and functions", MADE, "## Distributions"]
    for name in distributions.names():
        parts += distribution_entry(name)
    parts.append("## Functions")
    known = [f for n in functions.names() if (f := functions.find(n)) is not None]
    for kind, title in KINDS.items():
        parts.append(f"### {title}")
        parts.append("\n".join(function_entry(f) for f in known if f.kind == kind))
    parts.append("## Constants")
    parts.append(", ".join(f"`{n}` = {v:.6g}" for n, v in sorted(CONSTANTS.items())))
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """The text of commands.md: the help of every command."""
    parts = ["# Commands", MADE, "```text\n" + help_of([]) + "\n```"]
    for name in command_names():
        parts += [f"## ppl {name}", "```text\n" + help_of([name]) + "\n```"]
    return "\n\n".join(parts) + "\n"


def help_of(path: list[str]) -> str:
    """What `ppl NAME --help` prints, 100 columns wide."""
    context = click.Context(group, info_name="ppl", terminal_width=100, max_content_width=100)
    if not path:
        return group.get_help(context).rstrip()
    command = group.get_command(context, path[0])
    assert command is not None
    inner = click.Context(command, context, info_name=path[0], terminal_width=100, max_content_width=100)
    return command.get_help(inner).rstrip()


def errors() -> str:
    """The text of errors.md: every entry of the catalogue of diagnostics."""
    parts = ["# Every diagnostic", MADE, "`ppl explain-error CODE` prints one of them."]
    for code, entry in sorted(ENTRIES.items()):
        parts += [f"## {code}: {entry.title}", "\n".join(x.strip() for x in entry.why.strip().splitlines())]
        for word, text in (("Wrong", entry.wrong), ("Right", entry.right)):
            if text:
                parts.append(f"{word}:\n\n```text\n{dedent(text).strip()}\n```")
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Every generated page: its name and text."""
    return {"reference.md": reference(), "commands.md": commands(), "errors.md": errors()}


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check compare them."""
    stale = [n for n, text in pages().items() if not same(DOCS / n, text)]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/{name} is out of date: python docs/make_reference.py")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def same(path: Path, text: str) -> bool:
    """Whether the file holds exactly this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
