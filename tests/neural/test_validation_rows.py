"""Rows that `early_stopping` sets apart: which they are, and what decides where their score cannot."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skdl import BaggingClassifier, BaggingRegressor, MLPClassifier, MLPRegressor
from skdl.execution import train_members
from skdl.neural.trainable import trainable

SMALL = {"hidden_layer_sizes": (4,), "early_stopping": True, "max_iter": 3, "random_state": 0}
rng = np.random.default_rng(0)


def test_rare_classes_stay_in_training():
    """26 classes in 60 rows, several of which come once: scikit-learn's splitter has three refusals for such data."""
    y = np.concatenate([np.arange(26), rng.integers(0, 8, 34)])
    X = rng.normal(size=(60, 3)) + y[:, None]
    mlp = MLPClassifier(**SMALL).fit(X, y)
    assert len(mlp.validation_scores_) == 3
    assert np.isfinite(mlp.validation_scores_).all()


@pytest.mark.parametrize(
    ("network", "y", "held"),
    [(MLPClassifier, ["a", "b", "c"], "3 rows of 3 classes"), (MLPRegressor, [1.0], "1 row ")],
)
def test_rows_that_cannot_be_spared_are_an_error_of_ours(network, y, held):
    with pytest.raises(ValueError, match=rf"early_stopping=True .* none of the {held}.*validation_fraction.*X_val"):
        network(**SMALL).fit(np.arange(len(y), dtype=float)[:, None], y)


def test_members_of_samples_validate_where_they_can():
    """Five rows of a rare class, which a sample may hold once, or only twice or more often."""
    X = rng.normal(size=(200, 4))
    y = np.where(np.arange(200) < 5, "rare", np.where(X[:, 0] > 0, "a", "b"))
    bagging = BaggingClassifier(MLPClassifier(**SMALL), 10, random_state=0).fit(X, y)
    assert all(len(member.validation_scores_) == 3 for member in bagging.estimators_)


def test_members_that_cannot_validate_train_without_and_that_is_said_once():
    X, y = rng.normal(size=(4, 2)), np.array([0, 1, 0, 1])
    for bagging, targets in (
        (BaggingClassifier(MLPClassifier(**SMALL), 20), y),
        (BaggingRegressor(MLPRegressor(**SMALL, scoring="loss"), 20), X[:, 0]),
    ):
        with pytest.warns(UserWarning, match="of 20 members: early_stopping=True .* is trained without") as caught:
            bagging.set_params(random_state=0).fit(X, targets)
        assert len(caught) == 1
        without = [member for member in bagging.estimators_ if member.validation_scores_ is None]
        assert len(without) > 0
        for member, sample in zip(bagging.estimators_, bagging.estimators_samples_, strict=True):
            if member in without:  # the same training as of a network without early stopping
                network = clone(member).set_params(early_stopping=False)
                assert_array_equal(member.loss_curve_, trained_on(network, X, targets, sample).loss_curve_)


def trained_on(network, X, y, sample):
    """The network trained on a sample of the rows, with targets as all rows have them."""
    fit = trainable(network)
    data = fit.prepare(X, y, n_rows=len(sample))
    task = fit.spec(data, index=sample)
    [outcome] = train_members([task])
    fit.store(task, data, outcome)
    return network


X, NOISY = rng.normal(size=(60, 3)), rng.normal(size=60)
LONG = {**SMALL, "max_iter": 60, "schedule": "constant"}


def undefined(estimator, X, y):
    return np.nan


def infinite(estimator, X, y):
    return -np.inf


def constant(estimator, X, y):
    return 3.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of lbfgs, at the end of max_iter
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("scoring", [undefined, infinite, constant, "loss"])
def test_the_loss_decides_where_the_score_cannot(scoring, optimizer):
    """As with scoring="loss": the same end, and the weights of the epoch of the smallest validation loss."""
    for network, y in ((MLPRegressor, NOISY), (MLPClassifier, NOISY > 0)):
        by_loss, mlp = (network(**LONG, optimizer=optimizer, scoring=name) for name in ("loss", scoring))
        if scoring in (undefined, infinite):
            with pytest.warns(UserWarning, match="is not defined|has not converged"):
                mlp.fit(X, y)
        else:
            mlp.fit(X, y)
        assert_array_equal(mlp.coefs_[0], by_loss.fit(X, y).coefs_[0])
        assert mlp.n_iter_ == by_loss.n_iter_
        best = int(mlp.history_["validation_loss"].argmin()) + 1
        if optimizer == "adam":
            cut = network(**{**LONG, "max_iter": best}, optimizer=optimizer, scoring="loss").fit(X, y)
            assert_array_equal(mlp.coefs_[0], cut.coefs_[0])


@pytest.mark.parametrize("scoring", [None, "r2"])
def test_r2_of_one_row_is_undefined_and_that_is_said_once(scoring):
    params = {**LONG, "validation_fraction": 0.1}
    mlp = MLPRegressor(**params, scoring=scoring)
    with pytest.warns(UserWarning, match=r"\(.*r2.*\) is not defined: their loss has decided") as caught:
        mlp.fit(X[:10], NOISY[:10])
    assert len(caught) == 1
    assert np.isnan(mlp.validation_scores_).all()
    assert len(mlp.validation_scores_) == mlp.n_iter_
    by_loss = MLPRegressor(**params, scoring="loss").fit(X[:10], NOISY[:10])
    assert_array_equal(mlp.coefs_[0], by_loss.coefs_[0])


@pytest.mark.parametrize("scoring", ["roc_auc", "roc_auc_ovr", "average_precision"])
@pytest.mark.parametrize("label", [0, 1])
def test_scores_that_need_both_classes_are_undefined_and_that_is_said_once(scoring, label):
    labels = np.where(np.median(NOISY) < NOISY, 1, 0)
    validation = {"X_val": X[labels == label][:9], "y_val": np.full(9, label)}
    mlp = MLPClassifier(**LONG, scoring=scoring)
    with pytest.warns(UserWarning, match=rf"\(.*{scoring}.*\) is not defined: their loss has decided") as caught:
        mlp.fit(X, labels, **validation)
    assert len(caught) == 1
    by_loss = MLPClassifier(**LONG, scoring="loss").fit(X, labels, **validation)
    assert_array_equal(mlp.coefs_[0], by_loss.coefs_[0])


def test_r2_of_equal_targets_decides_nothing():
    validation = {"X_val": X[:9], "y_val": np.full(9, 0.3)}
    mlp = MLPRegressor(**LONG).fit(X[9:], NOISY[9:], **validation)
    assert set(mlp.validation_scores_) == {0.0}
    by_loss = MLPRegressor(**LONG, scoring="loss").fit(X[9:], NOISY[9:], **validation)
    assert_array_equal(mlp.coefs_[0], by_loss.coefs_[0])


def test_scores_decide_as_soon_as_they_differ():
    given = [0.5, 0.5, 0.5, 0.4, 0.5, 0.7, 0.7, np.nan, 0.6, 0.1, 0.1, 0.1]
    scores = iter(given)
    params = {**SMALL, "max_iter": len(given), "schedule": "constant"}
    mlp = MLPClassifier(**params, scoring=lambda estimator, X, y: next(scores)).fit(X, NOISY > 0)
    assert_array_equal(mlp.validation_scores_, given)
    seventh = MLPClassifier(**{**params, "max_iter": 7}, scoring=lambda estimator, X, y: next(rising))
    rising = iter(range(7))  # of the two best epochs, the last
    assert_array_equal(mlp.coefs_[0], seventh.fit(X, NOISY > 0).coefs_[0])


def test_an_own_scorer_gets_the_rows_that_it_judges():
    def scorer(estimator, X_val, y_val):
        rows = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in X_val]
        assert_array_equal(y_val, NOISY[rows])
        return -np.abs(estimator.predict(X_val) - y_val).mean()

    mlp = MLPRegressor(**SMALL, scoring=scorer).fit(X, NOISY)
    assert len(mlp.validation_scores_) == 3


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    ("params", "wild"),
    [({}, 1e39), ({}, -1e308), ({"standardize": False}, 1e39), ({"dtype": "float64"}, 1e200)],
)
def test_wild_cells_of_rows_that_are_not_trained_on_at_first_are_named(make, params, wild):
    """The range was that of the training rows: an infinite loss, and the advice to lower the learning rate."""
    X = rng.normal(size=(120, 4))
    y, odd = X @ [1.0, 2, 0, -1], X.copy()
    odd[3, 1] = wild
    X, odd = make(X), make(odd)
    mlp = MLPRegressor(**{**SMALL, "early_stopping": False}, **params)
    with pytest.raises(
        ValueError, match=rf"^Column 1 of X holds {abs(wild):.4g} in a validation row".replace("+", ".")
    ):
        mlp.fit(X, y, X_val=odd, y_val=y)
    mlp.partial_fit(X, y)
    before = mlp.predict(X)
    with pytest.raises(ValueError, match=rf"^Column 1 of X holds {abs(wild):.4g}".replace("+", ".")):
        mlp.partial_fit(odd, y)
    assert_array_equal(mlp.predict(X), before)


def test_early_stopping_names_a_wild_cell_wherever_the_split_has_put_it():
    X = rng.normal(size=(120, 4))
    y = X @ [1.0, 2, 0, -1]
    X[3, 1] = 1e308
    for seed in range(4):
        with pytest.raises(ValueError, match=r"^Column 1 of X holds 1e\+308"):
            MLPRegressor(**{**SMALL, "random_state": seed}, validation_fraction=0.5).fit(X, y)


@pytest.mark.parametrize(("loss", "fits"), [("squared_error", False), ("huber", True)])
def test_later_targets_whose_squares_overflow(loss, fits):
    X = rng.normal(size=(120, 4))
    y = X @ [1.0, 2, 0, -1]
    wild = y.copy()
    wild[0] = 1e25  # float32 holds it, and not its square
    mlp = MLPRegressor(**{**SMALL, "early_stopping": False}, loss=loss).partial_fit(X, y)
    if fits:
        assert np.isfinite(mlp.partial_fit(X, wild).loss_)
        return
    for fit in (lambda: mlp.partial_fit(X, wild), lambda: mlp.fit(X, y, X_val=X, y_val=wild)):
        with pytest.raises(
            ValueError, match=r"^y holds numbers up to 1e\+25, and float32 cannot hold them or their loss"
        ):
            fit()


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((0.1, 0.5, 0.3, 0.5, 0.2), 4),
        ((0.5, 0.5, 0.1, 0.5, 0.4), 4),  # which had been the same in all epochs before, so that the loss decided
        ((0.1, 0.2, 0.3, 0.3, 0.3), 5),
        ((0.3, 0.1, 0.1, 0.2, 0.2), 1),
    ],
)
def test_of_epochs_that_score_the_same_the_last_is_kept(scores, best):
    params = {**LONG, "n_iter_no_change": np.inf}
    mlp = MLPRegressor(**{**params, "max_iter": 5}, scoring=lambda estimator, X, y: scores.pop(0))
    scores = list(scores)
    mlp.fit(X, NOISY)
    cut = MLPRegressor(**{**params, "max_iter": best}, scoring=lambda estimator, X, y: rising.pop(0))
    rising = list(range(best))
    assert mlp.best_epoch_ == best == cut.fit(X, NOISY).best_epoch_
    assert_array_equal(mlp.coefs_[0], cut.coefs_[0])
