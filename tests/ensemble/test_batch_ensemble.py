"""Members that share weights: what is minimised, the members as networks of their own, the estimator's contract."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from skdl import EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier, callbacks
from skdl.engine import Network
from skdl.engine.train import initial_state
from skdl.ensemble import _batch_ensemble as module
from skdl.execution import train_members
from skdl.layers import Tile
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.neural import refitting
from skdl.neural._calibration import Shrinkage, Temperature
from skdl.neural.trainable import trainable
from skdl.testing import check_members

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4))
Y_CLASS = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y_REAL = X[:, 0] * X[:, 1] + 3 * X[:, 2] + 100
Y_TWO = np.column_stack([Y_REAL, X[:, 3]])
MLP_C = MLPClassifier((8, 6), batch_size=32, max_iter=4, early_stopping=False)
MLP_R = MLPRegressor((8, 6), batch_size=32, max_iter=4, early_stopping=False)


def shared(kind, network, k=5, **params):
    return kind(estimator=network, n_estimators=k, share="batch_ensemble", random_state=0, **params)


@pytest.fixture
def trained(monkeypatch):
    """The engine's tasks and outcomes of the fits in a test."""
    calls = []

    def train(members, n_threads):
        outcomes = train_members(members, n_threads)
        calls.append((members, outcomes))
        return outcomes

    monkeypatch.setattr(refitting, "train_members", train)
    return calls


@pytest.mark.parametrize(("kind", "network", "y"), [
    (EnsembleClassifier, MLP_C, Y_CLASS),
    (EnsembleClassifier, MLP_C, Y_CLASS == "a"),
    (EnsembleClassifier, clone(MLP_C).set_params(normalization="batch", dropout=0.2, input_dropout=0.1), Y_CLASS),
    (EnsembleClassifier, clone(MLP_C).set_params(normalization="layer", activation="prelu"), Y_CLASS),
    (EnsembleClassifier, clone(MLP_C).set_params(hidden_layer_sizes=()), Y_CLASS),
    (EnsembleRegressor, MLP_R, Y_REAL),
    (EnsembleRegressor, clone(MLP_R).set_params(early_stopping=True), Y_TWO),
])  # fmt: skip
def test_the_members_are_the_copies_that_were_trained(kind, network, y, trained):
    """Their predictions on X as it is, against the trained network's scores of standardised rows."""
    fitted = shared(kind, network).fit(X, y)
    [[[task], [outcome]]] = trained
    assert task.architecture.maps.size == 5
    together = Network([task.architecture], np.float64)
    arrays = together.arrays(outcome.theta.astype(float), outcome.buffers.astype(float))
    scores = together.scores(((X - task.rows.shift) * task.rows.scale)[None].astype(float), arrays)[0]
    members = fitted.predict_members(X)
    first = fitted.estimators_[0]
    linked = first._loss(first._training.encoding).link(scores.reshape(5, 150, -1))
    if kind is EnsembleRegressor:
        assert_allclose(members.reshape(5, 150, -1), linked * y.std(axis=0) + y.mean(axis=0), rtol=1e-4)
        assert_allclose(fitted.predict(X), members.mean(axis=0))
    else:
        linked = np.concatenate([1 - linked, linked], axis=2) if linked.shape[2] == 1 else linked
        assert_allclose(members, linked, atol=1e-5)
        assert_allclose(fitted.predict_proba(X), members.mean(axis=0))
    assert len({output.tobytes() for output in members}) == 5
    assert [type(member) for member in fitted.estimators_] == [type(network)] * 5


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_what_is_minimised(alpha, weighted, trained):
    """Mean of the members' losses, penalty of the shared weights, mean penalty of the members' own; nothing moves."""
    still = {"alpha": alpha, "batch_size": 150, "max_iter": 1, "dtype": "float64", "standardize": False}
    weight = rng.uniform(0.5, 2, 150) if weighted else None
    for kind, network, y in ((EnsembleClassifier, MLP_C, Y_CLASS), (EnsembleRegressor, MLP_R, Y_REAL)):
        network = clone(network).set_params(**still, optimizer__learning_rate=1e-15)
        fitted = shared(kind, network).fit(X, y, weight)
        [task], [outcome] = trained.pop()
        named = Network([task.architecture], np.float64).layout.views(outcome.theta)
        *shared_ones, own = [views["weight"] for views in named if "weight" in views]
        squares = sum((weight**2).sum() for weight in shared_ones) + (own**2).sum() / 5
        outputs = fitted.predict_members(X)
        if kind is EnsembleClassifier:
            losses = [log_loss(y, output, sample_weight=weight) for output in outputs]
        else:
            variance = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
            losses = [mean_squared_error(y, output, sample_weight=weight) / variance / 2 for output in outputs]
        for member in fitted.estimators_:
            assert member.loss_ == pytest.approx(np.mean(losses) + alpha / 2 * squares, rel=1e-9)


def test_a_penalty_with_kinks_and_one_on_activations(trained):
    network = clone(MLP_C).set_params(penalty="l1", alpha=0.02, max_iter=30, batch_size=16)
    shared(EnsembleClassifier, network).fit(X, Y_CLASS)
    [task], [outcome] = trained.pop()
    views = Network([task.architecture], np.float32).layout.views(outcome.theta)
    zeros = [np.mean(named["weight"] == 0) for named in views if "weight" in named]
    assert max(zeros) > 0.05
    active = clone(MLP_C).set_params(penalty="activity_l1", alpha=0.1)
    assert shared(EnsembleClassifier, active).fit(X, Y_CLASS).predict_proba(X).shape == (150, 3)


def test_one_member_shares_with_nobody():
    alone = EnsembleClassifier(estimator=MLP_C, n_estimators=1, random_state=0).fit(X, Y_CLASS)
    assert_array_equal(shared(EnsembleClassifier, MLP_C, 1).fit(X, Y_CLASS).predict_proba(X), alone.predict_proba(X))


def test_it_learns_with_few_parameters(trained):
    network = MLPClassifier((64, 64), batch_size=32, max_iter=30, early_stopping=False)
    ensemble = shared(EnsembleClassifier, network, 16).fit(X[:100], Y_CLASS[:100])
    [[[task], [outcome]]] = trained
    assert (
        outcome.theta.size == task.architecture.outline.n_parameters < 0.6 * 16 * ensemble.estimators_[0].n_parameters_
    )
    assert ensemble.score(X[100:], Y_CLASS[100:]) > 0.8
    regressor = shared(EnsembleRegressor, clone(MLP_R).set_params(max_iter=60), 8).fit(X[:100], Y_REAL[:100])
    assert regressor.score(X[100:], Y_REAL[100:]) > 0.8


def test_equal_seeds_give_equal_bits_whatever_n_jobs():
    one = shared(EnsembleClassifier, MLP_C).fit(X, Y_CLASS)
    for other in (shared(EnsembleClassifier, MLP_C, n_jobs=2), clone(one)):
        assert_array_equal(other.fit(X, Y_CLASS).predict_members(X), one.predict_members(X))
    moved = shared(EnsembleClassifier, MLP_C).set_params(random_state=1).fit(X, Y_CLASS)
    assert not np.array_equal(moved.predict_members(X), one.predict_members(X))
    assert len({member.random_state for member in one.estimators_}) == 5


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize(("kind", "network", "y"), [
    (EnsembleClassifier, MLP_C, Y_CLASS), (EnsembleRegressor, MLP_R, Y_REAL)
])  # fmt: skip
def test_weight_two_is_the_row_twice(kind, network, y):
    weight = rng.integers(0, 4, 150)
    repeated = np.repeat(np.arange(150), weight)
    # Full batches: a step sees the rows' weights alone, in whatever order.
    network = clone(network).set_params(optimizer="lbfgs", batch_size="auto", max_iter=5, dtype="float64")
    weighted = shared(kind, network).fit(X, y, weight)
    twice = shared(kind, network).fit(X[repeated], y[repeated])
    assert_allclose(weighted.predict_members(X), twice.predict_members(X), rtol=1e-5)


def test_class_weight():
    network = clone(MLP_C).set_params(max_iter=20)
    heavy = clone(network).set_params(class_weight={"a": 100, "b": 1, "c": 1})
    plain, heavy = (shared(EnsembleClassifier, each).fit(X, Y_CLASS) for each in (network, heavy))
    assert (heavy.predict(X) == "a").sum() > (plain.predict(X) == "a").sum()


def test_early_stopping_keeps_the_best_epoch(trained):
    network = clone(MLP_C).set_params(early_stopping=True, validation_fraction=0.3, max_iter=30, n_iter_no_change=3)
    fitted = shared(EnsembleClassifier, network).fit(X, Y_CLASS)
    [[[task], _]] = trained
    rows = task.validation.index
    accuracy = accuracy_score(Y_CLASS[rows], fitted.predict(X[rows]))  # of the average, by which TabM chooses
    assert accuracy == pytest.approx(max(fitted.estimators_[0].validation_scores_))
    scores = fitted.estimators_[0].validation_scores_
    assert fitted.estimators_[3].best_epoch_ == len(scores) - scores[::-1].index(accuracy)
    by_loss = shared(EnsembleClassifier, network.set_params(scoring="loss", n_iter_no_change=None)).fit(X, Y_CLASS)
    [task], _ = trained[-1]
    loss = log_loss(Y_CLASS[rows], by_loss.predict_proba(X[rows]))
    assert -loss == pytest.approx(max(by_loss.estimators_[0].validation_scores_), rel=1e-4)


@pytest.mark.parametrize(("kind", "network", "y", "score"), [
    (EnsembleClassifier, MLP_C, Y_CLASS == "a", lambda fitted: -log_loss(Y_CLASS == "a", fitted.predict_proba(X))),
    (EnsembleRegressor, MLP_R, Y_REAL, lambda fitted: (fitted.score(X, Y_REAL) - 1) / 2),
    (EnsembleRegressor, clone(MLP_R).set_params(loss="poisson"), Y_REAL.round(), None),
])  # fmt: skip
def test_the_average_is_scored_through_its_link(kind, network, y, score, trained):
    """Of all rows, at the only epoch: the score of the task is that of what the ensemble predicts."""
    network = clone(network).set_params(early_stopping=True, scoring="loss", max_iter=1)
    fitted = shared(kind, network).fit(X, y)
    [[[task], [outcome]]] = trained
    together = Network([task.architecture], np.float32)
    everything = replace(task.validation, index=None)
    [raw] = together.predict_rows(together.blocks([everything]), together.arrays(outcome.theta, outcome.buffers))
    first = fitted.estimators_[0]
    average = module._average(task.loss, raw, 5)
    linked = task.loss.link(average.astype(float))
    predicted = fitted.predict(X) if kind is EnsembleRegressor else fitted.predict_proba(X)[:, 1:]
    if kind is EnsembleRegressor:
        linked = linked * first.y_scale_ + first.y_mean_
    assert_allclose(linked.reshape(-1), predicted.reshape(-1), rtol=1e-4)
    if score is not None:
        weight = np.full((1, 150, 1), 1 / 150, np.float32)
        loss, _ = task.loss.value_and_gradient(average[None], task.rows.targets[None], weight)
        assert -loss[0] == pytest.approx(score(fitted), rel=1e-4)


@pytest.mark.parametrize(("kind", "network", "y"), [
    (EnsembleClassifier, MLP_C, Y_CLASS), (EnsembleClassifier, MLP_C, Y_CLASS == "a"), (EnsembleRegressor, MLP_R, Y_TWO)
])  # fmt: skip
@pytest.mark.parametrize("share_batches", [True, False])
def test_a_trial_of_all_members_chooses_their_epochs_and_one_factor(kind, network, y, share_batches, trained):
    """By default, as for one network: the factor is that of the average, and all rows are trained on after it."""
    network = clone(network).set_params(early_stopping="auto", max_iter=14)
    fitted = shared(kind, network, share_batches=share_batches).fit(X, y)
    [[trial], [tried]], [[second], [outcome]] = trained
    assert (trial.architecture.maps.size, second.architecture.maps.size) == (5, 5)
    assert (trial.rows.n, len(trial.validation.index), second.rows.n, second.validation) == (127, 23, 150, None)
    assert not np.isin(trial.validation.index, trial.rows.index).any()
    epochs = tried.state.progress[0].kept_epoch
    assert trial.judged == [2, 6, 14]
    assert {member.n_iter_ for member in fitted.estimators_} == {epochs}
    assert {tuple(member.validation_scores_) for member in fitted.estimators_} == {
        tuple(tried.state.progress[0].scores)
    }
    together = Network([trial.architecture], np.float32)
    arrays = together.arrays(tried.theta, tried.buffers)
    [raw] = together.predict_rows(together.blocks([trial.validation]), arrays)
    average = module._average(trial.loss, raw, 5)
    data = replace(trial.validation, weight=np.ones(150))
    first = fitted.estimators_[0]
    factors = first._training.state.progress[0].factors
    assert all((member._training.state.progress[0].factors == factors).all() for member in fitted.estimators_)
    targets = y[data.index]
    if kind is EnsembleRegressor:
        targets = (targets - y.mean(axis=0)) / y.std(axis=0)
        expected = Shrinkage(targets, np.ones(23))(average)
    else:
        expected = Temperature(LabelBinarizer().fit(y).transform(targets).astype(float), np.ones(23))(average)
    assert_allclose(factors, expected, rtol=1e-6)
    together = Network([second.architecture], np.float64)
    arrays = together.arrays(outcome.theta.astype(float), outcome.buffers.astype(float))
    rows = ((X - second.rows.shift) * second.rows.scale)[None].astype(float)
    scores = together.scores(rows, arrays)[0].reshape(5, 150, -1) * factors
    if kind is EnsembleRegressor:
        assert_allclose(fitted.predict_members(X), scores * y.std(axis=0) + y.mean(axis=0), rtol=1e-4)
    else:
        assert_allclose(fitted.predict_members(X)[:, :, -1:], second.loss.link(scores)[:, :, -1:], atol=1e-5)
    assert_array_equal(clone(fitted).fit(X, y).predict(X), fitted.predict(X))


def orders_seen(monkeypatch, **params):
    """The rows of each step as members of the ensemble see them, by the first column of X; (m, B) a step."""
    steps = []
    forward = Tile.forward

    def watched(self, x, arrays, context):
        y, backprop = forward(self, x, arrays, context)
        if context.training:
            steps.append(y[0, :, 0].reshape(self.size, -1).copy())
        return y, backprop

    monkeypatch.setattr(Tile, "forward", watched)
    network = MLPRegressor((4,), batch_size=32, max_iter=2, dtype="float64", standardize=False)
    network.set_params(early_stopping=False)
    return shared(EnsembleRegressor, network, 3, **params).fit(X, Y_REAL), steps


@pytest.mark.parametrize("share_batches", [True, False])
def test_batches_of_ones_own(share_batches, monkeypatch):
    """In each epoch every member goes through all rows once; with batches in common they do it side by side."""
    _, steps = orders_seen(monkeypatch, share_batches=share_batches)
    assert [step.shape for step in steps] == [(3, 32), (3, 32), (3, 32), (3, 32), (3, 22)] * 2
    for epoch in (steps[:5], steps[5:]):
        orders = np.concatenate(epoch, axis=1)
        assert_array_equal(np.sort(orders, axis=1), np.tile(np.sort(X[:, 0]), (3, 1)))
        assert (orders == orders[0]).all() == share_batches
    assert not np.array_equal(steps[0], steps[5])


def test_the_step_with_batches_of_ones_own_is_that_of_the_mean_loss(monkeypatch):
    """One step of plain descent, against that of a network whose batch has all the members' rows."""
    network = clone(MLP_R).set_params(hidden_layer_sizes=(), optimizer="sgd", batch_size=50, max_iter=1, alpha=0.0)
    network.set_params(dtype="float64", schedule="constant", optimizer__learning_rate=0.01)
    weight = rng.uniform(0.5, 2.0, 150)
    fit = trainable(network)
    data = fit.prepare(X, Y_REAL, weight)
    task = replace(module._sharing(fit.spec(data), 3, share_batches=False), generator=np.random.default_rng(5))
    start = initial_state(replace(task, generator=np.random.default_rng(5)))
    own = Network([task.architecture], np.float64).layout.views(start.theta.copy())[1]
    generator = start.generators[0]
    orders = [generator.permutation(150) for _ in range(3)]
    x = (X - task.rows.shift) * task.rows.scale
    total, weights, biases = 0.0, own["weight"][0].reshape(3, 4, 1), own["bias"][0]
    for a in range(0, 150, 50):
        for j, order in enumerate(orders):
            batch = order[a : a + 50]
            error = x[batch] @ weights[j] + biases[j] - task.rows.targets[batch]
            share = task.rows.weight[batch][:, None] / 50
            total += (share * error**2).sum() / 2 / 3 / 3
            weights[j] -= 0.01 * x[batch].T @ (share * error) / 3
            biases[j] -= 0.01 * (share * error).sum(axis=0) / 3
    [outcome] = train_members([task])
    found = Network([task.architecture], np.float64).layout.views(outcome.theta)[1]
    assert_allclose(found["weight"][0].reshape(3, 4, 1), weights, rtol=1e-9)
    assert_allclose(found["bias"][0], biases, rtol=1e-9)
    assert outcome.state.progress[0].loss == pytest.approx(total, rel=1e-9)


def test_batches_of_ones_own_in_stacks_and_in_parts():
    """A stack of several ensembles: each as alone, and cut in epochs it ends in the same bits."""
    tasks = []
    network = clone(MLP_C).set_params(dropout=0.1, normalization="batch")
    for seed, n_rows in ((0, 150), (1, 149), (2, 150)):  # the last steps have different numbers of rows
        fit = trainable(clone(network).set_params(random_state=seed))
        task = fit.spec(fit.prepare(X[:n_rows], Y_CLASS[:n_rows]))
        tasks.append(module._sharing(task, 4, share_batches=False))
    assert len({task.structure for task in tasks}) == 1
    whole, *_ = check_members(tasks)
    fit = trainable(clone(network).set_params(random_state=0))
    part = replace(module._sharing(fit.spec(fit.prepare(X, Y_CLASS)), 4, share_batches=False), n_epochs=1)
    [outcome] = train_members([part])
    for _ in range(3):
        [outcome] = train_members([replace(part, state=outcome.state)])
    assert_array_equal(outcome.state.theta, whole.state.theta)


def test_exact_statistics_of_a_normalization():
    network = clone(MLP_C).set_params(normalization="batch", normalization__statistics="population")
    fitted = shared(EnsembleClassifier, network).fit(X, Y_CLASS)
    assert fitted.score(X, Y_CLASS) > 0.4


def test_a_member_goes_on_alone():
    fitted = shared(EnsembleClassifier, MLP_C).fit(X, Y_CLASS)
    before = fitted.predict_members(X)
    member = fitted.estimators_[2].partial_fit(X, Y_CLASS)
    assert member.n_iter_ == 5
    after = fitted.predict_members(X)
    assert_array_equal(np.delete(after, 2, axis=0), np.delete(before, 2, axis=0))
    assert 0 < np.abs(after[2] - before[2]).max() < 0.5


def test_with_chosen_weights_and_hard_voting():
    fitted = shared(EnsembleRegressor, MLP_R, weights="validation").fit(X, Y_REAL)
    assert fitted.weights_.sum() == pytest.approx(1)
    rows = np.setdiff1d(np.arange(150), fitted.validation_indices_)
    assert_array_equal(
        shared(EnsembleRegressor, MLP_R).fit(X[rows], Y_REAL[rows]).predict_members(X), fitted.predict_members(X)
    )
    votes = shared(EnsembleClassifier, MLP_C, voting="hard").fit(X, Y_CLASS).predict_members(X)
    assert set(np.unique(votes)) == {0, 1}


def test_frames_pickles_pipelines_and_searches():
    frame = pd.DataFrame(X, columns=list("pqrs"))
    fitted = shared(EnsembleClassifier, MLP_C).fit(frame, pd.Series(Y_CLASS))
    assert [list(member.feature_names_in_) for member in fitted.estimators_] == [list("pqrs")] * 5
    assert_array_equal(fitted.predict_proba(frame), shared(EnsembleClassifier, MLP_C).fit(X, Y_CLASS).predict_proba(X))
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(frame), fitted.predict_proba(frame))
    assert fitted.error_decomposition(frame, Y_CLASS)["ambiguity"] > 0
    search = GridSearchCV(
        make_pipeline(StandardScaler(), shared(EnsembleClassifier, MLP_C)),
        {"ensembleclassifier__share": [None, "batch_ensemble"], "ensembleclassifier__estimator__alpha": [0.0, 0.1]},
        cv=2,
        error_score="raise",
    )
    assert search.fit(frame, Y_CLASS).best_score_ > 0.3


def test_divergence_is_told_once():
    network = clone(MLP_R).set_params(hidden_layer_sizes=(), optimizer="sgd", optimizer__learning_rate=50.0)
    network.set_params(max_iter=30, schedule="constant")
    with pytest.warns(UserWarning, match=r"The loss became infinite or NaN in epoch \d") as told:
        fitted = shared(EnsembleRegressor, network).fit(X, Y_REAL)
    assert len(told) == 1
    assert 0 < fitted.estimators_[0].n_iter_ < 30
    assert np.isfinite(fitted.predict(X)).all()
    with pytest.raises(ValueError, match="MLPRegressor has learned nothing"):
        shared(EnsembleRegressor, network.set_params(optimizer__learning_rate=1e30)).fit(X, Y_REAL)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"share": "trunk"}, "'share' .* None or 'batch_ensemble'"),
        ({"estimator": LogisticRegression()}, "one training of a multilayer perceptron"),
        ({"estimator": SoftmaxClassifier()}, "one training of a multilayer perceptron"),
        ({"estimator": clone(MLP_C).set_callbacks(callbacks.EarlyStopping())}, "without callbacks"),
        ({"estimator": MLPClassifier(prior=np.zeros((4, 128)))}, "one number as alpha, and no prior"),
        ({"estimator": MLPClassifier(alpha=np.ones(4))}, "one number as alpha, and no prior"),
        ({"estimator": MLPClassifier(penalty="max_norm")}, "no penalty that bounds weights"),
        ({"estimator": MLPClassifier(tol=-1)}, "'tol' parameter of MLPClassifier"),
        ({"share_batches": False, "share": None}, "share_batches=False has no effect without share"),
        ({"share_batches": False, "estimator": MLPClassifier(optimizer="lbfgs")}, "has no effect: .* all rows at once"),
        ({"share_batches": False, "estimator": MLPClassifier(shuffle=False)}, "has no effect: .* in one order"),
        ({"warm_start": True}, "it cannot be combined with estimators= or share="),
        ({"estimators": [("mlp", MLP_C)], "estimator": None}, "all made of estimator=, not estimators="),
    ],
)
def test_bad_parameters(params, message):
    ensemble = shared(EnsembleClassifier, MLP_C).set_params(**params)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, Y_CLASS)
    assert not hasattr(ensemble, "estimators_")


def test_copies_and_lone_networks_are_no_stack():
    fit = trainable(clone(MLP_C))
    task = fit.spec(fit.prepare(X, Y_CLASS))
    assert task.structure != replace(task, architecture=replace(task.architecture, maps=BatchEnsembleMaps(2))).structure
