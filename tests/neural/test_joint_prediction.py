"""Networks asked together: the bits that each has alone, whoever has set its weights, in any company."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.tree import DecisionTreeClassifier

from skdl import BaggingRegressor, EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.activations import LeakyReLU
from skdl.layers import architecture
from skdl.neural import joint_prediction

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 5))
Y = np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])]
REAL = X @ rng.normal(size=(5, 2))
NETWORKS = [
    MLPClassifier((6, 4)),
    MLPClassifier((6, 4), alpha=0.1, batch_size=16),
    MLPClassifier((6, 4), activation=LeakyReLU(0.3)),
    MLPClassifier((6, 4), activation="tanh", normalization="layer"),
    MLPClassifier((6, 4), normalization="batch", dropout=0.2, dropout_mode="standard"),
    MLPClassifier((6, 4), normalization="batch", dropout=0.4, dropout_mode="standard"),
    MLPClassifier((300,), standardize=False),
    MLPClassifier((), optimizer="lbfgs"),
    MLPClassifier((5,), activation="prelu"),
    MLPClassifier((5,), activation="prelu", dtype="float64"),
    SoftmaxClassifier(),
]


@pytest.fixture(scope="module")
def members():
    fitted = [network.set_params(random_state=j, max_iter=20) for j, network in enumerate(NETWORKS)]
    return [(f"m{j}", network.fit(X, Y)) for j, network in enumerate(fitted)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_rows", [1, 2, 3, 7, 33, 400])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, int])
def test_each_network_answers_as_it_does_alone(members, n_rows, dtype):
    ensemble = EnsembleClassifier(members, prefit=True).fit(X, Y)
    rows = (3 * X[:n_rows]).astype(dtype)
    for output, (_, member) in zip(ensemble.predict_members(rows), members, strict=True):
        assert_array_equal(output, member.predict_proba(rows))


@pytest.mark.parametrize("n_rows", [1, 5, 400])
@pytest.mark.parametrize("y", [REAL, REAL[:, 0], REAL[:, :1]], ids=["two", "one", "column"])
def test_regressors_too(n_rows, y):
    bagging = BaggingRegressor(MLPRegressor((6,), max_iter=3), 4, random_state=0).fit(X, y)
    for output, member in zip(bagging.predict_members(X[:n_rows]), bagging.estimators_, strict=True):
        assert_array_equal(output, member.predict(X[:n_rows]))


def test_the_input_is_checked_once(monkeypatch):
    ensemble = EnsembleClassifier(estimator=MLPClassifier((6,), max_iter=2), n_estimators=7, random_state=0).fit(X, Y)
    checked = []
    validated = MLPClassifier._validated
    record = lambda self, X: checked.append(self) or validated(self, X)  # noqa: E731
    monkeypatch.setattr(joint_prediction.BaseNetwork, "_validated", record)
    ensemble.predict(X[:1])
    assert len(checked) == 1
    assert ensemble.predict_proba(X).shape == (400, 3)
    assert len(checked) == 2


def test_layers_are_built_once_and_not_kept_in_files(monkeypatch):
    network = MLPClassifier((6,), max_iter=2, random_state=0).fit(X, Y)
    size = len(pickle.dumps(network))
    built = []
    build = architecture.build_layers
    monkeypatch.setattr(architecture, "build_layers", lambda *of: built.append(of) or build(*of))
    expected = network.predict_proba(X)
    for _ in range(3):
        network.predict_proba(X[:1])
    assert len(built) <= 1
    network.predict_proba(X.astype(np.float32))  # in its own precision
    assert len(built) <= 2
    assert len(pickle.dumps(network)) == size
    assert_array_equal(pickle.loads(pickle.dumps(network)).predict_proba(X), expected)


def test_what_is_public_counts():
    ensemble = EnsembleRegressor(estimator=MLPRegressor((6,), max_iter=2), n_estimators=3, random_state=0)
    ensemble.fit(X, REAL[:, 0])
    before = ensemble.predict_members(X[:1])
    ensemble.estimators_[1].intercepts_[-1] += 1.0
    after = ensemble.predict_members(X[:1])
    assert_array_equal(after[1], ensemble.estimators_[1].predict(X[:1]))
    assert after[1] != before[1]
    assert_array_equal(after[[0, 2]], before[[0, 2]])


class Certain(MLPClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X).round()


def test_a_member_with_a_method_of_its_own_is_asked_by_it():
    members = [("own", Certain((6,), max_iter=3)), ("usual", MLPClassifier((6,), max_iter=3)), ("tree", None)]
    members[2] = ("tree", DecisionTreeClassifier(max_depth=2))
    ensemble = EnsembleClassifier(members, random_state=0).fit(X, Y)
    assert set(np.unique(ensemble.predict_members(X[:20])[0])) <= {0.0, 1.0}
    ensemble.estimators_[1].predict_proba = lambda X: np.full((len(X), 3), 1 / 3)
    assert (ensemble.predict_members(X[:2])[1] == 1 / 3).all()


def test_members_that_have_learned_other_names_are_held_to_theirs():
    frame, turned = pd.DataFrame(X, columns=list("abcde")), pd.DataFrame(X, columns=list("edcba"))
    first = MLPClassifier((6,), max_iter=2, random_state=0).fit(frame, Y)
    second = MLPClassifier((6,), max_iter=2, random_state=0).fit(turned, Y)
    ensemble = EnsembleClassifier([("first", first), ("second", second)], prefit=True).fit(frame, Y)
    with pytest.raises(ValueError, match="feature names"):
        ensemble.predict(frame)


@pytest.mark.parametrize("n_rows", [1, 400])
def test_what_is_not_finite_is_an_error(n_rows):
    ensemble = EnsembleClassifier(estimator=MLPClassifier((6,), max_iter=2), n_estimators=2, random_state=0).fit(X, Y)
    wild = X[:n_rows].copy()
    wild[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        ensemble.predict(wild)
