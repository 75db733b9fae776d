"""What an ensemble says about its members: errors, correlation, uncertainty, against direct computation."""

from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import brier_score_loss, mean_squared_error
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleRegressor,
)
from skdl.ensemble import _out_of_bag
from skdl.ensemble._diagnostics import decompose, error_correlation

rng = np.random.default_rng(0)
X, X_NEW = rng.normal(size=(150, 4)), rng.normal(size=(60, 4))


def classes(X):
    return np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1] * X[:, 2], [-0.5, 0.5])]


def reals(X):
    return np.column_stack([X[:, 0] * X[:, 1] + 3 * X[:, 2], X[:, 3] ** 2])


class Constants(RegressorMixin, BaseEstimator):
    """Predicts a column of X: errors that a test can write down."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return X[:, self.column]


class Stated(ClassifierMixin, BaseEstimator):
    """Gives two neighbouring columns of X as class probabilities."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        return X[:, self.column : self.column + 2]


def regressor(weights=None, columns=(0, 1, 2)):
    members = [(f"column{j}", Constants(j)) for j in columns]
    return EnsembleRegressor(members, weights=weights).fit(np.zeros((2, 4)), np.zeros(2))


MIXED_C = [("tree", DecisionTreeClassifier(max_depth=3, random_state=0)), ("line", LogisticRegression())]
MIXED_R = [("tree", DecisionTreeRegressor(max_depth=3, random_state=0)), ("line", LinearRegression())]
FITTED = [
    (EnsembleRegressor(MIXED_R), lambda X: reals(X)[:, 0]),
    (EnsembleRegressor(MIXED_R, weights=[1, 3]), reals),
    (BaggingRegressor(DecisionTreeRegressor(max_depth=3), 7, random_state=0), reals),
    (EnsembleClassifier(MIXED_C, weights=[0.2, 3]), classes),
    (EnsembleClassifier([*MIXED_C, ("more", MIXED_C[0][1])], voting="hard"), classes),
    (BaggingClassifier(MLPClassifier((4,), max_iter=3), 5, random_state=0), classes),
]


@pytest.mark.parametrize("weights", [(1, 1, 1), (3, 1, 0), (2, 5, 1)])
def test_decomposition_in_exact_arithmetic(weights):
    table = np.array([[1, 2, -4, 0], [0, 3, 1, 0], [5, -2, 2, 0], [1, 1, 1, 0], [-3, 0, 8, 0]]) / 8
    y, rows = np.array([2, 0, 3, 1, -1]) / 4, [1, 2, 0, 3, 1]
    w = [Fraction(v, sum(weights)) for v in weights]
    share = [Fraction(v, sum(rows)) for v in rows]
    e = [[Fraction(y[n]) - Fraction(table[n, j]) for n in range(5)] for j in range(3)]
    mean = lambda i, j: sum(share[n] * e[i][n] * e[j][n] for n in range(5))  # noqa: E731
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    covariance = sum(w[i] * w[j] * mean(i, j) for i, j in pairs)
    average = sum(share[n] * sum(w[j] * e[j][n] for j in range(3)) ** 2 for n in range(5))
    expected = {
        "ensemble_error": average,
        "mean_member_error": sum(w[j] * mean(j, j) for j in range(3)),
        "mean_error_product": covariance / sum(w[i] * w[j] for i, j in pairs),
        "variance_term": sum(w[j] ** 2 * mean(j, j) for j in range(3)),
        "covariance_term": covariance,
        "ambiguity": sum(w[j] * mean(j, j) for j in range(3)) - average,
    }
    assert expected["variance_term"] + expected["covariance_term"] == average  # the identity itself
    terms = regressor(weights).error_decomposition(table, y, sample_weight=rows)
    assert list(terms.index) == list(expected)
    assert_allclose(terms, [float(value) for value in expected.values()], rtol=1e-13)
    if weights == (1, 1, 1):
        k = 3
        mixed = terms["mean_member_error"] / k + (k - 1) / k * terms["mean_error_product"]
        assert mixed == pytest.approx(terms["ensemble_error"], rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("ensemble", "target"), FITTED)
def test_decomposition_against_direct_computation(ensemble, target, weighted):
    ensemble.fit(X, target(X))
    weight = rng.integers(0, 4, 60).astype(float) if weighted else None
    y, members = target(X_NEW), ensemble.predict_members(X_NEW).astype(float)
    w = getattr(ensemble, "weights_", np.ones(len(members)))
    w = w / w.sum()
    terms = ensemble.error_decomposition(X_NEW, y, weight)
    if target is classes:
        truth = (y[:, None] == ensemble.classes_).astype(float)
        square = lambda values: np.average(((truth - values) ** 2).sum(axis=-1), weights=weight)  # noqa: E731
    else:
        truth = y
        square = lambda values: mean_squared_error(truth, values, sample_weight=weight)  # noqa: E731
    average = np.average(members, axis=0, weights=w)
    distance = np.array([np.sum((member - average) ** 2, axis=tuple(range(1, average.ndim))) for member in members])
    distance = np.average(distance, axis=1, weights=weight) / (1 if target is classes else truth[0].size)
    single = np.array([square(member) for member in members])
    assert terms["ensemble_error"] == pytest.approx(square(average), rel=1e-12)
    assert terms["mean_member_error"] == pytest.approx(w @ single, rel=1e-12)
    assert terms["variance_term"] == pytest.approx(w**2 @ single, rel=1e-12)
    assert terms["variance_term"] + terms["covariance_term"] == pytest.approx(terms["ensemble_error"], rel=1e-12)
    assert terms["ambiguity"] == pytest.approx(w @ distance, rel=1e-9)
    assert terms.name == ("Brier score" if target is classes else "mean squared error")


def test_brier_score_is_scikit_learns_sum_over_classes():
    ensemble = EnsembleClassifier(MIXED_C).fit(X, classes(X))
    expected = brier_score_loss(classes(X_NEW), ensemble.predict_proba(X_NEW), scale_by_half=False)
    assert ensemble.error_decomposition(X_NEW, classes(X_NEW))["ensemble_error"] == pytest.approx(expected)


def test_one_member_has_no_pairs():
    terms = regressor(columns=[1]).error_decomposition(X_NEW, X_NEW[:, 0])
    error = mean_squared_error(X_NEW[:, 0], X_NEW[:, 1])
    assert np.isnan(terms["mean_error_product"])
    assert_allclose(terms.drop("mean_error_product"), [error, error, error, 0, 0], atol=1e-15)


def test_correlation():
    ensemble, y = regressor(), X_NEW[:, 3] + 2
    errors = y[:, None] - X_NEW[:, :3]
    for weight in (None, rng.uniform(0, 3, 60)):
        share = np.ones(60) if weight is None else weight
        expected = [
            [(share * a * b).sum() / np.sqrt((share * a * a).sum() * (share * b * b).sum()) for b in errors.T]
            for a in errors.T
        ]
        assert_allclose(ensemble.member_correlation(X_NEW, y, weight), expected, rtol=1e-12)
    opposite = np.column_stack([y + 1, y - 1, y, y])
    with np.errstate(all="raise"):
        found = ensemble.member_correlation(opposite, y)
    assert_allclose(found, [[1, -1, np.nan], [-1, 1, np.nan], [np.nan] * 3])
    # Members of equal error s^2 and correlation rho: the average of k has s^2 (1 + (k - 1) rho) / k.
    terms, k = ensemble.error_decomposition(opposite[:, [0, 1, 0, 1]], y), 3
    rho = ensemble.member_correlation(opposite[:, [0, 1, 0, 1]], y)[~np.eye(3, dtype=bool)].mean()
    assert terms["ensemble_error"] == pytest.approx((1 + (k - 1) * rho) / k)


@pytest.mark.parametrize(("bagging", "target"), [
    (BaggingClassifier(DecisionTreeClassifier(max_depth=3), 8, oob_score=True, random_state=0), classes),
    (BaggingClassifier(DecisionTreeClassifier(), 8, max_samples=0.4, oob_score=True, random_state=0), classes),
    (BaggingRegressor(DecisionTreeRegressor(max_depth=3), 8, oob_score=True, random_state=0), reals),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*in the bag of every member")
def test_bagging_has_the_correlation_of_rows_that_neither_has_seen(bagging, target, monkeypatch):
    y = target(X)
    weight = rng.integers(1, 3, 150).astype(float)
    for sample_weight in (weight, None):
        fitted = bagging.fit(X, y, sample_weight)
        unseen = [np.setdiff1d(np.arange(150), rows) for rows in fitted.estimators_samples_]
        for i in range(8):
            for j in range(8):
                rows = np.intersect1d(unseen[i], unseen[j])
                share = None if sample_weight is None else weight[rows]
                own = fitted.member_correlation(X[rows], y[rows], share)
                assert fitted.member_correlation_[i, j] == pytest.approx(own[i, j], rel=1e-12)
    even = np.arange(0, 150, 2)
    monkeypatch.setattr(_out_of_bag, "sampled_rows", lambda n_rows, numbers: even)
    fitted = bagging.fit(X, y)
    rows = np.intersect1d(np.intersect1d(unseen[0], unseen[1]), even)
    own = fitted.member_correlation(X[rows], y[rows])
    assert fitted.member_correlation_[0, 1] == pytest.approx(own[0, 1], rel=1e-12)
    assert not hasattr(bagging.set_params(oob_score=False).fit(X, y), "member_correlation_")
    bagging.set_params(oob_score=True)


def test_rows_that_the_correlation_is_taken_from():
    assert_array_equal(_out_of_bag.sampled_rows(7, 1 << 30), np.arange(7))
    rows = _out_of_bag.sampled_rows(1_000_000, 1 << 14)
    assert (len(rows), rows[0], rows[-1], len(np.unique(rows))) == (1024, 0, 999_999, 1024)


def test_bagging_without_common_rows():
    with pytest.warns(UserWarning, match="in the bag of every member"):
        fitted = BaggingRegressor(LinearRegression(), 2, max_samples=1000, oob_score=True, random_state=0).fit(
            X[:6], reals(X)[:6, 0]
        )
    assert np.isnan(fitted.member_correlation_).all()


@pytest.mark.parametrize(("ensemble", "target"), [pair for pair in FITTED if pair[1] is classes])
def test_entropies(ensemble, target):
    ensemble.fit(X, classes(X))
    found = ensemble.predict_uncertainty(X_NEW)
    assert list(found.columns) == ["total_entropy", "expected_entropy", "knowledge_entropy"]
    w = getattr(ensemble, "weights_", np.ones(len(ensemble.estimators_)))
    members = ensemble.predict_members(X_NEW).astype(float)
    average = np.average(members, axis=0, weights=w)
    for n in range(60):
        entropy = lambda p: -sum(value * np.log(value) for value in p if value > 0)  # noqa: E731
        divergence = [
            sum(p * np.log(p / q) for p, q in zip(member[n], average[n], strict=True) if p > 0) for member in members
        ]
        assert found["total_entropy"][n] == pytest.approx(entropy(average[n]), abs=1e-6)
        expected = np.average([entropy(member[n]) for member in members], weights=w)
        assert found["expected_entropy"][n] == pytest.approx(expected, abs=1e-6)
        assert found["knowledge_entropy"][n] == pytest.approx(np.average(divergence, weights=w), abs=1e-6)
    assert (found >= 0).all().all()
    assert found["total_entropy"].max() <= np.log(3) + 1e-12


def test_entropies_at_the_ends():
    members = [("one", Stated(0)), ("two", Stated(2))]
    ensemble = EnsembleClassifier(members).fit(np.zeros((2, 4)), ["x", "y"])
    rows = np.array([[1.0, 0, 1, 0], [0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1]])  # sure; unsure alike; sure and at odds
    log2 = np.log(2)
    assert_allclose(ensemble.predict_uncertainty(rows), [[0, 0, 0], [log2, log2, 0], [log2, 0, log2]], atol=1e-15)


@pytest.mark.parametrize("weights", [None, [1, 2, 5]])
def test_spread(weights):
    found = regressor(weights).predict_uncertainty(X_NEW)
    average = np.average(X_NEW[:, :3], axis=1, weights=weights)
    expected = np.sqrt(np.average((X_NEW[:, :3] - average[:, None]) ** 2, axis=1, weights=weights))
    assert list(found.columns) == ["member_spread"]
    assert_allclose(found["member_spread"], expected)
    two = BaggingRegressor(DecisionTreeRegressor(), 4, random_state=0).fit(X, reals(X))
    found = two.predict_uncertainty(X_NEW)
    assert list(found.columns) == ["member_spread_0", "member_spread_1"]
    assert_allclose(found, two.predict_members(X_NEW).std(axis=0))


def test_frames_keep_their_rows_names():
    frame = pd.DataFrame(X, columns=list("pqrs"), index=[f"row {i}" for i in range(150)])
    fitted = BaggingClassifier(DecisionTreeClassifier(), 3, random_state=0).fit(frame, classes(X))
    assert list(fitted.predict_uncertainty(frame[5:9]).index) == ["row 5", "row 6", "row 7", "row 8"]
    fitted = BaggingRegressor(DecisionTreeRegressor(), 3, random_state=0).fit(pl.from_pandas(frame), reals(X)[:, 0])
    assert fitted.predict_uncertainty(pl.from_pandas(frame)).shape == (150, 1)
    assert fitted.error_decomposition(pl.from_pandas(frame), pl.Series(reals(X)[:, 0]))["ensemble_error"] > 0


def test_mistakes():
    classifier = EnsembleClassifier(MIXED_C).fit(X, classes(X))
    with pytest.raises(
        ValueError, match=r"labels that the ensemble has not seen in fit: \['d'\]. It has learned \['a', 'b'"
    ):
        classifier.error_decomposition(X[:2], ["a", "d"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier.member_correlation(X[:2], ["a"])
    with pytest.raises(ValueError, match="X has 3 features"):
        classifier.predict_uncertainty(X[:, :3])
    fitted = EnsembleRegressor(MIXED_R).fit(X, reals(X))
    with pytest.raises(ValueError, match=r"y has the shape \(150,\), and the predictions for it have \(150, 2\)"):
        fitted.error_decomposition(X, reals(X)[:, 0])
    with pytest.raises(ValueError, match="sample_weight"):
        fitted.error_decomposition(X, reals(X), sample_weight=np.zeros(150))


@pytest.mark.parametrize(("ensemble", "advice"), [
    (BaggingRegressor(LinearRegression(), 2), "Set oob_score=True"),
    (EnsembleRegressor(MIXED_R), "Set weights='validation' or 'greedy'"),
    (SnapshotEnsembleRegressor(MLPRegressor((4,), max_iter=2), 2), "Take an ensemble that keeps rows"),
])  # fmt: skip
def test_correlation_of_rows_that_all_members_have_seen(ensemble, advice):
    with pytest.raises(NotFittedError):
        _ = ensemble.member_correlation_
    ensemble.fit(X, reals(X))
    with pytest.raises(AttributeError, match=f"{advice}.* Or call member_correlation"):
        _ = ensemble.member_correlation_


def test_nothing_is_written():
    for ensemble, target in FITTED[2:4]:
        ensemble.fit(X, target(X))
        before = ensemble.__dict__.copy()
        ensemble.predict_uncertainty(X)
        ensemble.error_decomposition(X, target(X))
        ensemble.member_correlation(X, target(X))
        assert ensemble.__dict__ == before


def test_columns_of_targets_come_in_either_shape():
    ensemble = regressor()
    first = ensemble.error_decomposition(X_NEW, X_NEW[:, 3])
    assert_array_equal(first, ensemble.error_decomposition(X_NEW, X_NEW[:, 3:]))


@pytest.mark.parametrize("scale", [2.0**-800, 2.0**600], ids=["tiny", "huge"])
def test_correlation_in_any_units(scale):
    residuals = np.random.default_rng(0).normal(size=(3, 50, 1))
    known = np.random.default_rng(1).random((3, 50)) > 0.4
    expected = error_correlation(residuals, None, known)
    assert_array_equal(error_correlation(residuals * scale, None, known), expected)
    apart = residuals * np.array([scale, 1, 1 / scale])[:, None, None]
    assert_array_equal(error_correlation(apart, None, known), expected)
    terms = decompose(residuals, np.ones(3), None)
    assert_array_equal(
        list(decompose(residuals * 2.0**-400, np.ones(3), None).values()),
        [*(np.ldexp(term, -800) for term in terms.values())],
    )
    beyond = 0.0 if scale < 1 else np.inf
    assert decompose(residuals * scale, np.ones(3), None)["ensemble_error"] == beyond
    e, f = (residuals[j, known[0] & known[1], 0] for j in (0, 1))
    assert_allclose(expected[0, 1], e @ f / np.sqrt(e @ e * (f @ f)), rtol=1e-12)
