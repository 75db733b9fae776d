"""scikit-learn's sklearn.linear_model.tests.test_ridge on LeastSquaresRegressor with a penalty."""

from adapters import Ridge
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (Ridge,)}
globals().update(borrow("sklearn.linear_model.tests.test_ridge", SWAPPED, DIFFERENT))
