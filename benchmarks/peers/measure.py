"""Run a command as a process of its own and say what it cost, its children's work included."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """User plus system seconds, wall-clock seconds and peak memory in bytes; what the command printed."""

    cpu: float
    wall: float
    peak: int
    printed: str


class Failed(Exception):
    """The command ended with a status that was not allowed; says which, and the end of its messages."""


def measure(command: list[str], extra: dict[str, str], allowed: tuple[int, ...] = (0,)) -> Cost:
    """Run the command; `wait4` counts every descendant it waited for, as a compiler.

    >>> import sys
    >>> measure([sys.executable, "-c", "print(6 * 7)"], {}).printed
    '42\\n'
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as messages:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=messages, env=os.environ | extra)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            messages.seek(0)
            raise Failed(f"exit status {process.returncode}: {messages.read()[-800:]}")
        out.seek(0)
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024, out.read())


def single_threaded(root: Path) -> dict[str, str]:
    """The environment of every timed process: one BLAS thread each, the project's own package within reach."""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    path = os.pathsep.join(p for p in (str(root), os.environ.get("PYTHONPATH", "")) if p)
    return dict.fromkeys(threads, "1") | {"PYTHONPATH": path}
