"""scikit-learn's sklearn.linear_model.tests.test_base on LeastSquaresRegressor."""

from adapters import LinearRegression
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (LinearRegression,)}
globals().update(borrow("sklearn.linear_model.tests.test_base", SWAPPED, DIFFERENT))
