"""One entry of the catalogue of diagnostics."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent


@dataclass(frozen=True)
class Entry:
    """What a code means. ``wrong`` is a text that gives it, ``right`` the same text mended.

    Both are whole models where the code is about a model's text, so that a test can check them.
    """

    title: str
    why: str
    wrong: str = ""
    right: str = ""

    def text(self) -> str:
        """The entry as `ppl explain-error` prints it."""
        parts = [self.title, "\n".join(line.strip() for line in self.why.strip().splitlines())]
        if self.wrong:
            parts.append("Wrong:\n\n" + _shown(self.wrong))
        if self.right:
            parts.append("Right:\n\n" + _shown(self.right))
        return "\n\n".join(parts)


def _shown(text: str) -> str:
    return indent(dedent(text).strip("\n"), "    ")
