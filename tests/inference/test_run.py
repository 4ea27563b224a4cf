"""The loop: limits, interruption, failure, checkpoints, repetition."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from ppl.errors import DataError, LimitError
from ppl.inference import checkpoint
from ppl.inference.backends.advi import Backend
from ppl.inference.base import discover, options
from ppl.inference.run import Options, run
from tests.inference.problems import Problem, eight_schools, fit, gaussian, spoiled


def go(problem, how: Options | None = None, seed: int = 0, **given):
    return run(Backend(**given), problem, np.random.default_rng(seed), how)


def same(a, b) -> bool:
    """Whether two states agree in every bit, work counters apart."""
    left, right = checkpoint.flatten(a), checkpoint.flatten(b)
    return left.keys() == right.keys() and all(np.array_equal(left[k], right[k], equal_nan=True)
                                               if not isinstance(left[k], str) else left[k] == right[k]
                                               for k in left)  # fmt: skip


def test_backends_are_found_with_a_sentence_for_each_option() -> None:
    found = discover()
    assert "advi" in found
    for backend in found.values():
        assert backend.summary
        assert all(f.metadata["help"] for f in options(backend))


def test_trace_and_progress() -> None:
    seen = []
    done = go(eight_schools(), Options(progress=lambda at, seconds: seen.append((at.step, seconds))))
    assert done.outcome.status == "converged"
    assert len(done.trace) == len(seen)
    assert done.trace[:, 0].tolist() == list(range(len(seen)))
    assert np.isfinite(done.trace).all()
    climbing = done.trace[:, 1]
    assert climbing[-1] > climbing[0]


def test_same_seed_same_bits() -> None:
    first, second = (fit(eight_schools(), seed=4) for _ in range(2))
    assert same(first[0].state, second[0].state)
    assert np.array_equal(first[1].draws, second[1].draws)
    assert not same(first[0].state, fit(eight_schools(), seed=5)[0].state)


def test_global_random_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    go(eight_schools())
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_time_limit_hands_back_what_there_is() -> None:
    ticks = iter(range(10**6))
    done = go(eight_schools(), Options(max_seconds=10, clock=lambda: float(next(ticks))))
    assert done.outcome.status == "time_limit"
    assert done.result is not None
    assert np.isfinite(done.result.mean).all()
    assert np.isfinite(done.result.sd).all()


@pytest.mark.parametrize("at", [1, 2, 5, 9, 14])
def test_interrupts_hand_back_the_last_state(at: int) -> None:
    def interrupt(progress, seconds) -> None:
        if progress.step == at:
            raise KeyboardInterrupt

    done = go(eight_schools(), Options(progress=interrupt))
    assert done.outcome.status == "interrupted"
    assert done.state.steps == at
    assert done.result is not None
    assert np.isfinite(done.result.mean).all()


def test_sigterm_is_an_interrupt_and_the_old_handler_comes_back() -> None:
    old = signal.getsignal(signal.SIGTERM)

    def kill(progress, seconds) -> None:
        if progress.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    done = go(eight_schools(), Options(progress=kill))
    assert done.outcome.status == "interrupted"
    assert signal.getsignal(signal.SIGTERM) is old


def test_interrupt_inside_the_density() -> None:
    problem, calls = gaussian(10), [0]

    def density(z):
        calls[0] += 1
        if calls[0] == 12:
            raise KeyboardInterrupt
        return problem.density(z)

    done = go(Problem(density, 10))
    assert done.outcome.status == "interrupted"
    assert done.result is not None


@pytest.mark.parametrize("kind", ["value", "gradient", "infinite"])
@pytest.mark.parametrize("at", [4, 10, 17, 25])
@pytest.mark.parametrize("family", ["mean_field", "full_rank"])
def test_lasting_non_finite_values_stop_the_fit(kind: str, at: int, family: str) -> None:
    done = go(spoiled(eight_schools(), at, kind), family=family)
    assert done.outcome.status in ("failed", "not_converged")
    assert "data row 7" in done.outcome.sentence
    assert np.isfinite(done.result.mean).all()
    assert np.isfinite(done.result.sd).all()


@pytest.mark.parametrize("at", range(3, 30, 4))
def test_a_passing_nan_never_reaches_the_result(at: int) -> None:
    done = go(spoiled(eight_schools(), at, "value", forever=False))
    assert np.isfinite(done.result.mean).all()
    assert np.isfinite(done.state.ascent.value)


def test_nowhere_finite_fails_at_the_start_with_the_place() -> None:
    done = go(Problem(lambda z: (np.full(len(z), np.nan), z), 3))
    assert done.outcome.status == "failed"
    assert done.result is None
    assert "data row 7" in done.outcome.sentence


def test_overflowing_scale_does_not_converge() -> None:
    """exp(exp(z)) overflows a little beyond the start; the pull is towards the edge."""

    def density(z):
        with np.errstate(all="ignore"):
            inner = np.exp(np.exp(z))
            return np.where(np.isfinite(inner), 5 * z, np.nan).sum(1) * 1.0, np.full_like(z, 5.0)

    done = go(Problem(density, 2))
    assert done.outcome.status != "converged"
    assert done.state.gradient > 1e-3
    assert "data row 7" in done.outcome.sentence


def test_step_limit() -> None:
    done = go(eight_schools(), max_steps=3)
    assert done.outcome.status == "not_converged"
    assert done.state.steps == 3


@pytest.mark.parametrize("family", ["mean_field", "full_rank"])
def test_resumed_runs_have_the_same_bits(tmp_path: Path, family: str) -> None:
    path = tmp_path / "fit.npz"
    whole = go(eight_schools(), family=family)
    for stop in range(1, len(whole.trace) - 1, 3):
        path.unlink(missing_ok=True)

        def interrupt(progress, seconds, stop=stop) -> None:
            if progress.step == stop:
                raise KeyboardInterrupt

        go(eight_schools(), Options(progress=interrupt, checkpoint=path, fingerprint="a"), family=family)
        rest = go(
            eight_schools(), Options(checkpoint=path, resume=True, fingerprint="a"), seed=99, family=family
        )
        assert rest.outcome == whole.outcome
        assert same(rest.state, whole.state)
        assert np.array_equal(rest.trace[:, :3], whole.trace[:, :3])


def test_resumed_restarts_have_the_same_bits(tmp_path: Path) -> None:
    path, stop = tmp_path / "fit.npz", 25
    whole = go(eight_schools(), restarts=3)
    assert len(whole.state.ends) == 3

    def interrupt(progress, seconds) -> None:
        if progress.step == stop:
            raise KeyboardInterrupt

    go(eight_schools(), Options(progress=interrupt, checkpoint=path), restarts=3)
    rest = go(eight_schools(), Options(checkpoint=path, resume=True), seed=99, restarts=3)
    assert same(rest.state, whole.state)


def test_checkpoints_are_written_while_running(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    ticks = iter(range(10**6))
    how = Options(checkpoint=path, checkpoint_seconds=2, clock=lambda: float(next(ticks)))
    sizes = []

    def watch(progress, seconds) -> None:
        sizes.append(path.exists())

    from dataclasses import replace

    go(eight_schools(), replace(how, progress=watch))
    assert True in sizes[:-1]
    assert [p.name for p in tmp_path.iterdir()] == ["fit.npz"]


def test_foreign_and_broken_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    go(eight_schools(), Options(checkpoint=path, fingerprint="a"))
    with pytest.raises(DataError, match="another model"):
        checkpoint.load(path, Backend.state_type(), "b")
    content = path.read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match="not a readable checkpoint"):
            checkpoint.load(path, Backend.state_type(), "a")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "fit.npz"
    checkpoint.replace_file(path, b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(LimitError, match="No space left"):
        checkpoint.replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["fit.npz"]
