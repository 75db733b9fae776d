"""Labels and reals as targets, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl._encoding import Labels, Reals

COLOURS = np.array(["blue", "green", "red"])


def test_labels_are_rows_of_probabilities():
    encoding = Labels(COLOURS, binary=False)
    targets = encoding.encode(np.array(["red", "blue"]), np.float32)
    assert targets.dtype == np.float32
    assert encoding.n_outputs == 3
    assert np.array_equal(targets, [[0, 0, 1], [1, 0, 0]])


def test_smoothing():
    targets = Labels(COLOURS, binary=False, smoothing=0.2).encode(np.array(["green"]), np.float64)
    assert_allclose(targets, [[0.1, 0.8, 0.1]])


def test_binary_is_one_column():
    encoding = Labels(np.array([-1, 7]), binary=True, smoothing=0.1)
    targets = encoding.encode(np.array([7, -1]), np.float64)
    assert encoding.n_outputs == 1
    assert_allclose(targets, [[0.9], [0.1]])
    assert targets.flags.c_contiguous
    assert_allclose(encoding.probabilities(np.array([[0.3]])), [[0.7, 0.3]])


@pytest.mark.parametrize(
    ("binary", "scores", "expected"),
    [
        (False, [[1, 3, 2], [5, 5, 0]], ["green", "blue"]),
        (True, [[0.1], [-0.1], [0.0]], ["green", "blue", "blue"]),
    ],
    ids=["three", "two"],
)
def test_decode_takes_the_first_of_equals(binary, scores, expected):
    encoding = Labels(COLOURS[: 2 if binary else 3], binary)
    assert encoding.decode(np.array(scores, float)).tolist() == expected


@pytest.mark.parametrize("unknown", ["amber", "cyan", "yellow"])
def test_unknown_labels_are_named(unknown):
    with pytest.raises(ValueError, match=rf"not among the classes \['blue', 'green', 'red'\]: \['{unknown}'\]"):
        Labels(COLOURS, binary=False).codes(np.array(["red", unknown]))


@pytest.mark.parametrize("flat", [True, False])
def test_reals(flat):
    y = np.array([1.0, 3.0, 5.0]) if flat else np.array([[1.0, 10.0], [3.0, 30.0]])
    columns = 1 if flat else 2
    encoding = Reals(np.full(columns, 3.0), np.full(columns, 2.0), flat)
    targets = encoding.encode(y, np.float32)
    assert targets.dtype == np.float32
    assert targets.shape == (len(y), columns) == (len(y), encoding.n_outputs)
    assert_allclose(targets, (y.reshape(len(y), -1) - 3) / 2)
    assert encoding.decode(targets * 2 + 3).shape == y.shape
    assert encoding.strata(y) is None


def test_reals_lose_their_shift_before_their_precision():
    y = 1e8 + np.array([0.0, 1.0, 2.0])
    targets = Reals(np.array([1e8]), np.ones(1), True).encode(y, np.float32)
    assert np.array_equal(targets[:, 0], [0, 1, 2])
