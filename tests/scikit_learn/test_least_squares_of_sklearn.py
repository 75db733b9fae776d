"""scikit-learn's sklearn.linear_model.tests.test_base on LeastSquaresRegressor."""

from adapters import LinearRegression
from borrow import borrow

DIFFERENT: dict[str, str] = {
    "test_inplace_data_preprocessing[*-None]": "X is never changed, so that there is no copy_X=False to change it.",
    "test_raises_value_error_if_positive_and_sparse": "positive=True takes sparse rows.",
}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (LinearRegression,)}
globals().update(borrow("sklearn.linear_model.tests.test_base", SWAPPED, DIFFERENT))
