"""Columns of labels: each is voted on alone, and keeps its type."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier

from skdl import KNNClassifier

rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)
COLUMNS = np.column_stack([Y, rng.integers(5, 7, 150), rng.integers(0, 2, 150)])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_columns_of_labels_are_those_of_scikit_learn(weights):
    ours, theirs = (cls(7, weights=weights).fit(X, COLUMNS) for cls in (KNNClassifier, KNeighborsClassifier))
    for found, wanted in zip(ours.predict_proba(Q), theirs.predict_proba(Q), strict=True):
        assert_allclose(found, wanted, rtol=1e-12)
    for found, wanted in zip(ours.classes_, theirs.classes_, strict=True):
        assert_array_equal(found, wanted)
    assert_array_equal(ours.predict(Q), theirs.predict(Q))
    truth = ours.predict(Q)
    truth[:10, 1] = 99
    assert ours.score(Q, truth) == 20 / 30
    assert ours.score(Q, truth, sample_weight=np.arange(30) < 10) == 0


def test_each_column_is_voted_on_alone():
    balanced = [None, "balanced"]
    for class_weight in balanced:
        together = KNNClassifier(5, class_weight=class_weight).fit(X, COLUMNS).predict_proba(Q)
        for column, found in enumerate(together):
            alone = KNNClassifier(5, class_weight=class_weight).fit(X, COLUMNS[:, column])
            assert_array_equal(found, alone.predict_proba(Q))
    weights = [{0: 3.0}, {5: 0.5}, {}]
    together = KNNClassifier(5, class_weight=weights).fit(X, COLUMNS).predict_proba(Q)
    for column, found in enumerate(together):
        alone = KNNClassifier(5, class_weight=weights[column]).fit(X, COLUMNS[:, column])
        assert_array_equal(found, alone.predict_proba(Q))


def test_an_indicator_has_both_labels_in_each_column():
    indicator = (rng.random((150, 3)) < [0.5, 0.2, 0]).astype(int)
    for y in (indicator, sparse.csr_array(indicator), pd.DataFrame(indicator)):
        model = KNNClassifier(5).fit(X, y)
        assert [classes.tolist() for classes in model.classes_] == [[0, 1]] * 3
        assert_array_equal(model.predict_proba(Q)[2], np.tile([1.0, 0.0], (30, 1)))
        assert_array_equal(model.predict(X[:4]).dtype, indicator.dtype)


def test_columns_of_a_frame_keep_their_types():
    frame = pd.DataFrame({"size": np.where(Y > 1, "big", "small"), "number": Y})
    predicted = KNNClassifier(1).fit(X, frame).predict(X)
    assert_array_equal(predicted, frame.to_numpy())
    assert {type(value) for value in predicted[:, 1]} == {int}


def test_columns_of_reals_are_no_labels():
    with pytest.raises(ValueError, match="continuous"):
        KNNClassifier().fit(X, X[:, :2])


@pytest.mark.parametrize("bad", [{0: 1.0}, [{0: 1.0}]])
def test_class_weight_of_columns_is_a_list_of_as_many(bad):
    with pytest.raises(ValueError, match="must be 'balanced' or a list of 3 dicts"):
        KNNClassifier(class_weight=bad).fit(X, COLUMNS)
    with pytest.raises(ValueError, match="For y with one column, class_weight must be a dict"):
        KNNClassifier(class_weight=[{0: 1.0}]).fit(X, Y)
