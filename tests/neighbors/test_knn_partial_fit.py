"""Rows that come in parts: partial_fit of all parts is fit of all rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)
COLUMNS = np.column_stack([Y, rng.integers(5, 7, 150), rng.integers(0, 2, 150)])


@pytest.mark.parametrize("weights", [None, rng.integers(0, 3, 150).astype(float)])
@pytest.mark.parametrize("algorithm", ["brute", "projection", "kd_tree"])
@pytest.mark.parametrize("cls", BOTH)
def test_rows_in_parts_are_the_rows_at_once(cls, algorithm, weights):
    model, parts = cls(weights="distance", algorithm=algorithm), [slice(0, 40), slice(40, 41), slice(41, 150)]
    if weights is not None:
        weights[40] = 1
    for part in parts:
        model.partial_fit(X[part], Y[part], sample_weight=None if weights is None else weights[part])
    whole = cls(weights="distance", algorithm=algorithm).fit(X, Y, sample_weight=weights)
    assert_array_equal(model.predict(Q), whole.predict(Q))
    for found, wanted in zip(model.kneighbors(), whole.kneighbors(), strict=True):
        assert_array_equal(found, wanted)
    assert model.n_samples_fit_ == whole.n_samples_fit_


def test_sparse_rows_and_columns_of_targets_come_in_parts():
    S = sparse.csr_array(np.where(X > 0.5, X, 0))
    model = KNNRegressor().partial_fit(S[:70], COLUMNS[:70]).partial_fit(S[70:], COLUMNS[70:])
    assert_array_equal(model.predict(Q), KNNRegressor().fit(S, COLUMNS).predict(Q))
    with pytest.raises(ValueError, match="sparse in every call"):
        model.partial_fit(X, COLUMNS)
    with pytest.raises(ValueError, match="the same columns as in earlier calls"):
        model.partial_fit(S, Y)
    assert model.n_samples_fit_ == 150


def test_labels_grow_unless_they_are_declared():
    order = np.argsort(Y, kind="stable")
    growing = KNNClassifier(3)
    for part in np.array_split(order, 3):
        growing.partial_fit(X[part], Y[part])
    assert_array_equal(growing.classes_, np.arange(4))
    assert_array_equal(growing.predict(Q), KNNClassifier(3).fit(X[order], Y[order]).predict(Q))
    declared = KNNClassifier(3).partial_fit(X[:9], np.ones(9, int), classes=[0, 1, 2])
    assert_array_equal(declared.predict_proba(Q), np.tile([0.0, 1.0, 0.0], (30, 1)))
    declared.partial_fit(X[9:20], np.zeros(11, int))
    with pytest.raises(ValueError, match="not among the classes"):
        declared.partial_fit(X[:2], [1, 7])
    with pytest.raises(ValueError, match="first call of partial_fit only"):
        declared.partial_fit(X[:2], [1, 1], classes=[0, 1])
    with pytest.raises(ValueError, match="labels of one type"):
        declared.partial_fit(X[:2], ["a", "b"])
    assert declared.n_samples_fit_ == 20  # a failed call leaves the model as it was
    assert declared.fit(X, Y).classes_.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="a list with an array of labels for each"):
        KNNClassifier().partial_fit(X, COLUMNS, classes=[0, 1])


def test_balanced_weights_are_those_of_all_rows():
    model = KNNClassifier(9, class_weight="balanced").partial_fit(X[:20], Y[:20]).partial_fit(X[20:], Y[20:])
    assert_array_equal(model.predict_proba(Q), KNNClassifier(9, class_weight="balanced").fit(X, Y).predict_proba(Q))
