"""Pruning by magnitude, of weights and of units, against NumPy."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import Autoencoder, EnsembleRegressor, MLPClassifier, MLPMultitask, MLPRegressor, SoftmaxClassifier, prune
from skdl.layers import ResidualBlock
from skdl.plugins import Block

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)) * [1.0, 1000.0, 0.01, 3.0] + [0.0, 50.0, 0.0, 9.0]
Y = 100 * np.sin(X[:, 0]) + X[:, 1] / 10
LABELS = (X[:, 0] * X[:, 3] > 0).astype(int)


def mlp(sizes=(8, 6), **params):
    return MLPRegressor(sizes, **{"max_iter": 4, "random_state": 0, **PLAIN, **params})


def in_standard_units(network):
    """Magnitudes of the weights of a regressor of X for standardised inputs and targets."""
    sizes = [np.abs(coef) for coef in network.coefs_]
    sizes[0] = sizes[0] * X.std(axis=0)[:, None]
    sizes[-1] = sizes[-1] / Y.std()
    return sizes


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_magnitudes_are_those_for_standardised_data(normalization):
    """Whatever the units of the columns, and with a batch normalization's scale."""
    network = mlp(normalization=normalization, dtype="float64").fit(X, Y)
    sizes = in_standard_units(network)
    threshold = float(np.median(flat(sizes)))
    pruned = prune(network, threshold=threshold, layers=[0, 1, 2])
    for size, coef, before in zip(sizes, pruned.coefs_, network.coefs_, strict=True):
        np.testing.assert_array_equal(coef != 0, size > threshold)
        np.testing.assert_allclose(coef[coef != 0], before[coef != 0], rtol=1e-12)
    if normalization is None:
        by_units = prune(mlp(dtype="float64").fit(X / X.std(axis=0), Y), threshold=threshold, layers=[0, 1, 2])
        assert np.array_equal(flat(by_units.coefs_) == 0, flat(pruned.coefs_) == 0)


def test_shares_of_all_and_of_each_layer():
    network = mlp().fit(X, Y)
    n = [coef.size for coef in network.coefs_]
    sizes = in_standard_units(network)
    pruned = prune(network, amount=0.6)
    least = np.argsort(flat(sizes[:2]))[: round(0.6 * (n[0] + n[1]))]
    assert set(np.flatnonzero(flat(pruned.coefs_) == 0)) == set(least)
    by_layer = prune(network, amount=0.5, scope="layer", layers=["output", "hidden_1"])
    assert [np.count_nonzero(coef == 0) for coef in by_layer.coefs_] == [n[0] // 2, 0, n[2] // 2]
    every = prune(network, amount=0.6, layers=[0, 1, -1])
    assert set(np.flatnonzero(flat(every.coefs_) == 0)) == set(np.argsort(flat(sizes))[: round(0.6 * sum(n))])
    linear = prune(mlp(()).fit(X, Y), amount=0.5)
    assert np.count_nonzero(linear.coefs_[0] == 0) == 2
    assert network.n_nonzero_parameters_ == network.n_parameters_
    assert pruned.n_parameters_ == network.n_parameters_
    assert pruned.n_nonzero_parameters_ == network.n_parameters_ - len(least)


def test_the_given_network_stays_and_no_share_changes_no_bit():
    for network in (mlp(normalization="batch").fit(X, Y), mlp(early_stopping=True).fit(X, Y)):
        before = pickle.dumps(network)
        same = prune(network, amount=0.0)
        prune(network, amount=0.8).set_params(warm_start=True).fit(X, Y)
        prune(network, amount=0.5, structured=True).set_params(warm_start=True).fit(X, Y)
        assert pickle.dumps(network) == before
        assert np.array_equal(same.predict(X), network.predict(X))
        assert same._training.state.mask is None


def test_what_was_pruned_is_of_the_share_and_stays():
    network = mlp().fit(X, Y)
    half = prune(network, amount=0.5)
    more = prune(half.partial_fit(X, Y), amount=0.75)
    zero = flat(half.coefs_) == 0
    assert np.mean(flat(half.coefs_[:2]) == 0) == 0.5
    assert np.mean(flat(more.coefs_[:2]) == 0) == 0.75
    assert (flat(more.coefs_)[zero] == 0).all()
    assert np.array_equal(flat(prune(half, amount=0.1).coefs_) == 0, zero)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "lbfgs"},
        {"early_stopping": "auto"},
        {"early_stopping": True, "normalization": "batch"},
        {"penalty": "l1", "alpha": 0.01, "normalization": "batch"},
        {"layer": "residual", "encoding": "piecewise"},
        {"activation": "prelu", "dropout": 0.2, "dtype": "float64"},
    ],
    ids=str,
)
def test_zeros_stay_however_training_goes_on(params):
    network = prune(mlp(**params).fit(X, Y), amount=0.7)
    zero = flat(network.coefs_) == 0
    assert zero.mean() > 0.5
    start = network.predict(X)
    epochs = network.n_iter_
    fitted = copy.deepcopy(network).set_params(warm_start=True).fit(X, Y)
    fitted.fit(X, Y, X_val=X[:20], y_val=Y[:20])
    fitted.set_params(early_stopping=False).partial_fit(X, Y)
    assert (flat(fitted.coefs_)[zero] == 0).all()
    assert np.count_nonzero(flat(fitted.coefs_)[~zero]) > 0.8 * np.count_nonzero(~zero)
    assert not np.array_equal(fitted.predict(X), start)
    assert fitted.n_iter_ > epochs
    anew = network.set_params(warm_start=False).fit(X, Y)
    assert np.count_nonzero(flat(anew.coefs_)[zero])  # a new training knows nothing of it


@pytest.mark.parametrize("frozen", ["hidden_1", "hidden_2", "output"])
def test_zeros_stay_in_frozen_layers_and_beside_them(frozen):
    pruned = prune(mlp().fit(X, Y), amount=0.6).set_params(frozen=frozen, warm_start=True)
    zeros = [coef == 0 for coef in pruned.coefs_]
    i = pruned.layer_names_.index(frozen) - 1
    still = pruned.coefs_[i].copy()
    pruned.fit(X, Y).partial_fit(X, Y)
    np.testing.assert_allclose(pruned.coefs_[i], still, rtol=1e-6)
    small = prune(pruned, amount=0.5, structured=True).set_params(frozen=None).partial_fit(X, Y)
    assert all(np.array_equal(coef == 0, zero) for coef, zero in zip(pruned.coefs_, zeros, strict=True))
    pruned.set_params(frozen=None).partial_fit(X, Y)
    assert all(np.array_equal(coef == 0, zero) for coef, zero in zip(pruned.coefs_, zeros, strict=True))
    assert (small.coefs_[0] == 0).any()


def test_what_a_network_began_with_is_no_bar():
    source = mlp().fit(X, Y)
    network = mlp(init=source).fit(X, Y)
    assert prune(network, amount=0.5).init is source
    small = prune(network, amount=0.5, structured=True).set_params(warm_start=True).fit(X, Y)
    assert small.init is None
    assert small.hidden_layer_sizes == (4, 3)


def test_zeros_of_an_l1_penalty_are_held():
    network = mlp(penalty="l1", alpha=0.5, optimizer="adam", dtype="float64", max_iter=20).fit(X, Y)
    held = prune(network, threshold=0.0, layers=[0, 1, 2]).set_params(penalty="l2", alpha=1e-3)
    zero = flat(network.coefs_) == 0
    assert 0.1 < zero.mean() < 0.95
    assert np.array_equal(flat(held.partial_fit(X, Y).coefs_) == 0, zero)
    free = network.set_params(penalty="l2", alpha=1e-3).partial_fit(X, Y)
    assert np.count_nonzero(flat(free.coefs_)[zero])


def test_what_was_set_by_hand_in_a_pruned_place_is_gone_in_training():
    network = prune(mlp().fit(X, Y), amount=0.5)
    zero = network.coefs_[0] == 0
    network.coefs_[0] = np.where(zero, 1.0, network.coefs_[0])
    network.partial_fit(X, Y)
    assert np.array_equal(network.coefs_[0] == 0, zero)


def test_a_column_that_begins_to_vary_does_not_come_back():
    still = X.copy()
    still[:, 2] = 5.0
    network = prune(mlp().fit(still, Y), amount=0.2, layers=["hidden_1"])
    assert not network.coefs_[0][2].any()
    assert not network.partial_fit(X, Y).coefs_[0][2].any()
    assert mlp().fit(still, Y).partial_fit(X, Y).coefs_[0][2].any()


def test_a_fit_that_was_broken_off_is_not_brought_to_its_end_but_gone_on_from(tmp_path):
    network = mlp(early_stopping="auto").fit(X, Y)
    network.save_checkpoint(tmp_path / "a.npz")
    loaded = mlp(early_stopping="auto").load_checkpoint(tmp_path / "a.npz")
    pruned = prune(loaded, amount=0.5).set_params(warm_start=True)
    assert pruned.fit(X, Y).n_iter_ > loaded.n_iter_
    assert np.mean(flat(pruned.coefs_[:2]) == 0) == 0.5


def test_checkpoints_pickles_and_trusted_files_keep_the_mask(tmp_path):
    skops = pytest.importorskip("skops.io")
    pruned = prune(MLPClassifier((8, 6), max_iter=3, random_state=0, normalization="batch").fit(X, LABELS), amount=0.8)
    path = tmp_path / "pruned.npz"
    pruned.save_checkpoint(path)
    copies = [
        MLPClassifier((8, 6), max_iter=3, random_state=0, normalization="batch").load_checkpoint(path),
        pickle.loads(pickle.dumps(pruned)),
        skops.loads(skops.dumps(pruned), trusted=skdl.trusted_types()),
    ]
    expected = [coef.copy() for coef in pruned.partial_fit(X, LABELS).partial_fit(X, LABELS).coefs_]
    for each in copies:
        each.partial_fit(X, LABELS).save_checkpoint(path)
        again = MLPClassifier((8, 6), max_iter=3, random_state=0, normalization="batch").load_checkpoint(path)
        assert np.array_equal(flat(again.partial_fit(X, LABELS).coefs_), flat(expected))
    state = pruned._training.state
    state.theta[0, np.flatnonzero(~state.mask[0])[0]] = 1.0
    pruned.save_checkpoint(path)
    with pytest.raises(ValueError, match="weights that were pruned cannot be"):
        copies[0].load_checkpoint(path)


def test_a_fit_of_a_pruned_network_that_is_broken_off_is_brought_to_the_same_end(tmp_path):
    params = {"schedule": "constant", "normalization": "batch", "dropout": 0.1}
    pruned = prune(mlp(**params).fit(X, Y), amount=0.6).set_params(warm_start=True, max_iter=6)
    whole = copy.deepcopy(pruned).fit(X, Y)
    part = copy.deepcopy(pruned).set_params(max_time=1e-9).fit(X, Y)
    assert part.n_iter_ < whole.n_iter_
    part.save_checkpoint(tmp_path / "part.npz")
    resumed = mlp(**params).set_params(warm_start=True, max_iter=6).load_checkpoint(tmp_path / "part.npz").fit(X, Y)
    assert np.array_equal(flat(resumed.coefs_), flat(whole.coefs_))
    assert np.array_equal(flat(resumed.coefs_) == 0, flat(pruned.coefs_) == 0)


def test_a_row_of_weight_two_is_the_row_twice():
    network = mlp(dtype="float64", optimizer="lbfgs").fit(X, Y)
    weight = np.where(np.arange(len(X)) < 10, 2.0, 1.0)
    twice = np.concatenate([X, X[:10]]), np.concatenate([Y, Y[:10]])
    one = prune(network, amount=0.5).partial_fit(X, Y, sample_weight=weight)
    other = prune(network, amount=0.5).partial_fit(*twice)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-9)


def test_frames_and_arrays_alike():
    frame, labels = load_iris(return_X_y=True, as_frame=True)
    by_name = MLPClassifier((6,), max_iter=3, random_state=0).fit(frame, labels)
    by_place = MLPClassifier((6,), max_iter=3, random_state=0).fit(frame.to_numpy(), labels)
    one, other = prune(by_name, amount=0.5), prune(by_place, amount=0.5)
    assert one.feature_names_in_.tolist() == frame.columns.tolist()
    assert np.array_equal(one.predict_proba(frame), other.predict_proba(frame.to_numpy()))
    assert one.get_params(deep=False).keys() == by_name.get_params(deep=False).keys()


def by_hand(network, kept, activation=np.tanh):
    """The predictions of a regressor of which only some units of each hidden layer are there."""
    values, units = X, np.arange(X.shape[1])
    for i, (coef, intercept) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        above = kept[i] if i < len(kept) else np.arange(len(intercept))
        values = values @ coef[np.ix_(units, above)] + intercept[above]
        values, units = activation(values) if i < len(kept) else values, above
    return values[:, 0]


def test_units_are_those_of_least_norms_and_the_rest_is_as_it_was():
    network = mlp(activation="tanh", dtype="float64").fit(X, Y)
    sizes = in_standard_units(network)
    score = [np.linalg.norm(sizes[i], axis=0) * np.linalg.norm(sizes[i + 1], axis=1) for i in range(2)]
    kept = [np.sort(np.argsort(each)[len(each) // 2 :]) for each in score]
    small = prune(network, amount=0.5, structured=True)
    assert small.hidden_layer_sizes == (4, 3)
    assert [coef.shape for coef in small.coefs_] == [(4, 4), (4, 3), (3, 1)]
    assert small.n_parameters_ == 4 * 4 + 4 + 4 * 3 + 3 + 3 + 1
    np.testing.assert_allclose(small.predict(X), by_hand(network, kept), rtol=1e-10)
    together = prune(network, amount=0.5, structured=True, scope="global")
    bound = np.sort(np.concatenate(score))[6]
    kept = [np.flatnonzero(each > bound) for each in score]
    np.testing.assert_allclose(together.predict(X), by_hand(network, kept), rtol=1e-10)
    one = prune(network, threshold=score[0].max(), structured=True, layers=["hidden_1"])
    np.testing.assert_allclose(one.predict(X), by_hand(network, [score[0].argmax()[None], np.arange(6)]), rtol=1e-10)


DEAD = [
    {},
    {"activation": "maxout", "normalization": "batch"},
    {"normalization": "batch"},
    {"activation": "prelu"},
    {"activation": "sigmoid"},
    {"dropout": 0.3, "dropout_mode": "standard", "activation": "softplus"},
    {"encoding": "piecewise", "input_scale": True},
]


@pytest.mark.parametrize("params", DEAD, ids=str)
def test_units_without_effect_go_and_no_prediction_changes(params):
    """Of one nothing comes out, of another the same for each row, which the biases above take over."""
    network = mlp(**{"activation": "relu", "dtype": "float64", **params}).fit(X, Y)
    network.coefs_[0][:, 2::8] = 0.0  # all pieces of the unit
    network.coefs_[1][5] = 0.0
    network.coefs_[1][:, 0::6] = 0.0
    network.intercepts_[1][0] = 0.7
    before = network.predict(X)
    small = prune(network, threshold=0.0, structured=True)
    assert small.hidden_layer_sizes == (6, 5)
    np.testing.assert_allclose(small.predict(X), before, rtol=1e-8)
    assert len(pickle.dumps(small)) < len(pickle.dumps(network))


@pytest.mark.parametrize(
    "params", [{}, {"layer": "residual"}, {"normalization": "batch", "encoding": "piecewise"}], ids=str
)
def test_units_that_are_dead_on_rows_go_with_what_they_give(params):
    """Of which the weights tell nothing: a rectifier whose inputs are negative, or a sigmoid that is saturated."""
    network = mlp(activation="relu", dtype="float64", **params).fit(X, Y)
    place = [i for i, intercept in enumerate(network.intercepts_) if len(intercept) in (12, 16)] or [0, 1]
    network.intercepts_[place[0]][[1, 4]] = -1e4
    network.intercepts_[place[1]][3] = -1e4
    before, n_inner = network.predict(X), network.n_parameters_
    assert prune(network, threshold=0.0, structured=True).n_parameters_ == n_inner
    small = prune(network, threshold=0.0, structured=True, X=X)
    widths = [len(network.intercepts_[i]) - len(small.intercepts_[i]) for i in place]
    assert widths == [2, 1]
    np.testing.assert_allclose(small.predict(X), before, rtol=1e-8)
    saturated = mlp(activation="sigmoid", dtype="float64").fit(X, Y)
    saturated.intercepts_[0][[1, 4]] = 1e4
    before = saturated.predict(X)
    small = prune(saturated, threshold=0.0, structured=True, X=pd.DataFrame(X))
    assert small.hidden_layer_sizes == (6, 6)
    np.testing.assert_allclose(small.predict(X), before, rtol=1e-8)


def test_units_that_vary_least_go_and_leave_their_means():
    network = mlp((8,), activation="tanh", dtype="float64").fit(X, Y)
    hidden = np.tanh(X @ network.coefs_[0] + network.intercepts_[0])
    order = np.argsort(hidden.std(axis=0) * np.abs(network.coefs_[1][:, 0]))
    expected = network.predict(X) - (hidden - hidden.mean(axis=0))[:, order[:4]] @ network.coefs_[1][order[:4], 0]
    small = prune(network, amount=0.5, structured=True, X=X).set_params(clip_predictions=False)
    np.testing.assert_allclose(small._raw_scores(X)[:, 0], expected, rtol=1e-8)


def test_units_inside_of_residual_blocks():
    network = mlp(layer="residual", normalization="batch", dtype="float64").fit(X, Y)
    inner = [coef.shape for coef in network.coefs_]
    assert inner == [(4, 16), (16, 8), (4, 8), (8, 12), (12, 6), (8, 6), (6, 1)]
    network.coefs_[0][:, 3] = 0.0
    network.coefs_[4][[0, 7]] = 0.0
    before = network.predict(X)
    small = prune(network, threshold=0.0, structured=True)
    assert [coef.shape for coef in small.coefs_] == [(4, 15), (15, 8), (4, 8), (8, 10), (10, 6), (8, 6), (6, 1)]
    np.testing.assert_allclose(small.predict(X), before, rtol=1e-8)
    assert small.hidden_layer_sizes == (8, 6)
    assert [block.expansion for block in small.layer] == [15 / 8, 10 / 6]
    mixed = mlp((8, 6, 6), layer=["dense", "residual", "dense"]).fit(X, Y)
    fewer = prune(mixed, amount=0.5, structured=True)
    assert fewer.hidden_layer_sizes == (8, 6, 3)
    assert [getattr(block, "expansion", None) for block in fewer.layer] == [None, 1.0, None]
    with pytest.raises(ValueError, match="No units can be taken out of hidden_1: what comes out of a residual block"):
        prune(mixed, amount=0.5, structured=True, layers=["hidden_1"])


@pytest.mark.parametrize("optimizer", ["adam", "nesterov", "lbfgs"])
def test_training_goes_on_as_with_the_units_that_did_nothing(optimizer):
    """The optimizer remembers the same of the weights that are left."""
    network = mlp(optimizer=optimizer, dtype="float64").fit(X, Y)
    network.coefs_[0][:, 2] = 0.0
    network.coefs_[1][2] = 0.0
    large = prune(network, threshold=0.0)
    small = prune(large, threshold=0.0, structured=True)
    assert small.hidden_layer_sizes == (7, 6)
    for each in (large, small):
        each.partial_fit(X, Y).partial_fit(X, Y)
    np.testing.assert_allclose(small.predict(X), large.predict(X), rtol=1e-7)


def test_masks_go_with_the_units_and_small_networks_are_saved(tmp_path):
    network = prune(mlp(normalization="batch").fit(X, Y), amount=0.6)
    small = prune(network, amount=0.5, structured=True)
    zero = flat(small.coefs_) == 0
    assert zero.any()
    assert not zero.all()
    small.save_checkpoint(tmp_path / "small.npz")
    again = mlp((4, 3), normalization="batch").load_checkpoint(tmp_path / "small.npz")
    assert np.array_equal(again.predict(X), small.predict(X))
    assert np.array_equal(flat(small.partial_fit(X, Y).coefs_) == 0, zero)
    assert np.array_equal(again.partial_fit(X, Y).predict(X), small.predict(X))


def test_layers_left_without_weights_are_warned_of():
    network = mlp().fit(X, Y)
    with pytest.warns(UserWarning, match=r"No weights are left in layer 'hidden_1'.*Take a smaller threshold"):
        empty = prune(network, threshold=1e9, layers=["hidden_1"])
    assert np.ptp(empty.predict(X)) == 0


def test_a_residual_block_has_the_inner_units_that_are_asked_for():
    for n_units in (1, 2, 3, 7, 49, 128, 1000):
        for n_inner in range(1, 3 * n_units):
            block = ResidualBlock().resized(n_units, n_inner)
            assert max(1, round(block.expansion * n_units)) == n_inner


class TwoMaps(Block):
    """A layer with an inner width that is no hyperparameter."""

    def build(self, n_in, n_out, parts):
        from skdl.layers import Sequential

        return Sequential([parts.linear(n_in, 5), parts.dense(5, n_out), *parts.activation(n_out)])


def test_blocks_of_ones_own():
    """Units that come out can go; those inside can where the block says how."""
    network = mlp(layer=TwoMaps(), dtype="float64").fit(X, Y)
    small = prune(network, amount=0.5, structured=True)
    assert [coef.shape for coef in small.coefs_] == [(4, 5), (5, 4), (4, 5), (5, 3), (3, 1)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "prune takes either 'amount' or 'threshold'. Got neither"),
        ({"amount": 0.5, "threshold": 0.1}, "Got amount=0.5 and threshold=0.1"),
        ({"amount": 1.0}, r"'amount' parameter of prune must be None or a float in the range \[0, 1\)"),
        ({"threshold": -1.0}, "'threshold' parameter of prune must be"),
        ({"amount": 0.5, "scope": "all"}, "'scope' parameter of prune must be"),
        ({"amount": 0.5, "X": X}, "'X' has no effect with structured=False"),
        ({"amount": 0.5, "structured": True, "X": X[:, :2]}, "X has 2 features, but MLPRegressor is expecting 4"),
        ({"amount": 0.5, "layers": "hidden_1"}, "must be a list of names or indices"),
        ({"amount": 0.5, "layers": ["hiden_1"]}, "Did you mean 'hidden_1'"),
        ({"amount": 0.5, "layers": ["input"]}, "'input', which has no weights that can be pruned"),
        ({"amount": 0.5, "layers": ["output"], "structured": True}, "'output', whose units are the answers"),
    ],
)
def test_messages_of_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        prune(mlp().fit(X, Y), **params)


def test_messages_of_networks():
    for other in (make_pipeline(StandardScaler(), mlp()), EnsembleRegressor(), SoftmaxClassifier(), MLPClassifier):
        with pytest.raises(ValueError, match="prune takes a fitted perceptron, such as an MLPClassifier"):
            prune(other, amount=0.5)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        prune(mlp(), amount=0.5)
    with pytest.raises(ValueError, match="this network has none"):
        prune(mlp(()).fit(X, Y), amount=0.5, structured=True)
    with pytest.raises(ValueError, match="n_groups=2 does not divide the 5 units"):
        prune(mlp((6,), normalization="group").fit(X, Y), amount=0.2, structured=True)
    with pytest.raises(ValueError, match="takes no network with a 'prior'"):
        prune(mlp(prior=[None, None, None], alpha=0.1).fit(X, Y), amount=0.5, structured=True)


def test_members_of_ensembles_that_shared_their_weights():
    ensemble = EnsembleRegressor(estimator=mlp(), n_estimators=2, share="batch_ensemble", random_state=0).fit(X, Y)
    for member in ensemble.estimators_:
        sparse, small = prune(member, amount=0.5), prune(member, amount=0.5, structured=True)
        assert np.mean(flat(sparse.coefs_[:2]) == 0) == 0.5
        assert small.hidden_layer_sizes == (4, 3)


def test_networks_of_several_tasks():
    tasks = pd.DataFrame({"class": np.where(LABELS, "a", "b"), "real": Y})
    network = MLPMultitask((8, 6), max_iter=3, random_state=0).fit(X, tasks)
    sparse, small = prune(network, amount=0.5), prune(network, amount=0.5, structured=True)
    zero = flat(sparse.coefs_) == 0
    assert np.array_equal(flat(sparse.partial_fit(X, tasks).coefs_) == 0, zero)
    assert small.hidden_layer_sizes == (4, 3)
    assert small.predict(X).columns.tolist() == ["class", "real"]


def test_autoencoders_whose_weights_may_be_tied():
    """Tied weights are pruned in both of their places; units of the code are of one layer only."""
    network = Autoencoder((6, 3), tied=True, normalization="batch", max_iter=3, random_state=0).fit(X)
    pruned = prune(network, amount=0.5, scope="layer")
    zeros = [coef == 0 for coef in pruned.coefs_]
    assert [zero.mean() for zero in zeros] == [0.5] * 4
    assert np.array_equal(zeros[0], zeros[3].T)
    pruned.set_params(warm_start=True).fit(X)
    assert all(np.array_equal(coef == 0, zero) for coef, zero in zip(pruned.coefs_, zeros, strict=True))
    with pytest.raises(ValueError, match=r"tied=True\. Give layers=\['hidden_2'\], or prune its weights"):
        prune(network, amount=0.5, structured=True)
    for sizes, code in (((6,), "hidden_1"), ((6, 3), "hidden_2")):
        whole = Autoencoder(sizes, tied=True, max_iter=3, random_state=0).fit(X)
        small = prune(whole, amount=0.5, structured=True, layers=[code], X=X)
        check_code(whole, small, sizes[-1] // 2)
        assert small.decoder_layer_sizes is None
        small.set_params(warm_start=True).fit(X)


def check_code(whole, small, n_units):
    """The code has lost units, and its decoder has their mean in the intercepts."""
    code, kept = whole.transform(X), small.transform(X)
    assert kept.shape[1] == n_units
    stays = [int(np.abs(code - column[:, None]).max(axis=0).argmin()) for column in kept.T]
    np.testing.assert_allclose(code[:, stays], kept, atol=1e-5)
    gone = np.setdiff1d(np.arange(code.shape[1]), stays)
    code[:, gone] = code[:, gone].mean(axis=0)
    np.testing.assert_allclose(small.inverse_transform(kept), whole.inverse_transform(code), atol=1e-5)


@pytest.mark.parametrize("layer", ["dense", "residual"])
def test_units_of_encoders_and_decoders(layer):
    """Layers keep their places in the encoder and the decoder, however many units each loses."""
    sizes = (8, 8) if layer == "residual" else (8, 4)
    network = Autoencoder(sizes, layer=layer, max_iter=3, random_state=0).fit(X)
    small = prune(network, amount=0.5, structured=True)
    assert small.n_parameters_ < network.n_parameters_
    if layer == "dense":
        assert (small.hidden_layer_sizes, small.decoder_layer_sizes) == ((4, 2), None)
        uneven = prune(network, amount=0.25, structured=True, layers=["hidden_1", "hidden_2"], X=X)
        assert (uneven.hidden_layer_sizes, uneven.decoder_layer_sizes) == ((6, 3), (8,))
        check_code(network, prune(network, amount=0.25, structured=True, layers=["hidden_2"], X=X), 3)
        again = clone(uneven).fit(X)
        assert [coef.shape for coef in again.coefs_] == [coef.shape for coef in uneven.coefs_]
    assert np.isfinite(small.set_params(warm_start=True).fit(X).reconstruct(X)).all()


def test_a_width_and_a_depth():
    small = prune(mlp(8, depth=2).fit(X, Y), amount=0.5, structured=True)
    assert (small.hidden_layer_sizes, small.depth) == ((4, 4), 1)


def test_tables_with_categories():
    frame = pd.DataFrame({"number": X[:, 0], "town": np.where(X[:, 1] > 0, "Bonn", "Kiel")})
    network = MLPRegressor((6,), max_iter=3, random_state=0).fit(frame, Y)
    small = prune(prune(network, amount=0.5), amount=0.5, structured=True).partial_fit(frame, Y)
    assert small.hidden_layer_sizes == (3,)
    assert small.predict(frame).shape == (90,)
