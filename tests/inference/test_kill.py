"""Killed at any instant, a run leaves a checkpoint that reads and goes on with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ppl.inference.backends.advi import Backend
from ppl.inference.run import Options, run
from tests.inference.problems import eight_schools
from tests.inference.test_run import same

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from ppl.inference.backends.advi import Backend
from ppl.inference.run import Options, run
from tests.inference.problems import eight_schools
how = Options(checkpoint=Path(sys.argv[1]), checkpoint_seconds=0.0, progress=lambda *_: time.sleep(0.002))
print("begun", flush=True)
while True:
    run(Backend(restarts=4), eight_schools(), np.random.default_rng(0), how)
"""


def killed(path: Path, after: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)


def check(path: Path, whole) -> bool:
    """Whether there is a checkpoint; if so it must go on to the very end of an undisturbed run."""
    if not path.exists():
        return False
    how = Options(checkpoint=path, resume=True)
    rest = run(Backend(restarts=4), eight_schools(), np.random.default_rng(5), how)
    assert same(rest.state, whole.state)
    return True


@pytest.mark.parametrize("instants", [3, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(1200)
def test_sigkill(tmp_path: Path, instants: int) -> None:
    whole = run(Backend(restarts=4), eight_schools(), np.random.default_rng(0))
    rng, read = np.random.default_rng(instants), 0
    for k in range(instants):
        path = tmp_path / f"{k}.npz"
        killed(path, 0.05 + 0.3 * rng.random())
        read += check(path, whole)
    assert read >= instants // 2
