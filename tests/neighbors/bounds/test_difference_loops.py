"""Scores by loops are those of scipy's and NumPy's calls to the last bit: as plain Python, and compiled."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl._compiled import COMPILER
from skdl.neighbors.bounds import difference_loops, nan_products

LOOPS = {
    "manhattan": (difference_loops.manhattan_loop, difference_loops.manhattan_in_a_loop),
    "chebyshev": (difference_loops.chebyshev_loop, difference_loops.chebyshev_in_a_loop),
}


def problem(columns, n_rows, n_queries):
    rng = np.random.default_rng(columns)
    rows, queries = rng.normal(size=(n_rows, columns)), rng.normal(size=(columns, n_queries))
    rows *= 10.0 ** rng.integers(-9, 9, (n_rows, 1))
    rows[0] = queries[:, 0]
    return rows, queries


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("columns", [1, 3, 4, 9, 14])
def test_differences_in_plain_python_are_scipys(name, columns):
    made, function = LOOPS[name]
    loop = made()
    rows, queries = problem(columns, 5, 140)
    expected, out = np.empty((5, 140)), np.empty((5, 140))
    loop.by_numpy(rows, queries, expected)
    function(rows, queries, out)
    assert_array_equal(out, expected)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("columns", [1, 7, 8, 50, 301])
def test_compiled_differences_are_scipys(name, columns):
    pytest.importorskip("numba")
    loop = LOOPS[name][0]()
    rows, queries = problem(columns, 60, 300)
    rows.flags.writeable = False
    expected, out = np.empty((60, 300)), np.empty((60, 300))
    loop.by_numpy(rows, queries, expected)
    with COMPILER.using("eager"):
        loop.run(rows, queries, out)
    assert_array_equal(out, expected)


@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_squares_are_shared_by_the_columns_in_common_as_numpy_does(way):
    rng = np.random.default_rng(0)
    squares = rng.normal(size=(20, 90)) ** 2
    common = rng.integers(0, 5, squares.shape).astype(np.float32)
    expected, found = squares.copy(), squares.copy()
    nan_products.share_by_numpy(expected, common, -1e300)
    assert (expected[common == 0] == -1e300).all()
    if way == "plain":
        nan_products.share_in_a_loop(found, common, -1e300)
    else:
        pytest.importorskip("numba")
        with COMPILER.using("eager"):
            nan_products.share_loop().run(found, common, -1e300)
    assert_array_equal(found, expected)
