"""Elements held out of a stochastic fit: never seen by it, and what ends its search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError, UsageError
from ppl.inference.backends.advi_stochastic import Backend
from ppl.inference.validation import PATIENCE, Held, looked
from tests.stochastic.models import CODED, RAGGED, SENTENCES, pictures, problem, ragged, sentences

WIDE = """
index parts = 8
table rows(x[parts]: real = "x*", y: real)
network f(parts -> level) = MLP(hidden = [40])
for i in rows:
    y[i] ~ Normal(f(x[i]).level, 0.5)
"""


def wavy(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 8))
    return {**{f"x{k}": x[:, k] for k in range(8)}, "y": np.sin(2 * x[:, 0]) + 0.5 * rng.standard_normal(n)}


def after(data: dict[str, np.ndarray], steps: int) -> tuple[np.ndarray, Backend, object]:
    backend = Backend(validate="rows=0.25", max_steps=steps, learning_rate=1.0)
    target = backend.target(problem(WIDE, data))
    state = backend.init(target, np.random.default_rng(0))
    while backend.done(state) is None:
        state = backend.step(target, state)
    return state.moments.x, backend, target


def test_what_is_held_out_moves_nothing_and_the_rest_does() -> None:
    data = wavy(40, 0)
    first, _, target = after(data, 100)
    held = sorted(set(data["y"]) - set(target.training.problem.data.arrays["rows", "y"]))  # type: ignore[attr-defined]
    assert len(held) == 10
    unseen = np.isin(data["y"], held)
    other = {**data, "y": np.where(unseen, 100.0, data["y"])}
    np.testing.assert_array_equal(after(other, 100)[0], first)
    seen = {**data, "y": np.where(unseen, data["y"], data["y"] + 1.0)}
    assert not np.array_equal(after(seen, 100)[0], first)


def test_a_network_that_fits_noise_is_stopped_before_it_does() -> None:
    data, fresh = wavy(80, 1), wavy(400, 2)
    options = {"method": "advi_stochastic", "seed": 0, "learning_rate": 1.0, "max_steps": 1200}

    def error(fit: ppl.Fit) -> float:
        found = fit.predict({k: v for k, v in fresh.items() if k != "y"}).columns[0].draws.mean(0).ravel()
        return float(np.mean((found - fresh["y"]) ** 2))

    stopped, on = ppl.fit(WIDE, data, validate="rows=0.25", **options), ppl.fit(WIDE, data, **options)
    assert stopped.status != "not_converged"
    assert stopped.trace["step"][-1] < on.trace["step"][-1]
    assert error(stopped) < error(on)
    told = [w.message for w in stopped.warnings if w.code == "W729"]
    assert len(told) == 1
    assert told[0].startswith("20 `rows` were held out")


def test_the_best_state_is_kept_until_nothing_rises_by_a_standard_error() -> None:
    noise = np.array([-0.1, 0.1, -0.1, 0.1])
    seen = looked(Held(), np.array([0.0]), noise, 50, 8)
    seen = looked(seen, np.array([1.0]), noise + 1.0, 100, 8)
    for k in range(PATIENCE):
        assert not seen.over
        seen = looked(seen, np.array([2.0 + k]), 1.0 - noise - 0.01 * k, 150 + 50 * k, 8)
    assert seen.over
    assert (seen.step, seen.x[0]) == (100, 1.0)


def test_sequences_are_held_out_whole() -> None:
    target = Backend(validate="sents=0.25").target(problem(SENTENCES, sentences(12)))
    assert target.split is not None
    assert target.split.held.rows == 3
    parts = [t.data.sets["words"].size for t in (target.split.train.problem, target.split.held.problem)]
    assert sum(parts) == target.problem.data.sets["words"].size
    values = target.split.values(target.training.estimates.start(0, -1.0))
    assert values.shape == (3,)
    assert np.isfinite(values).all()


def test_the_bound_of_held_out_rows_is_theirs_alone() -> None:
    text, data = CODED, pictures(40)
    target = Backend(validate="images=0.5").target(problem(text, data))
    assert target.split is not None
    x, held = target.estimates.start(0, -1.0), target.split.held
    total, _ = held.parts(x, held.everything, lambda name, shape: np.zeros(shape), 1)
    parts = [
        held.parts(x, held.batch(np.array([k])), lambda name, shape: np.zeros(shape), 1)[0] for k in range(20)
    ]
    mean = np.mean([float(np.ravel(p.log_likelihood - p.rate)[0]) for p in parts])
    assert mean == pytest.approx(float(np.ravel(total.log_likelihood - total.rate)[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("text", "data", "validate", "code"),
    [
        (RAGGED, ragged(), "groups=0.25", "E607"),
        (CODED, pictures(), "images", "E705"),
        (CODED, pictures(), "images=1.5", "E705"),
        (CODED, pictures(), "images=0.01", "E705"),
        (CODED, pictures(), "faces=0.1", "E705"),
    ],
)
def test_what_cannot_be_held_out_is_refused(
    text: str, data: dict[str, np.ndarray], validate: str, code: str
) -> None:
    with pytest.raises((UsageError, ModelError), match=code):
        Backend(validate=validate).target(problem(text, data))


def test_a_search_with_held_out_rows_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    data, path = wavy(40, 0), tmp_path / "at.ckpt"
    how = {"method": "advi_stochastic", "validate": "rows=0.25", "max_steps": 200, "draws": 5}
    whole = ppl.fit(WIDE, data, **how)
    ppl.fit(WIDE, data, checkpoint=path, max_seconds=1e-9, **how)
    rest = ppl.fit(WIDE, data, checkpoint=path, resume=True, **how)
    assert rest.elbo == whole.elbo
