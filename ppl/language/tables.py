"""The parse tables: plain data made from ``grammar/ppl.lark`` ahead of time.

``tables.json`` beside this file is all that parsing needs, so a run never builds the grammar (and
never imports Lark). ``python -m ppl.language.tables`` rewrites it; a test keeps it current.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("tables.json")


@dataclass(frozen=True)
class Production:
    """One rule as the driver runs it.

    ``keep`` lists the children handed on: a position, or -1 for an absent optional; those in
    ``splice`` are lists to be spliced. ``action`` names the builder's method, None for a list.
    """

    origin: str
    size: int
    action: str | None
    keep: tuple[int, ...]
    splice: frozenset[int]
    expand_single: bool

    @property
    def passes(self) -> bool:
        """Whether it only passes one child on."""
        return self.expand_single and len(self.keep) == 1 and not self.splice

    @property
    def is_unit(self) -> bool:
        """Whether its one symbol is the child it passes on."""
        return self.size == 1 and self.passes


@dataclass(frozen=True)
class Tables:
    """LALR(1) tables and the terminals' patterns.

    ``states[s][symbol]`` is ``n >= 0`` to shift or go to state n, ``-r - 1`` to reduce production r.
    """

    scanner: re.Pattern[str]
    words: dict[str, str]
    soft: frozenset[str]
    punctuation: dict[str, str]
    states: tuple[dict[str, int], ...]
    productions: tuple[Production, ...]
    start: dict[str, int]
    end: dict[str, int]

    def spelling(self, terminal: str) -> str | None:
        """How a fixed terminal is written, or None for a pattern.

        >>> load().spelling("TILDE")
        '~'
        """
        return self._spellings.get(terminal)

    @property
    def _spellings(self) -> dict[str, str]:
        return {name: text for text, name in (*self.words.items(), *self.punctuation.items())}


@cache
def load() -> Tables:
    """The shipped tables.

    >>> load().words["table"]
    'TABLE'
    """
    return from_data(json.loads(PATH.read_text(encoding="utf-8")))


def from_data(data: dict) -> Tables:  # type: ignore[type-arg]
    """Tables from their JSON form."""
    return Tables(
        scanner=re.compile(data["scanner"], re.DOTALL),
        words=data["words"],
        soft=frozenset(data["soft"]),
        punctuation=data["punctuation"],
        states=tuple(data["states"]),
        productions=tuple(
            Production(origin, size, action, tuple(keep), frozenset(splice), expand)
            for origin, size, action, keep, splice, expand in data["productions"]
        ),
        start=data["start"],
        end=data["end"],
    )


if __name__ == "__main__":
    from ppl.language.tables_build import main

    main()
