"""Graphs of neighbours, against scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neighbors import KNeighborsRegressor, kneighbors_graph

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
@pytest.mark.parametrize("cls", BOTH)
def test_graphs_are_those_of_scikit_learn(cls, mode):
    model = cls(4).fit(X, Y)
    own = model.kneighbors_graph(mode=mode)
    assert_allclose(own.toarray(), kneighbors_graph(X, 4, mode=mode).toarray(), rtol=1e-12)
    theirs = KNeighborsRegressor(4).fit(X, Y).kneighbors_graph(Q, 6, mode=mode)
    graph = model.kneighbors_graph(Q, 6, mode=mode)
    assert_allclose(graph.toarray(), theirs.toarray(), rtol=1e-12)
    assert graph.nnz == 180


def test_graphs_count_rows_without_weight_as_columns():
    weight = np.ones(150)
    weight[:30] = 0
    graph = KNNRegressor(4).fit(X, Y, sample_weight=weight).kneighbors_graph(X)
    assert graph.shape == (150, 150)
    assert graph[:, :30].nnz == 0
    with pytest.raises(ValueError, match="'mode' parameter must be"):
        KNNRegressor().fit(X, Y).kneighbors_graph(Q, mode="weights")
