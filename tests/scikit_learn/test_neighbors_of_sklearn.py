"""scikit-learn's sklearn.neighbors.tests.test_neighbors on KNNClassifier and KNNRegressor."""

from adapters import KNeighborsClassifier, KNeighborsRegressor
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {
    f"sklearn.neighbors.{ours.__name__}": ours
    for ours in (
        KNeighborsClassifier,
        KNeighborsRegressor,
    )
}
globals().update(borrow("sklearn.neighbors.tests.test_neighbors", SWAPPED, DIFFERENT))
