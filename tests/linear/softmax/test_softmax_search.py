"""The full-batch search of a softmax regression: its objective, what must not change a bit, and how it ends."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skdl import BaggingClassifier, MLPClassifier, SoftmaxClassifier
from skdl.engine import Dataset
from skdl.engine.train import initial_state
from skdl.linear.softmax.row_blocks import RowBlocks
from skdl.neural._fit import NetworkFit

RNG = np.random.default_rng(0)
IRIS = load_iris(return_X_y=True)


def function_of(classifier, X, y, weight=None, name=None, index=None):
    """What a full-batch optimizer minimises."""
    fit = NetworkFit(classifier)
    member = fit.spec(fit.prepare(X, y, weight), n_epochs=5, index=index)
    search = member.function if name is None else replace(member.function, name=name)
    return search(member, initial_state(member))


@pytest.mark.parametrize("name", ["bohning", "diagonal", "split", "hessian"])
@pytest.mark.parametrize("kind", ["dense", "sparse", "far", "index"])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_value_and_slope_are_those_of_the_formula(name, kind, soft, standardize, monkeypatch):
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.LEAST_ROWS", 8)
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.MOST_ROWS", 8)
    n, d, n_classes = 61, 4, 3
    X = RNG.normal(size=(n, d))
    X[X < 0.3] = 0
    X *= [1, 10, 0.1, 2]
    X += 1e8 * (kind == "far")
    y = RNG.dirichlet(np.ones(n_classes), n) if soft else RNG.integers(0, n_classes, n)
    targets = y if soft else np.eye(n_classes)[y]
    weight, alpha = RNG.uniform(0.5, 2, n), RNG.uniform(0.01, 0.1, d)
    penalty = "l1" if name == "split" else "l2"
    prior = RNG.normal(size=(n_classes, d)) * 0.1
    classifier = SoftmaxClassifier(alpha=alpha, penalty=penalty, prior=prior, standardize=standardize)
    index = RNG.integers(0, n, 50) if kind == "index" else None
    function = function_of(classifier, sparse.csr_array(X) if kind == "sparse" else X, y, weight, name, index)
    assert function.blocks.folds == (kind != "far")
    if kind == "index":
        X, targets, weight = X[index], targets[index], weight[index]
    deviation = np.sqrt(np.cov(X.T, aweights=weight, bias=True).diagonal()) if standardize else np.ones(d)

    def formula(theta):
        """Of the class's docstring, with coefficients of centred columns."""
        coef = theta[: d * n_classes].reshape(d, n_classes).T * function.blocks.scale
        scores = (X - function.blocks.shift) @ coef.T + theta[d * n_classes :]
        losses = logsumexp(scores, axis=1) - (targets * scores).sum(axis=1)
        away = (coef - prior) * deviation
        penalties = alpha * (np.abs(away) if name == "split" else away**2 / 2)
        return np.average(losses, weights=weight) + penalties.sum()

    theta = RNG.normal(size=(d + 1) * n_classes) * 0.3
    point = function.point(theta)
    np.testing.assert_allclose(function.theta(point), theta, rtol=1e-10, atol=1e-12)
    value, slope = function.evaluate(point)
    assert function.value == pytest.approx(formula(theta), rel=1e-12)
    assert value == pytest.approx(function.value, rel=1e-13)  # no part of a split weight is too much
    h = 1e-6
    central = [(formula(theta + h * e) - formula(theta - h * e)) / (2 * h) for e in np.eye(len(theta))]
    np.testing.assert_allclose(function.gradient[0], central, rtol=1e-5, atol=1e-8)
    inside = point + 0.01  # off the bounds, where a split weight has two parts
    _, slope = function.evaluate(inside)
    central = [(function.evaluate(inside + h * e)[0] - function.evaluate(inside - h * e)[0]) / (2 * h)
               for e in np.eye(len(point))]  # fmt: skip
    np.testing.assert_allclose(slope, central, rtol=1e-5, atol=1e-8)
    function.close()


@pytest.mark.parametrize("name", ["bohning", "diagonal"])
def test_float32_sums_as_float64(name, monkeypatch):
    X, y = load_digits(return_X_y=True)
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.FEW", 0)
    functions = [function_of(SoftmaxClassifier(alpha=1e-3), X.astype(dtype), y, name=name) for dtype in "fd"]
    theta = RNG.normal(size=650) * 0.3
    values = [function.evaluate(function.point(theta))[0] for function in functions]
    assert values[0] == pytest.approx(values[1], rel=1e-7)
    np.testing.assert_allclose(functions[0].gradient, functions[1].gradient, atol=1e-7)
    assert functions[0].blocks.dtype == np.float32
    for function in functions:
        function.close()


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_columns_far_from_zero_are_not_folded_in_float32(convert, monkeypatch):
    """In float32, a mean of 1000 deviations would leave four digits of the scores."""
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.FEW", 0)
    X, y = load_iris(return_X_y=True)
    far = (X + np.float32(1000)).astype(np.float32)
    near = (far.astype(np.float64) - 1000).astype(np.float32)  # the same rows, exactly
    fitted = [SoftmaxClassifier(alpha=1e-2, tol=1e-4).fit(convert(each), y) for each in (far, near)]
    np.testing.assert_allclose(fitted[0].coef_, fitted[1].coef_, atol=2e-3)
    np.testing.assert_allclose(fitted[0].loss_, fitted[1].loss_, rtol=1e-6)


def test_few_rows_in_float32_are_no_rough_function():
    """The mean of 150 float32 losses jumps by 1e-8, in which a search for a gradient of 1e-7 finds no way down."""
    X, y = IRIS
    exact = SoftmaxClassifier(alpha=1e-2, tol=1e-7).fit(X, y)
    fitted = SoftmaxClassifier(alpha=1e-2, tol=1e-7).fit(X.astype(np.float32), y)
    np.testing.assert_allclose(fitted.coef_, exact.coef_, rtol=1e-4, atol=1e-5)
    assert fitted.coef_.dtype == np.float32


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(penalty, dtype, monkeypatch):
    monkeypatch.setattr("skdl.linear.softmax.objective.THREADS_FROM", 0)
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.MOST_ROWS", 64)
    monkeypatch.setattr("skdl.linear.softmax.row_blocks.LEAST_ROWS", 64)
    X, y = load_digits(return_X_y=True)
    params = {"alpha": 1e-3, "penalty": penalty, "max_iter": 15, "tol": 0.0}
    with pytest.warns(ConvergenceWarning):
        fits = [SoftmaxClassifier(**params, n_jobs=n_jobs).fit(X.astype(dtype), y) for n_jobs in (1, 2, 3, None)]
    for one, other in itertools.pairwise(fits):
        np.testing.assert_array_equal(one.coef_, other.coef_)
        assert one.loss_curve_ == other.loss_curve_


def test_an_ensemble_is_its_members():
    X, y = load_digits(return_X_y=True)
    ensemble = BaggingClassifier(SoftmaxClassifier(tol=1e-3), 3, random_state=0).fit(X, y)
    for member, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        lone = SoftmaxClassifier(tol=1e-3).fit(X[rows], y[rows])
        np.testing.assert_allclose(member.coef_, lone.coef_, rtol=1e-8, atol=1e-10)
        assert member.solver_ == lone.solver_


def test_views_of_a_large_array_are_not_copied():
    X, y = load_digits(return_X_y=True)
    function = function_of(SoftmaxClassifier(), np.ascontiguousarray(X), y)
    [(block, _), *_] = function.blocks.blocks(function.blocks.chunks[0])
    assert np.shares_memory(block, function.blocks.X)
    function.close()


def test_row_blocks_are_for_standardised_rows():
    with pytest.raises(TypeError, match="shift and scale"):
        RowBlocks(Dataset(np.ones((2, 2)), np.ones((2, 2))), np.float64)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("params", [{}, {"penalty": "l1"}, {"penalty": "elastic_net"}])
def test_tol_is_on_the_gradient_of_scaled_columns(params, standardize):
    X, y = load_breast_cancer(return_X_y=True)
    alpha = 0.01
    softmax = SoftmaxClassifier(alpha=alpha, tol=1e-4, standardize=standardize, **params).fit(X, y)
    residual = (softmax.predict_proba(X) - np.eye(2)[y]) / len(y)
    kink = {"l1": 1.0, "elastic_net": 0.5}.get(softmax.penalty, 0.0)
    unit = X.std(axis=0) if standardize else np.ones(X.shape[1])  # of the columns whose coefficients are penalised
    coef, centred = softmax.coef_ * unit, (X - X.mean(axis=0)) / unit
    gradient = residual.T @ centred + alpha * (1 - kink) * coef
    off = gradient + alpha * kink * np.sign(coef)
    drawn = np.sign(gradient) * np.maximum(np.abs(gradient) - alpha * kink, 0)
    gradient = np.where(coef == 0, drawn, off)
    gradient = gradient / np.sqrt(centred.var(axis=0) + 4 * alpha)
    largest = max(np.abs(gradient).max(), np.abs(residual.sum(axis=0)).max())
    assert largest <= 1e-4
    assert largest > 1e-6  # it does not go on for no reason


def test_where_there_is_nothing_to_search_for_the_loss_is_known():
    """One row of each class at the same place, constant columns, or a second fit with another alpha."""
    softmax = SoftmaxClassifier().fit([[1, 2], [1, 2]], [0, 1])
    assert softmax.loss_ == softmax.best_loss_ == pytest.approx(np.log(2))
    assert softmax.n_iter_ == 0
    assert softmax.loss_curve_ == []
    shares = SoftmaxClassifier().fit(np.ones((10, 3)), [0] * 5 + [1] * 5)
    assert shares.loss_ == pytest.approx(np.log(2))
    network = MLPClassifier((), optimizer="lbfgs", initializer="zeros").fit([[1.0, 2.0], [1.0, 2.0]], [0, 1])
    assert network.loss_ == pytest.approx(np.log(2))
    X, y = IRIS
    path = SoftmaxClassifier(1e-3, warm_start=True, tol=1e-3).fit(X, y)
    n_iter, coef, unit = path.n_iter_, path.coef_.copy(), X.std(axis=0)
    path.set_params(alpha=1.0001e-3).fit(X, y)
    assert path.n_iter_ == n_iter
    chance = path.predict_proba(X)[np.arange(len(y)), y]
    assert path.loss_ == pytest.approx(-np.log(chance).mean() + 1.0001e-3 / 2 * ((coef * unit) ** 2).sum(), rel=1e-12)


def test_a_fit_from_the_optimum_has_nothing_to_do():
    X, y = IRIS
    softmax = SoftmaxClassifier(warm_start=True, tol=1e-5).fit(X, y)
    n_iter, coef = softmax.n_iter_, softmax.coef_
    softmax.fit(X, y)
    assert softmax.n_iter_ == n_iter
    np.testing.assert_array_equal(softmax.coef_, coef)


def test_partial_fit_takes_one_iteration_a_call():
    X, y = load_digits(return_X_y=True)
    softmax, losses = SoftmaxClassifier(alpha=1e-3), []
    for _ in range(5):
        softmax.partial_fit(X, y)
        losses.append(softmax.loss_)
    assert softmax.n_iter_ == 5
    assert losses == sorted(losses, reverse=True)
    assert softmax.score(X, y) > 0.9


def test_a_data_frame_in_other_units():
    X, y = load_iris(return_X_y=True, as_frame=True)
    units = pd.Series([1e6, 1e-6, 1.0, 1e3], X.columns)
    softmax = SoftmaxClassifier(alpha=0.0, max_iter=30).set_params(tol=1e-4)
    one, other = softmax.fit(X, y).predict_proba(X), softmax.fit(X * units, y).predict_proba(X * units)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_soft_labels_weights_and_classes_at_once():
    X, y = IRIS
    X = StandardScaler().fit_transform(X)
    soft, weight = RNG.dirichlet(np.ones(3), len(y)), RNG.uniform(0.5, 2, len(y))
    params = {"alpha": 0.01, "standardize": False, "tol": 1e-8}
    softmax = SoftmaxClassifier(class_weight={0: 1.0, 1: 3.0, 2: 0.5}, **params).fit(X, soft, weight)
    rows = np.repeat(np.arange(len(y)), 3)
    by_class = weight * (soft @ [1.0, 3.0, 0.5])
    fractions = (soft * by_class[:, None]).ravel()
    peer = LogisticRegression(C=1 / (0.01 * fractions.sum()), solver="newton-cholesky", tol=1e-12)
    peer.fit(X[rows], np.tile(np.arange(3), len(y)), fractions)
    np.testing.assert_allclose(softmax.coef_, peer.coef_, atol=1e-6)


def test_another_optimizer_goes_on():
    """From the search's end by small steps, and from Adam's end to the minimum."""
    X, y = IRIS
    softmax = SoftmaxClassifier(alpha=0.01, warm_start=True, tol=1e-6).fit(X, y)
    found = softmax.coef_
    changes = {"optimizer": "adam", "optimizer__learning_rate": 1e-5, "max_iter": 2}
    with pytest.warns(ConvergenceWarning):
        softmax.set_params(**changes).fit(X, y)
    assert softmax.solver_ == "adam"
    np.testing.assert_allclose(softmax.coef_, found, atol=1e-3)
    with pytest.warns(ConvergenceWarning):
        softmax.set_params(optimizer="sgd").fit(X, y)
    softmax.set_params(optimizer="lbfgs", max_iter=100).fit(X, y)
    np.testing.assert_allclose(softmax.coef_, found, atol=1e-4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": [0.1, 0.2]}, "an array of 4 such numbers, one for each feature. Got an array of shape"),
        ({"alpha": [0.1, 0.2, 0.3, -1.0]}, "Got -1.0 among them"),
        ({"alpha": [0.1, 0.2, 0.3, np.nan]}, "Got nan among them"),
        ({"prior": np.zeros((4, 3))}, r"the shape \(3, 4\) of coef_, .* Got \(4, 3\)"),
        ({"penalty": "max_norm"}, "has kinks or bounds, .* Choose a first-order optimizer"),
    ],
)
def test_mistakes_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxClassifier(**params).fit(*IRIS)
