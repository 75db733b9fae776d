"""scikit-learn's sklearn.ensemble.tests.test_bagging on the bagged ensembles."""

from adapters import BaggingClassifier, BaggingRegressor
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {
    f"sklearn.ensemble.{ours.__name__}": ours
    for ours in (
        BaggingClassifier,
        BaggingRegressor,
    )
}
globals().update(borrow("sklearn.ensemble.tests.test_bagging", SWAPPED, DIFFERENT))
