"""Rows of weight zero in a bagged ensemble: the reference is the fit without them, to the bit, out of the bag too."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import BaggingClassifier, BaggingRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
REALS = X @ [1.0, 2, 0, -1] + rng.normal(size=120)
COUNTS = rng.poisson(np.exp(X[:, 0])).astype(float)
LABELS = (REALS > 0).astype(int) + (REALS > 1)
WEIGHT = np.ones(120)
WEIGHT[::2] = 0
KEPT = np.flatnonzero(WEIGHT)
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 3}


@pytest.mark.parametrize("samples", [{}, {"bootstrap": False, "max_samples": 0.5}], ids=["bootstrap", "without"])
@pytest.mark.parametrize(
    ("bagging", "y", "wild"),
    [
        (BaggingRegressor(MLPRegressor(**SMALL)), REALS, 1e308),
        (BaggingRegressor(MLPRegressor(**SMALL, loss="poisson")), COUNTS, -5.0),
        (BaggingRegressor(MLPRegressor(**SMALL), max_features=2), REALS, 1e308),
        (BaggingClassifier(MLPClassifier(**SMALL, class_weight="balanced")), LABELS, 1),
        (BaggingClassifier(SoftmaxClassifier()), LABELS, 1),
    ],
    ids=["reals", "poisson", "columns", "balanced", "softmax"],
)
def test_rows_of_weight_zero_are_not_looked_at(bagging, y, wild, samples):
    bagging.set_params(n_estimators=12, oob_score=True, random_state=0, **samples)
    odd, targets = X.copy(), y.copy()
    odd[0], targets[0] = 1.7e308, wild
    answer = bagging.fit(X[KEPT], y[KEPT], WEIGHT[KEPT]).predict_members(X[KEPT])
    alone, score = out_of_bag(bagging), bagging.oob_score_
    assert_array_equal(bagging.fit(odd, targets, WEIGHT).predict_members(X[KEPT]), answer)
    assert bagging.oob_score_ == score
    assert_array_equal(out_of_bag(bagging)[KEPT], alone)
    assert np.isnan(out_of_bag(bagging)[::2]).all()


def out_of_bag(bagging):
    is_regressor = isinstance(bagging, BaggingRegressor)
    return bagging.oob_prediction_ if is_regressor else bagging.oob_decision_function_
