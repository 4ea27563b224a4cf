"""Layers that stand right of `=` in a `network` declaration, and nowhere else.

`Linear` is one too; its name is that of the kernel, which takes a column where a layer takes none.
"""

from __future__ import annotations

from collections.abc import Callable

from ppl.functions.base import Function, Mismatch, register
from ppl.types import Type

LAYERS: tuple[str, ...] = ("MLP", "Linear", "Embedding", "Conv")


def _layer(name: str) -> Callable[..., Type]:
    def result(*types: Type) -> Type:
        raise Mismatch(
            "E208",
            f"`{name}` is a network layer, not a function",
            help=f"declare it: `network f(a -> b[c]) = {name}(..)`",
        )

    return result


_DOCS = {
    "MLP": 'Dense layers with an activation between them: `MLP(hidden = [64], activation = "tanh")`.',
    "Embedding": "A vector for each label of a set: `network f(words -> vector[units]) = Embedding()`.",
    "Conv": "Windows that slide over one or two axes: `Conv(width = 3, channels = [8, 16], stride = 2)`.",
}

for _name, _doc in _DOCS.items():
    register(Function(_name, "special", (), _layer(_name), None, doc=_doc))
