"""Rows set apart: shares of classes, and what stays to be learned."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import train_test_split

from skdl._apart import set_apart


def apart(size, y=None, n=None, seed=0, mass=None):
    mass = np.ones(len(y) if n is None else n) if mass is None else mass
    return set_apart(size, np.random.RandomState(seed), mass=mass, strata=y)


@pytest.mark.parametrize("n_classes", [None, 1, 2, 3, 7])
def test_ordinary_rows_are_split_as_scikit_learn_splits_them(n_classes):
    rng = np.random.default_rng(0)
    for seed in range(40):
        n, fraction = int(rng.integers(60, 300)), rng.uniform(0.1, 0.4)
        size = int(np.ceil(fraction * n))
        y = None if n_classes is None else rng.permutation(np.arange(n) % n_classes)
        expected = train_test_split(np.arange(n), test_size=size, random_state=seed, stratify=y)
        for found, rows in zip(apart(size, y, n, seed), expected, strict=True):
            assert_array_equal(found, rows)


def test_a_share_of_each_class_is_set_apart_and_a_row_of_each_stays():
    """Any number of classes and rows, of which some classes have one row."""
    rng = np.random.default_rng(1)
    for seed in range(300):
        n = int(rng.integers(2, 60))
        y, size = rng.integers(0, rng.integers(1, 40), n), int(rng.integers(1, n))
        learned, judging = apart(size, y, seed=seed)
        assert_array_equal(np.sort(np.concatenate([learned, judging])), np.arange(n))
        assert_array_equal(np.unique(y[learned]), np.unique(y))
        assert len(judging) <= size
        counts = np.bincount(y)
        assert (len(judging) > 0) == (counts.max() > 1)  # none only where each class has a single row
        lone = (counts == 1).sum()
        exact = size / n * counts
        off = np.abs(np.bincount(y[judging], minlength=len(counts)) - exact)
        assert off[counts > 1].max(initial=0) < 1 or n - size < lone + (counts > 1).sum()


def test_reals_leave_a_row_to_learn():
    for n in range(1, 6):
        learned, judging = apart(n, n=n)
        assert len(learned) == 1
        assert len(judging) == n - 1
    assert [len(rows) for rows in apart(1, n=0)] == [0, 0]


def test_shares_are_of_the_mass():
    rng = np.random.default_rng(2)
    mass, y = rng.uniform(0.1, 3, 400), rng.integers(0, 3, 400)
    for strata in (y, None):
        _, judging = apart(100, strata, mass=mass)
        for rows in [np.arange(400)] if strata is None else [np.flatnonzero(y == c) for c in range(3)]:
            share = mass[np.intersect1d(judging, rows)].sum()
            assert share == pytest.approx(mass[rows].sum() / 4, abs=2 * 3)
    for found, scaled in zip(apart(100, y, mass=mass), apart(100, y, mass=mass * 2.0**900), strict=True):
        assert_array_equal(found, scaled)


def test_one_unit_judges_even_where_all_are_heavy():
    mass = np.array([1000.0, 1000, 1e-3, 1e-3])
    for seed in range(20):
        for y in (None, np.zeros(4), np.array([0, 0, 1, 2])):
            learned, judging = apart(1, y, mass=mass, seed=seed)
            assert len(judging) >= 1
            assert len(learned) >= 1
