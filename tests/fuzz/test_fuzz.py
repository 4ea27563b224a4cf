"""Texts of every kind give a tree or a located message, never a traceback."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fuzz.run import checker, fuzz
from tests.fuzz.texts import texts


def report(failures: list[tuple[str, str]]) -> str:
    return "\n".join(f"{text!r}\n{complaint}" for text, complaint in failures[:3])


def test_two_thousand_texts():
    outcome = fuzz(texts(np.random.default_rng(1), 2_000), checker())
    assert not outcome.failures, report(outcome.failures)
    assert outcome.parsed > 400
    assert outcome.slowest < 2
    assert len(outcome.codes) > 6


def test_a_front_end_that_throws_is_caught():
    """The broken twin: an exception of any other kind is a failure."""

    def broken(tree: object, source: object) -> None:
        raise KeyError("mu")

    outcome = fuzz(texts(np.random.default_rng(1), 50), broken)
    assert outcome.failures
    assert "KeyError" in outcome.failures[0][1]


@pytest.mark.soak
def test_a_hundred_thousand_texts():
    seed = int(np.random.default_rng().integers(2**31))
    outcome = fuzz(texts(np.random.default_rng(seed), 100_000), checker())
    assert not outcome.failures, f"seed {seed}\n{report(outcome.failures)}"
