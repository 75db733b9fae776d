"""Neighbours of the rows of fit among the others: leave one out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X = rng.normal(size=(90, 5))
Y = rng.integers(0, 3, 90)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("kind", ["normal", "equal rows", "columns"])
def test_none_leaves_each_row_out(kind, weights):
    rows = X[np.arange(90) // 4] if kind == "equal rows" else X
    y = np.column_stack([Y, Y[::-1]]) if kind == "columns" else Y
    for ours, theirs in ((KNNClassifier, KNeighborsClassifier), (KNNRegressor, KNeighborsRegressor)):
        model = ours(5, weights=weights).fit(rows, y)
        expected = cross_val_predict(ours(5, weights=weights), rows, y, cv=LeaveOneOut())
        assert_allclose(model.predict(None), expected, rtol=1e-12)
        truth = (expected == y).reshape(90, -1).all(axis=1)
        if ours is KNNClassifier:
            assert model.score(None, y) == truth.mean()
            assert model.score(None, y, sample_weight=truth) == 1
        if kind == "normal":
            peer = theirs(5, weights=weights).fit(rows, y)
            assert_allclose(model.predict(None), peer.predict(None), rtol=1e-9)
            assert_allclose(model.score(None, y), peer.score(None, y), rtol=1e-9)
            if ours is KNNClassifier:
                assert_allclose(model.predict_proba(None), peer.predict_proba(None), rtol=1e-9)


def test_rows_without_weight_are_asked_too():
    weight = np.arange(90) % 2.0
    model = KNNClassifier(3).fit(X, Y, sample_weight=weight)
    squares = np.square(X[:, None] - X[None]).sum(-1)
    squares[:, weight == 0] = np.inf
    np.fill_diagonal(squares, np.inf)
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :3]
    expected = [[np.mean(Y[row] == label) for label in range(3)] for row in nearest]
    assert_allclose(model.predict_proba(None), expected, rtol=1e-15)


@pytest.mark.parametrize("cls", BOTH)
def test_none_needs_one_more_row_than_neighbours(cls):
    with pytest.raises(ValueError, match="n_neighbors < n_samples_fit, but n_neighbors = 4, n_samples_fit = 4"):
        cls(4).fit(X[:4], Y[:4]).predict(None)
