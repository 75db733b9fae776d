import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdl.linear._symmetric import add_symmetric


@pytest.mark.parametrize(("n", "d"), [(7, 5), (1, 1), (1, 4), (9, 1), (300, 40)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_upper_triangle_of_the_product_is_added_and_nothing_else_is_touched(n, d, order):
    x = np.array(np.random.default_rng(0).normal(size=(n + 3, d)), order=order)[:n]
    whole = np.full((d + 2, d + 1), 2.0, order="F")
    expected = whole.copy()
    expected[:d, :d] += np.triu(2 * x.T @ x)
    for _ in range(2):
        add_symmetric(x, whole[:d, :d])
    assert_allclose(whole, expected, rtol=1e-13)
    assert_array_equal(np.tril(whole[:d, :d], -1), np.tril(np.full((d, d), 2.0), -1))
