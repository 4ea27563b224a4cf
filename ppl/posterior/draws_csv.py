"""Joint draws as CSV: a column an element, a row a draw."""

from __future__ import annotations

import os

import numpy as np

from ppl.data.write import csv_text
from ppl.errors import UsageError, fail
from ppl.posterior.fit import Fit


def write_draws(fit: Fit, path: str) -> None:
    """Write the kept draws; elements are named as in the summary."""
    labels = {e.name: e.labels for e in fit.estimates}
    header: list[str] = []
    blocks = []
    for name, array in fit.draws.items():
        flat = np.asarray(array).reshape(len(array), -1)
        header += labels.get(name, tuple(f"{name}[{i + 1}]" for i in range(flat.shape[1])))
        blocks.append(flat)
    rows = np.concatenate(blocks, axis=1) if blocks else np.zeros((0, 0))
    temporary = f"{path}.part"
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(csv_text(header, ()))
            np.savetxt(file, rows, fmt="%.17g", delimiter=",")
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        reason = error.strerror or str(error)
        raise fail(UsageError, "E702", f"cannot write `{path}`: {reason}", help="name another file") from None
