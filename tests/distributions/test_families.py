"""Exponential families: the identity itself, the inverse of natural, and the gradient of A."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from distribution_settings import Setting, label, settings

from ppl.backend.autograd_bridge import anp, grad
from ppl.distributions import Applied

FAMILIES = [s for s in settings() if s.kind.family is not None]


def known(setting: Setting) -> dict[str, Any]:
    """What is not a parameter of the family: the number of trials."""
    return {"n": setting.given["n"]} if setting.name in ("Binomial", "Multinomial") else {}


def inner(eta: Any, t: Any) -> Any:
    return np.sum(np.multiply(eta, t), axis=tuple(range(1, max(np.ndim(eta), np.ndim(t)))))


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_log_density_is_linear_in_the_statistics(setting: Setting) -> None:
    family, n = setting.kind.family, known(setting)
    assert family is not None
    eta = family.natural(**setting.given)
    size = {"size": eta[0].shape[-1]} if setting.name == "Categorical" else {}
    t = family.statistics(setting.values, **size)
    base = family.log_base(setting.values, **(n if setting.name == "Binomial" else {}))
    total = base - family.log_normaliser(*eta, **n)
    for e, s in zip(eta, t, strict=True):
        total = total + inner(e, s)
    assert np.allclose(total, setting.applied.log_density(setting.values), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_given_inverts_natural(setting: Setting) -> None:
    family, n = setting.kind.family, known(setting)
    assert family is not None
    back = family.given(*family.natural(**setting.given), **n)
    assert tuple(back) == setting.kind.signatures[0]
    other = Applied(setting.kind, back)
    assert np.allclose(
        other.log_density(setting.values), setting.applied.log_density(setting.values), rtol=1e-10
    )


@pytest.mark.parametrize("setting", FAMILIES, ids=label)
def test_gradient_of_the_log_normaliser_is_the_mean_statistic(setting: Setting) -> None:
    """z-scores of 20,000 draws' mean statistics: |z| < 5.5 fails falsely with chance 4e-8 each."""
    family, n = setting.kind.family, known(setting)
    assert family is not None
    eta = family.natural(**setting.given)
    size = {"size": eta[0].shape[-1]} if setting.name == "Categorical" else {}
    event = {"event_shape": setting.values.shape[1:]} if setting.kind.event_dims else {}
    x = setting.kind.sample(np.random.default_rng(8), (20_000,), **setting.given, **event)
    for i, t in enumerate(family.statistics(np.asarray(x, dtype=float), **size)):

        def normaliser(e: Any, i: int = i) -> Any:
            return anp.sum(family.log_normaliser(*eta[:i], e, *eta[i + 1 :], **n))

        mean = grad(normaliser)(eta[i])[0]
        t = np.broadcast_to(t, (20_000, *np.shape(mean)))
        z = (t.mean(0) - mean) / np.maximum(t.std(0) / np.sqrt(20_000), 1e-12)
        assert np.abs(z).max() < 5.5
        assert np.abs(z + 0.1 * np.sqrt(20_000)).max() > 5.5
