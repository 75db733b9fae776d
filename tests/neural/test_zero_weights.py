"""Rows of weight zero are as if they were not there: the reference is the same fit without them, to the bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    KNNClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPMultitask,
    MLPRegressor,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
)
from skdl.encodings import Piecewise

rng = np.random.default_rng(0)
N, WILD = 120, 1e30
X, REALS = rng.normal(size=(N, 4)), rng.normal(size=N)
LABELS = np.where(X[:, 0] > 0.3, "a", np.where(X[:, 1] > 0, "b", "c"))
KEPT = np.flatnonzero(rng.random(N) > 0.4)
WEIGHT = np.zeros(N)
WEIGHT[KEPT] = rng.integers(1, 4, len(KEPT))
# What rows of weight zero hold must not matter: neither to the moments, nor to the range, nor to the classes.
X[WEIGHT == 0] *= WILD
REALS[WEIGHT == 0] *= WILD
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}

CASES = {
    "plain": (MLPRegressor(**SMALL), REALS),
    "classes": (MLPClassifier(**SMALL), LABELS),
    "early stopping": (MLPRegressor(**SMALL, early_stopping=True), REALS),
    "early stopping of classes": (MLPClassifier(**SMALL, early_stopping=True, validation_fraction=0.3), LABELS),
    "scorer": (MLPRegressor(**SMALL, early_stopping=True, scoring="neg_mean_absolute_error"), REALS),
    "stratified batches": (MLPClassifier(**SMALL, stratified_batches=True), LABELS),
    "lbfgs": (MLPRegressor(**SMALL, optimizer="lbfgs", tol=0.1), REALS),
    "not standardised": (MLPRegressor(**SMALL, standardize=False), REALS),
    "balanced": (MLPClassifier(**SMALL, class_weight="balanced"), LABELS),
    "poisson": (MLPRegressor(**SMALL, loss="poisson"), np.abs(REALS)),
    "several outputs": (MLPRegressor(**SMALL, batch_size=16), np.column_stack([REALS, X[:, 0]])),
    "tasks": (
        MLPMultitask(**SMALL),
        np.where(np.arange(240).reshape(120, 2) % 3, np.column_stack([REALS, X[:, 0]]), np.nan),
    ),
    "softmax": (SoftmaxClassifier(random_state=0), LABELS),
    "snapshots": (SnapshotEnsembleRegressor(MLPRegressor(**SMALL), n_estimators=2, random_state=0), REALS),
    "shared weights": (
        EnsembleRegressor(estimator=MLPRegressor(**SMALL), n_estimators=2, share="batch_ensemble", random_state=0),
        REALS,
    ),
    "without replacement": (
        BaggingRegressor(MLPRegressor(**SMALL), 2, bootstrap=False, max_samples=1.0, random_state=0),
        REALS,
    ),
    "encoded": (MLPRegressor(**SMALL, encoding=Piecewise(4, bins="tree")), REALS),
    "encoded members": (
        BaggingClassifier(MLPClassifier(**SMALL, encoding="quantile", input_scale=True), 3, random_state=0),
        LABELS,
    ),
    "encoded waves": (MLPRegressor(**SMALL, encoding="periodic", early_stopping=True), REALS),
    "fitted weights": (
        EnsembleRegressor(
            [("a", MLPRegressor(**SMALL)), ("b", MLPRegressor((3,), max_iter=2))], weights="greedy", random_state=0
        ),
        REALS,
    ),
    "bootstrap of classes": (
        BaggingClassifier(MLPClassifier(**SMALL, class_weight="balanced"), 3, random_state=0),
        LABELS,
    ),
    "bootstrap": (BaggingRegressor(MLPRegressor(**SMALL), 3, random_state=0), REALS),
    "bootstrap and early stopping": (
        BaggingRegressor(MLPRegressor(**SMALL, early_stopping=True), 3, random_state=0),
        REALS,
    ),
    "ensemble": (
        EnsembleClassifier(estimator=MLPClassifier(**SMALL, early_stopping=True), n_estimators=2, random_state=0),
        LABELS,
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("case", CASES)
def test_the_fit_is_the_one_without_them(case, make):
    estimator, y = CASES[case]
    fitted = estimator.fit(make(X), y, WEIGHT).predict(make(X[KEPT]))
    if hasattr(estimator, "predict_proba"):
        fitted = estimator.predict_proba(make(X[KEPT]))
    estimator.fit(make(X[KEPT]), y[KEPT], WEIGHT[KEPT])
    of = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
    alone = of(make(X[KEPT]))
    assert_array_equal(fitted, alone)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "estimator",
    [
        SoftmaxClassifier(),
        SoftmaxClassifier(penalty="l1"),
        SoftmaxClassifier(standardize=False),
        MLPClassifier(**SMALL),
        MLPClassifier(**SMALL, early_stopping=True, optimizer="lbfgs", tol=0.1),
    ],
)
def test_rows_of_one_weight_are_rows_without(estimator, make):
    weight = (WEIGHT > 0) / 3
    found = estimator.fit(make(X), LABELS, weight).predict_proba(make(X[KEPT]))
    assert_array_equal(found, estimator.fit(make(X[KEPT]), LABELS[KEPT]).predict_proba(make(X[KEPT])))


def test_few_rows_of_weight_decide_on_the_precision():
    """40 rows make batches and float32; the 20 of them that count are one batch, in float64."""
    weight = np.repeat([1.0, 0.0], 20)
    inside = rng.normal(size=(40, 4))
    found = MLPRegressor(**SMALL).fit(inside, inside[:, 0], weight)
    alone = MLPRegressor(**SMALL).fit(inside[:20], inside[:20, 0])
    assert_array_equal(found.coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
def test_a_class_of_weight_zero_is_known_and_not_learned(params):
    inside, weights = rng.normal(size=(N, 4)), {"a": 1.0, "b": 0.0, "c": 2.0}
    found = MLPClassifier(**SMALL, **params, class_weight=weights).fit(inside, LABELS)
    kept = LABELS != "b"
    alone = MLPClassifier(**SMALL, **params, class_weight=weights).fit(
        inside[kept], LABELS[kept], classes=["a", "b", "c"]
    )
    assert found.classes_.tolist() == ["a", "b", "c"]
    assert_array_equal(found.coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(**SMALL),
        MLPClassifier(**SMALL, early_stopping=True),
        SoftmaxClassifier(),
        KNNClassifier(5),
    ],
)
def test_the_labels_of_rows_of_weight_zero_count_as_declared(estimator):
    """So does scikit-learn: `classes_` are the labels of y, and what a class is given is what no row of it teaches."""
    inside, weight, kept = rng.normal(size=(N, 4)), (LABELS != "b") * 2.0, LABELS != "b"
    found = estimator.fit(inside, LABELS, weight).predict_proba(inside)
    assert estimator.classes_.tolist() == ["a", "b", "c"]
    alone = clone(estimator)
    if isinstance(estimator, KNNClassifier):
        alone.partial_fit(inside[kept], LABELS[kept], ["a", "b", "c"], weight[kept])
        assert not found[:, 1].any()
    else:
        alone.fit(inside[kept], LABELS[kept], weight[kept], classes=["a", "b", "c"])
    assert_array_equal(found, alone.predict_proba(inside))


@pytest.mark.parametrize("member", [KNNClassifier(3), DecisionTreeClassifier(), MLPClassifier(**SMALL)])
def test_bagging_knows_the_labels_of_rows_of_weight_zero(member):
    inside, kept = rng.normal(size=(N, 4)), LABELS != "b"
    bagging = BaggingClassifier(member, 3, random_state=0)
    found = bagging.fit(inside, LABELS, kept * 1.0).predict_proba(inside)
    assert bagging.classes_.tolist() == ["a", "b", "c"]
    if isinstance(member, MLPClassifier):  # one encoding for all: the classes are known to each network
        assert all(network.classes_.tolist() == ["a", "b", "c"] for network in bagging.estimators_)
        return
    alone = bagging.fit(inside[kept], LABELS[kept], np.ones(kept.sum())).predict_proba(inside)
    assert_array_equal(found, np.insert(alone, 1, 0.0, axis=1))


def test_validation_rows_of_weight_zero_do_not_judge():
    inside = rng.normal(size=(N, 4))
    y, weight = inside[:, 0] + rng.normal(size=N), np.repeat([1.0, 0.0], [30, 10])
    wild = inside[:40].copy()
    wild[30:] = 1e300
    fits = []
    for rows, weights in ((slice(40), weight), (slice(30), weight[:30])):
        own = {"X_val": wild[rows], "y_val": y[rows], "sample_weight_val": weights}
        fits.append(MLPRegressor(**{**SMALL, "max_iter": 20}).fit(inside[40:], y[40:], **own))
    assert fits[0].validation_scores_ == fits[1].validation_scores_
    assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])


@pytest.mark.parametrize("power", [-900, -40, 30, 1020])
def test_weights_count_by_their_proportions(power):
    inside, weight = rng.normal(size=(N, 4)), rng.uniform(0.5, 2, N)
    for network, y in ((MLPRegressor(**SMALL), inside[:, 0]), (LeastSquaresRegressor(), inside[:, 0])):
        found = network.fit(inside, y, np.ldexp(weight, power)).predict(inside)
        np.testing.assert_allclose(found, network.fit(inside, y, weight).predict(inside), rtol=1e-12)
