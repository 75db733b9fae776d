"""Numbers of epochs: joint ones by all folds, and for each fold by the others, which its own rows have no part in."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_friedman1

from skdl import MLPRegressor, TabularRegressor
from skdl.tabular import _candidates
from skdl.tabular._epochs import joint_epochs

X, Y = make_friedman1(60, 6, noise=2.0, random_state=0)
STEADY = {"optimizer": "adam", "optimizer__learning_rate": 0.02, "schedule": "constant", "n_iter_no_change": 12}
QUICK = {"hidden_layer_sizes": (32,), "max_iter": 60, "batch_size": 8, "alpha": 1e-3, **STEADY}
SPLITS = [(np.setdiff1d(np.arange(60), rows), rows) for rows in np.array_split(np.arange(60), 3)]


def member(*scores):
    losses = pd.DataFrame({"validation_loss": np.arange(len(scores), 0, -1.0)})
    return SimpleNamespace(validation_scores_=list(scores), history_=losses)


def test_the_joint_epoch_is_the_best_of_the_mean_and_each_fold_goes_by_the_others():
    members = [member(0, 9, 0, 0), member(0, 0, 5, 0), member(0, 0, 0, 4)]
    assert joint_epochs(members, [1, 1, 1]) == (2, [3, 2, 2])
    assert joint_epochs(members, [1, 3, 1]) == (3, [3, 2, 3])
    assert joint_epochs([member(1, 3, 2)], [1]) == (2, [2])  # there is no other


def test_a_member_that_has_stopped_keeps_its_last_score_and_has_no_later_epoch():
    members = [member(5, 1), member(0, 0, 0, 7)]
    assert joint_epochs(members, [1, 1]) == (4, [2, 1])
    assert joint_epochs([member(1, 1, 1), member(1, 1, 1)], [1, 1]) == (3, [3, 3])  # the last of equals


def test_scores_that_are_not_defined_give_way_to_losses():
    assert joint_epochs([member(np.nan, np.nan, np.nan), member(1, 2, 3)], [1, 1]) == (3, [3, 3])
    assert joint_epochs([SimpleNamespace(), SimpleNamespace()], [1, 1]) is None
    assert joint_epochs([SimpleNamespace(validation_scores_=None)], [1]) is None


@pytest.fixture(scope="module")
def model():
    return TabularRegressor({"one": QUICK}, cv=SPLITS, random_state=0, refit=False).fit(X, Y)


def test_out_of_fold_predictions_are_those_after_the_epoch_that_the_other_folds_choose(model):
    members = model.fold_estimators_["one"]
    losses = [-np.asarray(each.validation_scores_) for each in members]
    for k, (training, unseen) in enumerate(SPLITS):
        others = [losses[j] for j in range(3) if j != k]
        most = max(map(len, losses))
        means = [np.mean([loss[min(e, len(loss) - 1)] for loss in others]) for e in range(most)]
        epoch = min(int(np.argmin(means)) + 1, len(losses[k]))
        assert epoch != members[k].best_epoch_  # or this would not tell one from the other
        assert_allclose(model.oof_predictions_[unseen], after(epoch, members[k], training, unseen), rtol=1e-4)


def after(epoch, member, training, unseen):
    """What the network predicts after so many epochs, trained alone, in the units of all targets."""
    alone = MLPRegressor(
        schedule="constant",
        optimizer="adam",
        standardize_target=False,
        early_stopping=False,
        random_state=member.random_state,
    )
    alone.set_params(**QUICK | {"max_iter": epoch, "n_iter_no_change": None})
    scaled = (Y - Y.mean()) / Y.std()
    low, high = Y.min(), Y.max()
    found = alone.fit(X[training], scaled[training]).predict(X[unseen]) * Y.std() + Y.mean()
    return np.clip(found, low, high) if getattr(member, "clip_predictions", False) else found


def test_the_estimate_is_not_that_of_each_members_own_best_epoch(model):
    own = np.concatenate(
        [member.predict(X[unseen]) for member, (_, unseen) in zip(model.fold_estimators_["one"], SPLITS, strict=True)]
    )
    assert np.mean((Y - own) ** 2) < model.loss_


def test_of_large_data_each_members_own_best_epoch_counts(model, monkeypatch):
    monkeypatch.setattr(_candidates, "MOST_RECORDED", 100)
    large = TabularRegressor({"one": QUICK}, cv=SPLITS, random_state=0, refit=False).fit(X, Y)
    assert_array_equal(large.predict(X), model.predict(X))
    for member, (_, unseen) in zip(large.fold_estimators_["one"], SPLITS, strict=True):
        assert_allclose(large.oof_predictions_[unseen], member.predict(X[unseen]))
