"""What the metrics are made of."""

import numpy as np
import pytest

from skdl.neighbors.metrics.row_arithmetic import reduce_columns


@pytest.mark.parametrize("n_columns", [1, 2, 3, 7, 8, 20])
@pytest.mark.parametrize("operation", [np.add, np.maximum])
def test_over_columns_has_the_bits_of_numpy_s_reduction(operation, n_columns):
    rng = np.random.default_rng(n_columns)
    X = rng.standard_normal((200, n_columns)) * 10.0 ** rng.integers(-8, 8, (200, n_columns))
    assert np.array_equal(reduce_columns(operation, X), operation.reduce(X, axis=1))
