"""Signals at any instant: a quick end, exit status 130, no traceback, no broken file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ppl.errors import PplError
from ppl.posterior.store import load

MODEL = """\
index groups
table t(g: groups, x: real, y: bool)
m ~ Normal(0, 2)
s ~ HalfNormal(1)
a[k] ~ Normal(m, s) for k in groups
b ~ Normal(0, 2)
y[i] ~ Bernoulli(logit = a[g[i]] + b * x[i]) for i in t
"""
QUICK = 2.0  # seconds in which an interrupted program has to end; three times that on a loaded machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("interrupts")
    rng = np.random.default_rng(0)
    g, x = rng.integers(150, size=4000), rng.normal(size=4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-x - 0.01 * g))
    rows = "\n".join(f"{a},{b:.4f},{int(c)}" for a, b, c in zip(g, x, y, strict=True))
    (path / "m.model").write_text(MODEL)
    (path / "d.csv").write_text("g,x,y\n" + rows + "\n")
    return path


def signalled(folder: Path, after: float, number: int, *more: str) -> tuple[int, str, float]:
    """Exit status, stderr, and seconds from the signal to the end."""
    command = [sys.executable, "-m", "ppl", "fit", "m.model", "d.csv", *more]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after)
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, time.monotonic() - started


def check_interrupt(folder: Path, after: float) -> None:
    code, err, seconds = signalled(folder, after, signal.SIGINT)
    # Before Python has set its handlers, a signal ends the process by itself.
    assert code in (0, 4, 130, -signal.SIGINT), err
    assert "Traceback" not in err or after < 0.1, err
    assert seconds < 3 * QUICK


@pytest.mark.parametrize("after", [0.15, 0.4, 0.8, 1.3, 2.0])
def test_an_interrupt_ends_quickly_and_quietly(folder, after):
    check_interrupt(folder, after)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100))
def test_an_interrupt_at_any_instant(folder, seed):
    check_interrupt(folder, np.random.default_rng(seed).uniform(0.1, 4))


def kill_while_saving(folder: Path, after: float) -> None:
    """Kill the program; the file at the place of the fit is then a whole older or newer fit."""
    target = folder / "kept"
    signalled(folder, after, signal.SIGKILL, "--out", "kept", "--checkpoint", "c")
    if target.exists():
        assert load(str(target)).draws
    for stray in os.listdir(folder):
        if stray.endswith(".part"):
            (folder / stray).unlink()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(60))
def test_a_kill_leaves_no_broken_file(folder, seed):
    kill_while_saving(folder, np.random.default_rng(seed).uniform(1.0, 6.0))


def test_writing_stops_at_any_call_without_harm(tmp_path, monkeypatch):
    """The disk fills up at the k-th write, for every k."""
    from tests.posterior.test_store import make_fit

    path = tmp_path / "fit"
    make_fit().save(path)
    before = path.read_bytes()
    real_open = os.fdopen
    for k in range(1, 40, 3):
        count = [0]

        def counting(descriptor, mode, count=count, k=k):
            file = real_open(descriptor, mode)
            real_write = file.write

            class Full:
                def __getattr__(self, name):
                    return getattr(file, name)

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def write(self, content):
                    count[0] += 1
                    if count[0] >= k:
                        raise OSError(28, "No space left on device")
                    return real_write(content)

            return Full()

        monkeypatch.setattr(os, "fdopen", counting)
        with pytest.raises(PplError, match="No space left"):
            make_fit().save(path)
        monkeypatch.setattr(os, "fdopen", real_open)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["fit"]
