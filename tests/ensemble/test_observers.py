"""What follows the fit of an ensemble: lines on its members, and callbacks, its own and theirs."""

import itertools
import pickle
import re
import warnings
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
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
    SnapshotEnsembleRegressor,
    _progress,
)
from skdl.callbacks import EarlyStopping, TimeBudget
from skdl.neural import refitting

pytestmark = [
    pytest.mark.usefixtures("threads_for_the_smallest"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_iris(return_X_y=True, as_frame=True)
MLP = MLPClassifier((4,), batch_size=50, max_iter=4, schedule="constant", random_state=0, **PLAIN)
REG = MLPRegressor((4,), batch_size=50, max_iter=4, **PLAIN)
PIPELINE = make_pipeline(StandardScaler(), MLP)
ENSEMBLES = {
    "bagging": BaggingClassifier(MLP, 3, random_state=0),
    "bagging of reals": BaggingRegressor(REG, 3, random_state=0),
    "alike": EnsembleClassifier(estimator=clone(MLP).set_params(random_state=None), n_estimators=3, random_state=0),
    "by name": EnsembleClassifier([("a", MLP), ("b", PIPELINE), ("c", clone(MLP).set_params(alpha=1.0))]),
    "of reals": EnsembleRegressor(estimator=REG, n_estimators=3, random_state=0),
    "pipelines": BaggingClassifier(PIPELINE, 3, random_state=0),
    "shared": EnsembleClassifier(estimator=MLP, n_estimators=3, share="batch_ensemble", random_state=0),
    "snapshots": SnapshotEnsembleClassifier(clone(MLP).set_params(schedule="auto"), 2, random_state=0),
    "snapshots of reals": SnapshotEnsembleRegressor(REG, 2, random_state=0),
}
ONE_TRAINING = ("shared", "snapshots", "snapshots of reals")


class Own:
    """Keeps the tasks as they begin and end, and stays with the estimator that it is set on."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append(("setup", type(estimator).__name__, ()))

    def teardown(self, estimator, context):
        self.events.append(("teardown", type(estimator).__name__, ()))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, path(context)))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name, path(context)))

    def of(self, kind, task):
        return sorted(where for *event, where in self.events if event == [kind, task])


class Recorder(Own):
    """One that is handed on to the members."""

    max_propagation_depth = None


def path(context):
    return () if context.parent is None else (*path(context.parent), context.task_id)


def outputs(ensemble):
    return ensemble.predict_members(X)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_ensemble_says_nothing_unless_it_is_asked(name, capfd):
    ensemble = clone(ENSEMBLES[name]).fit(X, Y)
    assert capfd.readouterr() == ("", "")
    talking = clone(ensemble).set_params(verbose=1).fit(X, Y)
    out, err = capfd.readouterr()
    assert out
    assert not err
    assert_array_equal(outputs(talking), outputs(ensemble))


@pytest.mark.parametrize("name", ["bagging", "alike", "by name", "pipelines", "of reals"])
def test_the_lines_of_a_verbose_ensemble(name, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    monkeypatch.setattr(_progress, "LONGEST_INTERVAL", 0.0)  # a line whenever there is something to say
    looks = itertools.count()
    clock = Mock(monotonic=lambda: next(looks) / 1000)  # on which each look takes a millisecond
    monkeypatch.setattr(_progress, "time", clock)
    ensemble = clone(ENSEMBLES[name]).set_params(verbose=1)
    label, lines = f"[{type(ensemble).__name__}] ", ensemble.fit(X, Y) and capsys.readouterr().out.splitlines()
    assert all(line.startswith(label) for line in lines)
    assert re.fullmatch(re.escape(label) + r"3 members done, [0-9.]+ s", lines[-1])
    if name in ("bagging", "alike", "of reals"):
        assert re.search(
            r"0 of 3 members done, 3 at epochs? [1-4 to]+ of 4, mean loss [0-9.]+, [0-9.]+ s, about", "\n".join(lines)
        )
    if name == "bagging":
        lines = ensemble.set_params(warm_start=True, n_estimators=5).fit(X, Y) and capsys.readouterr().out.splitlines()
        assert " 2 members done, " in lines[-1]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_lines_of_verbose_members_say_whose_they_are(n_jobs, capsys):
    mlp = clone(MLP).set_params(verbose=1, max_iter=2)
    bagging = BaggingClassifier(mlp, 2, n_jobs=n_jobs, random_state=0).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(",")[0] for line in lines) == [
        f"[member {i}/2] epoch {epoch}/2" for i in (1, 2) for epoch in (1, 2)
    ]
    bagging.set_params(warm_start=True, n_estimators=3).fit(X, Y)
    assert capsys.readouterr().out.startswith("[member 3/3] epoch 1/2, ")
    BaggingClassifier(make_pipeline(StandardScaler(), mlp), 2, random_state=0).fit(X, Y)
    assert capsys.readouterr().out.splitlines()[2].startswith("[member 2/2] epoch 1/2, ")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_lines_of_both_trainings_say_whose_they_are(n_jobs, capsys):
    mlp = MLPClassifier((4,), batch_size=50, max_iter=7, verbose=1)
    bagging = BaggingClassifier(mlp, 2, n_jobs=n_jobs, random_state=0).fit(X, Y)
    lines = [line.split(", loss")[0] for line in capsys.readouterr().out.splitlines()]
    for i, member in enumerate(bagging.estimators_, 1):
        own = [line for line in lines if line.startswith(f"[member {i}/2] ")]
        n_tried, n = len(member.validation_scores_), member.n_iter_
        last = (1, 3, 7)[n_tried - 1]
        assert own == [f"[member {i}/2] trial, epoch {epoch}/7" for epoch in range(1, last + 1)] + [
            f"[member {i}/2] all rows, epoch {epoch}/{n}" for epoch in range(1, n + 1)
        ]
        lines = [line for line in lines if line not in own]
    assert lines == []
    shared = EnsembleClassifier(estimator=clone(mlp).set_params(verbose=0), n_estimators=2, share="batch_ensemble")
    shared.set_params(random_state=0, verbose=1).fit(X, Y)
    words = [line.split(", epoch")[0] for line in capsys.readouterr().out.splitlines()]
    assert set(words) == {"[EnsembleClassifier] trial", "[EnsembleClassifier] all rows"}


@pytest.mark.parametrize("name", ["bagging", "shared"])
def test_callbacks_see_the_epochs_of_both_trainings(name):
    recorder = Recorder()
    ensemble = clone(ENSEMBLES[name]).set_params(estimator__early_stopping="auto").set_callbacks(recorder).fit(X, Y)
    members = ensemble.estimators_[:1] if name == "shared" else ensemble.estimators_
    n_epochs = sum(4 + member.n_iter_ for member in members)  # under a constant rate each epoch of a trial is judged
    assert len(recorder.of("begin", "epoch")) == len(recorder.of("end", "epoch")) == n_epochs
    assert_array_equal(outputs(ensemble), outputs(clone(ensemble).set_callbacks().fit(X, Y)))


@pytest.mark.parametrize("name", ONE_TRAINING)
def test_one_training_of_all_members_has_a_line_an_epoch(name, capsys):
    ensemble = clone(ENSEMBLES[name]).set_params(verbose=1).fit(X, Y)
    label = re.escape(f"[{type(ensemble).__name__}] ")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(re.match(rf"{label}epoch {i}/4, loss [0-9.]+, ", line) for i, line in enumerate(lines, 1))


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_tasks_of_an_ensemble(name):
    """The ensemble's fit, in it the members', and in these the epochs: each begins and ends once."""
    recorder = Recorder()
    ensemble = clone(ENSEMBLES[name]).set_callbacks(recorder)
    n_members = 1 if name in ONE_TRAINING else 3
    ensemble.fit(X, Y)
    for kind in ("begin", "end"):
        assert recorder.of(kind, "fit").count(()) == 1
        assert len([where for where in recorder.of(kind, "fit") if len(where) == 1]) == n_members
        assert len(recorder.of(kind, "epoch")) == 4 * n_members
        assert {where[0] for where in recorder.of(kind, "epoch")} == set(range(n_members))
    assert recorder.events[0][0] == "setup"
    assert recorder.events[-1] == ("teardown", type(ensemble).__name__, ())
    assert [event[0] for event in recorder.events].count("setup") == 1
    assert recorder.events[-2] == ("end", "fit", ())
    assert_array_equal(outputs(ensemble), outputs(clone(ensemble).set_callbacks().fit(X, Y)))
    for estimator in (ensemble, *ensemble.estimators_):
        left = {key for key in vars(estimator) if "callback" in key}
        assert left == ({"_skl_callbacks", "_has_callbacks"} if estimator is ensemble else set())


def test_networks_with_callbacks_are_trained_as_one_stack(monkeypatch):
    """Those of the members, too, which see the member's rows, and the network as its own fit would have it."""
    monkeypatch.setattr(refitting, "train_members", mock := Mock(wraps=refitting.train_members))
    own = Own()
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = clone(MLP).set_callbacks(own, monitor)
    bagging = BaggingClassifier(mlp, 3, random_state=0).fit(X, Y)
    assert [len(call.args[0]) for call in mock.call_args_list] == [3]
    assert own.of("begin", "epoch") == own.of("end", "epoch")
    assert len(own.of("end", "epoch")) == 12
    assert (
        [event[0] for event in own.events].count("setup") == [event[0] for event in own.events].count("teardown") == 3
    )
    data = monitor.get_logs(select="all")
    scores = sorted(log.data_as_pandas["accuracy"].iloc[0] for log in data)
    expected = [
        member.score(X.iloc[rows], Y.iloc[rows])
        for member, rows in zip(bagging.estimators_, bagging.estimators_samples_, strict=True)
    ]
    np.testing.assert_allclose(scores, sorted(expected), rtol=1e-12)


@pytest.mark.parametrize("name", ["bagging", "alike", "by name", "pipelines"])
def test_callbacks_that_end_a_training_end_that_of_each_member(name):
    ensemble = clone(ENSEMBLES[name]).set_callbacks(EarlyStopping(patience=1, min_delta=1e9))
    networks = [member[-1] if hasattr(member, "steps") else member for member in ensemble.fit(X, Y).estimators_]
    assert [network.n_iter_ for network in networks] == [3, 3, 3]
    budget = clone(ENSEMBLES[name]).set_callbacks(TimeBudget(1e-9)).fit(X, Y)
    networks = [member[-1] if hasattr(member, "steps") else member for member in budget.estimators_]
    assert [network.n_iter_ for network in networks] == [1, 1, 1]


def test_each_member_restores_its_best_epoch():
    rough = clone(MLP).set_params(optimizer="sgd", optimizer__learning_rate=3.0, max_iter=12, random_state=None)
    stopping = EarlyStopping(patience=50, restore_best=True)
    ensemble = EnsembleClassifier(estimator=rough, n_estimators=3, random_state=0).set_callbacks(stopping).fit(X, Y)
    assert any(member.history_["loss"].idxmin() < 11 for member in ensemble.estimators_)
    for member in ensemble.estimators_:
        alone = clone(member).set_callbacks(stopping).fit(X, Y)
        assert_array_equal(member.coefs_[0], alone.coefs_[0])


def test_snapshots_stay_those_of_the_ends_of_cycles():
    ensemble = ENSEMBLES["snapshots"]
    plain = clone(ensemble).fit(X, Y)
    stopping = EarlyStopping("gradient_norm", patience=50, restore_best=True)
    assert_array_equal(outputs(clone(ensemble).set_callbacks(stopping).fit(X, Y)), outputs(plain))


@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_error_in_a_callback_tears_all_down(name):
    recorder, own = Recorder(), Own()

    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 1:
                raise RuntimeError("no")

    ensemble = clone(ENSEMBLES[name])
    if name == "bagging":
        ensemble.estimator.set_callbacks(own)
    ensemble.set_callbacks(recorder, Failing())
    with pytest.raises(RuntimeError, match="no"):
        ensemble.fit(X, Y)
    assert not hasattr(ensemble, "estimators_")
    assert recorder.events[-1] == ("teardown", type(ensemble).__name__, ())
    assert len([e for e in own.events if e[0] == "setup"]) == len([e for e in own.events if e[0] == "teardown"])
    assert not hasattr(ensemble, "_callback_fit_ctx")
    assert ensemble.set_callbacks().fit(X, Y).score(X, Y) is not None


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("name", ["bagging", "by name", "pipelines", "shared", "snapshots"])
def test_progress_bars(name, n_jobs, capsys):
    ensemble = clone(ENSEMBLES[name])
    if "n_jobs" in ensemble.get_params():
        ensemble.set_params(n_jobs=n_jobs)
    ensemble.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    text = capsys.readouterr().out
    assert f"{type(ensemble).__name__} - fit" in text
    assert text.count("100%") >= (2 if name in ONE_TRAINING else 4)
    assert "MLPClassifier - fit" in text


def test_members_without_callbacks_of_their_own_are_named_once():
    mixed = EnsembleClassifier([("mlp", MLP), ("forest", RandomForestClassifier(5, random_state=0))])
    recorder = Recorder()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mixed.set_callbacks(recorder).fit(X, Y)
    texts = [str(warning.message) for warning in told if "does not support callbacks" in str(warning.message)]
    assert len(texts) == 1
    assert "RandomForestClassifier" in texts[0]
    assert recorder.of("begin", "member") == recorder.of("end", "member") == [(1,)]


def test_in_a_search_and_a_pickle():
    recorder = Recorder()
    search = GridSearchCV(ENSEMBLES["bagging"], {"estimator__alpha": [0.0, 1.0]}, cv=2).set_callbacks(recorder)
    search.fit(X, Y)
    assert len(recorder.of("end", "epoch")) == len(recorder.of("begin", "epoch")) == 5 * 3 * 4
    kept = pickle.loads(pickle.dumps(clone(ENSEMBLES["bagging"]).set_callbacks(TimeBudget(60)).fit(X, Y)))
    assert kept._has_callbacks
    assert clone(kept)._has_callbacks


@pytest.mark.parametrize("name", ["bagging", "alike", "shared", "snapshots"])
def test_an_interrupt_ends_the_tasks_that_had_begun(name):
    """Members that are kept end theirs, and the ensemble its own, before the interrupt goes on."""

    class Interrupting(Recorder):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            if context.task_name == "epoch" and context.task_id == 2:
                raise KeyboardInterrupt

    recorder = Recorder()
    ensemble = clone(ENSEMBLES[name]).set_callbacks(recorder, Interrupting())
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, Y)
    assert ensemble.predict(X).shape == Y.shape
    assert recorder.of("begin", "epoch") == recorder.of("end", "epoch")
    assert recorder.of("begin", "fit") == recorder.of("end", "fit")
    assert recorder.events[-1] == ("teardown", type(ensemble).__name__, ())
    assert not any("callback_ctx" in key for estimator in (ensemble, *ensemble.estimators_) for key in vars(estimator))
