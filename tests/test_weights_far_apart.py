"""Weights of rows so far apart that rounding hides the rows of small weight: the right result, or an error."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_iris

from skdl import (
    KNNClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SoftmaxClassifier,
)

X, LABELS = load_iris(return_X_y=True)
COEF = np.array([2.0, 1.0, 0.0, -1.0])
Y = X @ COEF + 3
MLP = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def heavy(ratio, rows):
    weight = np.ones(len(X))
    weight[rows] = ratio
    return weight


@pytest.mark.parametrize("solver", ["auto", "cholesky", "qr", "svd"])
@pytest.mark.parametrize("ratio", [1e20, 1e26, 1e30, 1e40, 1e150, 1e300])
@pytest.mark.parametrize("rows", [[3], [3, 60, 100]])
def test_least_squares_are_right_or_an_error(solver, ratio, rows):
    least_squares = LeastSquaresRegressor(alpha=0, solver=solver)
    if ratio > 1e24:
        with pytest.raises(ValueError, match=rf"sample_weight .* is {ratio:.0e}".replace("+", r"\+")):
            least_squares.fit(X, Y, sample_weight=heavy(ratio, rows))
    else:
        assert_allclose(least_squares.fit(X, Y, sample_weight=heavy(ratio, rows)).coef_, COEF, atol=1e-6)


@pytest.mark.parametrize("ratio", [1e20, 1e26, 1e32, 1e34, 1e40, 1e150])
@pytest.mark.parametrize(("rows", "n_seen"), [([3], 0), ([0, 1, 2], 2)])
def test_polynomials_are_right_or_an_error(ratio, rows, n_seen):
    for degree, n_terms in ((1, 4), (2, 14)):
        polynomial, weight = PolynomialRegressor(degree), heavy(ratio, rows)
        if ratio > 1e24:
            message = rf"sample_weight .* the rows determine {n_terms} coefficients, with these it is {n_seen}\."
            with pytest.raises(ValueError, match=message):
                polynomial.fit(X, Y, sample_weight=weight)
        else:
            assert_allclose(polynomial.fit(X, Y, sample_weight=weight).predict(X), Y, rtol=1e-6)


@pytest.mark.parametrize("ratio", [1e20, 1e30, 1e40])
def test_partial_fit_of_least_squares_too(ratio):
    model, weight = LeastSquaresRegressor(), heavy(ratio, [3])
    if ratio > 1e24:
        with pytest.raises(ValueError, match="sample_weight"):
            model.partial_fit(X, Y, weight)
        model.partial_fit(X, Y)
        with pytest.raises(ValueError, match="sample_weight"):
            model.partial_fit(X, Y, weight)
    assert_allclose(model.partial_fit(X, Y).coef_, COEF, atol=1e-6)  # what was refused left nothing behind


def test_digits_that_a_shift_takes_are_missed():
    shifted = X + 1e4
    with pytest.raises(ValueError, match="sample_weight"):
        LeastSquaresRegressor(alpha=0).fit(shifted, Y, sample_weight=heavy(1e24, [3]))
    assert_allclose(
        LeastSquaresRegressor(alpha=0).fit(shifted, Y, sample_weight=heavy(1e12, [3])).coef_, COEF, atol=1e-6
    )


def test_float32_hides_rows_of_less_different_weights():
    weight = heavy(1e16, [3])
    with pytest.raises(ValueError, match=r"sample_weight .* is 1e\+16 times"):
        LeastSquaresRegressor(alpha=0).fit(X.astype(np.float32), Y, sample_weight=weight)
    assert_allclose(LeastSquaresRegressor(alpha=0).fit(X, Y, sample_weight=weight).coef_, COEF, atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (SoftmaxClassifier(), LABELS),
        (MLPClassifier(**MLP), LABELS),
        (MLPRegressor(**MLP), Y),
        (LeastSquaresRegressor(solver="adam"), Y),
    ],
)
@pytest.mark.parametrize("ratio", [1e30, 1e100, 1e308])
def test_networks_refuse_what_their_standardisation_cannot_see(estimator, y, ratio):
    for rows in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match=r"varies only in rows of weights below 8e-25 of the largest.* to 0"):
            estimator.fit(rows, y, sample_weight=heavy(ratio, [100]))


def test_class_weights_count_too():
    with pytest.raises(ValueError, match=r"sample_weight \(times class_weight, .* is 1e\+40 times the smallest"):
        SoftmaxClassifier(class_weight={0: 1e40}).fit(X[49:], LABELS[49:])


def test_what_needs_no_rows_of_small_weight_stays():
    """Weights of a narrow kernel: the rows near its middle are enough, and the others as good as absent."""
    weight = np.exp(-((np.arange(150.0) - 75) ** 2) / 8)
    near = weight > 1e-30
    assert weight.min() < 1e-300
    for model in (LeastSquaresRegressor(alpha=0), PolynomialRegressor(1)):
        assert_allclose(model.fit(X, Y, sample_weight=weight).predict(X), Y, rtol=1e-6)
    softmax = SoftmaxClassifier(tol=1e-9).fit(X, LABELS, sample_weight=weight)
    without = SoftmaxClassifier(tol=1e-9).fit(X, LABELS, sample_weight=np.where(near, weight, 0))
    assert_allclose(softmax.predict_proba(X), without.predict_proba(X), atol=1e-6)
    MLPRegressor(**MLP).fit(X, Y, sample_weight=weight)


def test_a_row_of_all_weight_has_its_label():
    for row in (0, 60, 149):
        weight = heavy(1e50, [row])
        for model in (SoftmaxClassifier(standardize=False), KNNClassifier()):
            assert model.fit(X, LABELS, sample_weight=weight).predict(X[[row]]) == LABELS[[row]]


def test_a_penalty_settles_what_rows_of_small_weight_leave_open():
    """Then the row of all weight decides: its target is predicted everywhere, as the coefficients are drawn to 0."""
    for model in (LeastSquaresRegressor(alpha=1e-6), PolynomialRegressor(1, alpha=1e-6)):
        predicted = model.fit(X, Y, sample_weight=heavy(1e40, [100])).predict(X)
        assert_allclose(predicted, Y[100], rtol=1e-9)


def test_dependent_columns_are_no_matter_of_weights():
    columns = np.column_stack([X, X[:, 0]])
    weight = np.ones(len(X))
    weight[:5] = 1e-18
    model = LeastSquaresRegressor(alpha=0).fit(columns, Y, sample_weight=weight)
    assert model.rank_ == 4
    assert_allclose(model.predict(columns), Y, rtol=1e-9)
