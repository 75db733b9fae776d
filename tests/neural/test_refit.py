"""early_stopping="refit": a trial with validation rows chooses the epochs, and all rows are trained on for as many."""

import pickle
import time
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, MLPRegressor
from skdl.callbacks import Checkpoint, EarlyStopping, TimeBudget
from skdl.neural._phases import second_stream
from skdl.neural.trainable import trainable
from skdl.schedules import Constant, Cosine, CosLog, OneCycle, Plateau, Warmup

X, Y = make_classification(90, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
REALS = make_regression(90, 4, n_targets=2, noise=30.0, random_state=0)[1]
PARAMS = {
    "hidden_layer_sizes": (7, 5),
    "batch_size": 16,
    "dropout": 0.1,
    "normalization": "batch",
    "early_stopping": "refit",
    "validation_fraction": 0.2,
    "max_iter": 12,
    "random_state": 3,
    "schedule": Cosine(end=0.03),
}
NETWORKS = {
    "classifier": (MLPClassifier(**PARAMS), Y),
    "cycles": (MLPClassifier(**{**PARAMS, "schedule": Cosine(cycle=2, growth=2.0, end=0.01)}), Y),
    "plateau": (MLPRegressor(**{**PARAMS, "schedule": Plateau(patience=1)}, n_iter_no_change=4), REALS),
    "two classes": (MLPClassifier(**{**PARAMS, "normalization": None}), Y > 0),
    "defaults": (MLPRegressor((7, 5), random_state=3), REALS[:, 0]),
}
pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations")


def same(one, other):
    """Equal to the last bit in all that a training consists of, and in what it gives."""
    state, wanted = one._training.state, other._training.state
    for name, array in {"theta": state.theta, "step": state.step, **state.optimizer_state}.items():
        assert_array_equal(array, getattr(wanted, name, wanted.optimizer_state.get(name)))
    assert state.generators[0].bit_generator.state == wanted.generators[0].bit_generator.state
    [progress], [expected] = state.progress, wanted.progress
    assert (progress.phase, progress.chosen) == (expected.phase, expected.chosen)
    assert_array_equal(progress.factors, expected.factors)
    pd.testing.assert_frame_equal(one.history_.drop(columns="seconds"), other.history_.drop(columns="seconds"))
    assert one.validation_scores_ == other.validation_scores_
    assert (one.n_iter_, one.best_epoch_) == (other.n_iter_, other.best_epoch_)
    for coef, wanted in zip(one.coefs_, other.coefs_, strict=True):
        assert_array_equal(coef, wanted)
    assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        (Cosine(cycle=2, growth=2.0), [2, 6, 14, 30]),
        (Cosine(cycle=4), list(range(4, 31, 4))),
        (Cosine(cycle=40), list(range(1, 31))),
        (Cosine(), list(range(1, 31))),
        (CosLog(4), [2, 6, 14, 30]),
        (Warmup(Cosine(cycle=3), epochs=2), list(range(5, 31, 3))),
        (Warmup("cosine", epochs=2), list(range(1, 31))),
        (Constant(), list(range(1, 31))),
        (OneCycle(), list(range(1, 31))),
    ],
)
def test_annealed_epochs_end_where_the_rate_is_lowest(schedule, epochs):
    assert list(schedule.annealed_epochs(30)) == epochs
    if len(epochs) < 30:  # in every epoch's last step
        steps = 50
        factor = schedule.factor(np.arange(31.0 * steps)[None], steps_per_epoch=steps, max_epochs=30)
        last = np.broadcast_to(factor, (1, 31 * steps))[0, steps - 1 :: steps][:30]
        lows = [e for e in range(2, 30) if last[e - 1] < min(last[e - 2], last[e])]
        assert lows == [e for e in epochs if e < 30]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_second_training_has_all_rows_and_the_epochs_of_the_trial(name):
    """The trial is a fit with rows of one's own, and the second training one without, of another random stream."""
    network, y = NETWORKS[name]
    whole = clone(network).fit(X, y)
    fit = trainable(clone(network))
    data = fit.prepare(X, y)
    task = fit.spec(data)
    rows, held = task.rows.index, task.validation.index
    assert_array_equal(np.sort([*rows, *held]), np.arange(90))
    trial = clone(network).set_params(early_stopping=True, scoring="loss", calibrate=True, n_iter_no_change=np.inf)
    if name == "plateau":
        trial.set_params(n_iter_no_change=4)
    judged = list(whole._training.state.progress[0].trial)
    scores = [r["validation_score"] for r in judged if r["validation_score"] is not None]
    assert whole.validation_scores_ == scores
    if name not in (
        "cycles",
        "defaults",
    ):  # where each epoch may be chosen, the trial is early stopping by the calibrated loss
        stopped = trial.set_params(max_iter=12).fit(X, y)
        assert stopped.validation_scores_[: len(scores)] == scores
    else:
        ends = [2, 6] if name == "cycles" else [3, 9, 21]
        found = [r["epoch"] for r in judged if r["validation_score"] is not None]
        assert found == ends[: len(found)]
        assert len(judged) == found[-1]  # no epoch after the last that can be chosen
        assert len(found) == 2 if name == "cycles" else len(found) >= 2
    best = max(range(len(judged)), key=lambda i: (judged[i]["validation_score"] or -np.inf, i))
    assert whole.best_epoch_ == whole.n_iter_ == judged[best]["epoch"]

    # The same training by hand: all rows, the same schedule, as many epochs.
    plain = clone(network).set_params(early_stopping=False, validation_fraction=0.15)
    if isinstance(network, MLPClassifier):
        plain.set_params(label_smoothing=0.05)  # as in each training of a calibrated network
    again = trainable(plain)
    data = again.prepare(X, y)
    spec = again.network._spec(
        again.settings, data, second_stream(np.random.default_rng(3)), n_epochs=whole.n_iter_, stopping=False
    )
    if name != "plateau":  # which follows the validation loss of the trial
        from skdl.execution import train_members

        [outcome] = train_members([spec])
        again.store(spec, data, outcome)
        assert whole.loss_curve_ == plain.loss_curve_
        factors = whole._training.state.progress[0].factors
        assert_allclose(whole.coefs_[-1], plain.coefs_[-1] * factors, rtol=1e-6)
        assert_array_equal(whole.coefs_[0], plain.coefs_[0])
    assert whole.history_["validation_loss"].notna().any()


def test_the_rate_of_plateau_is_that_of_the_trial():
    network, y = NETWORKS["plateau"]
    mlp = clone(network).fit(X, y)
    trial = mlp._training.state.progress[0].trial
    assert [r["learning_rate"] for r in trial[: mlp.n_iter_]] == mlp.history_["learning_rate"].tolist()


class CopyAt:
    """Keeps the checkpoint that is written when some task begins, as a kill in that epoch would leave it."""

    def __init__(self, path, task):
        self.path, self.task = path, task

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is not None and context.task_id == self.task:
            fitted_estimator.save_checkpoint(self.path)

    def on_fit_task_end(self, estimator, context): ...


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("where", ["first", "trial", "second begins", "second"])
def test_a_kill_in_either_training_resumes_exactly(name, where, tmp_path):
    network, y = NETWORKS[name]
    whole = clone(network).fit(X, y)
    n_trial = len(whole._training.state.progress[0].trial)
    task = {"first": 0, "trial": n_trial - 1, "second begins": n_trial, "second": n_trial + 1}[where]
    path = tmp_path / "cut.npz"
    clone(network).set_callbacks(CopyAt(path, task)).fit(X, y)
    loaded = clone(network).set_params(warm_start=True).load_checkpoint(path)
    assert loaded._training.state.progress[0].phase == (1 if task < n_trial else 2)
    same(pickle.loads(pickle.dumps(loaded)).fit(X, y), whole)


class Interrupt:
    """Raises a KeyboardInterrupt at the end, or the beginning, of a task."""

    def __init__(self, task, hook):
        self.task, self.hook = task, hook

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context):
        if self.hook == "begin" and context.task_name == "epoch" and context.task_id == self.task:
            raise KeyboardInterrupt

    def on_fit_task_end(self, estimator, context):
        if self.hook == "end" and context.task_name == "epoch" and context.task_id == self.task:
            raise KeyboardInterrupt


@pytest.mark.parametrize("hook", ["begin", "end"])
@pytest.mark.parametrize("where", ["trial", "between", "second"])
def test_an_interrupt_keeps_what_there_is_and_is_resumed(where, hook, tmp_path):
    network, y = NETWORKS["classifier"]
    whole = clone(network).fit(X, y)
    n_trial = len(whole._training.state.progress[0].trial)
    task = {"trial": 3, "between": n_trial - (hook == "end"), "second": n_trial + 1}[where]
    mlp = clone(network).set_callbacks(Interrupt(task, hook))
    with pytest.raises(KeyboardInterrupt) as error:
        mlp.fit(X, y)
    part = "on all rows" if where == "second" else "of its trial"
    assert part in error.value.__notes__[0]
    assert np.isfinite(mlp.predict_proba(X)).all()
    mlp.save_checkpoint(tmp_path / "interrupted.npz")
    for broken_off in (mlp, clone(network).load_checkpoint(tmp_path / "interrupted.npz")):
        same(broken_off.set_callbacks().set_params(warm_start=True).fit(X, y), whole)


def test_callbacks_see_both_trainings_and_may_end_the_fit(tmp_path):
    network, y = NETWORKS["cycles"]
    totals, names = [], []

    class Follow:
        def setup(self, estimator, context):
            totals.append(context.max_subtasks)

        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            names.append(context.task_name)

    whole = clone(network).set_callbacks(Follow()).fit(X, y)
    n_trial = len(whole._training.state.progress[0].trial)
    assert names == ["epoch"] * (n_trial + whole.n_iter_) + ["fit"]

    class Stop(Follow):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            return context.task_name == "epoch" and context.task_id == 4

    path = tmp_path / "stopped.npz"
    stopped = clone(network).set_callbacks(Stop(), Checkpoint(path)).fit(X, y)  # with the best of the trial so far
    assert (stopped.n_iter_, stopped.best_epoch_, len(stopped.validation_scores_)) == (5, 2, 1)
    again = clone(network).set_params(warm_start=True).load_checkpoint(path)
    assert_array_equal(again.fit(X, y).coefs_[0], stopped.coefs_[0])
    assert clone(network).set_callbacks(TimeBudget(1e-9)).fit(X, y).n_iter_ == 1
    patient = EarlyStopping("validation_loss", patience=10)
    same(clone(network).set_callbacks(patient).fit(X, y), whole)


def test_max_time_covers_both_trainings():
    X, y = np.random.default_rng(0).normal(size=(3000, 10)), np.zeros(3000)
    y[:] = X[:, 0] > 0
    mlp = MLPClassifier((64,), early_stopping="refit", max_iter=100_000, max_time=1.0, n_iter_no_change=np.inf)
    begun = time.monotonic()
    mlp.fit(X, y)
    assert 0.3 < time.monotonic() - begun < 5
    progress = mlp._training.state.progress[0]
    assert progress.phase == 2
    assert len(progress.trial) >= mlp.n_iter_ >= 1


@pytest.mark.parametrize(
    ("network", "y"),
    [(MLPClassifier(**PARAMS), ["a", "b", "c"]), (MLPRegressor(**PARAMS), [1.0]), (MLPClassifier(**PARAMS), [0, 1])],
)
def test_rows_that_cannot_be_spared_are_all_trained_on(network, y):
    rows = np.arange(2.0 * len(y)).reshape(-1, 2)
    network = clone(network).set_params(normalization=None, batch_size="auto")
    mlp = clone(network).fit(rows, y)
    plain = clone(network).set_params(early_stopping=False, validation_fraction=0.15).fit(rows, y)
    assert_array_equal(mlp.coefs_[0], plain.coefs_[0])
    assert mlp.validation_scores_ is None
    assert mlp.n_iter_ == 12


def test_rare_classes_stay_in_both_trainings():
    y = np.where(np.arange(90) == 0, "rare", np.where(X[:, 0] > 0, "a", "b"))
    mlp = MLPClassifier(**PARAMS).fit(X, y)
    assert len(mlp.validation_scores_) > 0
    assert "rare" in mlp.classes_


def test_own_validation_rows_need_no_second_training():
    network, y = NETWORKS["cycles"]
    mlp = clone(network).set_params(validation_fraction=0.1).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert mlp._training.state.progress[0].phase == 0
    assert mlp.n_iter_ == 6
    assert mlp.history_["validation_loss"].notna().all()  # for the record, though the ends of the cycles decide
    ends = mlp.history_["validation_loss"].iloc[[1, 5]]
    assert mlp.best_epoch_ == ends.idxmin() + 1
    assert mlp.best_validation_score_ == mlp.validation_scores_[mlp.best_epoch_ - 1]
    assert_allclose(-mlp.best_validation_score_, log_loss(y[60:], mlp.predict_proba(X[60:])), rtol=1e-5)
    assert mlp.temperature_ != 1


@pytest.mark.parametrize(("n_iter_no_change", "expected"), [(1, 4), (2, 6), (5, 8), (9, 12), (None, 12), (np.inf, 12)])
def test_epochs_without_progress_are_counted_at_the_ends_of_cycles(n_iter_no_change, expected):
    """The first cycle is progress, and no other."""
    params = {**PARAMS, "schedule": Cosine(cycle=2), "tol": 10.0, "n_iter_no_change": n_iter_no_change}
    mlp = MLPClassifier(**params).fit(X, Y)
    assert len(mlp._training.state.progress[0].trial) == expected


def test_the_epochs_between_two_that_are_judged_are_found_without_walking_over_all():
    fit = trainable(MLPClassifier(**PARAMS))
    member = replace(fit.spec(fit.prepare(X, Y)), judged=[3, 9, 21])
    assert [member.since_judged(epoch) for epoch in member.judged] == [3, 6, 12]
    endless = replace(member, judged=range(1, 10**15))  # of a walk, this test would not see the end
    assert [endless.since_judged(epoch) for epoch in (1, 2, 10**14)] == [1, 1, 1]


def test_trainings_that_go_on_have_no_trial():
    network, y = NETWORKS["two classes"]
    mlp = clone(network).fit(X, y)
    before, scores = mlp.predict_proba(X), list(mlp.history_["validation_score"])
    cut = pickle.loads(pickle.dumps(mlp)).set_params(optimizer__learning_rate=1e-30).partial_fit(X, y)
    assert_allclose(cut.predict_proba(X), before, rtol=1e-4)  # it goes on from the network that is there, scaled
    assert cut.temperature_ == 1
    assert (cut.n_iter_, cut.best_epoch_, cut.validation_scores_) == (mlp.n_iter_ + 1, mlp.n_iter_ + 1, scores)
    warm = mlp.set_params(warm_start=True).fit(X, y)
    assert warm.n_iter_ == len(scores) + 12
    assert clone(network).partial_fit(X, y).validation_scores_ is None
    begun = clone(network).initialize(X, y)
    plain = clone(network).set_params(early_stopping=False, validation_fraction=0.1).initialize(X, y)
    assert_array_equal(begun.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("network", [MLPClassifier, MLPRegressor])
def test_a_full_batch_search_has_its_iterations_chosen(network):
    mlp = network((6,), optimizer="lbfgs", early_stopping="refit", max_iter=60, random_state=0).fit(X, Y)
    assert mlp.n_iter_ == mlp.best_epoch_ < 60
    stopped = network((6,), optimizer="lbfgs", early_stopping=True, scoring="loss", calibrate=True, max_iter=60)
    stopped.set_params(random_state=0).fit(X, Y)
    assert stopped.validation_scores_ == mlp.validation_scores_
    assert stopped.best_epoch_ == mlp.best_epoch_


def test_a_warning_where_it_is_due():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(**PARAMS).fit(X, Y)
        MLPClassifier(**{**PARAMS, "batch_size": 90}).fit(X, Y)  # which all rows have, if not those of the trial
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        MLPClassifier(**{**PARAMS, "max_iter": 3}, n_iter_no_change=5).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converged = MLPClassifier(**{**PARAMS, "max_iter": 60}, tol=10.0, n_iter_no_change=5).fit(X, Y)
    assert len(converged.validation_scores_) == 7


def test_verbose_lines_say_which_training_it_is(capsys):
    mlp = MLPClassifier(**{**PARAMS, "max_iter": 3}, verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["trial"] * 3 + ["all rows"] * mlp.n_iter_
    assert all(("validation score" in line) == line.startswith("trial, epoch") for line in lines)


def test_rows_of_weight_zero_are_absent():
    network, y = NETWORKS["classifier"]
    weight = np.ones(90)
    weight[::7] = 0
    kept = weight > 0
    weighted = clone(network).fit(X, y, sample_weight=weight)
    assert_allclose(weighted.coefs_[-1], clone(network).fit(X[kept], y[kept]).coefs_[-1], rtol=1e-5)
    doubled = clone(network).fit(X, y, sample_weight=2.0 * np.ones(90))
    assert_array_equal(doubled.coefs_[-1], clone(network).fit(X, y).coefs_[-1])


def test_a_search_on_the_backend_is_the_same():
    grid = {"alpha": [1e-4, 1e-1], "random_state": [0, 1]}
    search = GridSearchCV(clone(NETWORKS["cycles"][0]), grid, cv=3, scoring="neg_log_loss")
    alone = clone(search).fit(X, Y)
    with joblib.parallel_config(backend="skdl"):
        together = clone(search).fit(X, Y)
    assert_array_equal(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert_array_equal(together.best_estimator_.coefs_[-1], alone.best_estimator_.coefs_[-1])


def test_snapshots_of_it_are_whole():
    skops = pytest.importorskip("skops.io")
    mlp = clone(NETWORKS["cycles"][0]).fit(X, Y)
    from skdl import trusted_types

    again = skops.loads(skops.dumps(mlp), trusted=trusted_types())
    assert_array_equal(again.predict_proba(X), mlp.predict_proba(X))
    same(again, mlp)


def test_a_trial_that_has_learned_nothing_yet_goes_on():
    """The ends of the first two cycles, of one epoch each, are as good as the mean of y: no reason to end there."""
    rows = np.random.default_rng(2).normal(size=(80, 3))
    mlp = MLPRegressor((8,), max_iter=5, random_state=1).fit(rows, rows[:, 0] * rows[:, 1])
    first, second, third = mlp.validation_scores_
    assert first == second < third
    assert mlp.n_iter_ == 5
