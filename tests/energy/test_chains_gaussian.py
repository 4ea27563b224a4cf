"""Gaussian chains against dense inverses and a plain Kalman filter and smoother."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ppl.backend.chains import GaussianChain, NotPositive, gaussian_chain, sample_gaussian_chain

Array = np.ndarray

# Annual flow of the Nile at Aswan 1871-1970, 1e8 cubic metres (Cobb 1978); public domain.
NILE_ROWS = (
    "1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140",
    "1100 1210 1150 1250 1260 1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969",
    "831 726 456 824 702 1120 1100 832 764 821 768 845 864 862 698 845 744 796 1040 759",
    "781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848 890",
    "744 749 838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740",
)
NILE = np.array(" ".join(NILE_ROWS).split(), dtype=float)
OBSERVED, MOVED = 15098.5, 1469.2  # maximum likelihood estimates, Durbin and Koopman (2012)


def problem(n: int, steps: int, k: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Chains of autoregressions x_t = F x_{t-1} + noise with an observation of each."""
    rng = np.random.default_rng(seed)
    move = 0.6 * rng.standard_normal((n, steps, k, k)) / np.sqrt(k)
    diag = np.tile(1.5 * np.eye(k), (n, steps, 1, 1))
    diag[:, :-1] += move[:, 1:].swapaxes(-1, -2) @ move[:, 1:]
    return diag, -move[:, 1:].swapaxes(-1, -2), rng.standard_normal((n, steps, k))


def dense(diag: Array, off: Array) -> Array:
    """One chain's whole precision."""
    steps, k = diag.shape[:2]
    out = np.zeros((steps, k, steps, k))
    each = np.arange(steps)
    out[each, :, each] = diag
    out[each[:-1], :, each[1:]] = off
    out[each[1:], :, each[:-1]] = off.swapaxes(-1, -2)
    return out.reshape(steps * k, steps * k)


def agree(found: GaussianChain, diag: Array, off: Array, linear: Array, rtol: float = 1e-9) -> None:
    for n in range(len(diag)):
        steps, k = linear.shape[1:]
        whole = dense(diag[n], off[n])
        inverse = np.linalg.inv(whole)
        blocks, each = inverse.reshape(steps, k, steps, k), np.arange(steps)
        mean, size = inverse @ linear[n].ravel(), np.abs(inverse).max()
        np.testing.assert_allclose(found.mean[n].ravel(), mean, atol=rtol * np.abs(mean).max())
        np.testing.assert_allclose(found.cov[n], blocks[each, :, each], atol=rtol * size)
        np.testing.assert_allclose(found.lag_cov[n], blocks[each[:-1], :, each[1:]], atol=rtol * size)
        assert found.logdet[n] == pytest.approx(np.linalg.slogdet(whole)[1], rel=rtol, abs=rtol)
        assert found.quadratic[n] == pytest.approx(linear[n].ravel() @ mean, rel=rtol, abs=rtol)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 8, 37])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 1), (1, 4), (2, 3)])
def test_against_dense_inverse(steps: int, n: int, k: int) -> None:
    args = problem(n, steps, k)
    agree(gaussian_chain(*args), *args)


def test_long_chain() -> None:
    args = problem(1, 501, 2)
    agree(gaussian_chain(*args), *args)


@pytest.mark.parametrize("ends", [(1, 4, 5), (20, 21, 40), ()])
def test_restarts_are_chains_apart(ends: tuple[int, ...]) -> None:
    diag, off, linear = problem(1, 60, 3)
    off[:, [e - 1 for e in ends]] = 0.0
    whole = gaussian_chain(diag, off, linear)
    logdet, bounds = 0.0, [0, *ends, 60]
    for a, b in pairwise(bounds):
        part = gaussian_chain(diag[:, a:b], off[:, a : b - 1], linear[:, a:b])
        np.testing.assert_allclose(whole.mean[:, a:b], part.mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(whole.cov[:, a:b], part.cov, rtol=1e-9, atol=1e-12)
        logdet += part.logdet[0]
    assert whole.logdet[0] == pytest.approx(logdet, rel=1e-12)


def test_the_comparison_can_fail() -> None:
    diag, off, linear = problem(1, 20, 2)
    found = gaussian_chain(diag, off.swapaxes(-1, -2), linear)
    with pytest.raises(AssertionError):
        agree(found, diag, off, linear)


@pytest.mark.parametrize(("chain", "time"), [(0, 0), (0, 12), (1, 5), (2, 19)])
def test_not_positive_is_placed(chain: int, time: int) -> None:
    diag, off, linear = problem(3, 20, 2)
    diag[chain, time] = -np.eye(2)
    with pytest.raises(NotPositive) as caught:
        gaussian_chain(diag, off, linear)
    assert caught.value.chain == chain
    assert abs(caught.value.time - time) <= 1


def local_level(y: Array, start: float) -> tuple[Array, Array, Array, float]:
    """A random walk with noise, the start with precision `start`; the log density at 0 of all states and y."""
    seen = ~np.isnan(y)
    diag = np.where(seen, 1 / OBSERVED, 0.0)
    diag[1:] += 1 / MOVED
    diag[:-1] += 1 / MOVED
    diag[0] += start
    values = np.where(seen, y, 0.0)
    constant = -0.5 * (seen.sum() * np.log(2 * np.pi * OBSERVED) + (len(y) - 1) * np.log(2 * np.pi * MOVED))
    constant -= 0.5 * (values**2).sum() / OBSERVED
    if start:
        constant += 0.5 * np.log(start / (2 * np.pi))
    off = np.full((1, len(y) - 1, 1, 1), -1 / MOVED)
    return diag.reshape(1, -1, 1, 1), off, (values / OBSERVED).reshape(1, -1, 1), float(constant)


def kalman(y: Array, variance: float) -> tuple[float, Array, Array]:
    """Log likelihood, smoothed means and variances of the local level model started at N(0, variance)."""
    mean, var, total = 0.0, variance, 0.0
    filtered, ahead = [], []
    for t, value in enumerate(y):
        if t:
            var += MOVED
        ahead.append((mean, var))
        if not np.isnan(value):
            spread = var + OBSERVED
            total -= 0.5 * (np.log(2 * np.pi * spread) + (value - mean) ** 2 / spread)
            mean, var = mean + var / spread * (value - mean), var * OBSERVED / spread
        filtered.append((mean, var))
    smooth = [filtered[-1]]
    for t in range(len(y) - 2, -1, -1):
        (m, v), (m1, v1) = filtered[t], ahead[t + 1]
        gain = v / v1
        smooth.append((m + gain * (smooth[-1][0] - m1), v + gain**2 * (smooth[-1][1] - v1)))
    means, variances = np.array(smooth[::-1]).T
    return total, means, variances


@pytest.mark.parametrize("variance", [1e4, 1e7])
@pytest.mark.parametrize("gaps", [False, True])
def test_local_level_against_kalman(variance: float, gaps: bool) -> None:
    y = NILE.copy()
    if gaps:
        y[20:40] = y[60:80] = np.nan
    diag, off, linear, constant = local_level(y, 1 / variance)
    found = gaussian_chain(diag, off, linear)
    total, means, variances = kalman(y, variance)
    np.testing.assert_allclose(found.mean[0, :, 0], means, rtol=1e-8)
    np.testing.assert_allclose(found.cov[0, :, 0, 0], variances, rtol=1e-8)
    assert found.log_partition[0] + constant == pytest.approx(total, abs=1e-7)


def test_nile_diffuse_log_likelihood() -> None:
    """With a flat start the integral is the likelihood of all flows but the first, given it."""
    diag, off, linear, constant = local_level(NILE, 0.0)
    ours = gaussian_chain(diag, off, linear).log_partition[0] + constant
    variance = 1e12
    limit = kalman(NILE, variance)[0] + 0.5 * np.log(2 * np.pi * variance)
    assert ours == pytest.approx(limit, abs=1e-4)
    assert ours == pytest.approx(-632.546, abs=1e-3)


def test_nearly_flat_start_is_well_conditioned() -> None:
    args = local_level(NILE, 1e-14)[:3]
    flat = local_level(NILE, 0.0)[:3]
    np.testing.assert_allclose(gaussian_chain(*args).mean, gaussian_chain(*flat).mean, rtol=1e-8)


def test_draws_have_the_moments() -> None:
    """216 z-scores of 20000 draws below 5.5: false alarm below 1e-5; draws of another chain fail."""
    args = problem(2, 9, 2)
    found = gaussian_chain(*args)
    assert worst_z(sample_gaussian_chain(*args, 20000, np.random.default_rng(0)), found) < 5.5
    other = sample_gaussian_chain(args[0], 0.5 * args[1], args[2], 20000, np.random.default_rng(0))
    assert worst_z(other, found) > 5.5


def worst_z(draws: Array, found: GaussianChain) -> float:
    centred, n = draws - found.mean, len(draws)
    out = [
        centred,
        np.einsum("dnti,dntj->dntij", centred, centred) - found.cov,
        np.einsum("dnti,dntj->dntij", centred[:, :, :-1], centred[:, :, 1:]) - found.lag_cov,
    ]
    return max(float(np.abs(x.mean(axis=0) / x.std(axis=0)).max() * np.sqrt(n)) for x in out)


def by_recursion(diag: Array, off: Array, linear: Array) -> tuple[Array, Array, float]:
    """Means, covariances and log det of one chain: eliminate from the left, come back from the right."""
    pivots, shifted = [diag[0]], [linear[0]]
    for t in range(1, len(diag)):
        gain = off[t - 1].T @ np.linalg.inv(pivots[-1])
        pivots.append(diag[t] - gain @ off[t - 1])
        shifted.append(linear[t] - gain @ shifted[-1])
    cov = np.linalg.inv(pivots[-1])
    means, covs = [cov @ shifted[-1]], [cov]
    for t in range(len(diag) - 2, -1, -1):
        inverse = np.linalg.inv(pivots[t])
        gain = inverse @ off[t]
        means.append(inverse @ shifted[t] - gain @ means[-1])
        covs.append(inverse + gain @ covs[-1] @ gain.T)
    return np.array(means[::-1]), np.array(covs[::-1]), float(np.linalg.slogdet(np.array(pivots))[1].sum())


@pytest.mark.parametrize("steps", [1003, 5000])
def test_against_recursion(steps: int) -> None:
    diag, off, linear = problem(1, steps, 3, seed=5)
    found = gaussian_chain(diag, off, linear)
    means, covs, logdet = by_recursion(diag[0], off[0], linear[0])
    np.testing.assert_allclose(found.mean[0], means, atol=1e-9)
    np.testing.assert_allclose(found.cov[0], covs, atol=1e-9)
    assert found.logdet[0] == pytest.approx(logdet, rel=1e-11)


def test_first_observations_missing_under_a_nearly_flat_start() -> None:
    y = NILE.copy()
    y[:30] = np.nan
    diag, off, linear, constant = local_level(y, 1e-9)
    found = gaussian_chain(diag, off, linear)
    total, means, _ = kalman(y, 1e9)
    np.testing.assert_allclose(found.mean[0, :, 0], means, rtol=1e-6)
    assert found.log_partition[0] + constant == pytest.approx(total, abs=1e-5)
