"""The head and the network: densities that integrate, slopes against differences."""

from __future__ import annotations

import numpy as np

from ppl.inference.npe_mixture import MixtureHead
from ppl.inference.npe_network import Network


def _random(head: MixtureHead, n: int, seed: int = 0) -> np.ndarray:
    return 0.4 * np.random.default_rng(seed).normal(size=(n, head.width))


def test_the_density_integrates_to_one() -> None:
    head = MixtureHead(1, 3)
    grid = np.linspace(-15.0, 15.0, 4001)[:, None]
    out = np.broadcast_to(_random(head, 1), (len(grid), head.width))
    assert abs(np.exp(head.log_density(out, grid)).sum() * (grid[1, 0] - grid[0, 0]) - 1.0) < 1e-6


def test_draws_have_the_density() -> None:
    head = MixtureHead(2, 3)
    out = _random(head, 1)
    draws = head.sample(out, np.random.default_rng(1), 200_000)[0]
    weights, means, tril = head.split(out)
    exact = (np.exp(weights)[0, :, None] * means[0]).sum(0)
    assert np.abs(draws.mean(0) - exact).max() < 0.02
    covs = np.linalg.inv(np.swapaxes(tril, 2, 3) @ tril)[0]
    second = (np.exp(weights)[0, :, None, None] * (covs + means[0][:, :, None] * means[0][:, None, :])).sum(0)
    assert np.abs(draws.T @ draws / len(draws) - second).max() < 0.05
    many = head.sample(np.repeat(out, 2, axis=0), np.random.default_rng(1), 100_000)
    assert np.abs(many.mean(1) - exact).max() < 0.03


def test_slopes_of_the_head_are_those_of_differences() -> None:
    head, h = MixtureHead(3, 2), 1e-6
    out, t = _random(head, 4), np.random.default_rng(2).normal(size=(4, 3))
    value, slope = head.slopes(out, t)
    np.testing.assert_allclose(value, head.log_density(out, t))
    for k in range(head.width):
        step = np.zeros(head.width)
        step[k] = h
        difference = (head.log_density(out + step, t) - head.log_density(out - step, t)) / (2 * h)
        np.testing.assert_allclose(slope[:, k], difference, atol=1e-6)


def test_slopes_of_the_network_are_those_of_differences() -> None:
    rng = np.random.default_rng(3)
    network = Network(2, 3, 4, 5)
    weights = network.start(rng, 0.1) + 0.3 * rng.normal(size=network.count)
    s, rows, pull = rng.normal(size=(6, 2)), rng.normal(size=(6, 7, 3)), rng.normal(size=(6, 5))
    out, memory = network.forward(weights, s, rows)
    slope = network.backward(pull, memory)
    for k in range(0, network.count, 7):
        step = np.zeros(network.count)
        step[k] = 1e-6
        up, down = (network.forward(weights + d, s, rows)[0] for d in (step, -step))
        assert abs((pull * (up - down)).sum() / 2e-6 - slope[k]) < 1e-5
    shuffled = network.forward(weights, s, rows[:, rng.permutation(7)])[0]
    np.testing.assert_allclose(shuffled, out)
