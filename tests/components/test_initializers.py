"""Initializers against the moments and shapes that they promise."""

import numpy as np
import pytest
from scipy import stats

from skdl import initializers
from skdl.initializers import Orthogonal

VARIANCES = {
    "zeros": lambda n_in, n_out: 0.0,
    "normal": lambda n_in, n_out: 0.01**2,
    "xavier": lambda n_in, n_out: 1 / n_in,
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "glorot_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "he_uniform": lambda n_in, n_out: 2 / n_in,
    "orthogonal": lambda n_in, n_out: 1 / max(n_in, n_out),
}


def test_every_initializer_is_here():
    assert sorted(VARIANCES) == initializers.names()


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize(("n_in", "n_out"), [(400, 100), (100, 400)])
def test_initializer_has_its_variance(name, n_in, n_out):
    draws = initializers.resolve(name).draw(np.random.default_rng(0), n_in, n_out)
    variance = VARIANCES[name](n_in, n_out)
    n = draws.size
    # Five standard errors of a sample's mean and variance (a normal distribution's; a uniform one's is less).
    assert abs(draws.mean()) <= 5 * np.sqrt(variance / n)
    assert abs(draws.var() - variance) <= 5 * variance * np.sqrt(2 / n)
    if name.endswith("uniform"):
        bound = np.sqrt(3 * variance)
        assert 0.999 * bound < np.abs(draws).max() <= bound
    elif variance:
        assert np.abs(draws).max() > 3.5 * np.sqrt(variance)  # a normal distribution has tails


@pytest.mark.parametrize(("n_in", "n_out"), [(40, 10), (10, 40), (20, 20), (1, 3), (1, 1)])
def test_orthogonal(n_in, n_out):
    W = Orthogonal(gain=1.5).draw(np.random.default_rng(0), n_in, n_out)
    assert W.flags.c_contiguous
    small = W.T @ W if n_in >= n_out else W @ W.T
    np.testing.assert_allclose(small, 2.25 * np.eye(min(n_in, n_out)), atol=1e-13)


def test_orthogonal_is_uniform():
    """The angle of a random rotation or reflection of the plane is uniform; without the signs of R it is not."""
    generator = np.random.default_rng(0)
    draws = np.array([Orthogonal().draw(generator, 2, 2) for _ in range(2000)])
    angles = np.arctan2(draws[:, 1, 0], draws[:, 0, 0])
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
    assert abs((np.linalg.det(draws) > 0).mean() - 0.5) < 0.05
