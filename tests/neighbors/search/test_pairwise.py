"""The k smallest of each row of a table of distances."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl.neighbors.search.pairwise import k_smallest_columns


@pytest.mark.parametrize("seed", range(20))
def test_the_smallest_are_those_of_a_stable_sort(seed):
    draw = np.random.default_rng(seed)
    n, m = draw.integers(1, 60) if seed % 2 else 300, draw.integers(1, 9)
    D = draw.integers(0, draw.integers(1, 30), (m, n)).astype(float)
    D[draw.random(D.shape) < draw.choice([0, 0.3])] = np.inf
    if seed % 3 == 0:
        D[draw.random(D.shape) < 0.1] = np.nan
    for k in {1, (n + 1) // 2, n}:
        if np.isnan(np.sort(D, axis=1)[:, k - 1]).any():
            assert np.isnan(k_smallest_columns(D, k)[0]).any()
            continue
        distances, columns = k_smallest_columns(D, k)
        assert_array_equal(columns, np.argsort(D, axis=1, kind="stable")[:, :k])
        assert_array_equal(distances, np.take_along_axis(D, columns, axis=1))
