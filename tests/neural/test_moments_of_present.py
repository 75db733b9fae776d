"""Means, scales and largest numbers of columns with holes, against those of the numbers that are there."""

import numpy as np
import pytest

from skdl.neural._standardize import largest_numbers, mean_and_scale, scale_about, zero_and_scale

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(3, 2, (200, 6))
NUMBERS[:, 1] = 7.0
NUMBERS[:, 2] *= 1e250
HOLES = RNG.random(NUMBERS.shape) < 0.3
HOLES[:, 3] = False
HOLES[:, 4] = True
X = np.where(HOLES, np.nan, NUMBERS)
WEIGHT = RNG.integers(0, 3, 200).astype(float)
KEPT = np.flatnonzero(WEIGHT)


@pytest.mark.parametrize("weight", [np.ones(200), WEIGHT], ids=["equal", "weighted"])
@pytest.mark.parametrize("rows", [None, KEPT], ids=["all", "kept"])
def test_moments(weight, rows):
    if rows is None:
        weight = weight + 1
    moments, about_zero = mean_and_scale(X, weight, rows), zero_and_scale(X, weight, rows)
    about = scale_about(X, weight, np.full(6, 5.0), np.array([0, 3, 5]), rows)
    for j in range(6):
        there = np.flatnonzero(~HOLES[:, j]) if rows is None else rows[~HOLES[rows, j]]
        if j == 4:
            assert moments[0][j] == moments[1][j] == about_zero[1][j] == 0
            continue
        share, values = weight[there] / weight[there].sum(), NUMBERS[there, j]
        unit = 1e250 if j == 2 else 1.0
        mean = share @ (values / unit)
        deviation = np.sqrt(share @ (values / unit - mean) ** 2)
        np.testing.assert_allclose(moments[0][j] / unit, mean, rtol=1e-12)
        np.testing.assert_allclose(moments[1][j] * unit, 0 if j == 1 else 1 / deviation, rtol=1e-10)
        np.testing.assert_allclose(about_zero[1][j] * unit, 1 / np.sqrt(share @ (values / unit) ** 2), rtol=1e-10)
        if j in (0, 3, 5):
            expected = 1 / np.sqrt(share @ (values - 5) ** 2)
            np.testing.assert_allclose(about[[0, 3, 5].index(j)], expected, rtol=1e-10)


def test_a_column_is_what_it_is_alone():
    """To the bit: neither holes in other columns nor the rows that are missing leave a trace."""
    both = mean_and_scale(X, np.ones(200))
    for j in (0, 2, 3, 5):
        alone = mean_and_scale(X[~HOLES[:, j]][:, [j]], np.ones((~HOLES[:, j]).sum()))
        if j != 3:
            assert (both[0][j], both[1][j]) == (alone[0][0], alone[1][0])
    assert np.array_equal(both[0][[3]], mean_and_scale(NUMBERS, np.ones(200))[0][[3]])


def test_the_largest_numbers():
    for rows in (None, KEPT):
        present = X if rows is None else X[rows]
        expected = np.where(HOLES.all(axis=0), 0, np.nanmax(np.abs(np.where(HOLES.all(axis=0), 0, present)), axis=0))
        assert np.array_equal(largest_numbers(X, rows), expected)
