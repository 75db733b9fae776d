"""Callbacks: scikit-learn's own ones and those of skdl, on a network alone, in pipelines and in searches."""

import pickle
import time
import warnings
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import joblib
import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.callback import FitCallback, ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import BaggingClassifier, MLPClassifier, MLPRegressor, SoftmaxClassifier, callbacks
from skdl.callbacks import Checkpoint, EarlyStopping, TimeBudget
from skdl.engine import Network
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_classification(60, 4, n_informative=3, n_redundant=0, random_state=0)
REALS = make_regression(60, 4, noise=3.0, random_state=0)[1]
FRAME = pd.DataFrame(X, columns=list("abcd"))
# At a constant rate, a fit of fewer epochs is the beginning of a longer one.
SMALL = {"hidden_layer_sizes": (5,), "batch_size": 16, "schedule": "constant", "random_state": 0, **PLAIN}
VALIDATED = {**SMALL, "early_stopping": True}
NETWORKS = {
    "classifier": (MLPClassifier(**SMALL, max_iter=4, dropout=0.1, normalization="batch"), Y),
    "validated": (MLPClassifier(**VALIDATED, max_iter=4), Y),
    "regressor": (MLPRegressor(**SMALL, max_iter=4), REALS),
    "full batch": (SoftmaxClassifier(max_iter=4), Y),
    "linear": (SoftmaxClassifier(optimizer="adam", max_iter=4, random_state=0), Y),
}


class Recorder:
    """Keeps what the hooks are given, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.fitted, self.seen = [], {"begin": [], "end": []}, []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, fitted_estimator=None):
        self.events.append(f"begin {context.task_name}")
        if context.task_name == "epoch":
            self.fitted["begin"].append(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        self.seen.append((X, y, metadata))
        if context.task_name == "epoch":
            self.fitted["end"].append(fitted_estimator)
            return context.task_id + 1 == self.stop_after
        return False


class Timid:
    """Asks for nothing."""

    def setup(self, estimator, context):
        self.max_subtasks = context.max_subtasks

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        return None


def scores(network, X):
    return network.decision_function(X) if hasattr(network, "decision_function") else network.predict(X)


@pytest.mark.parametrize("name", NETWORKS)
def test_fitted_estimator_is_the_fit_that_stopped_there(name):
    network, y = NETWORKS[name]
    recorder = Recorder()
    whole = clone(network).set_callbacks(recorder).fit(FRAME, y)
    np.testing.assert_array_equal(scores(whole, FRAME), scores(clone(network).fit(FRAME, y), FRAME))
    assert len(recorder.fitted["end"]) == 4
    for epoch, then in enumerate(recorder.fitted["end"], 1):
        cut = clone(network).set_params(max_iter=epoch).fit(FRAME, y)
        np.testing.assert_array_equal(scores(then, FRAME), scores(cut, FRAME))
        assert then.loss_curve_ == cut.loss_curve_ == whole.loss_curve_[:epoch]
        assert len(then.history_) == epoch
    for epoch, then in enumerate(recorder.fitted["begin"]):
        assert then.n_iter_ == epoch
        if not epoch and network.get_params().get("early_stopping"):
            continue  # `initialize` sets no rows apart: another standardisation
        expected = recorder.fitted["end"][epoch - 1] if epoch else clone(network).initialize(FRAME, y)
        np.testing.assert_array_equal(scores(then, FRAME), scores(expected, FRAME))


def test_a_fit_is_a_task_with_a_subtask_an_epoch():
    recorder = Recorder()
    weight = np.linspace(1, 2, len(Y))
    mlp = MLPClassifier(**SMALL, max_iter=2).set_callbacks(recorder).fit(FRAME, Y, sample_weight=weight)
    epochs = ["begin epoch", "end epoch"] * 2
    assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    for X_seen, y_seen, metadata in recorder.seen:
        assert X_seen is FRAME  # as it was given: a scorer predicts with its names
        np.testing.assert_array_equal(y_seen, Y)
        assert metadata["sample_weight"] is weight
    recorder.events.clear()
    mlp.partial_fit(FRAME, Y)
    assert recorder.events == ["setup", "begin fit", "begin epoch", "end epoch", "end fit", "teardown"]
    recorder.events.clear()
    mlp.initialize(FRAME, Y)
    mlp.set_callbacks().fit(FRAME, Y)
    assert recorder.events == []


@pytest.mark.parametrize("how", ["max_iter", "stopped", "max_time", "converged", "diverged", "full batch"])
def test_whatever_ends_a_fit_each_task_ends_once(how):
    """An epoch begins and ends; the fit itself is the one task more, which ends last."""
    recorder = Recorder(stop_after=2 if how == "stopped" else None)
    mlp = MLPRegressor(**{**SMALL, "max_iter": 3}).set_callbacks(recorder)
    mlp.set_params(
        **{
            "max_time": {"max_time": 1e-9},
            "converged": {"n_iter_no_change": 1, "tol": 1e9},
            "diverged": {"hidden_layer_sizes": (), "optimizer": SGD(10.0), "max_iter": 30},
            "full batch": {"optimizer": "lbfgs", "batch_size": "auto"},
        }.get(how, {})
    )
    mlp.fit(X, REALS)
    begun, done = ([event == f"{kind} epoch" for event in recorder.events].count(True) for kind in ("begin", "end"))
    complete = sum(fitted is not None for fitted in recorder.fitted["end"])
    assert begun == done
    assert complete == mlp.n_iter_
    assert begun - complete == (how == "diverged")  # an epoch that came to nothing
    assert recorder.events == ["setup", "begin fit", *["begin epoch", "end epoch"] * begun, "end fit", "teardown"]


@pytest.mark.parametrize("name", ["classifier", "full batch"])
@pytest.mark.parametrize("hook", ["begin", "end"])
def test_an_interrupted_fit_ends_its_tasks_before_the_interrupt_goes_on(name, hook):
    network, y = NETWORKS[name]

    class Interrupting(Timid):
        def on_fit_task_begin(self, estimator, context):
            if hook == "begin" and context.task_name == "epoch" and context.task_id == 1:
                raise KeyboardInterrupt

        def on_fit_task_end(self, estimator, context):
            if hook == "end" and context.task_name == "epoch" and context.task_id == 1:
                raise KeyboardInterrupt

    recorder = Recorder()
    network = clone(network).set_params(max_iter=4).set_callbacks(recorder, Interrupting())
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y)
    assert network.n_iter_ == (2 if hook == "end" else 1)
    assert recorder.events == ["setup", "begin fit", *["begin epoch", "end epoch"] * 2, "end fit", "teardown"]
    assert not hasattr(network, "_callback_fit_ctx")


def test_a_pipeline_sees_each_task_of_its_network_once():
    recorder = Recorder()
    recorder.max_propagation_depth = None
    make_pipeline(MLPClassifier(**SMALL, max_iter=2)).set_callbacks(recorder).fit(FRAME, Y)
    events = recorder.events
    assert events.count("setup") == events.count("teardown") == 1
    assert events.count("begin epoch") == events.count("end epoch") == 2
    assert events[-2:] == ["end fit", "teardown"]
    assert [events.count(event) for event in ("begin fit", "end fit")] == [2, 2]


def test_a_checkpoint_with_nothing_left_is_a_fit_without_epochs(tmp_path):
    recorder = Recorder()
    mlp = MLPClassifier(**SMALL, max_iter=2, warm_start=True).fit(X, Y)
    mlp.save_checkpoint(tmp_path / "file")
    again = MLPClassifier(**SMALL, max_iter=2, warm_start=True).load_checkpoint(tmp_path / "file")
    again.set_callbacks(recorder).fit(X, Y)
    assert again.n_iter_ == 2
    assert recorder.events == ["setup", "begin fit", "end fit", "teardown"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_callback_can_stop_the_fit(name):
    network, y = NETWORKS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it ended because it was asked to: nothing to warn of
        stopped = clone(network).set_callbacks(Timid(), Recorder(stop_after=2)).fit(X, y)
    assert stopped.n_iter_ == 2
    np.testing.assert_array_equal(scores(stopped, X), scores(clone(network).set_params(max_iter=2).fit(X, y), X))


def test_subtasks_are_at_most_the_epochs():
    timid = Timid()
    MLPClassifier(**SMALL, max_iter=7).set_callbacks(timid).fit(X, Y)
    assert timid.max_subtasks == 7
    # A search that has converged has begun no further iteration.
    recorder = Recorder()
    softmax = SoftmaxClassifier(max_iter=200, tol=1e-3).set_callbacks(recorder).fit(X, Y)
    assert softmax.n_iter_ == recorder.events.count("begin epoch") == recorder.events.count("end epoch") < 200


def test_what_nobody_asks_for_is_not_computed(monkeypatch):
    calls = []
    results = MLPClassifier._results
    monkeypatch.setattr(MLPClassifier, "_results", lambda self, *args: calls.append(1) or results(self, *args))
    MLPClassifier(**SMALL, max_iter=5).set_callbacks(Timid()).fit(X, Y)
    assert len(calls) == 1
    monkeypatch.setattr(MLPClassifier, "_init_callback_context", None)
    MLPClassifier(**SMALL, max_iter=5).fit(X, Y)  # without callbacks there is no context


def test_an_epoch_that_diverges_ends_without_a_result():
    recorder = Recorder()
    diverging = MLPRegressor(**SMALL | {"hidden_layer_sizes": ()}, optimizer=SGD(10.0))
    diverging.set_callbacks(recorder).fit(X, REALS)
    assert 0 < diverging.n_iter_ < 30
    assert recorder.events.count("begin epoch") == recorder.events.count("end epoch")
    assert recorder.fitted["end"][-1] is None
    assert recorder.events[-1] == "teardown"


def test_an_error_in_a_callback_ends_the_fit_and_tears_down():
    recorder = Recorder()

    class Failing(Timid):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("no")

    mlp = MLPClassifier(**SMALL).set_callbacks(recorder, Failing())
    with pytest.raises(RuntimeError, match="no"):
        mlp.fit(X, Y)
    assert recorder.events[-1] == "teardown"
    assert not hasattr(mlp, "_callback_fit_ctx")
    assert not hasattr(mlp, "coefs_")


def test_clones_and_pickles_keep_their_callbacks():
    mlp = MLPClassifier(**SMALL, max_iter=2)
    assert "callbacks" not in " ".join(mlp.get_params())
    recorder = Recorder()
    mlp.set_callbacks(recorder)
    clone(mlp).fit(X, Y)
    assert recorder.events.count("end epoch") == 2
    fitted = pickle.loads(pickle.dumps(mlp.set_callbacks(Timid()).fit(X, Y)))
    np.testing.assert_array_equal(fitted.coefs_[0], mlp.coefs_[0])
    assert fitted._has_callbacks
    assert not clone(fitted.set_callbacks())._has_callbacks
    assert "_has_callbacks" not in vars(fitted)


@pytest.mark.parametrize("network", [MLPClassifier, MLPRegressor, SoftmaxClassifier])
def test_only_instances_that_are_callbacks(network):
    assert isinstance(Recorder(), FitCallback)
    for wrong in (Recorder, object()):
        with pytest.raises(TypeError, match="FitCallback"):
            network().set_callbacks(wrong)


def test_scoring_monitor_alone_and_in_a_pipeline():
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    mlp = MLPClassifier(**SMALL, max_iter=3).set_callbacks(monitor).fit(FRAME, Y)
    data = monitor.get_logs().data_as_pandas
    assert len(data) == 4  # the fit and its epochs
    assert data["accuracy"].iloc[0] == data["accuracy"].iloc[-1] == mlp.score(FRAME, Y)
    make_pipeline(StandardScaler(), clone(mlp)).fit(FRAME, Y)
    data = monitor.get_logs().data_as_pandas
    assert data["task_id_path"].tolist() == [(0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_and_progress_bar_in_a_search(n_jobs, capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    network = MLPClassifier(**SMALL, max_iter=3).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), network)
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0, 1]}, cv=2, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of short fits, in workers too
        search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(FRAME, Y)
    data = monitor.get_logs().data_as_pandas
    assert len(data) == 5 * 4  # two candidates in two folds, and the refit
    assert (data["task_name"] == "epoch").sum() == 5 * 3
    assert "fit-final-estimator | MLPClassifier - fit" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["classifier", "regressor", "full batch"])
def test_progress_bar_alone(name, capsys):
    network, y = NETWORKS[name]
    clone(network).set_callbacks(ProgressBar()).fit(X, y)
    text = capsys.readouterr().out
    assert f"{type(network).__name__} - fit" in text
    assert "100%" in text


# skdl.callbacks


@pytest.mark.parametrize("name", ["classifier", "regressor", "full batch"])
def test_early_stopping_ends_after_its_patience(name):
    network, y = NETWORKS[name]
    network = clone(network).set_params(max_iter=30)
    stopped = clone(network).set_callbacks(EarlyStopping(patience=3, min_delta=1e9)).fit(X, y)
    assert stopped.n_iter_ == 5  # the first epoch gains on nothing, and more than three in a row do not
    assert clone(network).set_callbacks(EarlyStopping(patience=30)).fit(X, y).n_iter_ > 5


def test_on_the_loss_it_is_the_networks_own_rule():
    mlp = MLPClassifier(**SMALL, optimizer=SGD(0.05), max_iter=200, tol=0.01, n_iter_no_change=4)
    expected = clone(mlp).fit(X, Y)
    assert expected.n_iter_ < 200
    stopping = EarlyStopping(patience=4, min_delta=0.01)
    found = clone(mlp).set_params(tol=0.0, n_iter_no_change=200).set_callbacks(stopping).fit(X, Y)
    assert found.n_iter_ == expected.n_iter_
    np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])


def test_early_stopping_on_validation_rows():
    params = {**VALIDATED, "optimizer": "adam", "max_iter": 60}
    mlp = MLPClassifier(**params, n_iter_no_change=200, tol=0.0)
    by_loss = clone(mlp).set_callbacks(EarlyStopping("validation_loss", patience=2, min_delta=0.05)).fit(X, Y)
    losses = by_loss.history_["validation_loss"]
    assert 3 < len(losses) < 60
    assert losses.iloc[-3:].min() > losses.iloc[:-3].min() - 0.05
    by_score = clone(mlp).set_callbacks(EarlyStopping("validation_score", patience=2, min_delta=0.5)).fit(X, Y)
    assert by_score.n_iter_ == 4
    with pytest.raises(ValueError, match=r"cannot monitor 'validation_loss'.*early_stopping=True"):
        MLPClassifier(**SMALL).set_callbacks(EarlyStopping("validation_loss")).fit(X, Y)


def test_early_stopping_judges_a_training_that_goes_on_as_one():
    """Ten epochs in calls of three end where ten in a row end; a fit after that has its patience again."""
    stopping = EarlyStopping(patience=3, min_delta=1e9)
    mlp = MLPClassifier(**SMALL, max_iter=3, warm_start=True).set_callbacks(stopping)
    assert [mlp.fit(X, Y).n_iter_ for _ in range(3)] == [3, 5, 8]
    again = pickle.loads(pickle.dumps(mlp))
    assert again.set_params(max_iter=30).fit(X, Y).n_iter_ == mlp.set_params(max_iter=30).fit(X, Y).n_iter_


class Losses(Timid):
    """Keeps the network's weights after each epoch, as they are without anything being restored."""

    def __init__(self):
        self.weights = []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.weights.append(fitted_estimator._training.state.theta[0])


def best_epoch(network, column):
    values = network.history_[column]
    return int(values.idxmax() if column == "validation_score" else values.idxmin())


ROUGH = {**SMALL, "hidden_layer_sizes": (16,), "optimizer": SGD(5.0), "max_iter": 25}


@pytest.mark.parametrize("monitor", ["loss", "validation_loss", "validation_score", "gradient_norm"])
def test_early_stopping_restores_the_best_epoch_of_what_it_watches(monitor):
    """They are the weights of a fit that ends with that epoch, whatever else the validation rows say."""
    mlp = MLPRegressor(**ROUGH, n_iter_no_change=200, scoring="neg_mean_absolute_error")
    mlp.set_params(early_stopping=True, optimizer__learning_rate=0.3)
    stopping = EarlyStopping(monitor, patience=8, restore_best=True)
    restored = clone(mlp).set_callbacks(stopping, losses := Losses()).fit(X, REALS)
    plain = clone(mlp).set_callbacks(EarlyStopping(monitor, patience=8)).fit(X, REALS)
    assert restored.n_iter_ == plain.n_iter_
    best = best_epoch(restored, monitor)
    assert best < restored.n_iter_ - 1, "the last epoch is the best: nothing is tested"
    cut = clone(mlp).set_callbacks(EarlyStopping(monitor, patience=8, restore_best=True))
    cut.set_params(max_iter=best + 1).fit(X, REALS)
    np.testing.assert_array_equal(cut._training.state.theta[0], losses.weights[best])  # its last epoch is the best one
    assert best_epoch(cut, monitor) == best
    np.testing.assert_array_equal(restored.predict(X), cut.predict(X))


def test_without_validation_rows_the_best_epoch_is_that_of_the_loss():
    mlp = MLPClassifier(**ROUGH)
    restored = clone(mlp).set_callbacks(EarlyStopping(patience=30, restore_best=True)).fit(X, Y)
    best = best_epoch(restored, "loss")
    assert best < 24
    np.testing.assert_array_equal(restored.coefs_[0], clone(mlp).set_params(max_iter=best + 1).fit(X, Y).coefs_[0])
    softmax = SoftmaxClassifier(max_iter=4).set_callbacks(EarlyStopping("gradient_norm", restore_best=True)).fit(X, Y)
    cut = SoftmaxClassifier(max_iter=best_epoch(softmax, "gradient_norm") + 1).fit(X, Y)
    np.testing.assert_array_equal(softmax.coef_, cut.coef_)


def test_a_training_that_restored_its_best_goes_on_from_its_last_epoch(tmp_path):
    """Whole, in steps, by warm starts, through a pickle and a checkpoint: one training, and one best epoch of it."""
    stopping = EarlyStopping(patience=100, restore_best=True)
    whole = MLPClassifier(**ROUGH).set_callbacks(stopping).fit(X, Y)
    assert best_epoch(whole, "loss") < 20
    steps = MLPClassifier(**ROUGH).set_callbacks(stopping)
    for _ in range(25):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(X, Y)))
    warm = MLPClassifier(**{**ROUGH, "max_iter": 5}, warm_start=True).set_callbacks(stopping)
    for _ in range(5):
        warm.fit(X, Y)
    cut = MLPClassifier(**{**ROUGH, "max_time": 1e-9}).set_callbacks(stopping, Checkpoint(tmp_path / "file")).fit(X, Y)
    assert cut.n_iter_ == 1
    loaded = MLPClassifier(**ROUGH, warm_start=True).set_callbacks(stopping).load_checkpoint(tmp_path / "file")
    loaded.fit(X, Y)
    for network in (steps, warm, loaded):
        assert network.n_iter_ == 25
        np.testing.assert_array_equal(network.coefs_[0], whole.coefs_[0])


def test_what_was_kept_by_another_rule_is_not_kept_any_longer():
    """After a fit with validation rows, a step without any moves the predictions, from the last epoch on."""
    mlp = MLPClassifier(**{**ROUGH, "early_stopping": True}, n_iter_no_change=200).fit(X, Y)
    assert best_epoch(mlp, "validation_score") < 24
    last = mlp._training.state.theta[0].copy()
    before = mlp.coefs_[0].copy()
    mlp.set_params(early_stopping=False).partial_fit(X, Y)
    assert not np.array_equal(mlp.coefs_[0], before)
    assert not np.array_equal(mlp._training.state.theta[0], last)
    np.testing.assert_array_equal(mlp.coefs_[1], weights_of(mlp)[1])


def weights_of(network):
    """The weights that the training has come to, layer by layer."""
    arrays = Network([network._training.architecture], network._training.dtype).arrays(
        network._training.state.theta, network._training.state.buffers
    )
    return [layer["weight"][0] for layer in arrays if "weight" in layer]


def test_two_callbacks_cannot_restore_two_epochs():
    mlp = MLPClassifier(**SMALL).set_callbacks(
        EarlyStopping("loss", restore_best=True), EarlyStopping("gradient_norm", restore_best=True)
    )
    with pytest.raises(ValueError, match=r"\['gradient_norm', 'loss'\].*set it in one of them only"):
        mlp.fit(X, Y)


@pytest.mark.parametrize("backend", ["loky", "skdl"])
def test_the_networks_of_a_search_restore_their_best(backend):
    search = GridSearchCV(MLPClassifier(**ROUGH), {"alpha": [0.0, 0.1]}, cv=2, scoring=loss_of_weights)
    search.set_callbacks(EarlyStopping(patience=100, restore_best=True))
    with joblib.parallel_config(backend=backend, n_jobs=2):
        search.fit(X, Y)
    alone = [
        MLPClassifier(**ROUGH).set_params(alpha=alpha).set_callbacks(EarlyStopping(patience=100, restore_best=True))
        for alpha in (0.0, 0.1)
    ]
    for j, (train, test) in enumerate(StratifiedKFold(2).split(X, Y)):
        for i, network in enumerate(alone):
            expected = loss_of_weights(clone(network).fit(X[train], Y[train]), X[test], Y[test])
            assert search.cv_results_[f"split{j}_test_score"][i] == expected


def loss_of_weights(network, X, y):
    return -float(np.square(network.coefs_[0]).sum())


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_early_stopping_is_propagated_to_every_fit_of_a_search(n_jobs):
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SMALL, max_iter=30))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0, 1]}, cv=2, n_jobs=n_jobs, scoring=epochs)
    search.set_callbacks(EarlyStopping(patience=2, min_delta=1e9)).fit(X, Y)
    assert (search.cv_results_["mean_test_score"] == 4).all()
    assert search.best_estimator_[-1].n_iter_ == 4
    inside = make_pipeline(StandardScaler(), MLPClassifier(**SMALL).set_callbacks(EarlyStopping()))
    with pytest.raises(TypeError, match="Register them directly on the meta-estimator"):
        inside.fit(X, Y)


def epochs(pipeline, X, y):
    return pipeline[-1].n_iter_


@pytest.mark.parametrize("name", ["classifier", "regressor", "full batch", "linear"])
def test_a_budget_of_no_time_is_one_epoch(name):
    network, y = NETWORKS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_parameter = clone(network).set_params(max_time=1e-9).fit(X, y)
        by_callback = clone(network).set_callbacks(TimeBudget(1e-9)).fit(X, y)
    assert by_parameter.n_iter_ == by_callback.n_iter_ == 1
    assert clone(network).set_params(max_time=1e9).set_callbacks(TimeBudget(1e9)).fit(X, y).n_iter_ == 4


class Clock(Timid):
    """A clock of all fits, on which each epoch takes a quarter of a second and nothing else any time."""

    def __init__(self):
        self.now = datetime.now(UTC)

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 0:
            context.parent.init_time = self.now

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.now += timedelta(seconds=0.25)


def test_time_is_counted_from_the_start_of_each_fit(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(callbacks, "datetime", Mock(now=lambda zone: clock.now))
    monkeypatch.setattr(time, "monotonic", lambda: clock.now.timestamp())
    mlp = MLPClassifier(**SMALL, max_iter=200, warm_start=True).set_callbacks(clock, TimeBudget(1.0))
    assert mlp.fit(X, Y).n_iter_ == 4
    assert mlp.fit(X, Y).n_iter_ == 8  # counted from the first fit, it would be 5
    mlp.set_params(max_time=1.5).set_callbacks(clock)
    assert mlp.fit(X, Y).n_iter_ == 14
    assert mlp.fit(X, Y).n_iter_ == 20


def test_each_member_of_an_ensemble_has_its_time():
    mlp = MLPClassifier(**SMALL, max_iter=4, max_time=1e-9)
    bagging = BaggingClassifier(mlp, 3, random_state=0).fit(X, Y)
    assert [member.n_iter_ for member in bagging.estimators_] == [1, 1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping("valid_loss"), "'monitor' parameter of EarlyStopping must be .*'validation_loss'"),
        (lambda: EarlyStopping(patience=0), r"'patience' parameter .* \[1, inf\)"),
        (lambda: EarlyStopping(min_delta=-1), "'min_delta' parameter"),
        (lambda: TimeBudget(0), r"'seconds' parameter .* \(0"),
        (lambda: TimeBudget(np.inf), "'seconds' parameter"),
        (lambda: Checkpoint(3), "'path' parameter"),
        (lambda: Checkpoint("x", every=0), "'every' parameter"),
        (lambda: MLPClassifier(max_time=0).fit(X, Y), r"'max_time' parameter of MLPClassifier must be None or a float"),
        (lambda: SoftmaxClassifier(max_time=-1).fit(X, Y), "'max_time' parameter"),
    ],
)
def test_a_mistake_in_a_parameter_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_callbacks_show_their_parameters():
    assert repr(EarlyStopping("validation_loss", patience=3)) == (
        "EarlyStopping(monitor='validation_loss', patience=3, min_delta=0.0, restore_best=False)"
    )
    assert repr(TimeBudget(3)) == "TimeBudget(seconds=3)"
    assert all(isinstance(callback, FitCallback) for callback in (EarlyStopping(), TimeBudget(1), Checkpoint("x")))
