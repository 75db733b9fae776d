"""Residual blocks and encodings in estimators: what holds for ordinary layers holds for them."""

import pickle
from dataclasses import replace

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV

from skdl import BaggingClassifier, EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor, optimizers
from skdl._registry import REGISTRIES
from skdl.encodings import Periodic, Piecewise
from skdl.engine import Network, TrainingResult
from skdl.layers import Residual, Sequential
from skdl.losses import SquaredError
from skdl.plugins import Block, register
from skdl.testing import check_members

X, Y = make_classification(90, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
X[:, 2] = 7.5  # a column without variance
REAL = make_regression(90, 5, noise=1.0, random_state=0)[1]
SMALL = {"hidden_layer_sizes": (6, 6), "encoding": None, "max_iter": 3, "batch_size": 30, "random_state": 0}
PERIODIC = Periodic(3, sigma=0.3, n_units=2)
WAVES = Periodic(3, sigma=0.3, n_units=None, phase=False, linear=False, robust=False)
NETWORKS = {
    "residual": {"layer": "residual"},
    "residual, batch": {"layer": "residual", "normalization": "batch"},
    "dense and residual, population": {
        "layer": ["dense", "residual"],
        "normalization": "batch",
        "normalization__statistics": "population",
    },
    "identity from the inputs": {"layer": "residual", "hidden_layer_sizes": (5, 5)},
    "waves": {"encoding": WAVES},
    "bins": {"encoding": Piecewise(4), "input_scale": True},
    "units of bins": {"encoding": Piecewise(4, bins="tree", n_units=2), "normalization": "batch"},
    "ranks": {"encoding": "quantile", "input_scale": True, "layer": "residual"},
    "robust": {"encoding": "robust"},
    "auto": {"encoding": "auto"},
    "all": {"encoding": PERIODIC, "layer": "residual", "normalization": "layer", "dropout": 0.2, "input_dropout": 0.1},
    "all, batch": {"encoding": PERIODIC, "layer": "residual", "normalization": "batch", "activation": "prelu"},
}


def mlp(kind, cls=MLPClassifier, **params):
    return cls(**SMALL).set_params(**NETWORKS[kind], **params)


def scores_in_training(network, rows):
    """Those of the network that was trained, on the rows as it saw them."""
    training = network._training
    layers, outcome = Network([training.architecture], np.float64), TrainingResult.of(training.state, "max_iter")
    if training.scale is not None:
        rows = (rows - training.shift) * training.scale
    arrays = layers.arrays(outcome.theta.astype(float), outcome.buffers.astype(float))
    return layers.scores(rows[None].astype(float), arrays)[0]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_what_predicts_is_the_network_that_was_trained(kind, standardize):
    params = {"standardize": standardize, "early_stopping": False}  # so that no factor is found on validation rows
    network = mlp(kind, **params).fit(X, Y)
    assert_allclose(network._raw_scores(X), scores_in_training(network, X), rtol=1e-9, atol=1e-9)
    moved = X.copy()
    moved[:, 2] = -1e3
    same = np.array_equal(network.predict_proba(moved), network.predict_proba(X))
    learns = any(leaf.learns_from_rows for leaf in Network([network._training.architecture], np.float64).leaves)
    assert same == (standardize or learns)  # a column that was constant has no effect when it moves
    real = mlp(kind, MLPRegressor, **params).fit(X, REAL)
    expected = scores_in_training(real, X)[:, 0] * REAL.std() + REAL.mean()
    assert_allclose(real.predict(X), expected, rtol=1e-6)
    assert [coef.shape[1:] for coef in network.coefs_][-1] == (3,)
    assert len(network.coefs_) == len(network.intercepts_)


@pytest.mark.parametrize("kind", NETWORKS)
def test_checkpoints_copies_and_going_on(kind, tmp_path):
    whole = mlp(kind, max_iter=4, warm_start=True, schedule="constant", early_stopping=True).fit(X, Y)
    part = mlp(kind, max_iter=2, warm_start=True, schedule="constant", early_stopping=True).fit(X, Y)
    part.save_checkpoint(tmp_path / "network.npz")
    loaded = clone(part).set_params(max_iter=4).load_checkpoint(tmp_path / "network.npz")
    assert_array_equal(loaded.predict_proba(X), part.predict_proba(X))
    loaded.fit(X, Y)
    assert_array_equal(loaded._training.state.theta, whole._training.state.theta)
    copy = pickle.loads(pickle.dumps(whole))
    assert_array_equal(copy.predict_proba(X), whole.predict_proba(X))
    for network in (copy, whole):
        network.set_params(early_stopping=False).partial_fit(X, Y)
    assert_array_equal(copy.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_goes_on_from_edited_coefficients(kind):
    """Coefficients that were written back as they are, in another type, and those of another network."""
    network = mlp(kind, MLPRegressor, dtype="float64").fit(X, REAL)
    before = network.predict(X)
    other = mlp(kind, MLPRegressor, dtype="float64", random_state=1).fit(X, REAL)
    network.coefs_, network.intercepts_ = [coef + 0.01 for coef in network.coefs_], list(network.intercepts_)
    edited = network.predict(X)
    assert not np.allclose(edited, before)
    still = network.set_params(optimizer__learning_rate=1e-300, alpha=0.0).partial_fit(X, REAL)
    if network.normalization != "batch" and "population" not in kind:  # whose running statistics move with each step
        assert_allclose(still.predict(X), edited, rtol=1e-6)
    assert other.predict(X).shape == before.shape


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_weight_matrix_is_bounded(kind):
    network = mlp(kind, penalty="max_norm", penalty__limit=0.2, optimizer__learning_rate=0.1).fit(X, Y)
    layers = Network([network._training.architecture], np.float32)
    seen = 0
    for _, spec, view in layers.layout.placed(network._training.state.theta):
        if spec.role == "weight":
            blocks = view.reshape(spec.n_blocks, -1, spec.shape[1])
            assert np.linalg.norm(blocks, axis=1).max() == pytest.approx(0.2, rel=1e-5)  # some are at the bound
            seen += 1
    assert seen == len(network.coefs_)


@pytest.mark.parametrize("kind", NETWORKS)
def test_members_of_a_batch_ensemble_are_those_that_were_trained(kind):
    ensemble = EnsembleClassifier(estimator=mlp(kind), n_estimators=3, share="batch_ensemble", random_state=0)
    members = ensemble.fit(X, Y).predict_members(X)
    assert len({output.tobytes() for output in members}) == 3
    for output, member in zip(members, ensemble.estimators_, strict=True):
        assert_array_equal(output, member.predict_proba(X))
        assert member.n_parameters_ == clone(mlp(kind)).fit(X, Y).n_parameters_
    losses = [member.loss_ for member in ensemble.estimators_]
    assert len(set(losses)) == 1
    real = EnsembleRegressor(estimator=mlp(kind, MLPRegressor), n_estimators=2, share="batch_ensemble", random_state=0)
    assert np.isfinite(real.fit(X, REAL).predict(X)).all()


def test_stacks_change_no_bit():
    grid = {
        "layer": ["dense", "residual"],
        "encoding": [None, PERIODIC, "auto"],
        "alpha": [1e-4, 1e-1],
        "dropout": [0.0, 0.3],
    }
    found = []
    for backend in ("skdl", "threading"):
        with joblib.parallel_config(backend=backend):
            search = GridSearchCV(MLPClassifier(**SMALL, normalization="batch"), grid, cv=2).fit(X, Y)
        found.append(search)
    assert_array_equal(found[0].cv_results_["mean_test_score"], found[1].cv_results_["mean_test_score"])
    assert_array_equal(found[0].predict_proba(X), found[1].predict_proba(X))
    network = mlp("all, batch")
    bagging = BaggingClassifier(network, 3, random_state=0).fit(X, Y)
    assert_array_equal(bagging.predict_members(X)[1], bagging.estimators_[1].predict_proba(X))


def test_members_that_differ_in_the_spread_of_their_frequencies_share_a_stack():
    from nets import member, regression

    rows = regression(40, 4, 2)
    members = []
    for i, sigma in enumerate((0.1, 0.5, 2.0)):
        task = member(rows, (5,), seed=i, loss=SquaredError())
        encoding = Periodic(2, sigma=sigma, n_units=2)
        members.append(replace(task, architecture=replace(task.architecture, encoding=encoding)))
    assert len({task.structure for task in members}) == 1
    check_members(members)
    frequencies = [Network([task.architecture], np.float64).initial([np.random.default_rng(0)])[0] for task in members]
    assert len({theta.tobytes() for theta in frequencies}) == 3


def test_one_step_of_a_periodic_encoding_by_hand():
    """Y = w_1 cos(2 pi c x) + w_2 sin(2 pi c x) + b on one row, squared error, one step of SGD."""
    x, target, rate = 0.7, 0.4, 0.1
    network = MLPRegressor(
        (), encoding=WAVES.with_params(n_frequencies=1), standardize=False, alpha=0.0, dtype="float64", random_state=0
    ).set_params(optimizer=optimizers.SGD(rate), schedule="constant", max_iter=1, n_iter_no_change=None)
    X_two, y_two = np.array([[x], [x]]), np.array([target - 1, target + 1])  # in units of 1 about the target
    start = clone(network).initialize(X_two, y_two)
    layers = Network([start._training.architecture], np.float64).layout
    before = layers.views(start._training.state.theta)
    c, (w1, w2) = before[0]["frequency"].item(), before[1]["weight"].ravel()
    sine, cosine = np.sin(2 * np.pi * c * x), np.cos(2 * np.pi * c * x)
    error = w1 * cosine + w2 * sine  # of the mean, which is 0 in these units
    after = layers.views(clone(network).fit(X_two, y_two)._training.state.theta)
    slope = error * 2 * np.pi * x * (w2 * cosine - w1 * sine)
    assert after[0]["frequency"].item() == pytest.approx(c - rate * slope, rel=1e-12)
    assert_allclose(after[1]["weight"].ravel(), [w1 - rate * error * cosine, w2 - rate * error * sine], rtol=1e-12)
    assert after[1]["bias"].item() == pytest.approx(-rate * error, rel=1e-12)


def test_a_periodic_encoding_follows_what_turns_often():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 1))
    y = np.sin(12 * x[:, 0])
    params = {"hidden_layer_sizes": (32,), "max_iter": 60, "random_state": 0}
    plain = MLPRegressor(**params, encoding=None).fit(x, y).score(x, y)
    waves = MLPRegressor(**params, encoding=Periodic(sigma=1.0)).fit(x, y).score(x, y)
    assert plain < 0.9 < 0.99 < waves


def test_coefficients_of_a_residual_block_work_on_X_as_it_is():
    network = mlp("residual", MLPRegressor, hidden_layer_sizes=(6,), activation="relu").fit(X, REAL)
    (w1, w2, shortcut, last), (b1, b2, b_s, b) = network.coefs_, network.intercepts_
    hidden = X @ shortcut + b_s + np.maximum(X @ w1 + b1, 0) @ w2 + b2
    assert_allclose(network.predict(X), (np.maximum(hidden, 0) @ last + b)[:, 0], rtol=1e-6)


@pytest.fixture
def twice():
    @register("twice")
    class Twice(Block):
        """Two ordinary layers with a shortcut around them."""

        def build(self, n_in, n_out, parts):
            two = [parts.dense(n_in, n_out), *parts.activation(n_out), parts.linear(n_out, n_out)]
            return Residual(Sequential(two), Sequential([parts.linear(n_in, n_out)]))

    yield Twice
    del REGISTRIES["layers"]._classes["twice"], REGISTRIES["layers"]._plug_ins["twice"]


def test_a_block_of_ones_own_goes_by_name(twice):
    named = MLPClassifier(**SMALL, layer="twice").fit(X, Y)
    given = MLPClassifier(**SMALL, layer=[twice(), "twice"]).fit(X, Y)
    assert_array_equal(named.predict_proba(X), given.predict_proba(X))
    search = GridSearchCV(MLPClassifier(**SMALL), {"layer": ["dense", "twice"]}, cv=2).fit(X, Y)
    assert search.best_params_["layer"] in ("dense", "twice")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layer": "residul"}, "The 'layer' parameter of MLPClassifier: Unknown name 'residul' in skdl.layers"),
        ({"layer": ["dense"]}, "lists 1 entries for 2 hidden layers"),
        ({"encoding": "waves"}, "The 'encoding' parameter of MLPClassifier: Unknown name 'waves'"),
        ({"encoding": Periodic(0)}, "'n_frequencies'"),
        ({"encoding": "periodic", "alpha": [0.1] * 5}, "An array as 'alpha' has a factor for each feature's weights"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SMALL).set_params(**params).fit(X, Y)


def test_alpha_and_prior_of_each_feature_reach_both_ways_of_a_block():
    network = MLPRegressor((4,), layer="residual", alpha=[0.1, 0.2, 0.3, 0.4, 0.5], max_iter=1, random_state=0)
    network.set_params(optimizer=optimizers.Adam(0.01), early_stopping=False).fit(X, REAL)
    heavy = clone(network).set_params(alpha=[1e4, 0, 0, 0, 0], max_iter=100, schedule="constant").fit(X, REAL)
    w1, _, shortcut, _ = heavy.coefs_
    for weight in (w1, shortcut):
        assert np.abs(weight[0]).max() < 1e-2 * np.abs(weight[1]).max()
    prior = [np.full((5, 8), 0.3), None, np.full((5, 4), -0.2)]
    drawn = MLPRegressor((4,), layer="residual", alpha=1e4, prior=prior, optimizer="lbfgs", random_state=0).fit(X, REAL)
    kept = [0, 1, 3, 4]
    assert_allclose(drawn.coefs_[0][kept], 0.3, atol=0.05)
    assert_allclose(drawn.coefs_[2][kept], -0.2, atol=0.05)
