"""Members that stop early, of few rows and rare classes: who cannot validate trains on, and that is said once."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleClassifier,
)
from skdl.execution import train_members
from skdl.neural import refitting

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3))
RARE = np.where(np.arange(200) < 5, "rare", np.where(X[:, 0] > 0, "a", "b"))
MLP_C = MLPClassifier((4,), early_stopping=True, max_iter=8)
MLP_R = MLPRegressor((4,), early_stopping=True, max_iter=8)


def fitted(ensemble, X, y):
    """The ensemble, and how many members each warning says that could not validate."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ensemble.fit(X, y)
    texts = [str(item.message) for item in told if "a sample has no other" in str(item.message)]
    return ensemble, [int(re.match(r"(\d+) of \d+ members: early_stopping=True", text)[1]) for text in texts]


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_class_keeps_a_row_to_learn_in_every_sample(seed, monkeypatch):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, n: calls.append(tasks) or train_members(tasks, n))
    ensemble, without = fitted(BaggingClassifier(MLP_C, 10, random_state=seed), X, RARE)
    assert not without
    for task, rows in zip(calls[0], ensemble.estimators_samples_, strict=True):
        learned, validated = task.rows.index, task.validation.index
        assert_array_equal(np.sort(np.concatenate([learned, validated])), np.sort(rows))
        assert not np.isin(validated, learned).any()
        assert set(RARE[learned]) == set(RARE[rows])


@pytest.mark.parametrize(("n", "seed"), [(n, seed) for n in (10, 12, 20) for seed in (0, 1)])
def test_a_member_that_cannot_validate_is_trained_as_without_early_stopping(n, seed):
    y = np.arange(n) % 2
    ensemble, without = fitted(BaggingClassifier(MLP_C, 10, random_state=seed), X[:n], y)
    plain = BaggingClassifier(clone(MLP_C).set_params(early_stopping=False), 10, random_state=seed).fit(X[:n], y)
    alone = [member.validation_scores_ is None for member in ensemble.estimators_]
    assert without == [sum(alone)] * any(alone)
    for member, other, rows, cannot in zip(
        ensemble.estimators_, plain.estimators_, ensemble.estimators_samples_, alone, strict=True
    ):
        once, counts = np.unique(rows, return_counts=True)
        # Of each class of the rows that come once, one has to stay.
        spare = sum(np.sum(y[once[counts == 1]] == label) > 1 for label in (0, 1))
        assert cannot == (spare == 0)
        if cannot:
            assert_array_equal(member.coefs_[0], other.coefs_[0])


@pytest.mark.filterwarnings("ignore:.*score of the validation rows")
@pytest.mark.parametrize("n", [2, 3, 6, 12])
@pytest.mark.parametrize(
    "ensemble",
    [
        BaggingRegressor(MLP_R, 10, random_state=0),
        BaggingRegressor(MLP_R, 10, max_samples=1, random_state=0),
        EnsembleRegressor(estimator=MLP_R, n_estimators=3, random_state=0),
        EnsembleRegressor(estimator=MLP_R, n_estimators=3, share="batch_ensemble", random_state=0),
    ],
    ids=["bagging", "one row", "average", "shared"],
)
def test_regressors_of_few_rows(ensemble, n):
    done, without = fitted(clone(ensemble), X[:n], X[:n, 1])
    assert np.isfinite(done.predict(X)).all()
    if type(ensemble.get_params().get("max_samples")) is int:
        assert without == [10]
    elif isinstance(ensemble, BaggingRegressor):
        distinct = [np.unique(rows, return_counts=True)[1] for rows in done.estimators_samples_]
        lacking = sum(np.sum(counts == 1) < 2 for counts in distinct)
        assert sum(without) == lacking
    else:
        assert not without


@pytest.mark.parametrize("y", [RARE, np.where(np.arange(200) < 1, "rare", "usual")], ids=["five rows", "one row"])
@pytest.mark.parametrize(
    "ensemble",
    [
        EnsembleClassifier(estimator=MLP_C, n_estimators=3, random_state=0),
        EnsembleClassifier(estimator=MLP_C, n_estimators=3, weights="validation", random_state=0),
        EnsembleClassifier(estimator=MLP_C, n_estimators=3, weights="greedy", random_state=0),
        EnsembleClassifier(estimator=MLP_C, n_estimators=3, share="batch_ensemble", random_state=0),
        BaggingClassifier(MLP_C, 5, oob_score=True, max_samples=50, random_state=0),
        SnapshotEnsembleClassifier(clone(MLP_C).set_params(early_stopping=False), 2, random_state=0),
    ],
    ids=["average", "validation", "greedy", "shared", "bagging", "snapshots"],
)
def test_rare_classes_in_every_ensemble(ensemble, y):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*in the bag of every member")
        ensemble = clone(ensemble).fit(X, y)
    assert ensemble.predict_proba(X).shape == (200, len(set(y)))
    assert np.isfinite(ensemble.predict_members(X)).all()
    if isinstance(ensemble, EnsembleClassifier) and isinstance(ensemble.weights, str):
        assert set(y[np.setdiff1d(np.arange(200), ensemble.validation_indices_)]) == set(y)
