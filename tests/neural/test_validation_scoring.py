"""Validation rows of one's own: scorers, weights, pipelines, frames, and rows that do not fit."""

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier, MLPRegressor
from skdl.testing import check_estimator_members

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 8}
EACH = {**SMALL, **PLAIN}  # each epoch may be kept, and the labels are learned as they are


@pytest.fixture(scope="module")
def tumours():
    return train_test_split(*load_breast_cancer(return_X_y=True, as_frame=True), random_state=0)


@pytest.fixture(scope="module")
def reals():
    return make_regression(60, 5, noise=3.0, random_state=0)


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        (None, lambda mlp, X, y: mlp.score(X, y)),
        ("loss", lambda mlp, X, y: -log_loss(y, mlp.predict_proba(X))),
        ("roc_auc", lambda mlp, X, y: roc_auc_score(y, mlp.predict_proba(X)[:, 1])),
        (lambda mlp, X, y: -float((mlp.predict(X) != y).sum()), lambda mlp, X, y: -(mlp.predict(X) != y).sum()),
    ],
)
def test_own_validation_rows_judge_by_any_scorer(tumours, scoring, expected):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(scoring=scoring, dtype="float64", **EACH).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(mlp.validation_scores_) == mlp.n_iter_
    best = max(mlp.validation_scores_)
    np.testing.assert_allclose(best, expected(mlp, X_val, y_val), rtol=1e-9)  # the best weights are the ones kept


def test_a_regressor_is_scored_in_the_units_of_its_targets(reals):
    X, y = reals
    mlp = MLPRegressor(scoring="neg_mean_absolute_error", dtype="float64", **EACH).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(max(mlp.validation_scores_), -mean_absolute_error(y, mlp.predict(X)), rtol=1e-9)


def test_validation_weights_count(tumours):
    X, X_val, y, y_val = tumours
    weight = np.where(y_val == 1, 1.0, 0.0)
    mlp = MLPClassifier(**EACH).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    assert max(mlp.validation_scores_) == mlp.score(X_val, y_val, sample_weight=weight)


def test_validation_rows_reach_a_network_in_a_pipeline(tumours):
    X, X_val, y, y_val = tumours
    scaler = StandardScaler().set_output(transform="pandas").fit(X)
    with config_context(enable_metadata_routing=True):
        mlp = MLPClassifier(**SMALL).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), mlp)
        pipeline.fit(X, y, X_val=scaler.transform(X_val), y_val=y_val)
    assert len(pipeline[-1].validation_scores_) == pipeline[-1].n_iter_


def test_validation_rows_that_do_not_fit_are_an_error(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(**SMALL)
    with pytest.raises(ValueError, match="both X_val and y_val"):
        mlp.fit(X, y, X_val=X_val)
    with pytest.raises(ValueError, match="other columns than X"):
        mlp.fit(X, y, X_val=X_val.iloc[:, 1:], y_val=y_val)
    with pytest.raises(ValueError, match="not among the classes"):
        mlp.fit(X, y, X_val=X_val, y_val=y_val + 1)


def test_a_frame_with_validation_frames_does_not_warn(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(**SMALL).fit(X, pd.Series(y), X_val=X_val, y_val=pd.Series(y_val))
    assert mlp.predict(X_val).shape == y_val.shape


def losses_of(mlp):
    history = mlp.history_
    return history["validation_loss"].to_numpy(), history["validation_score"].to_numpy()


COLUMNS = np.random.default_rng(0).normal(size=(120, 4))
BITS = (COLUMNS[:, :3] > 0).astype(int)
TARGETS = {
    "two classes": (MLPClassifier, BITS[:, 0]),
    "classes": (MLPClassifier, BITS[:, 0] + BITS[:, 1]),
    "indicator": (MLPClassifier, BITS),
    "columns of labels": (MLPClassifier, np.c_[BITS[:, 0], BITS[:, 1] + BITS[:, 2]]),
    "probabilities": (MLPClassifier, np.c_[1 / (1 + np.exp(COLUMNS[:, 0])), 1 / (1 + np.exp(-COLUMNS[:, 0]))]),
    "reals": (MLPRegressor, COLUMNS[:, 0] * 1e3),
    "several reals": (MLPRegressor, COLUMNS[:, :2] * [1e3, 1e-3]),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("optimizer", ["auto", "lbfgs"])
@pytest.mark.parametrize("own_rows", [False, True])
def test_the_loss_judges_targets_of_every_kind(name, optimizer, own_rows):
    """Weights of the rows count, in a stack as alone: a row of weight two is the row twice."""
    network, y = TARGETS[name]
    weight = 1.0 + np.arange(120) % 2
    mlp = network(**EACH, scoring="loss", optimizer=optimizer, dtype="float64")
    if own_rows:
        twice = np.repeat(np.arange(120), weight.astype(int))
        weighted = clone(mlp).fit(COLUMNS, y, X_val=COLUMNS, y_val=y, sample_weight_val=weight)
        repeated = clone(mlp).fit(COLUMNS, y, X_val=COLUMNS[twice], y_val=y[twice])
        np.testing.assert_allclose(losses_of(weighted)[1], losses_of(repeated)[1], rtol=1e-9)
    else:
        mlp.set_params(early_stopping=True)
        weighted = clone(mlp).fit(COLUMNS, y, weight)
        if optimizer == "auto":
            check_estimator_members([clone(mlp).set_params(random_state=i) for i in range(2)], COLUMNS, y, weight)
    loss, score = losses_of(weighted)
    np.testing.assert_allclose(score, -loss, rtol=1e-9)
    assert weighted.best_epoch_ == len(loss) - loss[::-1].argmin()


def test_early_stopping_auto_is_a_trial_where_rows_are_enough():
    """It is "refit" of 40 rows that count, else False, in all bits; what acts on validation rows is no error."""
    y = TARGETS["reals"][1]
    auto = MLPRegressor(**SMALL, scoring="loss", validation_fraction=0.2)
    assert auto.early_stopping == "auto"
    refit = clone(auto).set_params(early_stopping="refit")
    whole = MLPRegressor(**SMALL, early_stopping=False)
    for n in (39, 40):
        weight = (np.arange(120) % 3 == 0).astype(float)
        weight[3 * n :] = 0
        kept = weight > 0
        expected = clone(refit if n == 40 else whole).fit(COLUMNS[kept], y[kept])
        for found in (clone(auto).fit(COLUMNS[kept], y[kept]), clone(auto).fit(COLUMNS, y, weight)):
            np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])
            assert found.validation_scores_ == expected.validation_scores_
            assert (found.validation_scores_ is None) == (n == 39)
    assert clone(auto).partial_fit(COLUMNS, y).validation_scores_ is None
    assert clone(auto).initialize(COLUMNS, y).validation_scores_ is None
    search = MLPRegressor(**SMALL, optimizer="lbfgs").fit(COLUMNS, y)  # which has an end of its own
    assert search.validation_scores_ is None
    np.testing.assert_array_equal(search.shrinkage_, 1)


def test_own_validation_rows_choose_among_the_ends_of_cycles_by_default(tumours):
    """All epochs are evaluated, and one of these is kept, by the loss of calibrated probabilities."""
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier((8,), random_state=0, dtype="float64").fit(X, y, X_val=X_val, y_val=y_val)
    scores = mlp.history_["validation_score"]
    assert scores.notna().all()
    assert mlp.n_iter_ in (9, 21)
    ends = scores[[epoch - 1 for epoch in (3, 9, 21) if epoch <= mlp.n_iter_]]
    assert mlp.best_epoch_ == ends.idxmax() + 1
    assert mlp.best_validation_score_ == ends.max()
    assert mlp.temperature_ != 1
    np.testing.assert_allclose(-ends.max(), log_loss(y_val, mlp.predict_proba(X_val)), rtol=1e-9)
