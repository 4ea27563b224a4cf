"""One nasty model: its text, its data, and what the program must answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNREAD = {"data.csv": "y\n1\n2\n"}


@dataclass(frozen=True)
class Case:
    """A model text with the exit code, the diagnostic's code and place, and words that must be said.

    ``code`` may list alternatives (``"E202|E109"``); an empty one means that no error is expected.
    ``line`` and ``column`` count from 1 in the model text; ``says`` must all stand in the output.
    ``within`` bounds the CPU seconds of the command.
    """

    name: str
    text: str | bytes
    exit: int
    code: str = ""
    line: int | None = None
    column: int | None = None
    says: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=lambda: UNREAD)
    options: tuple[str, ...] = ()
    command: str = "fit"
    within: float = 20.0
