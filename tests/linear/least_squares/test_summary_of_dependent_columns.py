"""Standard errors where columns depend on each other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

from skdl import LeastSquaresRegressor


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def closed_form(X, y, weight, *, fit_intercept):
    """Coefficients and standard errors of a regression of full rank, by the formula; weights count rows."""
    design = np.column_stack([np.ones(len(X)), X]) if fit_intercept else X
    inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    coef = inverse @ design.T @ (weight * y)
    rss = weight @ (y - design @ coef) ** 2
    return coef, np.sqrt(rss / (weight.sum() - design.shape[1]) * inverse.diagonal())


# Columns made of three that are independent; which terms are known; the columns of a regression that they are those of.
ALIASED = {
    "ones": (lambda X: np.column_stack([X[:, 0], np.ones(len(X)), X[:, 1:]]), [0, 1, 3, 4], [0, 2, 3]),
    "a constant far from zero": (lambda X: np.column_stack([X, np.full(len(X), 1e6 + 0.1)]), [0, 1, 2, 3], [0, 1, 2]),
    "twice": (lambda X: np.column_stack([X, X[:, 1]]), [0, 1, 3], [0, 1, 2]),
    "a sum": (lambda X: np.column_stack([X, 1e5 * (X[:, 0] + X[:, 2])]), [0, 2], [0, 1, 2]),
    "a sum and ones": (lambda X: np.column_stack([np.ones(len(X)), X, X[:, 0] - X[:, 2]]), [0, 3], [1, 2, 3]),
    "dummies": (lambda X: np.column_stack([X, np.eye(3)[np.arange(len(X)) % 3]]), [1, 2, 3], [0, 1, 2, 3, 4]),
}


@pytest.mark.parametrize("solver", ["auto", "qr", "svd", "cholesky", "partial"])
@pytest.mark.parametrize(
    ("case", "fit_intercept"), [*((case, True) for case in ALIASED), ("twice", False), ("a sum", False)]
)
def test_what_is_determined_has_its_standard_error(case, fit_intercept, solver, rng):
    """That of the regression without the aliased columns."""
    make, known, kept = ALIASED[case]
    X = make(rng.normal(size=(30, 3)) * [1.0, 1e-4, 100.0] + [0.0, 1.0, -50.0])
    y, weight = X[:, 0] - X[:, 2] + rng.normal(size=30), rng.integers(1, 4, 30).astype(float)
    if not fit_intercept:
        known = [j for j in known if j]
    model = LeastSquaresRegressor(solver="auto" if solver == "partial" else solver, fit_intercept=fit_intercept)
    if solver == "partial":
        model.partial_fit(X[:13], y[:13], weight[:13]).partial_fit(X[13:], y[13:], weight[13:])
    else:
        model.fit(X, y, weight)
    with pytest.warns(UndefinedMetricWarning, match="which the data do not determine"):
        table = model.summary()
    coef, errors = closed_form(X[:, kept], y, weight, fit_intercept=fit_intercept)
    place = [0, *(1 + np.array(kept))] if fit_intercept else 1 + np.array(kept)
    due = {term: (coef[i], errors[i]) for i, term in enumerate(place)}
    rows = known if fit_intercept else [j - 1 for j in known]
    expected = [due[term] for term in known]
    assert_allclose(table.iloc[rows][["coefficient", "standard_error"]], expected, rtol=1e-7)
    assert table.iloc[rows].notna().all(axis=None)
    others = np.delete(np.arange(len(table)), rows)
    assert len(others)
    assert table.iloc[others].drop(columns="coefficient").isna().all(axis=None)


def test_aliased_columns_in_float32_and_for_several_targets(rng):
    X = rng.normal(size=(40, 3)).astype(np.float32)
    aliased = np.column_stack([X, X[:, 0] + X[:, 1], np.ones(40, np.float32)])
    Y = rng.normal(size=(40, 2)).astype(np.float32)
    with pytest.warns(UndefinedMetricWarning, match="for x0, x1, x3, x4, which"):
        table = LeastSquaresRegressor().fit(aliased, Y).summary()
    for output in (0, 1):
        coef, errors = closed_form(X.astype(float), Y[:, output].astype(float), np.ones(40), fit_intercept=True)
        found = table.loc[output].loc[["intercept", "x2"], ["coefficient", "standard_error"]]
        assert_allclose(found, np.column_stack([coef, errors])[[0, 3]], rtol=1e-4)
