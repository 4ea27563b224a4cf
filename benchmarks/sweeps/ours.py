"""Our own iterations, timed from within; started by the scripts one folder up, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import numpy as np  # noqa: E402
from clock import report, settings  # noqa: E402

import ppl  # noqa: E402


def fitted(model: ppl.Model, data: Any, method: str, sweeps: int, options: dict[str, Any]) -> Any:
    """One fit of that many sweeps from one start, never stopping early."""
    return model.fit(data, method, 0, restarts=1, max_sweeps=sweeps, tolerance=0.0, **options)


def main() -> None:
    """Time sweeps of the model on the columns of the file."""
    asked = settings()
    with np.load(asked["data"]) as file:
        data = dict(file.items())
    model = ppl.compile(Path(asked["model"]).read_text(), path=False)
    options = {"draws": 10, **asked.get("options", {})}
    report(lambda n: fitted(model, data, asked["method"], n, options), asked["repeats"])


if __name__ == "__main__":
    main()
