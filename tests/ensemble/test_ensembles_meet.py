"""Ensembles inside a search whose fits meet: the members join the stacks of other candidates, to the same bits."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdl import BaggingClassifier, EnsembleClassifier, MLPClassifier, SnapshotEnsembleClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
Y = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
MLP = MLPClassifier((6,), max_iter=4)


@pytest.mark.parametrize(
    "ensemble",
    [
        BaggingClassifier(MLP, 3, random_state=0),
        EnsembleClassifier(estimator=MLP, n_estimators=3, weights="greedy", random_state=0),
        EnsembleClassifier(estimator=MLP, n_estimators=3, share="batch_ensemble", random_state=0),
        SnapshotEnsembleClassifier(MLP, 2, random_state=0),
    ],
    ids=["bagging", "average", "shared", "snapshots"],
)
def test_a_search_in_the_backend_changes_no_bit(ensemble):
    search = GridSearchCV(ensemble, {"estimator__alpha": [1e-3, 0.1]}, cv=3, error_score="raise")
    alone = clone(search).fit(X, Y)
    with joblib.parallel_config(backend="skdl"):
        together = clone(search).fit(X, Y)
    assert_array_equal(alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"])
    assert_array_equal(alone.predict_proba(X), together.predict_proba(X))
