"""scikit-learn's sklearn.linear_model.tests.test_logistic on SoftmaxClassifier."""

from adapters import LogisticRegression
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (LogisticRegression,)}
globals().update(borrow("sklearn.linear_model.tests.test_logistic", SWAPPED, DIFFERENT))
