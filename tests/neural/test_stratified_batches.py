"""Mini-batches that hold the classes' shares."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier
from skdl.engine import Dataset

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def tumours():
    return train_test_split(*load_breast_cancer(return_X_y=True, as_frame=True), random_state=0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_stratified_batches_keep_the_shares(shuffle):
    strata = np.repeat([0, 1, 2], [100, 50, 10])
    rows = Dataset(np.zeros((160, 1)), np.zeros((160, 1)), strata=strata)
    order = rows.order(np.random.default_rng(0), shuffle)
    assert sorted(order) == list(range(160))
    for start in range(0, 160, 32):
        counts = np.bincount(strata[order[start : start + 32]], minlength=3)
        assert (np.abs(counts - [20, 10, 2]) <= 1).all()
    if shuffle:
        other = rows.order(np.random.default_rng(1), shuffle)
        assert (order != other).mean() > 0.5


def test_stratified_batches_train(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier((16,), stratified_batches=True, batch_size=32, max_iter=30, random_state=0).fit(X, y)
    assert mlp.score(X_val, y_val) > 0.93
