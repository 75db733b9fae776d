"""scikit-learn's sklearn.neural_network.tests.test_mlp on the networks."""

from adapters import MLPClassifier, MLPRegressor
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {
    f"sklearn.neural_network.{ours.__name__}": ours
    for ours in (
        MLPClassifier,
        MLPRegressor,
    )
}
globals().update(borrow("sklearn.neural_network.tests.test_mlp", SWAPPED, DIFFERENT))
