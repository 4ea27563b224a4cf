"""Names of numbers that every model knows."""

from __future__ import annotations

import math

CONSTANTS: dict[str, float] = {"pi": math.pi, "inf": math.inf}
