"""Dropout as an ensemble: members are thinned networks, and the weight scaling rule is their mean where it is exact."""

import itertools

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from scipy.special import entr, softmax

from skdl import EnsembleClassifier, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1.0, 100.0, 0.1] + [0.0, 500.0, 1.0]
Y = 30 * np.sin(X[:, 0]) + X[:, 1] / 10
CLASSES = np.digitize(X[:, 0] + X[:, 2], [0.5, 1.5])
N = 5
MASKS = np.array(list(itertools.product([0, 1], repeat=N)))


def mlp(cls=MLPRegressor, sizes=(N,), **params):
    return cls(
        sizes,
        **{
            "dropout": 0.4,
            "max_iter": 4,
            "dtype": "float64",
            "random_state": 0,
            "activation": "relu",
            **PLAIN,
            **params,
        },
    )


def thinned(network, mode):
    """Raw scores of all 2^N networks that dropout leaves, (2^N, n, n_outputs), and their probabilities, by hand."""
    hidden = np.maximum(X @ network.coefs_[0] + network.intercepts_[0], 0)
    keep = 1 - network.dropout
    factor = 1 / keep if mode == "inverted" else 1.0
    scores = np.array([(hidden * mask * factor) @ network.coefs_[1] + network.intercepts_[1] for mask in MASKS])
    return scores, keep ** MASKS.sum(axis=1) * (1 - keep) ** (N - MASKS.sum(axis=1))


@pytest.mark.parametrize("mode", ["inverted", "standard"])
@pytest.mark.parametrize("dropout", [0.5, 0.4])
def test_the_rule_is_the_mean_of_all_networks_where_nothing_bends_above(mode, dropout):
    network = mlp(dropout=dropout, dropout_mode=mode, clip_predictions=False).fit(X, Y)
    scores, probability = thinned(network, mode)
    assert probability.sum() == pytest.approx(1)
    np.testing.assert_allclose(network.predict(X), np.tensordot(probability, scores, 1)[:, 0], rtol=1e-9)


@pytest.mark.parametrize("mode", ["inverted", "standard"])
def test_the_rule_is_the_renormalised_geometric_mean_below_a_softmax(mode):
    """N. Srivastava et al. (2014) and P. Baldi, P. Sadowski (2013): with the probabilities of the masks as weights."""
    network = mlp(MLPClassifier, dropout_mode=mode).fit(X, CLASSES)
    scores, probability = thinned(network, mode)
    geometric = np.exp(np.tensordot(probability, np.log(softmax(scores, axis=-1)), 1))
    geometric /= geometric.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.predict_proba(X), geometric, rtol=1e-9)
    arithmetic = np.tensordot(probability, softmax(scores, axis=-1), 1)
    assert np.abs(arithmetic - geometric).max() > 1e-4


@pytest.mark.parametrize("mode", ["inverted", "standard"])
def test_each_member_is_one_of_the_thinned_networks_for_all_rows(mode):
    network = mlp(dropout_mode=mode, clip_predictions=False).fit(X, Y)
    scores, probability = thinned(network, mode)
    members = network.predict_members(X, n_samples=400, random_state=0)
    assert members.shape == (400, 60)
    distance = np.abs(members[:, None] - scores[None, :, :, 0]).max(axis=2)
    which = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 1e-9 * np.abs(Y).max()
    assert len(set(which)) > 20
    kept = MASKS[which].mean(axis=0)  # each unit is kept with probability 1 - p
    assert np.abs(kept - 0.6).max() < 4 * np.sqrt(0.24 / 400)
    assert np.corrcoef(np.bincount(which, minlength=2**N), probability)[0, 1] > 0.5


def test_dropped_inputs_are_at_their_mean():
    """Which is zero where they are standardised, and not in X."""
    network = mlp(dropout=0.0, input_dropout=0.5, sizes=(), clip_predictions=False).fit(X, Y)
    expected = [
        ((X - X.mean(axis=0)) * mask * 2) @ network.coefs_[0]
        + network.intercepts_[0]
        + X.mean(axis=0) @ network.coefs_[0]
        for mask in itertools.product([0, 1], repeat=3)
    ]
    np.testing.assert_allclose(network.predict(X), np.mean(expected, axis=0)[:, 0], rtol=1e-9)
    for member in network.predict_members(X, n_samples=20, random_state=1):
        assert min(np.abs(member - each[:, 0]).max() for each in expected) < 1e-9 * np.abs(Y).max()


@pytest.mark.parametrize("params", [{}, {"normalization": "batch"}, {"layer": "residual"}, {"encoding": "piecewise"}])
def test_samples_are_the_same_whatever_the_rows_and_their_number(params):
    network = mlp(sizes=(6, 4), early_stopping="auto", **{"dtype": "auto", **params}).fit(X, Y)
    many = network.predict_members(np.tile(X, (40, 1)), n_samples=3, random_state=7)
    few = network.predict_members(X[:5], n_samples=2, random_state=7)
    np.testing.assert_allclose(many[:2, -60:][:, :5], few, rtol=1e-5)
    assert np.array_equal(few, network.predict_members(X[:5], n_samples=2, random_state=7))
    assert not np.array_equal(few, network.predict_members(X[:5], n_samples=2))
    assert not np.array_equal(few[0], few[1])
    gentle = network.predict_members(X, n_samples=300, random_state=0).mean(axis=0)
    assert np.corrcoef(gentle, network.predict(X))[0, 1] > 0.9


def test_without_what_is_dropped_it_is_the_network():
    """With a probability next to zero: normalizations as at prediction, factors and units of y."""
    for params in (
        {"normalization": "batch", "early_stopping": "auto"},
        {"layer": "residual", "encoding": "piecewise"},
    ):
        network = mlp(sizes=(6, 4), **{"dropout": 1e-6, **params}).fit(X, Y)
        np.testing.assert_allclose(network.predict_members(X, 1, 0)[0], network.predict(X), rtol=1e-5)
    classifier = mlp(MLPClassifier, dropout=1e-6, early_stopping="auto").fit(X, CLASSES)
    np.testing.assert_allclose(classifier.predict_members(X, 1, 0)[0], classifier.predict_proba(X), rtol=1e-4)


def test_coefficients_that_were_set_by_hand_are_those_that_are_sampled():
    network = mlp(clip_predictions=False).fit(X, Y)
    network.coefs_[1] = network.coefs_[1] * 2
    network.intercepts_[0] = network.intercepts_[0] + 0.1
    scores, _ = thinned(network, "inverted")
    for member in network.predict_members(X, n_samples=5, random_state=1):
        assert np.abs(member - scores[:, :, 0]).max(axis=1).min() < 1e-9 * np.abs(scores).max()


def test_uncertainties_as_the_ensembles_have_them():
    frame = pd.DataFrame(X, index=[f"row {i}" for i in range(60)], columns=["a", "b", "c"])
    classifier = mlp(MLPClassifier).fit(frame, CLASSES)
    members = classifier.predict_members(frame, n_samples=30, random_state=3)
    assert members.shape == (30, 60, 3)
    found = classifier.predict_uncertainty(frame, n_samples=30, random_state=3)
    ensemble = EnsembleClassifier(estimator=mlp(MLPClassifier), n_estimators=2).fit(frame, CLASSES)
    assert found.columns.tolist() == ensemble.predict_uncertainty(frame).columns.tolist()
    assert found.index.tolist() == frame.index.tolist()
    np.testing.assert_allclose(found["total_entropy"], entr(members.mean(axis=0)).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found["expected_entropy"], entr(members).sum(axis=2).mean(axis=0), rtol=1e-9)
    regressor = mlp().fit(frame, np.c_[Y, -Y])
    spread = regressor.predict_uncertainty(frame, n_samples=30, random_state=3)
    assert spread.columns.tolist() == ["member_spread_0", "member_spread_1"]
    expected = regressor.predict_members(frame, n_samples=30, random_state=3).std(axis=0)
    np.testing.assert_allclose(spread.to_numpy(), expected, rtol=1e-9, atol=1e-12)


def test_several_labels():
    columns = mlp(MLPClassifier).fit(X, np.c_[CLASSES, CLASSES > 0].astype(str))
    members = columns.predict_members(X, n_samples=4, random_state=0)
    assert [each.shape for each in members] == [(4, 60, 3), (4, 60, 2)]
    with pytest.raises(ValueError, match="is of one label a row, and this network has learned several"):
        columns.predict_uncertainty(X, n_samples=4)
    binary = mlp(MLPClassifier).fit(X, CLASSES > 0)
    assert binary.predict_members(X, n_samples=4).shape == (4, 60, 2)


def test_messages():
    plain = mlp(dropout=0.0).fit(X, Y)
    message = "predict_members samples networks by dropout, and this MLPRegressor was trained without any. Fit it with"
    with pytest.raises(ValueError, match=message):
        plain.predict_members(X)
    with pytest.raises(ValueError, match="predict_uncertainty samples networks by dropout"):
        plain.predict_uncertainty(X)
    network = mlp().fit(X, Y)
    with pytest.raises(ValueError, match=r"'n_samples' parameter of MLPRegressor.predict_members must be an int"):
        network.predict_members(X, n_samples=0)
    with pytest.raises(ValueError, match=r"'random_state' parameter of MLPRegressor.predict_uncertainty must be"):
        network.predict_uncertainty(X, random_state="a")
