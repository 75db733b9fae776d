"""Metadata routing: members get what they have requested, row by row, and nothing else; without it all is as before."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleClassifier,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
REAL = X @ [1.0, 2.0, 3.0]
WEIGHT = rng.integers(1, 4, 60).astype(float)
METADATA = np.arange(60) * 10
MLP = MLPClassifier((4,), max_iter=3)


@pytest.fixture(autouse=True)
def routing():
    with config_context(enable_metadata_routing=True):
        yield


class Recorder(BaseEstimator):
    """Remembers what its fit was given."""

    def fit(self, X, y, sample_weight=None, metadata=None):
        self.X_, self.y_, self.weight_, self.metadata_ = np.asarray(X), y, sample_weight, metadata
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), int)


class RecordingClassifier(ClassifierMixin, Recorder):
    pass


class RecordingRegressor(RegressorMixin, Recorder):
    pass


def asking(member, **requests):
    return member.set_fit_request(**requests)


def test_each_member_of_an_average_gets_what_it_has_requested():
    members = [
        ("weighted", asking(RecordingRegressor(), sample_weight=True, metadata=False)),
        ("refused", asking(RecordingRegressor(), sample_weight=False, metadata=True)),
        ("renamed", asking(RecordingRegressor(), sample_weight="other_weight", metadata=False)),
    ]
    ensemble = EnsembleRegressor(members)
    ensemble.fit(X, REAL, sample_weight=WEIGHT, metadata=METADATA, other_weight=2 * WEIGHT)
    weighted, refused, renamed = ensemble.estimators_
    assert_array_equal(weighted.weight_, WEIGHT)
    assert weighted.metadata_ is None
    assert refused.weight_ is None
    assert_array_equal(refused.metadata_, METADATA)
    assert_array_equal(renamed.weight_, 2 * WEIGHT)


def test_members_made_of_one_estimator():
    ensemble = EnsembleClassifier(
        estimator=asking(RecordingClassifier(), sample_weight=True, metadata=True), n_estimators=3, voting="hard"
    )
    for member in ensemble.fit(X, Y, sample_weight=WEIGHT, metadata=METADATA.tolist()).estimators_:
        assert_array_equal(member.weight_, WEIGHT)
        assert member.metadata_ == METADATA.tolist()


@pytest.mark.parametrize("network", [True, False])
def test_networks_that_refused_weights_equal_their_fits_without(network):
    wanted, refused = asking(clone(MLP), sample_weight=True), asking(clone(MLP), sample_weight=False)
    members = [("wanted", wanted), ("refused", refused), ("line", asking(LogisticRegression(), sample_weight=False))]
    ensemble = EnsembleClassifier(members, random_state=0).fit(X, Y, sample_weight=WEIGHT)
    fitted = ensemble.named_estimators_
    assert_array_equal(fitted.wanted.coefs_[0], clone(fitted.wanted).fit(X, Y, WEIGHT).coefs_[0])
    assert_array_equal(fitted.refused.coefs_[0], clone(fitted.refused).fit(X, Y).coefs_[0])
    assert_array_equal(fitted.line.coef_, LogisticRegression().fit(X, Y).coef_)


def test_rows_that_are_set_apart_take_their_metadata_with_them():
    member = asking(RecordingRegressor(), sample_weight=True, metadata=True)
    ensemble = EnsembleRegressor([("a", member), ("b", clone(member))], weights="validation", random_state=0)
    ensemble.fit(X, REAL, sample_weight=WEIGHT, metadata=METADATA)
    learned = np.setdiff1d(np.arange(60), ensemble.validation_indices_)
    for fitted in ensemble.estimators_:
        assert_array_equal(fitted.X_, X[learned])
        assert_array_equal(fitted.metadata_, METADATA[learned])
        assert_array_equal(fitted.weight_, WEIGHT[learned])


def test_weights_that_choose_members_need_no_member_that_takes_them():
    refusing = [("a", asking(MLPRegressor((4,), max_iter=3), sample_weight=False)), ("b", LinearRegression())]
    asking(refusing[1][1], sample_weight=False)
    weight = np.where(X[:, 0] > 0, 1000.0, 1.0)
    weighted = EnsembleRegressor(refusing, weights="validation", validation_fraction=0.5, random_state=0)
    weighted.fit(X, REAL**2, sample_weight=weight)
    rows = weighted.validation_indices_
    outputs = REAL[rows] ** 2 - weighted.predict_members(X[rows])
    errors = [(weight[rows] * (w @ outputs) ** 2).sum() for w in (weighted.weights_, [0.5, 0.5], [1, 0], [0, 1])]
    assert errors[0] <= min(errors[1:]) * (1 + 1e-9)
    with pytest.raises(TypeError, match="not routed to any object"):
        EnsembleRegressor(refusing).fit(X, REAL, sample_weight=WEIGHT)


def test_bagging_gives_each_member_the_metadata_of_its_rows():
    member = asking(RecordingClassifier(), metadata=True, sample_weight=False)
    ensemble = BaggingClassifier(member, 3, random_state=0).fit(X, Y, metadata=METADATA)
    for fitted, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        assert_array_equal(fitted.X_, X[rows])
        assert_array_equal(fitted.metadata_, METADATA[rows])
        assert fitted.weight_ is None


def test_bagging_draws_by_weights_whatever_the_members_have_requested():
    plain = BaggingClassifier(LogisticRegression(), 3, random_state=0)
    with config_context(enable_metadata_routing=False):
        before = clone(plain).fit(X, Y, sample_weight=WEIGHT)
    for request in (True, False, None):
        member = LogisticRegression() if request is None else asking(LogisticRegression(), sample_weight=request)
        ensemble = BaggingClassifier(member, 3, random_state=0).fit(X, Y, sample_weight=WEIGHT)
        assert_array_equal(ensemble.estimators_samples_, before.estimators_samples_)
        assert_array_equal(ensemble.predict_proba(X), before.predict_proba(X))


def test_pasting_gives_weights_to_members_that_want_them():
    params = {"n_estimators": 3, "max_samples": 40, "bootstrap": False, "random_state": 0}
    wanted = BaggingRegressor(asking(RecordingRegressor(), sample_weight=True), **params)
    wanted.fit(X, REAL, sample_weight=WEIGHT)
    for fitted, rows in zip(wanted.estimators_, wanted.estimators_samples_, strict=True):
        assert_array_equal(fitted.weight_, WEIGHT[rows])
    with pytest.raises(UnsetMetadataPassedError, match=r"RecordingRegressor\.fit"):
        BaggingRegressor(RecordingRegressor(), **params).fit(X, REAL, sample_weight=WEIGHT)
    with pytest.raises(TypeError, match="not routed to any object"):
        BaggingRegressor(asking(RecordingRegressor(), sample_weight=False), **params).fit(X, REAL, WEIGHT)


@pytest.mark.parametrize(
    "ensemble",
    [
        lambda member: BaggingClassifier(member, 2, random_state=0),
        lambda member: BaggingClassifier(member, 2, bootstrap=False, max_samples=20, random_state=0),
        lambda member: EnsembleClassifier(estimator=member, n_estimators=2, random_state=0),
        lambda member: EnsembleClassifier([("a", member)], random_state=0),
        lambda member: SnapshotEnsembleClassifier(member, 2, random_state=0),
    ],
    ids=["bagging", "pasting", "alike", "by name", "snapshots"],
)
def test_pipelines_pass_what_the_members_have_requested(ensemble):
    inner = ensemble(asking(clone(MLP), sample_weight=True))
    pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), inner)
    routed = pipeline.fit(X, Y, sample_weight=WEIGHT).predict_proba(X)
    scaled = StandardScaler().fit_transform(X)
    direct = clone(inner).fit(scaled, Y, sample_weight=WEIGHT).predict_proba(scaled)
    assert_array_equal(routed, direct)
    assert not np.array_equal(routed, clone(inner).fit(scaled, Y).predict_proba(scaled))
    unset = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), ensemble(MLP))
    if getattr(inner, "bootstrap", False):  # members are given no weights
        assert_array_equal(unset.fit(X, Y, sample_weight=WEIGHT).predict_proba(X), routed)
    else:
        with pytest.raises(UnsetMetadataPassedError):
            unset.fit(X, Y, sample_weight=WEIGHT)
    search = GridSearchCV(
        inner.set_score_request(sample_weight=False), {"random_state": [0, 1]}, cv=2, error_score="raise"
    )
    assert search.fit(X, Y, sample_weight=WEIGHT).best_score_ > 0


def test_members_that_are_pipelines():
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    member = make_pipeline(scaler, asking(LogisticRegression(), sample_weight=True))
    ensemble = EnsembleClassifier([("line", member)]).fit(X, Y, sample_weight=WEIGHT)
    assert_allclose(ensemble.predict_proba(X), clone(member).fit(X, Y, sample_weight=WEIGHT).predict_proba(X))


def test_validation_rows_reach_networks():
    member = MLPClassifier((4,), max_iter=30, n_iter_no_change=2, random_state=0)
    asking(member, X_val=True, y_val=True, sample_weight=False)
    ensemble = EnsembleClassifier([("a", member)]).fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])
    alone = clone(member).fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:])
    assert ensemble.estimators_[0].validation_scores_ == alone.validation_scores_
    assert_array_equal(ensemble.predict_proba(X), alone.predict_proba(X))


def test_snapshots_heed_a_refusal():
    refusing = SnapshotEnsembleClassifier(asking(clone(MLP), sample_weight=False), 2, random_state=0)
    with pytest.raises(TypeError, match="not routed to any object"):
        refusing.fit(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize("enabled", [True, False])
def test_what_nobody_has_requested_is_an_error(enabled):
    with config_context(enable_metadata_routing=enabled):
        for ensemble in (EnsembleClassifier(estimator=MLP), BaggingClassifier(MLP)):
            if enabled:
                with pytest.raises(TypeError, match="unexpected argument"):
                    ensemble.fit(X, Y, metadata=METADATA)
            else:
                with pytest.raises(ValueError, match=r"'metadata'.*only supported if enable_metadata_routing"):
                    ensemble.fit(X, Y, metadata=METADATA)


def test_shared_weights_take_no_other_metadata():
    member = asking(clone(MLP), X_val=True, y_val=True, sample_weight=True)
    ensemble = EnsembleClassifier(estimator=member, n_estimators=2, share="batch_ensemble", random_state=0)
    with pytest.raises(ValueError, match=r"no metadata but sample_weight. Got \['X_val', 'y_val'\]"):
        ensemble.fit(X, Y, X_val=X, y_val=Y)
    assert ensemble.fit(X, Y, sample_weight=WEIGHT).score(X, Y) > 0


def test_without_routing_every_member_is_given_the_weights():
    with config_context(enable_metadata_routing=False):
        ensemble = EnsembleClassifier([("a", RecordingClassifier())], voting="hard").fit(X, Y, sample_weight=WEIGHT)
        assert_array_equal(ensemble.estimators_[0].weight_, WEIGHT)
