"""A fit in its parts: what an ensemble knows of networks, and who declares to consist of them."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skdl import BaggingClassifier, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl._slots import SlotMixin
from skdl.neural._epoch_estimator import EpochEstimator
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import is_trainable, trainable

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}
NETWORKS = {
    "classifier": MLPClassifier(**SMALL),
    "plain": MLPClassifier(**SMALL, **PLAIN),
    "regressor": MLPRegressor(**SMALL, early_stopping=True),
    "softmax": SoftmaxClassifier(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_make_the_fit(name):
    fitted = clone(NETWORKS[name]).fit(X, Y)
    fit = trainable(clone(NETWORKS[name]))
    data = fit.prepare(X, Y)
    member = fit.spec(data)
    [(member, outcome)] = train_fits([fit], [data], [member])
    fit.check_outcome(outcome)
    assert not hasattr(fit.network, "n_iter_")
    fit.store(member, data, outcome)
    assert_array_equal(fit.network.predict(X), fitted.predict(X))
    assert fit.network.loss_curve_ == fitted.loss_curve_
    assert fit.network._stored == fitted._stored  # a hash of all coefficients


class OwnFit(MLPClassifier):
    def fit(self, X, y):
        return super().fit(X, 1 - y)


class FitMixin:
    def fit(self, X, y):
        return super().fit(X, 1 - y)


class Mixed(FitMixin, MLPClassifier):
    pass


class Renamed(MLPClassifier):
    """A subclass with the fit of the base."""


def test_a_fit_of_its_own_is_not_taken_apart():
    for estimator in (*NETWORKS.values(), Renamed()):
        assert is_trainable(estimator)
    for estimator in (OwnFit(), Mixed(), LogisticRegression(), MLPClassifier, object(), None):
        assert not is_trainable(estimator)
    with pytest.raises(TypeError, match="OwnFit does not declare its fit"):
        trainable(OwnFit())


@pytest.mark.parametrize("cls", [OwnFit, Mixed])
def test_an_ensemble_calls_a_fit_of_its_own(cls):
    """Which turns the labels around here."""
    bagging = BaggingClassifier(cls(**SMALL), 2, bootstrap=False, random_state=0).fit(X, Y)
    [first, _] = bagging.estimators_
    rows = bagging.estimators_samples_[0]
    plain = MLPClassifier(**{**SMALL, "random_state": first.random_state}).fit(X[rows], 1 - Y[rows])
    assert_array_equal(first.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("network", [
    MLPClassifier(**SMALL, optimizer="adam", penalty="l1", schedule="cosine", activation="relu"),
    MLPRegressor((5,), optimizer="lbfgs", activation="tanh", normalization="layer", tol=10.0),
    SoftmaxClassifier(),
])  # fmt: skip
def test_a_fit_resolves_each_slot_once(network, monkeypatch):
    counts, built = Counter(), []
    resolve, build = SlotMixin._resolve_value, type(network)._architecture
    count = lambda self, slot, value, **how: counts.update([slot]) or resolve(self, slot, value, **how)  # noqa: E731
    monkeypatch.setattr(SlotMixin, "_resolve_value", count)
    monkeypatch.setattr(type(network), "_architecture", lambda *args: built.append(args) or build(*args))
    clone(network).fit(X, Y)
    counts.pop("loss", None)  # which depends on the targets
    assert len(counts) >= 3
    assert set(counts.values()) == {1}
    assert len(built) == 1


class Rounded(MLPClassifier):
    def predict_proba(self, X):
        return np.clip(super().predict_proba(X).round(1), 0.05, 0.95)


def test_scorers_see_the_network_as_it_is_after_an_epoch():
    network = Rounded(**SMALL).fit(X, Y)
    raw = network._raw_scores(X)
    seen = EpochEstimator(Rounded(**SMALL), network._training.encoding, raw)
    assert isinstance(seen, Rounded)
    assert is_classifier(seen)
    assert repr(seen) == repr(Rounded(**SMALL))
    assert seen.max_iter == 4
    assert_array_equal(seen.classes_, [0, 1])
    assert_array_equal(seen.predict_proba(X), network.predict_proba(X))  # rounded: by the method of the subclass
    assert_array_equal(seen.predict(X), network.predict(X))
    assert seen.score(X, Y) == network.score(X, Y)
    assert type(clone(seen)) is Rounded
    with pytest.raises(AttributeError):
        seen.coef_  # noqa: B018


def test_a_scorer_is_asked_in_each_epoch_by_the_methods_of_a_subclass():
    kinds = set()

    def scorer(estimator, X, y):
        kinds.add((isinstance(estimator, Rounded), estimator.alpha))
        return -log_loss(y, estimator.predict_proba(X))

    network = Rounded(**SMALL, **PLAIN, scoring=scorer).fit(X, Y, X_val=X, y_val=Y)
    assert kinds == {(True, "auto")}
    assert len(network.validation_scores_) == 4
    best = np.argmax(network.validation_scores_)
    np.testing.assert_allclose(-log_loss(Y, network.predict_proba(X)), network.validation_scores_[best], rtol=1e-6)
