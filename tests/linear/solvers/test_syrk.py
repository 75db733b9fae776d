import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl.linear.solvers.syrk import add_symmetric


@pytest.mark.parametrize(("n", "d"), [(7, 5), (1, 1), (1, 4), (9, 1), (300, 40)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_upper_triangle_of_the_product_is_added_and_nothing_else_is_touched(n, d, order):
    x = np.array(np.random.default_rng(0).normal(size=(n + 3, d)), order=order)[:n]
    whole = np.full((d + 2, d + 1), 2.0, order="F")
    expected = whole.copy()
    exact = x.astype(np.longdouble)
    expected[:d, :d] += np.triu(2 * exact.T @ exact).astype(np.float64)
    for _ in range(2):
        add_symmetric(x, whole[:d, :d])
    # Whatever the order of its sums, a product of n terms is within n units in the last place of the terms' sizes.
    bound = np.finfo(np.float64).eps * (n + 2) * (2 * abs(x).T @ abs(x) + 2)
    assert (abs(whole - expected)[:d, :d] <= bound).all()
    assert_array_equal(whole[d:], expected[d:])
    assert_array_equal(whole[:, d:], expected[:, d:])
    assert_array_equal(np.tril(whole[:d, :d], -1), np.tril(np.full((d, d), 2.0), -1))
