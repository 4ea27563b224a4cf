"""Print the CPU seconds that the program itself takes to compile a model and fit it, reading excluded.

    python benchmarks/peers/fit_ppl.py FILE.model DATA.csv [CONSTANTS.json]

What it imports only when it needs it counts, as it does not for the peers.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import ppl
from ppl.cli.allocator import keep_freed_memory
from ppl.data import read


def main(model: Path, files: list[Path]) -> float:
    """Seconds from the model's text to the posterior, the tables being in memory."""
    keep_freed_memory()  # as the command does; a process that embeds the package is left as it is
    data = [read(files[0]), *map(str, files[1:])]
    start = time.process_time()
    ppl.compile(str(model)).fit(data)
    return time.process_time() - start


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]]))
