"""Texts that a model file might hold: printed trees, mangled ones, and bytes of any kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ppl.language.format import format_tree
from tests.fuzz.trees import Generated, Grower

_MODELS = Path(__file__).parents[1] / "language"
_SIGN_LIST = (
    "( ) [ ] { } , . .. : ; ~ = == <- -> + - * / @ ^ ? | # \" ' \\ ! & % $ \n \t \r \x00 \ufeff \u200b \u202e"
    " \n\n for in if else table index given param network def extern guide report factor not and or true"
    " key order within of by from weight 1 2.5 1e999 x mu Normal(0,1) dnorm(a,b) <lower=0> 1:J target+= data{"
    " аb µ ² é \ud800 \U0001f600 \u2028 \u00a0 \x85"
)
_SIGNS = _SIGN_LIST.split(" ")


def texts(rng: np.random.Generator, count: int) -> Iterator[str]:
    """``count`` texts: a quarter well-formed, half mangled, a quarter raw."""
    choice = Generated(rng)
    written = [path.read_text(encoding="utf-8") for path in sorted(_MODELS.glob("[ms]*/*.model"))]
    for number in range(count):
        kind = number % 8
        if kind < 2:
            yield _grown(choice)
        elif kind < 4:
            yield (mangled if kind % 2 else respliced)(_grown(choice), choice)
        elif kind < 6:
            change = (mangled, respliced, renamed, renamed)[choice.below(4)]
            yield change(written[choice.below(len(written))], choice)
        else:
            yield raw(rng, choice)


def _grown(choice: Generated) -> str:
    return format_tree(Grower(choice, 40).model(3))


def mangled(text: str, choice: Generated) -> str:
    """A few characters deleted, doubled, swapped or put in."""
    for _ in range(1 + choice.below(6)):
        at = choice.below(len(text) + 1)
        kind, sign = choice.below(5), _SIGNS[choice.below(len(_SIGNS))]
        if kind == 0:
            text = text[:at] + text[at + 1 + choice.below(8) :]
        elif kind == 1:
            text = text[:at] + text[max(at - 1 - choice.below(20), 0) :]
        elif kind == 2:
            text = text[:at] + sign + text[at + 1 :]
        else:
            text = text[:at] + sign + text[at:]
    return text


def respliced(text: str, choice: Generated) -> str:
    """Lines dropped, doubled, moved, re-indented, or joined."""
    lines = text.split("\n")
    for _ in range(1 + choice.below(4)):
        at, kind = choice.below(len(lines)), choice.below(5)
        line = lines[at]
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(choice.below(len(lines)), line)
        elif kind == 2:
            lines[at] = " " * choice.below(9) + line.lstrip()
        elif kind == 3:
            words = line.split(" ")
            words.insert(choice.below(len(words)), _SIGNS[choice.below(len(_SIGNS))])
            lines[at] = " ".join(words)
        else:
            lines[at : at + 2] = [" ".join(lines[at : at + 2])]
    return "\n".join(lines)


def renamed(text: str, choice: Generated) -> str:
    """A name or number replaced by another of the same text: well-formed, but rarely right."""
    for _ in range(1 + choice.below(2)):
        words = list(re.finditer(r"\w+", text))
        old, new = words[choice.below(len(words))], words[choice.below(len(words))]
        text = text[: old.start()] + new.group() + text[old.end() :]
    return text


def raw(rng: np.random.Generator, choice: Generated) -> str:
    """Bytes read as one encoding or another, or a soup of signs."""
    size = 1 + choice.below(200)
    if choice.below(3) == 0:
        return "".join(
            _SIGNS[choice.below(len(_SIGNS))] + " " * choice.below(2) for _ in range(size // 4 + 1)
        )
    data = rng.bytes(size) if choice.below(2) else bytes(rng.integers(9, 127, size, dtype=np.uint8))
    return data.decode("latin-1" if choice.below(2) else "utf-8", "replace")
