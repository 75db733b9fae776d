"""Softmax regression that is interrupted."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from skdl import SoftmaxClassifier
from skdl._progress import EpochLines

IRIS = load_iris(return_X_y=True)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_an_interruption_leaves_the_last_iteration(penalty, monkeypatch):
    X, y = load_digits(return_X_y=True)
    softmax = SoftmaxClassifier(alpha=1e-3, penalty=penalty, verbose=1)

    def interrupt(self, record, reason):
        if record is not None and record["epoch"] == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochLines, "__call__", interrupt)
    with pytest.raises(KeyboardInterrupt) as told:
        softmax.fit(X, y)
    assert "SoftmaxClassifier was interrupted after 7 iterations and is fitted" in told.value.__notes__[0]
    assert softmax.n_iter_ == 7
    with pytest.warns(ConvergenceWarning, match="Increase max_iter, or tol"):
        seven = SoftmaxClassifier(alpha=1e-3, penalty=penalty, max_iter=7).fit(X, y)
    np.testing.assert_array_equal(softmax.coef_, seven.coef_)


@pytest.mark.parametrize("place", ["evaluate", "__init__"])
def test_an_interruption_inside_an_evaluation(place, monkeypatch):
    """What iterations have ended is kept; before the first, there is nothing. BLAS has its threads again."""
    from skdl import _threads
    from skdl.linear.softmax.objective import SoftmaxObjective

    original, calls = getattr(SoftmaxObjective, place), []

    def interrupted(self, *args, **options):
        calls.append(1)
        if len(calls) == (5 if place == "evaluate" else 1):
            raise KeyboardInterrupt
        return original(self, *args, **options)

    monkeypatch.setattr(SoftmaxObjective, place, interrupted)
    softmax = SoftmaxClassifier()
    with pytest.raises(KeyboardInterrupt) as told:
        softmax.fit(*IRIS)
    assert _threads._holders == 0
    if place == "__init__":
        assert "before its first iteration had ended" in told.value.__notes__[0]
        assert not vars(softmax).keys() - softmax.get_params().keys()
    else:
        assert softmax.n_iter_ == 3
        assert softmax.predict_proba(IRIS[0]).shape == (150, 3)
