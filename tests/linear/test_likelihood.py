"""Log likelihoods against SciPy's densities, and standard errors of a softmax classifier against closed forms."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import log_loss

from skdl import LeastSquaresRegressor, MLPClassifier, PolynomialRegressor, SoftmaxClassifier
from skdl.losses import Brier


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.mark.parametrize(
    "model", [LeastSquaresRegressor(), PolynomialRegressor(2), LeastSquaresRegressor(0.5)], ids=str
)
@pytest.mark.parametrize("unit", [1.0, 1e200, 1e-250])
def test_least_squares_is_the_density_of_normal_noise(model, unit, rng):
    X, Y, weight = rng.normal(size=(60, 3)), rng.normal(size=(60, 2)) * unit, rng.integers(0, 3, 60)
    model.fit(X, Y, weight)
    residual = (Y - model.predict(X)) / unit
    sigma = np.sqrt(weight @ residual**2 / weight.sum())
    expected = (weight @ stats.norm.logpdf(residual, scale=sigma)).sum() - 2 * weight.sum() * np.log(unit)
    assert_allclose(model.log_likelihood(X, Y, weight), expected, rtol=1e-8)
    other = rng.normal(size=(10, 3))
    assert_allclose(
        model.log_likelihood(other, model.predict(other)),
        -10 * np.log(sigma * np.sqrt(2 * np.pi) * unit).sum(),
        rtol=1e-9,
    )


def test_at_the_fit_it_is_the_largest(rng):
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    model = LeastSquaresRegressor().fit(X, y)
    best = model.log_likelihood(X, y)
    assert_allclose(best, -25 * (np.log(2 * np.pi * np.mean((y - model.predict(X)) ** 2)) + 1), rtol=1e-12)
    for scale in (0.9, 1.1):
        assert best > stats.norm.logpdf(y - model.predict(X), scale=scale * np.std(y - model.predict(X))).sum()
    assert best > LeastSquaresRegressor(0.1).fit(X, y).log_likelihood(X, y)
    assert best <= PolynomialRegressor(2).fit(X, y).log_likelihood(X, y)


def test_where_least_squares_has_no_likelihood(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    for exact in (LeastSquaresRegressor(), PolynomialRegressor(1)):
        with pytest.warns(UndefinedMetricWarning, match="left no residuals"):
            assert exact.fit(X, X[:, 0] + 2).log_likelihood(X, y) == np.inf
    with pytest.raises(ValueError, match="is that of normal noise"):
        LeastSquaresRegressor(loss="huber").fit(X, y).log_likelihood(X, y)
    for model in (LeastSquaresRegressor().fit(X, y), PolynomialRegressor(2).fit(X, y)):
        with pytest.raises(ValueError, match=r"y must have the shape \(20,\)"):
            model.log_likelihood(X, y[:, None])
        model.intercept_ = model.intercept_ + 1
        with pytest.raises(ValueError, match="log_likelihood describes the coefficients that the last fit found"):
            model.log_likelihood(X, y)


@pytest.mark.parametrize("model", [SoftmaxClassifier(), MLPClassifier((8,), max_iter=20, random_state=0)], ids=str)
@pytest.mark.parametrize("data", [load_iris, load_breast_cancer])
def test_a_classifiers_is_minus_n_times_the_log_loss(model, data, rng):
    X, y = data(return_X_y=True)
    weight = rng.integers(0, 3, len(y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a few epochs
        model.fit(X, y)
    expected = -log_loss(y, model.predict_proba(X), sample_weight=weight) * weight.sum()
    assert_allclose(model.log_likelihood(X, y, weight), expected, rtol=1e-9)
    shares = np.eye(len(model.classes_))[y] * 0.8 + 0.2 / len(model.classes_)
    probable = (shares * np.log(model.predict_proba(X))).sum()
    if data is load_iris:
        assert_allclose(model.fit(X, shares).log_likelihood(X, shares), (shares * model.predict_log_proba(X)).sum())
    else:
        assert_allclose(model.log_likelihood(X, shares), probable, rtol=1e-6)


def test_it_is_exact_where_probabilities_round(rng):
    X = np.array([[-1.0], [1.0]] * 20)
    model = SoftmaxClassifier(alpha=0.1).fit(X, (X[:, 0] > 0).astype(int))
    model.coef_ = np.array([[-5000.0], [5000.0]])
    model.intercept_ = np.zeros(2)
    assert_allclose(model.log_likelihood([[1.0], [1.0]], [0, 1]), -10000.0)


def test_several_labels_and_other_losses(rng):
    X = rng.normal(size=(60, 4))
    several = (X[:, :3] + rng.normal(size=(60, 3)) > 0).astype(int)
    model = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, several)
    p = model.predict_proba(X)
    assert_allclose(model.log_likelihood(X, several), np.log(np.where(several, p, 1 - p)).sum(), rtol=1e-6)
    labels = np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), np.array(["a", "b"])[several[:, 1]]]).astype(object)
    columns = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, labels)
    logs = columns.predict_log_proba(X)
    codes = [np.searchsorted(classes, labels[:, j]) for j, classes in enumerate(columns.classes_)]
    expected = sum(each[np.arange(60), code].sum() for each, code in zip(logs, codes, strict=True))
    assert_allclose(columns.log_likelihood(X, labels), expected, rtol=1e-6)
    brier = MLPClassifier((4,), loss=Brier(), max_iter=5, random_state=0).fit(X, several[:, 0])
    own = brier.predict_log_proba(X)[np.arange(60), several[:, 0]].sum()
    assert_allclose(brier.log_likelihood(X, several[:, 0]), own, rtol=1e-6)
    with pytest.raises(ValueError, match="X has 60 rows and y has 3"):
        brier.log_likelihood(X, [0, 1, 0])


def test_the_coins_standard_error_is_the_closed_form():
    """Of the log odds of n flips with a share p of heads, the variance is 1 / (n p (1 - p))."""
    y = np.array(["head"] * 30 + ["tail"] * 10)
    X = np.zeros((40, 1))
    model = SoftmaxClassifier(alpha=0.0, tol=1e-9).fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="for x0, which the data do not determine"):
        found = model.summary(X, reference="tail")
    assert_allclose(found.loc[("head", "intercept"), "coefficient"], np.log(3), rtol=1e-6)
    assert_allclose(found.loc[("head", "intercept"), "standard_error"], np.sqrt(1 / (40 * 0.75 * 0.25)), rtol=1e-6)
    with pytest.warns(UndefinedMetricWarning):
        centred = model.summary(X)
    assert_allclose(centred.loc[("head", "intercept"), "standard_error"], 0.5 * np.sqrt(1 / 7.5), rtol=1e-6)


def test_two_classes_are_logistic_regression_by_its_information(rng):
    X = rng.normal(size=(300, 3)) * [1.0, 1e-3, 100.0] + [5.0, 0.0, 30.0]
    logits = (X - [5.0, 0.0, 30.0]) @ [1.0, 500.0, -0.01] + 0.3
    y = (rng.random(300) < 1 / (1 + np.exp(-logits))).astype(int)
    weight = rng.integers(0, 4, 300)
    model = SoftmaxClassifier(alpha=0.0, tol=1e-8).fit(X, y, weight)
    found = model.summary(X, weight, reference=0)
    p = model.predict_proba(X)[:, 1]
    Z = np.column_stack([np.ones(300), X])
    covariance = np.linalg.inv(Z.T @ (Z * (weight * p * (1 - p))[:, None]))
    assert_allclose(found["standard_error"], np.sqrt(covariance.diagonal()), rtol=1e-6)
    coef = np.concatenate([np.diff(model.intercept_), *np.diff(model.coef_, axis=0)])
    assert_allclose(found["coefficient"], coef, rtol=1e-8)
    assert_allclose(found["z"], coef / np.sqrt(covariance.diagonal()), rtol=1e-6)
    assert_allclose(found["upper_95"] - found["lower_95"], 2 * 1.959964 * found["standard_error"], rtol=1e-6)
    repeated = SoftmaxClassifier(alpha=0.0, tol=1e-8).fit(X.repeat(weight, axis=0), y.repeat(weight))
    again = repeated.summary(X.repeat(weight, axis=0), reference=0)
    assert_allclose(again["standard_error"], found["standard_error"], rtol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_several_classes_by_central_differences_of_the_log_likelihood(fit_intercept, rng):
    X, y = load_iris(return_X_y=True)
    X = X[:, [0, 1]]
    y = np.where(rng.random(150) < 0.3, rng.integers(0, 3, 150), y)  # not separated
    model = SoftmaxClassifier(alpha=0.0, tol=1e-9, fit_intercept=fit_intercept).fit(X, y)
    found = model.summary(X, reference=2)
    coef, intercept = model.coef_.copy(), model.intercept_.copy()
    d = 2 + fit_intercept

    def value(parameters):
        """The log likelihood where two classes' coefficients move, and the third's stay."""
        moved = parameters.reshape(2, d)
        if fit_intercept:
            model.intercept_ = intercept + np.append(moved[:, 0], 0)
        model.coef_ = coef + np.vstack([moved[:, -2:], np.zeros(2)])
        return model.log_likelihood(X, y)

    h, n = 1e-3, 2 * d
    eye, hessian = np.eye(n) * h, np.empty((n, n))
    for i in range(n):
        for j in range(n):
            hessian[i, j] = value(eye[i] + eye[j]) - value(eye[i] - eye[j])
            hessian[i, j] += value(-eye[i] - eye[j]) - value(eye[j] - eye[i])
    covariance = np.linalg.inv(-hessian / (4 * h * h))
    assert_allclose(found["standard_error"], np.sqrt(covariance.diagonal()), rtol=1e-3)
    model.coef_, model.intercept_ = coef, intercept
    centred = model.summary(X)["standard_error"].to_numpy().reshape(3, d)
    # Sums to zero: class 2's coefficients are minus the others' mean differences over three.
    between = np.kron(np.array([[-1 / 3, -1 / 3]]), np.eye(d))
    assert_allclose(centred[2], np.sqrt((between @ covariance @ between.T).diagonal()), rtol=1e-3)


def test_frames_and_what_is_not_defined(rng):
    X = pd.DataFrame({"age": rng.normal(size=200), "colour": rng.choice(["red", "blue"], 200)})
    y = np.where(X["age"] + rng.normal(size=200) > 0, "yes", "no")
    model = SoftmaxClassifier(alpha=0.0).fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="for intercept, colour_blue, colour_red, which the data"):
        found = model.summary(X, reference="no")
    numbers = SoftmaxClassifier(alpha=0.0).fit(X[["age"]].assign(red=X["colour"] == "red"), y)
    peer = numbers.summary(X[["age"]].assign(red=X["colour"] == "red"), reference="no")
    assert_allclose(found.loc[("yes", "age")], peer.loc[("yes", "age")], rtol=1e-3)
    assert list(peer.index.get_level_values("term")) == ["intercept", "age", "red"]
    with pytest.raises(ValueError, match=r"reference='maybe' is none of the classes \['no', 'yes'\]"):
        model.summary(X, reference="maybe")
    for params, why in ({"alpha": 0.1}, "with a penalty"), ({"class_weight": "balanced"}, "with class_weight"):
        other = SoftmaxClassifier(**{"alpha": 0.0, **params}).fit(X, y)
        with pytest.warns(UndefinedMetricWarning, match=why):
            assert other.summary(X)["standard_error"].isna().all()


def test_separated_classes_and_many_coefficients():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SoftmaxClassifier(alpha=0.0, max_iter=3000).fit(X[y < 2], y[y < 2])
    found = model.summary(X[y < 2], reference=0)
    assert (found["standard_error"] > found["coefficient"].abs()).all()
    model.coef_ = model.coef_ * 1e4
    model.intercept_ = model.intercept_ * 1e4
    with pytest.warns(UndefinedMetricWarning, match="separate the classes"):
        assert model.summary(X[y < 2])["standard_error"].isna().all()
    X, y = load_digits(return_X_y=True)
    big = SoftmaxClassifier(alpha=1.0).fit(np.tile(X, (1, 9)), y).set_params(alpha=0.0)
    with pytest.raises(ValueError, match="of which there may be at most 5000"):
        big.summary(np.tile(X, (1, 9)))
