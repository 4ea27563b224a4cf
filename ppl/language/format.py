"""The canonical text of a model: `ppl fmt`."""

from __future__ import annotations

from ppl.errors import Source
from ppl.language import tree as t
from ppl.language.format_comments import comments_of, weave
from ppl.language.format_dump import dump_tree
from ppl.language.format_lines import flat, units
from ppl.language.lexer import scan
from ppl.language.parse import parse
from ppl.language.tables import load

__all__ = ["dump_tree", "format_model", "format_tree"]


def format_model(model: str | Source | t.Model) -> str:
    """A model's canonical text; comments and single blank lines of a text are kept.

    ``parse(format_model(m))`` equals the tree of ``m``, and formatting again changes nothing.
    Raises ModelError for a text with syntax mistakes.

    >>> print(format_model("mu~Normal( 0,5 )   # prior"), end="")
    mu ~ Normal(0, 5)  # prior
    """
    if isinstance(model, t.Model):
        return format_tree(model)
    source = Source("model", model) if isinstance(model, str) else model
    tree = parse(source)
    comments = comments_of(source, scan(source.text, load()).comments)
    return weave(source, list(units(tree)), comments)


def format_tree(model: t.Model) -> str:
    """The text of a tree, from the nodes alone.

    >>> print(format_tree(t.Model((t.Factor(t.Name("x")),))), end="")
    factor x
    """
    return "".join(f"{line}\n" for unit in units(model) for line in flat(unit))
