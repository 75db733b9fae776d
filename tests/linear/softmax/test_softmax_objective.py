"""What the softmax classifier minimises: LogisticRegression's objective, on columns of one scale or as they are."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import SoftmaxClassifier
from skdl.penalties import ElasticNet

C = 0.3
TIGHT = {"tol": 1e-7, "max_iter": 5000}


def overlapping(n_classes):
    """Classes that no penalty is needed to keep apart, and weights of the rows."""
    rng = np.random.default_rng(n_classes)
    X = rng.normal(size=(200, 4)) * [1.0, 2.0, 0.5, 1.5] + [0.0, 1.0, -2.0, 0.3]
    y = (X @ rng.normal(size=(4, n_classes)) + rng.gumbel(size=(200, n_classes)) * 2).argmax(axis=1)
    return X, y, rng.uniform(0.5, 3.0, 200)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("r", [None, 0.0, 1.0, 0.3])
def test_the_conversion_from_C(r, n_classes):
    """By the notes, for no penalty, l2, l1 and a mixture; the peer is converged by another method."""
    X, y, weight = overlapping(n_classes)
    peer = LogisticRegression(C=np.inf if r is None else C, l1_ratio=0.0 if r is None else r, tol=1e-11)
    peer.set_params(solver="newton-cholesky" if not r else "saga", max_iter=100_000).fit(X, y, weight)
    n = weight.sum()
    if r is None:
        params = {"alpha": 0.0}
    elif n_classes > 2:
        params = {"alpha": 1 / (C * n), "penalty": ElasticNet(r)}
    else:
        params = {
            0.0: {"alpha": 2 / (C * n), "penalty": "l2"},
            1.0: {"alpha": 1 / (C * n), "penalty": "l1"},
            0.3: {"alpha": (2 - 0.3) / (C * n), "penalty": ElasticNet(0.3 / (2 - 0.3))},
        }[r]
    softmax = SoftmaxClassifier(standardize=False, **params, **TIGHT).fit(X, y, weight)
    np.testing.assert_allclose(softmax.predict_proba(X), peer.predict_proba(X), atol=2e-6)
    # Only differences between classes are determined without a penalty, and of the intercepts.
    ours, theirs = (np.vstack([each.coef_.T, each.intercept_]) for each in (softmax, peer))
    differences = np.diff(theirs, axis=1) if n_classes > 2 else theirs
    np.testing.assert_allclose(np.diff(ours, axis=1), differences, atol=2e-5)
    if r is not None and n_classes > 2:
        np.testing.assert_allclose(softmax.coef_, peer.coef_, atol=2e-5)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_it_is_logistic_regression_on_standardised_columns(penalty, convert):
    X, y, weight = overlapping(3)
    X = X * [1e-6, 1.0, 1e4, 300.0]
    scaler = StandardScaler().fit(X, sample_weight=weight)
    solver = {"l1_ratio": 1.0, "solver": "saga"} if penalty == "l1" else {"solver": "newton-cholesky"}
    peer = LogisticRegression(C=1 / (0.01 * weight.sum()), tol=1e-11, max_iter=100_000, **solver)
    peer.fit(scaler.transform(X), y, weight)
    softmax = SoftmaxClassifier(0.01, penalty=penalty, **TIGHT).fit(convert(X), y, weight)
    np.testing.assert_allclose(softmax.coef_ * scaler.scale_, peer.coef_, atol=2e-6)
    np.testing.assert_allclose(softmax.predict_proba(convert(X)), peer.predict_proba(scaler.transform(X)), atol=2e-6)


def test_units_play_no_role():
    """Those of columns, in result and time; raw bytes are learned as their shares of 255."""
    X, y = load_digits(return_X_y=True)
    units = np.geomspace(1e-8, 1e8, X.shape[1])
    one, other = (SoftmaxClassifier(tol=1e-6).fit(values, y) for values in (X, X * units + 3 * units))
    assert abs(one.n_iter_ - other.n_iter_) <= 3
    np.testing.assert_allclose(other.coef_ * units, one.coef_, atol=1e-5)
    byte = (X * 15).astype(np.uint8)
    raw, shares = SoftmaxClassifier().fit(byte, y), SoftmaxClassifier().fit(byte / 255, y)
    assert abs(raw.n_iter_ - shares.n_iter_) <= 2
    np.testing.assert_allclose(raw.predict_proba(byte), shares.predict_proba(byte / 255), atol=1e-5)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("exponent", [-600, -510, 505, 512, 516, 700])
def test_columns_of_any_size(exponent, convert):
    """About 1e154 their squares are out of range, and below 1e-154 they vanish."""
    X, y, weight = overlapping(3)
    one = SoftmaxClassifier(penalty="l2").fit(convert(X), y, weight)
    other = SoftmaxClassifier(penalty="l2").fit(convert(np.ldexp(X, exponent)), y, weight)
    assert other.solver_ == one.solver_
    assert other.n_iter_ == one.n_iter_
    np.testing.assert_allclose(np.ldexp(other.coef_, exponent), one.coef_, rtol=1e-9)
    assert other.loss_ == pytest.approx(one.loss_, rel=1e-12)


def test_a_prior_and_alpha_by_feature_speak_of_raw_columns_and_of_standardised_ones():
    X, y, _ = overlapping(3)
    prior, alpha = np.arange(12.0).reshape(3, 4) / 30, np.array([0.1, 0.01, 0.3, 0.05])
    scaler = StandardScaler().fit(X)
    softmax = SoftmaxClassifier(alpha, prior=prior, **TIGHT).fit(X, y)
    raw = SoftmaxClassifier(alpha, prior=prior * scaler.scale_, standardize=False, **TIGHT).fit(scaler.transform(X), y)
    np.testing.assert_allclose(softmax.coef_ * scaler.scale_, raw.coef_, atol=1e-6)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_without_intercept(convert, standardize):
    X, y, weight = overlapping(3)
    unit = np.sqrt(np.average(X**2, axis=0, weights=weight)) if standardize else np.ones(4)
    peer = LogisticRegression(C=1 / (0.01 * weight.sum()), fit_intercept=False, solver="newton-cholesky", tol=1e-11)
    peer.fit(X / unit, y, weight)
    softmax = SoftmaxClassifier(0.01, fit_intercept=False, standardize=standardize, **TIGHT).fit(convert(X), y, weight)
    np.testing.assert_allclose(softmax.coef_ * unit, peer.coef_, atol=1e-6)
    np.testing.assert_array_equal(softmax.intercept_, np.zeros(3))
    np.testing.assert_allclose(softmax.predict_proba(np.zeros((1, 4))), np.full((1, 3), 1 / 3))


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_without_intercept_for_all_optimizers(penalty):
    """The minimum that SciPy finds of the formula, for two classes; Adam comes near it, and keeps the intercepts 0."""
    X, y, _ = overlapping(2)
    params = {"alpha": 0.02, "penalty": penalty, "fit_intercept": False, "standardize": False}
    softmax = SoftmaxClassifier(**params, **TIGHT).fit(X, y)

    def formula(w):  # of the difference of the rows, which share its penalty
        scores = np.column_stack([np.zeros(len(X)), X @ w])
        part = 0.02 * (np.abs(w).sum() if penalty == "l1" else w @ w / 4)
        return np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]) + part

    found = minimize(
        formula, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 9999}
    )
    np.testing.assert_allclose(np.diff(softmax.coef_, axis=0)[0], found.x, atol=1e-5)
    assert softmax.loss_ == pytest.approx(found.fun, abs=1e-10)
    adam = SoftmaxClassifier(
        **params, optimizer="adam", schedule="cosine", batch_size=200, max_iter=500, dtype="float64"
    )
    with warnings.catch_warnings(action="ignore"):
        adam.set_params(optimizer__learning_rate=0.1, tol=0.0, n_iter_no_change=500).fit(X, y)
    np.testing.assert_allclose(np.diff(adam.coef_, axis=0)[0], found.x, atol=1e-3)
    np.testing.assert_array_equal(adam.intercept_, [0.0, 0.0])


def test_without_intercept_training_goes_on_from_public_coefficients():
    X, y, _ = overlapping(3)
    softmax = SoftmaxClassifier(fit_intercept=False, warm_start=True).fit(X, y)
    found = softmax.coef_.copy()
    softmax.coef_ = np.zeros_like(found)
    np.testing.assert_allclose(softmax.fit(X, y).coef_, found, atol=1e-3)
    softmax.intercept_ = np.array([0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="with fit_intercept=False they must be zero"):
        softmax.fit(X, y)
    with pytest.raises(ValueError, match="structure has changed"):
        clone(softmax).fit(X, y).set_params(fit_intercept=True).fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparsify(dtype):
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.astype(dtype)
    softmax = SoftmaxClassifier(0.02, penalty="l1", warm_start=True).fit(X, y)
    dense, expected = softmax.coef_.copy(), softmax.decision_function(X)
    assert softmax.sparsify() is softmax
    assert sparse.issparse(softmax.coef_)
    assert softmax.coef_.nnz == np.count_nonzero(dense) < dense.size
    for rows in (X, sparse.csr_array(X.to_numpy())):
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of an array where a frame was
            scores = softmax.decision_function(rows)
        assert scores.dtype == dtype
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(softmax.densify().coef_, dense)
    n_iter = softmax.sparsify().n_iter_
    assert softmax.fit(X, y).n_iter_ == n_iter  # what is stored is not edited: there is nothing to do
    assert isinstance(softmax.coef_, np.ndarray)


def test_a_penalty_of_rows_and_a_frame():
    X, y = make_classification(60, 4, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcd"))
    np.testing.assert_array_equal(SoftmaxClassifier().fit(frame, y).coef_, SoftmaxClassifier().fit(X, y).coef_)


@pytest.mark.parametrize("name", [name for name in skdl.__all__ if inspect.isclass(getattr(skdl, name))])
def test_what_is_public_is_a_parameter_a_method_or_a_result(name):
    estimator = getattr(skdl, name)
    parameters = set(inspect.signature(estimator).parameters)
    for attribute in dir(estimator):
        static = inspect.getattr_static(estimator, attribute)
        method = callable(getattr(estimator, attribute, None))
        result = isinstance(static, property)
        assert attribute.startswith("_") or attribute in parameters or method or result, attribute
