"""scikit-learn's sklearn.linear_model.tests.test_ridge on LeastSquaresRegressor with a penalty."""

from adapters import Ridge
from borrow import borrow

_SOLVERS = "solver_ names what ran here; these solvers of scikit-learn's are not ours."
_TARGETS = "An array of alphas has one for each feature; for one for each target, the targets are fitted one by one."
_SPARSE = "Every solver takes sparse rows with an intercept."
DIFFERENT: dict[str, str] = {
    "test_ridge_regression[*sparse_cg]": _SOLVERS,
    "test_ridge_regression[*lsqr]": _SOLVERS,
    "test_ridge_regression[*sag]": _SOLVERS,
    "test_ridge_regression[*saga]": _SOLVERS,
    "test_ridge_regression[wide-*cholesky]": 'For more features than rows, what runs is named "dual".',
    "test_n_iter": _SOLVERS,
    "test_lbfgs_solver_error": _SOLVERS,
    "test_ridge_positive_error_test": "positive=True has a solver of its own, whatever solver= says in scikit-learn.",
    "test_ridge_individual_penalties": _TARGETS,
    "test_ridge_cv_individual_penalties": _TARGETS,
    "test_dtype_match_cholesky": _TARGETS,
    "test_ridge_fit_intercept_sparse_error": _SPARSE,
    "test_ridge_fit_intercept_sparse_sag": _SPARSE,
    "test_ridge_shapes_type": "A y of one column has one row of coefficients, as in scikit-learn's LinearRegression.",
    "test_raises_value_error_if_sample_weights_greater_than_1d": "An error, too, in other words.",
}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (Ridge,)}
globals().update(borrow("sklearn.linear_model.tests.test_ridge", SWAPPED, DIFFERENT))
