"""The time of one iteration: what some more iterations take, divided by how many. Runs in any environment."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FEW, MANY = 2, 12


def settings() -> dict[str, Any]:
    """What the caller asks for: one JSON object as the only argument."""
    return dict(json.loads(sys.argv[1]))


def memory(field: str) -> int:
    """VmRSS, what this process holds now, or VmHWM, the most since `forget_peak`, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def forget_peak() -> None:
    """Let the kernel count the peak from here."""
    Path("/proc/self/clear_refs").write_text("5")


def report(fit: Callable[[int], object], repeats: int, few: int = FEW, many: int = MANY) -> None:
    """Print the CPU seconds of one iteration and the memory beyond what was held before the first fit.

    ``fit(n)`` starts anew and does n iterations; start-up and what follows the last iteration cancel.
    """
    forget_peak()
    held = memory("VmRSS")
    fit(1)
    beyond = memory("VmHWM") - held
    each = []
    for _ in range(repeats):
        times = []
        for n in (few, many):
            start = time.process_time()
            fit(n)
            times.append(time.process_time() - start)
        each.append((times[1] - times[0]) / (many - few))
    print(json.dumps({"seconds": statistics.median(each), "least": min(each), "beyond": beyond}))
