"""Distances that are given: metric='precomputed'."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(90, 5)), rng.normal(size=(25, 5))
Y = rng.integers(0, 3, 90)


@pytest.mark.parametrize("weight", [None, np.arange(90) % 3.0])
@pytest.mark.parametrize("cls", BOTH)
def test_given_distances_are_the_metric_itself(cls, weight):
    near, far = pairwise_distances(X), pairwise_distances(Q, X)
    plain = cls(5, weights="distance").fit(X, Y, sample_weight=weight)
    model = cls(5, weights="distance", metric="precomputed").fit(near, Y, sample_weight=weight)
    assert model.effective_metric_ == "precomputed"
    assert_allclose(model.predict(far), plain.predict(Q), rtol=1e-9)
    assert_array_equal(model.kneighbors(far)[1], plain.kneighbors(Q)[1])
    assert_array_equal(model.kneighbors()[1], plain.kneighbors()[1])
    assert_allclose(model.predict(None), plain.predict(None), rtol=1e-9)
    assert model.n_samples_fit_ == plain.n_samples_fit_
    assert_allclose(model.kneighbors_graph(far, mode="distance").toarray(),
                    plain.kneighbors_graph(Q, mode="distance").toarray(), rtol=1e-9)  # fmt: skip


@pytest.mark.parametrize("cls", BOTH)
def test_given_distances_in_pipelines_and_searches(cls):
    assert get_tags(cls(metric="precomputed")).input_tags.pairwise
    assert not get_tags(cls()).input_tags.pairwise
    near = pairwise_distances(X)
    scores = cross_val_score(cls(5, metric="precomputed"), near, Y, cv=4)  # sliced on both sides
    assert_allclose(scores, cross_val_score(cls(5), X, Y, cv=4), rtol=1e-9)
    search = GridSearchCV(cls(metric="precomputed"), {"n_neighbors": [1, 5]}, cv=3).fit(near, Y)
    assert search.predict(near[:3]).shape == (3,)
    graph = KNeighborsTransformer(n_neighbors=12, mode="distance")
    piped = make_pipeline(StandardScaler(), graph, cls(5, metric="precomputed")).fit(X, Y)
    direct = make_pipeline(StandardScaler(), cls(5)).fit(X, Y)
    for rows in (Q, X):
        assert_allclose(piped.predict(rows), direct.predict(rows), rtol=1e-9)
    frame = pd.DataFrame(near)
    assert_array_equal(cls(5, metric="precomputed").fit(frame, Y).predict(frame), cls(5).fit(X, Y).predict(X))


def test_a_graph_of_ours_is_given_as_distances():
    rows = np.rint(X)
    plain = KNNClassifier(4).fit(rows, Y)
    stored = plain.kneighbors_graph(rows, 20, mode="distance")
    model = KNNClassifier(4, metric="precomputed").fit(stored, Y)
    assert_array_equal(model.kneighbors(plain.kneighbors_graph(np.rint(Q), 30, mode="distance"))[1],
                       plain.kneighbors(np.rint(Q))[1])  # fmt: skip
    with pytest.raises(ValueError, match=r"must store at least 4 .* but row 0 stores 2"):
        model.predict(plain.kneighbors_graph(Q, 2, mode="distance"))


@pytest.mark.parametrize("cls", BOTH)
def test_what_cannot_be_distances_is_an_error(cls):
    near = pairwise_distances(X)
    model = cls(metric="precomputed")
    with pytest.raises(ValueError, match=r"must be square: .* Got shape \(90, 5\)"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match=r"distances, which are not negative. Got a negative"):
        model.fit(-near, Y)
    model.fit(near, Y)
    with pytest.raises(ValueError, match="Got a negative value"):
        model.predict(-near)
    with pytest.raises(ValueError, match="90 features"):
        model.predict(near[:, :7])
    with pytest.raises(ValueError, match="partial_fit cannot add rows"):
        model.partial_fit(near, Y)
    for container in (sparse.dok_array, sparse.bsr_array):
        for call in (lambda X: cls(metric="precomputed").fit(X, Y), model.predict):
            with pytest.raises(TypeError, match="its handling of explicit zeros, which are the nearest"):
                call(container(near))
