"""Rows by index, standardised: one pass and NumPy's calls give the bits of the formula."""

import numpy as np
import pytest

from skdl._compiled import COMPILER
from skdl.engine.dataset import Dataset
from skdl.engine.gather import PAIRS, gather, gather_in_one_pass


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("way", ["off", "eager"])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("members", [1, 3])
def test_rows_are_shifted_in_their_precision_and_scaled_in_that_of_the_network(pair, members, way, rng):
    X = rng.normal(1e3, 1, (50, 7)).astype(pair[0])
    index = rng.integers(0, 50, (members, 20))
    shift = rng.normal(1e3, 1, (members, 1, 7)).astype(pair[0])
    scale = rng.random((members, 1, 7)).astype(pair[1])
    expected = (X[index] - shift).astype(pair[1]) * scale
    out = np.empty((members, 20, 7), pair[1])
    with COMPILER.using(way):
        assert gather_in_one_pass(X, index, shift, scale, out)
    np.testing.assert_array_equal(out, expected)
    by_hand = np.empty((members * 20, 7), pair[1])
    gather(X, index.ravel(), shift[:, 0], scale[:, 0], by_hand)
    np.testing.assert_array_equal(by_hand.reshape(out.shape), expected)


@pytest.mark.parametrize("way", ["off", "eager"])
def test_data_that_cannot_be_written_to_is_read(way, rng):
    X = rng.normal(size=(9, 2))
    X.flags.writeable = False
    rows = Dataset(X, np.zeros((9, 1)), shift=np.ones(2), scale=np.full(2, 3.0, np.float32))
    out = np.empty((4, 2), np.float32)
    with COMPILER.using(way):
        rows.copy_inputs(np.array([8, 0, 0, 3]), out)
    np.testing.assert_array_equal(out, (X[[8, 0, 0, 3]] - 1).astype(np.float32) * np.float32(3))


@pytest.mark.parametrize(
    "X",
    [np.ones((5, 4), np.int32)[:, ::2], np.ones((5, 2), np.float16), np.ones((2, 5)).T, np.ones((5, 2), ">f8")],
)
def test_other_arrays_are_left_to_others(X):
    index = np.arange(3)
    assert not gather_in_one_pass(X, index, np.zeros(2, X.dtype), np.ones(2, np.float32), np.empty((3, 2), np.float32))


@pytest.mark.parametrize("strided", range(3))
def test_arrays_with_gaps_are_left_to_others(strided):
    given = [np.arange(6), np.zeros(4), np.ones(4, np.float32)]
    given = [array[::2] if i == strided else array[: array.size // 2].copy() for i, array in enumerate(given)]
    assert not gather_in_one_pass(np.ones((9, 2)), *given, np.empty((3, 2), np.float32))
