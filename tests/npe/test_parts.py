"""The head and the network: densities that integrate, slopes against differences."""

from __future__ import annotations

import numpy as np

from ppl.inference.npe_flow import FlowHead
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
    value, slope, own = head.slopes(out, t)
    assert own.size == head.count == 0
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


def _own(head: FlowHead, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return head.start(rng) + 0.2 * rng.normal(size=head.count)


def test_a_flow_integrates_to_one() -> None:
    head = FlowHead(2, 3, 4, 5)
    grid = np.linspace(-12.0, 12.0, 601)
    t = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    out = np.random.default_rng(1).normal(size=(1, 3))
    mass = np.exp(head.log_density(out, t, _own(head))).sum() * (grid[1] - grid[0]) ** 2
    assert abs(mass - 1.0) < 1e-3
    assert (
        abs(np.exp(head.log_density(out, 1.1 * t, _own(head))).sum() * (grid[1] - grid[0]) ** 2 - 1.0) > 0.1
    )


def test_draws_of_a_flow_have_its_density() -> None:
    head = FlowHead(2, 3, 4, 5)
    out, own = np.random.default_rng(2).normal(size=(2, 3)), _own(head)
    draws = head.sample(out, np.random.default_rng(3), 100_000, own)
    grid = np.linspace(-12.0, 12.0, 601)
    t = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    for k in range(2):
        p = np.exp(head.log_density(out[k : k + 1], t, own)) * (grid[1] - grid[0]) ** 2
        np.testing.assert_allclose(draws[k].mean(0), p @ t, atol=0.05)
        np.testing.assert_allclose((draws[k] ** 2).mean(0), p @ t**2, rtol=0.05)
    one = head.log_density(np.repeat(out[:1], 4, 0), draws[0, :4], own)
    np.testing.assert_allclose(one, head.log_density(out[:1], draws[0, :4], own))


def test_slopes_of_a_flow_are_those_of_differences() -> None:
    head = FlowHead(3, 2, 3, 4)
    rng = np.random.default_rng(4)
    out, t, own = rng.normal(size=(5, 2)), rng.normal(size=(5, 3)), _own(head, 5)
    value, in_out, in_own = head.slopes(out, t, own)
    np.testing.assert_allclose(value, head.log_density(out, t, own))
    for k in range(0, head.count, 5):
        step = 1e-6 * (np.arange(head.count) == k)
        found = (head.log_density(out, t, own + step) - head.log_density(out, t, own - step)).sum() / 2e-6
        assert abs(found - in_own[k]) < 1e-6 * max(1.0, abs(found))
    for k in range(2):
        step = 1e-6 * (np.arange(2) == k)
        found = (head.log_density(out + step, t, own) - head.log_density(out - step, t, own)) / 2e-6
        np.testing.assert_allclose(in_out[:, k], found, rtol=1e-6, atol=1e-7)
