"""Ensembles of members that take distances or kernels: columns of X belong to rows."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    KNNClassifier,
    KNNRegressor,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y = X @ [1, 2, 0, -1] + 0.1 * rng.normal(size=120)
C = (Y > 0).astype(int) + (Y > 1)
NEW = rng.normal(size=(30, 4))
D, D_NEW = cdist(X, X), cdist(NEW, X)
KINDS = [(BaggingClassifier, KNNClassifier, C, "predict_proba"), (BaggingRegressor, KNNRegressor, Y, "predict")]


@pytest.mark.parametrize(("bagging", "nearest", "y", "method"), KINDS)
@pytest.mark.parametrize("max_samples", [1.0, 0.5])
@pytest.mark.parametrize("bootstrap", [True, False])
@pytest.mark.parametrize("as_frame", [False, True])
def test_members_learn_the_distances_among_their_rows(bagging, nearest, y, method, max_samples, bootstrap, as_frame):
    """Each equals its twin fitted to the coordinates of these rows."""
    names = [f"to {i}" for i in range(120)]
    given, asked = (pd.DataFrame(D, columns=names), pd.DataFrame(D_NEW, columns=names)) if as_frame else (D, D_NEW)
    ensemble = bagging(
        nearest(3, metric="precomputed"), 4, max_samples=max_samples, bootstrap=bootstrap, random_state=0
    ).fit(given, y)
    twins = [getattr(nearest(3).fit(X[rows], y[rows]), method)(NEW) for rows in ensemble.estimators_samples_]
    assert_allclose(ensemble.predict_members(asked), twins, rtol=1e-12)
    assert_allclose(getattr(ensemble, method)(asked), np.mean(twins, axis=0), rtol=1e-12)
    assert_array_equal(ensemble.estimators_features_, ensemble.estimators_samples_)


def test_rows_out_of_the_bag_are_judged_by_their_distances_from_those_in_it():
    model = BaggingClassifier(KNNClassifier(3, metric="precomputed"), 20, oob_score=True, random_state=0).fit(D, C)
    total, count = np.zeros((120, 3)), np.zeros((120, 1))
    for rows in model.estimators_samples_:
        unseen = np.setdiff1d(np.arange(120), rows)
        total[unseen] += KNNClassifier(3).fit(X[rows], C[rows]).predict_proba(X[unseen])
        count[unseen] += 1
    assert_allclose(model.oob_decision_function_, total / count, rtol=1e-12)


def test_members_that_are_added_later_take_their_own_rows():
    whole = BaggingClassifier(KNNClassifier(3, metric="precomputed"), 5, random_state=0).fit(D, C)
    grown = BaggingClassifier(KNNClassifier(3, metric="precomputed"), 2, warm_start=True, random_state=0).fit(D, C)
    grown.set_params(n_estimators=5).fit(D, C)
    assert_array_equal(grown.predict_members(D_NEW), whole.predict_members(D_NEW))


def test_a_kernel_is_drawn_on_both_sides_where_a_sample_lacks_all_but_one_class():
    rare = (np.arange(120) < 1).astype(int)
    model = BaggingClassifier(SVC(kernel="precomputed"), 8, random_state=0)
    with pytest.warns(UserWarning, match="the member predicts this class"):
        model.fit(X @ X.T, rare)
    for member, rows, votes in zip(
        model.estimators_, model.estimators_samples_, model.predict_members(NEW @ X.T), strict=True
    ):
        alone = len(np.unique(rare[rows])) == 1
        expected = np.zeros(30) if alone else SVC(kernel="linear").fit(X[rows], rare[rows]).predict(NEW)
        assert_array_equal(votes[:, 1], expected)
        assert alone != isinstance(member, SVC)


def test_splits_take_columns_with_the_rows():
    for model in (
        EnsembleClassifier([("a", KNNClassifier(3, metric="precomputed"))]),
        EnsembleClassifier(estimator=KNNClassifier(3, metric="precomputed"), n_estimators=2),
    ):
        assert get_tags(model).input_tags.pairwise
        assert_array_equal(cross_val_predict(model, D, C, cv=4), cross_val_predict(KNNClassifier(3), X, C, cv=4))
    assert_array_equal(
        cross_val_predict(EnsembleRegressor([("a", KNNRegressor(3, metric="precomputed"))]), D, Y, cv=4),
        cross_val_predict(KNNRegressor(3), X, Y, cv=4),
    )
    assert not get_tags(EnsembleClassifier([("a", KNNClassifier(3))])).input_tags.pairwise
    search = GridSearchCV(
        BaggingClassifier(KNNClassifier(metric="precomputed"), 3, random_state=0), {"estimator__n_neighbors": [1, 5]}
    )
    assert search.fit(D, C).best_score_ > 0.6  # of three classes


def test_a_member_beside_that_takes_distances_as_columns():
    """As in scikit-learn's ensemble, whose fit splits nothing."""
    members = [("near", KNNClassifier(3, metric="precomputed")), ("line", LogisticRegression(C=0.01, max_iter=1000))]
    ours, theirs = EnsembleClassifier(members).fit(D, C), VotingClassifier(members, voting="soft").fit(D, C)
    assert_allclose(ours.predict_proba(D_NEW), theirs.predict_proba(D_NEW), rtol=1e-12)


@pytest.mark.parametrize("parameters", [{"max_features": 0.5}, {"max_features": 1}, {"bootstrap_features": True}])
def test_columns_that_belong_to_rows_are_not_drawn(parameters):
    model = BaggingClassifier(KNNClassifier(3, metric="precomputed"), 3, **parameters)
    with pytest.raises(ValueError, match="takes distances or kernels: a column for each row"):
        model.fit(D, C)


@pytest.mark.parametrize("weights", ["validation", "greedy"])
def test_weights_that_set_rows_apart_are_refused(weights):
    members = [("a", KNNClassifier(1, metric="precomputed")), ("b", KNNClassifier(9, metric="precomputed"))]
    with pytest.raises(ValueError, match=rf"weights='{weights}' sets rows apart, and a member takes distances"):
        EnsembleClassifier(members, weights=weights).fit(D, C)
    # Fitted members are asked for distances of other rows, of which X is not square.
    fitted = [(name, member.fit(D, C)) for name, member in members]
    seen = (NEW @ [1, 2, 0, -1] > 0).astype(int)
    model = EnsembleClassifier(fitted, weights=weights, prefit=True).fit(D_NEW, seen)
    assert model.weights_.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "model",
    [
        BaggingClassifier(KNNClassifier(3, metric="precomputed"), 3),
        EnsembleClassifier([("a", KNNClassifier(3, metric="precomputed"))]),
    ],
)
def test_coordinates_in_the_place_of_distances(model):
    with pytest.raises(ValueError, match=rf"member of {type(model).__name__} takes distances.* Got shape \(120, 4\)"):
        model.fit(X, C)
