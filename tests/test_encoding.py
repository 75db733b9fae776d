"""Labels and reals as targets, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl._encoding import Columns, Indicator, Labels, Reals, encoding_of_labels

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


def test_later_reals_have_as_many_columns():
    encoding = Reals(np.zeros(2), np.ones(2), False)
    with pytest.raises(ValueError, match=r"y must have 2 columns, of targets. Got an array of shape \(4, 3\)"):
        encoding.encode(np.zeros((4, 3)), np.float64)


FLOATS = np.array([[0.2, 0.8], [1.0, 0.0]])
BITS = np.array([[1, 1, 0], [0, 1, 0]])
KINDS = {
    "labels": (np.array([3, 1]), None, Labels),
    "probabilities": (FLOATS, None, Labels),
    "probabilities of one precision": (FLOATS.astype(np.float32), ["no", "yes"], Labels),
    "certain probabilities, declared": (np.eye(2), ["no", "yes"], Labels),
    "integer zeros and ones": (BITS, None, Indicator),
    "integer zeros and ones, one a row": (np.eye(3, dtype=int), None, Indicator),
    "integer zeros and ones, declared as scikit-learn has them": (BITS, [0, 1, 2], Indicator),
    "booleans": (BITS > 0, None, Indicator),
    "float zeros and ones, not one a row": (BITS.astype(float), None, Indicator),
    "other integers": (np.array([[2, 1, 0], [0, 3, 1]]), None, Columns),
    "whole floats": (2.0 * np.eye(2), None, Columns),
    "strings": (np.array([["a", "b"], ["b", "c"]]), None, Columns),
    "zeros and ones, declared one by one": (BITS, [[0, 1]] * 3, Columns),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_y(kind):
    y, classes, expected = KINDS[kind]
    encoding = encoding_of_labels(y, classes)
    assert type(encoding) is expected
    targets = encoding.encode(y, np.float32)
    assert targets.shape == (len(y), encoding.n_outputs)
    assert targets.dtype == np.float32
    assert targets.flags.c_contiguous
    assert encoding.validate(y) is y
    certain = np.where(targets > 0.5, 9.0, -9.0)
    assert encoding.score(y, certain) == 1.0
    if y.ndim == 1 or expected is not Labels:
        assert np.array_equal(encoding.decode(certain), y)
        assert encoding.decode(certain).dtype == y.dtype


def test_columns_of_probabilities_are_sorted_by_their_classes():
    encoding = encoding_of_labels(FLOATS, ["yes", "no"])
    assert encoding.classes.tolist() == ["no", "yes"]
    assert_allclose(encoding.encode(FLOATS, np.float64), FLOATS[:, ::-1])
    assert encoding.codes(FLOATS).tolist() == [0, 1]
    assert_allclose(encoding.class_weights({"yes": 10.0, "no": 1.0}, FLOATS), [2.8, 10.0])


def test_rounded_probabilities_are_made_to_sum_to_one():
    rounded = np.array([[1, 1, 1]]) / np.float16(3)
    targets = encoding_of_labels(rounded.astype(np.float16)).encode(rounded, np.float64)
    assert_allclose(targets.sum(axis=1), 1, rtol=1e-15)


def test_smoothing_of_several_labels():
    bits = encoding_of_labels(BITS, smoothing=0.1).encode(BITS, np.float64)
    assert_allclose(bits, np.where(BITS, 0.9, 0.1))
    y = np.array([["a", "x"], ["b", "y"], ["c", "x"]])
    columns = encoding_of_labels(y, smoothing=0.1).encode(y, np.float64)
    assert_allclose(columns[:1], [[0.9, 0.05, 0.05, 0.9, 0.1]])


def test_strata():
    encoding = Labels(np.arange(2), binary=False)
    assert encoding.strata(FLOATS).tolist() == [1, 0]  # the most probable
    assert encoding.strata(np.array([1, 0, 1])).tolist() == [1, 0, 1]


def test_many_labels_are_not_all_listed():
    with pytest.raises(ValueError, match=r"18, 19, \.\.\. 980 more\]: \[-1\]$"):
        Labels(np.arange(1000), binary=False).codes(np.array([-1]))
