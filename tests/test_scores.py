"""`score` of every kind of estimator: whatever the units of the targets and of the weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import PLAIN
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleRegressor,
    KNNClassifier,
    KNNRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SoftmaxClassifier,
)
from skdl._scores import accuracy, r2

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
REAL = X @ [1, 2, 0, -1] + 0.1 * rng.normal(size=120)
CLASS = (REAL > 0).astype(int) + (REAL > 1)
WEIGHT = rng.integers(0, 4, 120).astype(np.float64)
NETWORK = {"hidden_layer_sizes": (4,), "optimizer": "lbfgs", "max_iter": 20, "tol": 1.0, "random_state": 0}
REGRESSORS = [
    KNNRegressor(),
    LeastSquaresRegressor(),
    PolynomialRegressor(),
    MLPRegressor(**NETWORK),
    BaggingRegressor(LeastSquaresRegressor(), 3, random_state=0),
    EnsembleRegressor(estimator=KNNRegressor(), n_estimators=2),
]
CLASSIFIERS = [
    KNNClassifier(),
    SoftmaxClassifier(),
    MLPClassifier(**NETWORK),
    BaggingClassifier(SoftmaxClassifier(), 3, random_state=0),
]
SCALES = pytest.mark.parametrize("scale", [2.0**-700, 1.0, 2.0**600], ids=["tiny", "ordinary", "huge"])


def name(estimator):
    return type(estimator).__name__


@SCALES
@pytest.mark.parametrize("estimator", REGRESSORS, ids=name)
def test_r2_in_any_units(estimator, scale):
    """The predictions, brought back to ordinary units, judged by scikit-learn."""
    fitted = clone(estimator).fit(X, REAL * scale)
    predicted = fitted.predict(X) / scale
    assert fitted.score(X, REAL * scale) == r2_score(REAL, predicted)
    assert fitted.score(X, REAL * scale, WEIGHT) == r2_score(REAL, predicted, sample_weight=WEIGHT)


@SCALES
def test_a_search_chooses_as_in_ordinary_units(scale):
    search = GridSearchCV(KNNRegressor(), {"n_neighbors": [60, 5]}, cv=3).fit(X, REAL * scale)
    assert search.best_params_ == {"n_neighbors": 5}
    ordinary = GridSearchCV(KNNRegressor(), {"n_neighbors": [60, 5]}, cv=3, scoring="r2").fit(X, REAL)
    assert_array_equal(search.cv_results_["mean_test_score"], ordinary.cv_results_["mean_test_score"])


@SCALES
def test_out_of_bag_score_in_any_units(scale):
    bagging = BaggingRegressor(LeastSquaresRegressor(), 30, oob_score=True, random_state=0).fit(X, REAL * scale)
    assert bagging.oob_score_ == r2_score(REAL, bagging.oob_prediction_ / scale)
    assert_array_equal(np.diagonal(bagging.member_correlation_).round(12), 1)


@SCALES
@pytest.mark.parametrize("choice", ["validation", "greedy"])
def test_members_are_weighted_as_in_ordinary_units(choice, scale):
    """The linear model is the truth, and has nearly all of the weight; the spread comes in the units of y."""
    members = [(str(k), KNNRegressor(k)) for k in (40, 3)] + [("truth", LeastSquaresRegressor())]

    def chosen(factor):
        fitted = [(name, clone(member).fit(X[:60], REAL[:60] * factor)) for name, member in members]
        return EnsembleRegressor(fitted, prefit=True, weights=choice).fit(X[60:], REAL[60:] * factor).weights_

    assert chosen(scale)[2] > 0.9
    assert_array_equal(chosen(scale), chosen(1.0))
    equal = EnsembleRegressor(members).fit(X, REAL * scale)
    spread = equal.predict_uncertainty(X).to_numpy()[:, 0] / scale
    assert_allclose(spread, (equal.predict_members(X) / scale).std(axis=0), rtol=1e-12)


@SCALES
def test_validation_scores_in_any_units(scale):
    rows = {"X_val": X[80:], "y_val": REAL[80:] * scale}
    mlp = MLPRegressor((4,), max_iter=5, random_state=0, **PLAIN).fit(X[:80], REAL[:80] * scale, **rows)
    expected = r2_score(REAL[80:], mlp.predict(X[80:]) / scale)
    assert_allclose(max(mlp.validation_scores_), expected, rtol=1e-6)  # trained in float32
    # By default the loss of the standardised target decides.
    by_default = MLPRegressor((4,), max_iter=5, random_state=0)
    ordinary = clone(by_default).fit(X[:80], REAL[:80], X_val=X[80:], y_val=REAL[80:])
    by_default.fit(X[:80], REAL[:80] * scale, **rows)
    assert_allclose(by_default.validation_scores_, ordinary.validation_scores_, rtol=1e-6)
    assert by_default.best_epoch_ == ordinary.best_epoch_


@pytest.mark.parametrize("factor", [2.0**1020, 2.0**-1070], ids=["huge", "subnormal"])
@pytest.mark.parametrize("estimator", REGRESSORS + CLASSIFIERS, ids=name)
def test_weights_in_any_units(estimator, factor):
    y, metric = (CLASS, accuracy_score) if estimator in CLASSIFIERS else (REAL, r2_score)
    fitted = clone(estimator).fit(X, y)
    expected = metric(y, fitted.predict(X), sample_weight=WEIGHT)
    assert fitted.score(X, y, WEIGHT) == expected
    assert fitted.score(X, y, WEIGHT * factor) == expected
    assert_allclose(fitted.score(X, y, 1e308), metric(y, fitted.predict(X)), rtol=1e-14)
    for wrong in (-WEIGHT, np.zeros(120), np.full(120, np.nan)):
        with pytest.raises(ValueError, match="sample_weight"):
            fitted.score(X, y, wrong)


def test_each_output_has_units_of_its_own():
    y = np.column_stack([REAL, REAL[::-1] * 2.0**-600, REAL**2 * 2.0**600])
    predicted = y * [1.0, 0.9, 1.1] + [0.1, 0, 0]
    ordinary = [2.0**0, 2.0**600, 2.0**-600]
    assert r2(y, predicted) == r2_score(y * ordinary, predicted * ordinary)


def test_zeros_and_predictions_out_of_all_proportion():
    assert r2(np.zeros(3), np.array([0.0, 1e-200, 0.0])) == 0  # not 1: they are not predicted exactly
    assert r2(np.zeros(3), np.zeros(3)) == 1
    assert r2(np.array([1e-200, 2e-200]), np.array([1e200, 0.0])) < -1e200
    # What rows of weight zero hold is no unit of the others.
    y, predicted = np.array([1e-170, 2e-170, 4e-170, 1e170]), np.array([1e-170, 3e-170, 4e-170, 0.0])
    assert_allclose(r2(y, predicted, np.array([1, 1, 1, 0])), r2_score([1, 2, 4], [1, 3, 4]))


def test_float32_and_whole_numbers():
    y = (REAL * 2.0**-100).astype(np.float32)
    predicted = (y * np.float32(0.75)).astype(np.float32)
    assert r2(y, predicted) == r2_score(np.ldexp(y, 100), np.ldexp(predicted, 100)) < 1
    assert r2(CLASS, CLASS * 0.5) == r2_score(CLASS, CLASS * 0.5)
    assert r2(REAL.tolist(), REAL * 0.5) == r2_score(REAL, REAL * 0.5)


@pytest.mark.parametrize("estimator", [*REGRESSORS, *CLASSIFIERS], ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "score"])
def test_an_unfitted_estimator_says_so(estimator, method):
    if hasattr(estimator, method):
        with pytest.raises(NotFittedError, match=f"This {type(estimator).__name__} instance is not fitted yet"):
            getattr(clone(estimator), method)(*((X, CLASS) if method == "score" else (X,)))


def test_what_cannot_be_judged_is_an_error():
    with pytest.raises(ValueError, match="infinity"):
        r2(REAL, np.where(REAL > 1, np.inf, REAL))
    with pytest.raises(ValueError, match="NaN"):
        r2(np.where(REAL > 1, np.nan, REAL), REAL)
    with pytest.raises(ValueError, match="inconsistent"):
        r2(REAL[1:], REAL)
    with pytest.raises(ValueError, match="number"):
        r2(np.column_stack([REAL, REAL]), REAL)


@pytest.mark.parametrize("kind", [int, str, object], ids=["int", "str", "object"])
def test_accuracy_by_the_short_way(kind):
    y, predicted = CLASS.astype(str).astype(kind), CLASS[::-1].astype(str).astype(kind)
    assert accuracy(y, predicted) == accuracy_score(y, predicted)
    assert accuracy(y, predicted, WEIGHT) == accuracy_score(y, predicted, sample_weight=WEIGHT)
