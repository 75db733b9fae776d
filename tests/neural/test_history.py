"""`history_`: one record an epoch, from which all the curves come."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import log_loss

from skdl import BaggingClassifier, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
COLUMNS = ["epoch", "loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds"]
X, Y = make_classification(60, 5, n_informative=3, n_classes=3, n_clusters_per_class=1, random_state=0)
REALS = make_regression(60, 5, noise=3.0, random_state=0)[1]
SMALL = {"hidden_layer_sizes": (6,), "batch_size": 16, "schedule": "constant", "random_state": 0}


def test_one_row_an_epoch():
    mlp = MLPClassifier(**SMALL, optimizer="adam", max_iter=4, early_stopping=True).fit(X, Y)
    history = mlp.history_
    assert isinstance(history, pd.DataFrame)
    assert list(history.columns) == COLUMNS
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["loss"].tolist() == mlp.loss_curve_
    assert history["validation_score"].tolist() == mlp.validation_scores_
    assert (history["gradient_norm"] > 0).all()
    np.testing.assert_allclose(history["learning_rate"], 1e-3, rtol=1e-6)
    assert history.dtypes.astype(str).tolist() == ["int64"] + ["float64"] * 6


def test_what_there_is_none_of_is_nan():
    softmax = SoftmaxClassifier(max_iter=5).fit(X, Y)
    history = softmax.history_
    assert len(history) == 5
    assert history[["validation_loss", "validation_score", "learning_rate"]].isna().all(axis=None)
    assert history[["loss", "gradient_norm", "seconds"]].notna().all(axis=None)
    assert set(history.dtypes.astype(str)) == {"int64", "float64"}
    empty = MLPClassifier().initialize(X, Y).history_
    assert list(empty.columns) == COLUMNS
    assert len(empty) == 0
    with pytest.raises(AttributeError, match="not fitted"):
        MLPClassifier().history_  # noqa: B018
    assert not hasattr(MLPClassifier(), "history_")


@pytest.mark.parametrize("weighted", [False, True])
def test_validation_loss_is_the_loss_of_the_rows_set_apart(weighted):
    """An epoch at a rate of nearly nothing leaves the network as it was drawn, whose probabilities are at hand."""
    weight = np.random.default_rng(0).uniform(0.5, 2, len(Y)) if weighted else None
    params = {**SMALL, "dtype": "float64", "optimizer": SGD(1e-300), "early_stopping": True, "standardize": False}
    mlp = MLPClassifier(**params, max_iter=1).fit(X, Y, sample_weight=weight)
    seen = {}

    class Watching(MLPClassifier):
        def _spec(self, *args, **kwargs):
            member = super()._spec(*args, **kwargs)
            seen["rows"] = member.validation.index
            return member

    Watching(**params, max_iter=1).fit(X, Y, sample_weight=weight)
    rows = seen["rows"]
    expected = log_loss(Y[rows], mlp.predict_proba(X[rows]), sample_weight=None if weight is None else weight[rows])
    np.testing.assert_allclose(mlp.history_["validation_loss"], expected, rtol=1e-12)


def test_gradient_norm_is_that_of_the_last_step():
    """One batch an epoch with plain gradient descent: the step's length over the rate."""
    params = {**SMALL, "batch_size": 60, "standardize": False, "dtype": "float64", "alpha": 0.1}
    mlp = MLPClassifier(**params, optimizer=SGD(0.1)).initialize(X, Y)
    before = mlp._training.state.theta
    mlp.partial_fit(X, Y)
    length = np.linalg.norm(mlp._training.state.theta - before)
    np.testing.assert_allclose(mlp.history_["gradient_norm"], length / 0.1, rtol=1e-9)


def test_the_gradient_vanishes_where_lbfgs_ends():
    mlp = MLPRegressor((), optimizer="lbfgs", tol=1e-8, max_iter=500, random_state=0).fit(X, REALS)
    norms = mlp.history_["gradient_norm"]
    assert norms.iloc[-1] <= 1e-8 * np.sqrt(mlp.n_parameters_)  # no component is above tol
    assert norms.iloc[-1] < 1e-6 * norms.iloc[0]


def test_rows_are_appended_and_survive_a_pickle():
    whole = MLPClassifier(**SMALL, max_iter=5, early_stopping=False).fit(X, Y).history_.drop(columns="seconds")
    mlp = MLPClassifier(**SMALL, max_iter=2, early_stopping=False, warm_start=True).fit(X, Y)
    mlp = pickle.loads(pickle.dumps(mlp)).partial_fit(X, Y)
    first = mlp.history_
    mlp.fit(X, Y)
    pd.testing.assert_frame_equal(mlp.history_.drop(columns="seconds"), whole)
    assert len(first) == 3  # a frame of its own
    mlp.set_params(warm_start=False).fit(X, Y)
    assert mlp.history_["epoch"].tolist() == [1, 2]


def test_members_of_an_ensemble_have_their_own():
    mlp = MLPClassifier(**SMALL, max_iter=3, early_stopping=False)
    bagging = BaggingClassifier(mlp, n_estimators=3, random_state=0).fit(X, Y)
    histories = [member.history_ for member in bagging.estimators_]
    assert [len(history) for history in histories] == [3] * 3
    assert len({tuple(history["gradient_norm"]) for history in histories}) == 3
