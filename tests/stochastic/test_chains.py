"""Exact chains inside models with networks: sums against enumeration, and batches of whole sequences."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import ppl
from ppl.errors import ModelError
from ppl.graph import eliminate
from ppl.graph.stochastic import StochasticElbo
from tests.stochastic.models import SENTENCES, WALKS, problem, sentences, walks


def log_softmax(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = x - np.logaddexp.reduce(x, axis=-1, keepdims=True)
    return out


def enumerated(values: dict[str, np.ndarray], data: dict[str, np.ndarray], shift: int) -> float:
    """log p(tags that are there, y | network, trans, mu) by a sum over all fillings of every sentence."""
    x = np.stack([data[f"x{k}"] for k in (1, 2, 3)], axis=-1)
    hidden = np.tanh(x @ values["score/weight1"] + values["score/bias1"])
    scores = hidden @ values["score/logit/weight"] + values["score/logit/bias"]
    total, codes = 0.0, {"a": 0, "b": 1, "c": 2}
    for name in dict.fromkeys(data["sent"]):
        rows = np.flatnonzero(data["sent"] == name)
        sums = []
        for tags in product(*([codes[data["tag"][n]]] if data["tag"][n] else range(3) for n in rows)):
            parts, before = 0.0, None
            for n, k in zip(rows, tags, strict=True):
                logit = scores[n] + (0.0 if before is None else values["trans"][before])
                parts += log_softmax(logit)[k] - 0.5 * (data["y"][n] - values["mu"][k]) ** 2
                before = (k + shift) % 3
            sums.append(parts - 0.5 * np.log(2 * np.pi) * len(rows))
        total += float(np.logaddexp.reduce(sums))
    return total


@pytest.mark.parametrize("shift", [0, 1], ids=["right", "wrong tag before"])
@pytest.mark.parametrize("steady", [False, True])
def test_a_chain_with_scores_of_a_network_is_summed_exactly(
    monkeypatch: pytest.MonkeyPatch, steady: bool, shift: int
) -> None:
    monkeypatch.setattr(eliminate, "MANY_CELLS", 1 if steady else 10**9)
    data, rng = sentences(), np.random.default_rng(1)
    found = problem(SENTENCES, data)
    z = rng.standard_normal((1, found.target().size))
    values = {k: v[0] for k, v in found.constrain(z).items()}
    latents = (values["trans"] ** 2).sum() / 2 + (values["mu"] ** 2).sum() / 8
    constants = 6 * np.log(2 * np.pi) + 3 * np.log(2.0)
    ours = float(found.target().log_density(z)[0]) + latents + constants
    assert (ours == pytest.approx(enumerated(values, data, shift), rel=1e-10)) == (shift == 0)


STEADY = """
index sents, states = 3
table words(sent: sents, pos: order within sent, y: real)
move[a, k] ~ Normal(0, 1) for a in states, k in states
base[k] ~ Normal(0, 1) for k in states
mu[k] ~ Normal(0, 1) for k in states
for n in words:
    z[n] ~ Categorical(logit = base if first(n) else move[z[n - 1]])
    y[n] ~ Normal(mu[z[n]], 1)
"""


@pytest.mark.parametrize("limit", [1, 10**9], ids=["few tables", "one for each step"])
def test_a_hidden_chain_in_batches_of_sentences(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(eliminate, "MANY_CELLS", limit)
    data = {k: v for k, v in sentences(12).items() if k in ("sent", "pos", "y")}
    found = StochasticElbo(problem(STEADY, data), "sents")
    x = found.start(0, -1.0) + 0.3 * np.random.default_rng(5).standard_normal(found.size)

    def value(view: object) -> float:
        return float(
            np.ravel(found.parts(x, view, lambda name, shape: np.zeros(shape), 1)[0].objective(1.0))[0]
        )  # type: ignore[arg-type]

    parts = np.split(np.random.default_rng(3).permutation(12), 4)
    mean = np.mean([value(found.batch(np.sort(part))) for part in parts])
    assert mean == pytest.approx(value(found.everything), rel=1e-10)


@pytest.mark.parametrize(
    ("text", "data", "plate"), [(SENTENCES, sentences(), "words"), (WALKS, walks(), "days")]
)
def test_batches_that_would_cut_a_sequence_are_refused(
    text: str, data: dict[str, np.ndarray], plate: str
) -> None:
    with pytest.raises(ModelError, match="E607.*reads earlier rows") as caught:
        StochasticElbo(problem(text, data), plate)
    assert "order within sent" in str(caught.value.diagnostics[0].help)


def test_sequences_that_elements_of_the_plate_share_are_refused() -> None:
    """Rows follow their author, and sentences have several authors."""
    text = SENTENCES.replace("sent: sents,", "sent: sents, who: authors,").replace(
        "index sents", "index sents, authors"
    )
    data = sentences()
    mixed = np.array(list("pq"))[np.arange(len(data["y"])) % 2]
    whole = np.array(list("pq"))[np.array([int(s) % 2 for s in data["sent"]])]
    with pytest.raises(ModelError, match="E607"):
        StochasticElbo(problem(text, {**data, "who": mixed}), "authors")
    assert StochasticElbo(problem(text, {**data, "who": whole}), "authors").rows == 2


def test_batches_of_sentences_reach_the_bound_of_all_data() -> None:
    data = sentences(40)
    options = {"method": "advi_stochastic", "seed": 1, "learning_rate": 0.1}
    whole = ppl.fit(SENTENCES, data, max_steps=300, **options)
    batched = ppl.fit(SENTENCES, data, max_steps=500, batch="sents=10", **options)
    assert abs(batched.elbo - whole.elbo) < 3.0
