"""scikit-learn's sklearn.ensemble.tests.test_voting on the ensembles of named members."""

from adapters import VotingClassifier, VotingRegressor
from borrow import borrow

DIFFERENT: dict[str, str] = {}
SWAPPED = {
    f"sklearn.ensemble.{ours.__name__}": ours
    for ours in (
        VotingClassifier,
        VotingRegressor,
    )
}
globals().update(borrow("sklearn.ensemble.tests.test_voting", SWAPPED, DIFFERENT))
