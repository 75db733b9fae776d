"""Tasks that worker processes take over: the results of a sequential run, and which tasks stay."""

import multiprocessing
import os
import threading
import time
import warnings
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import EnsembleClassifier, MLPClassifier
from skdl.activations import Tanh
from skdl.callbacks import TimeBudget
from skdl.execution import cost
from skdl.parallel import backend, offload
from skdl.parallel.jobs import Task
from skdl.parallel.offload import OffloadedTasks, chunk, partition

MLP = MLPClassifier((4,), max_iter=3, batch_size=16, random_state=0, **PLAIN)
GRID = {"optimizer__learning_rate": [0.001, 0.01], "alpha": [1e-4, 1e-2]}
TASKS = 20  # of that grid in five folds


@pytest.fixture
def shares(monkeypatch):
    """Any work is worth processes; the numbers of tasks in each share that was sent, and what came back."""
    monkeypatch.setattr(cost, "LEAST_PROCESS_SECONDS", 1e-9)
    monkeypatch.setattr(backend, "cpu_count", lambda: 2)
    monkeypatch.setattr(cost, "OTHER_THREADS_SHARE", np.inf)  # an earlier test's threads may still be busy
    sent = []
    run = OffloadedTasks.run

    def watched(self):
        i, n_entries, n_networks = len(sent), len(self.items), 0
        sent.append((n_entries, 0))
        for some in run(self):
            n_networks += sum(some.stacks)
            sent[i] = n_entries, n_networks
            yield some

    monkeypatch.setattr(OffloadedTasks, "run", watched)
    return sent


def table(results):
    """A search's results, but for the times."""
    return {name: list(values) for name, values in results.items() if "time" not in name}


def comes_true(condition):
    """Whether a condition holds, now or within the time that a busy machine needs."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def here():
    return multiprocessing.parent_process() is None


# The same results


@pytest.mark.parametrize(
    "estimator",
    [
        MLP,
        clone(MLP).set_params(early_stopping=True, dropout=0.2, normalization="batch"),
        make_pipeline(StandardScaler(), MLP),
        EnsembleClassifier(estimator=MLP, n_estimators=3, random_state=1),
        MLPClassifier((4,), random_state=0),
    ],
    ids=["network", "with validation rows", "pipeline", "ensemble", "with a trial"],
)
def test_a_search(estimator, iris, stacked, stacks, shares):
    prefix = {"Pipeline": "mlpclassifier__", "EnsembleClassifier": "estimator__"}.get(type(estimator).__name__, "")
    grid = {prefix + name: values for name, values in GRID.items()}
    search = GridSearchCV(estimator, grid, cv=5, scoring="neg_log_loss", return_train_score=True, refit=False)
    expected = clone(search).fit(*iris)
    with stacked(n_jobs=2):
        found = search.fit(*iris)
    members = 3 if prefix == "estimator__" else 1
    if getattr(estimator, "early_stopping", False):  # scores are taken here: the first task's training stays
        # So does the second one of its fit.
        trainings = 2 if estimator.early_stopping == "auto" else 1
        assert (shares, stacks) == ([(TASKS - 1, trainings * (TASKS - 1))], [[1]] * trainings)
    else:
        assert (shares, stacks) == ([(TASKS - 1, members * TASKS)], [])
    assert table(found.cv_results_) == table(expected.cv_results_)


@pytest.mark.parametrize(
    ("numbers", "n", "expected"),
    [
        ([0, 0, 1, 1, 2, 2], 2, [[0, 1, 4], [2, 3, 5]]),
        ([0, 0, 1, 1, 2, 2, 3, 3], 2, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ([0, 0, 0, 0, 0], 2, [[0, 2, 4], [1, 3]]),
        ([0, 1, 2, 3, 4], 2, [[0, 2, 4], [1, 3]]),  # one task each: costly ones may be neighbours
        ([0, 0, 0, 1], 2, [[0, 2], [1, 3]]),
        ([0, 0, 1, 1], 3, [[0, 3], [1], [2]]),
    ],
)
def test_data_go_to_one_process_each(numbers, n, expected):
    assert partition(numbers, n) == expected


def test_processes_take_a_part_of_their_tasks_at_a_time():
    assert chunk([[0, 1, 2, 3, 4], [5, 6, 7, 8]], 2) == [[0, 1], [5, 6], [2, 3], [7, 8], [4]]
    assert chunk([[0, 1, 2, 3], [4, 5, 6]], 9) == [[0, 1, 2, 3], [4, 5, 6]]
    assert chunk([[0, 1, 2, 3, 4, 5, 6], []], 6) == [[0, 1, 2, 3], [4, 5, 6]]  # of about equal size


def test_results_come_back_part_by_part(iris, stacked, shares, monkeypatch):
    """The first part's tasks have ended here before the last part's begin there: it is they that let it begin."""
    monkeypatch.setattr(cost, "ENOUGH_MEMBERS", 1)
    monkeypatch.setattr(cost, "FLUSH_SECONDS", 1e-9)
    run, sizes, in_time = OffloadedTasks.run, [], []

    def watched(self):
        for some in run(self):
            in_time.append(comes_true(lambda: len(ended) >= sum(sizes)))
            sizes.append(len(some.items))
            yield some

    monkeypatch.setattr(OffloadedTasks, "run", watched)
    done, ended = Task.run, []
    monkeypatch.setattr(Task, "run", lambda self: (done(self), ended.append(self))[0])
    search = GridSearchCV(MLP, GRID, cv=5, refit=False)
    with stacked(n_jobs=2):
        found = search.fit(*iris)
    assert shares == [(TASKS - 1, TASKS)]
    assert sum(sizes) == TASKS - 1
    assert len(sizes) == TASKS  # one task each, and the training that waited
    assert all(in_time)
    assert table(found.cv_results_) == table(clone(search).fit(*iris).cv_results_)


def test_a_part_takes_no_longer_than_half_a_minute(iris, stacked, shares, monkeypatch):
    """As it is estimated: two tasks of twenty seconds for each process, though sixteen would cost less as a stack."""
    monkeypatch.setattr(cost, "seconds_of", lambda member: 20.0)
    run, parts = OffloadedTasks.run, []

    def watched(self):
        for some in run(self):
            parts.append(len(some.items))
            yield some

    monkeypatch.setattr(OffloadedTasks, "run", watched)
    with stacked(n_jobs=2):
        GridSearchCV(MLP, GRID, cv=5, refit=False).fit(*iris)
    assert sum(parts) == TASKS - 1
    assert max(parts) == 2


def test_both_trainings_of_a_fit_are_work_for_processes(iris, stacked, shares, monkeypatch):
    """A tenth of a second each, of five tasks after the first: with both, more than what two processes are worth."""
    monkeypatch.setattr(cost, "LEAST_PROCESS_SECONDS", 0.45)
    monkeypatch.setattr(cost, "seconds_of", lambda member: 0.1)
    for network, taken in ((MLP, []), (clone(MLP).set_params(early_stopping="refit"), [(5, 10)])):
        monkeypatch.setattr(cost, "TRIALS", 0)
        with stacked(n_jobs=2):
            cross_val_score(network, *iris, cv=6)
        assert shares == taken


def test_the_second_task_decides_where_the_first_leaves_doubts(iris, stacked, shares, monkeypatch):
    """Where not the training, but the tasks' own time is worth processes, which imports may have made longer."""
    monkeypatch.setattr(cost, "seconds_of", lambda member: 0.0)
    with stacked(n_jobs=2):
        cross_val_score(MLP, *iris, cv=6)
    assert shares == [(4, 6)]


def test_networks_after_tasks_that_train_none(iris, stacked, shares):
    """What those take is not measured; the first network's task has no measure, either."""
    estimators = [RidgeClassifier()] * 3 + [MLP] * 7

    def task(estimator):
        return clone(estimator).fit(*iris).decision_function(iris[0])

    expected = [task(estimator) for estimator in estimators]
    with stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(task)(estimator) for estimator in estimators)
    assert_array_equal(found, expected)
    assert shares == [(5, 7)]


def test_estimators_come_back(iris, stacked, shares):
    expected = cross_validate(MLP, *iris, cv=5, return_estimator=True)["estimator"]
    with stacked(n_jobs=2):
        found = cross_validate(MLP, *iris, cv=5, return_estimator=True)["estimator"]
    assert shares == [(4, 5)]  # with the training of the first one
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a.coefs_[0], b.coefs_[0], strict=True)


def test_searches_inside_of_tasks_meet_in_the_processes(iris, stacked, stacks, shares):
    def task():
        network = clone(MLP).fit(*iris)
        return network.loss_, *cross_val_score(network, *iris, cv=3)

    expected = task()
    with stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(task)() for _ in range(6))
    assert shares == [(5, 1 + 5 * 4)]
    assert stacks[:1] == [[3]]
    assert found == [expected] * 6


def test_more_tasks_than_are_dispatched_at_once(iris, stacked, shares):
    """Those that joblib gives later go the same way."""
    search = GridSearchCV(MLP, GRID, cv=5, pre_dispatch=8, refit=False)
    expected = clone(search).fit(*iris)
    with stacked(n_jobs=2):
        search.fit(*iris)
    assert table(search.cv_results_) == table(expected.cv_results_)
    assert len(shares) > 1
    assert shares[0] == (7, 8)


def test_verbose_counts_their_stacks(iris, stacked, shares, capfd):
    with stacked(n_jobs=2, verbose=1):
        GridSearchCV(MLP, GRID, cv=5, refit=False).fit(*iris)
    assert f"[skdl]: {TASKS} trainings in 2 stacks of {TASKS // 2}" in capfd.readouterr().err


def test_settings_of_the_caller(iris, stacked, shares):
    def task():
        MLP.fit(*iris)
        return here(), np.geterr()["over"]

    with np.errstate(over="raise"), stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(task)() for _ in range(4))
    assert found == [(True, "raise")] + [(False, "raise")] * 3


@pytest.mark.parametrize(
    "params", [{"batch_size": 1000}, {"batch_size": 17, "normalization": "batch"}], ids=["before", "in the training"]
)
def test_warnings_come_as_from_a_sequential_run(iris, stacked, shares, params):
    network = clone(MLP).set_params(**params)

    def messages(caught):
        return [(item.category, str(item.message)) for item in caught]

    search = GridSearchCV(network, GRID, cv=5, refit=False)
    for action in ("always", "default", "ignore"):
        with warnings.catch_warnings(record=True) as expected:
            warnings.simplefilter(action)
            clone(search).fit(*iris)
        with warnings.catch_warnings(record=True) as found, stacked(n_jobs=2):
            warnings.simplefilter(action)
            clone(search).fit(*iris)
        if "normalization" in params:  # trainings warn for a whole stack
            assert set(messages(found)) == set(messages(expected))
            assert len(found) <= len(expected)
        elif action == "default":  # once in each process, and once here
            assert set(messages(found)) == set(messages(expected))
            assert len(expected) <= len(found) <= len(expected) + 2
        else:
            assert messages(found) == messages(expected)
    assert len(shares) == 3


def test_a_process_with_nothing_but_a_training_warns(iris, stacked, shares):
    """The first task's training goes to one process, and the second task, which has no reason to warn, to the other."""
    X, y = iris[0][:149], iris[1][:149]
    networks = [clone(MLP).set_params(batch_size=37, normalization=kind) for kind in ("batch", None)]
    with pytest.warns() as expected:  # 149 rows end in a batch of one
        clone(networks[0]).fit(X, y)
    with stacked(n_jobs=2), pytest.warns() as found:
        joblib.Parallel()(joblib.delayed(network.fit)(X, y) for network in networks)
    assert {str(item.message) for item in found} == {str(item.message) for item in expected}
    assert [n for n, _ in shares] == [1]


def test_seconds_in_the_histories_add_up_to_no_more_than_those_that_pass(iris, stacked, shares):
    """And not to those of all processes."""
    network = clone(MLP).set_params(max_iter=300, n_iter_no_change=None)
    joblib.Parallel(n_jobs=2)(joblib.delayed(clone(network).fit)(*iris) for _ in range(2))  # starts the processes
    begun = time.perf_counter()
    with stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(clone(network).fit)(*iris) for _ in range(22))
    passed = time.perf_counter() - begun
    assert shares == [(21, 22)]
    assert 0 < sum(one.history_["seconds"].sum() for one in found) < passed


# Errors and ends


def test_error_score(iris, stacked, shares):
    search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-3, -1.0]}, cv=3, refit=False)
    warnings.filterwarnings("ignore", "One or more of the test scores")  # pytest puts the filters back
    with pytest.warns(FitFailedWarning):
        expected = clone(search).fit(*iris).cv_results_
    with stacked(n_jobs=2), pytest.warns(FitFailedWarning, match="3 fits failed out of a total"):
        search.fit(*iris)
    assert shares == [(8, 6)]
    assert_array_equal(search.cv_results_["mean_test_score"], expected["mean_test_score"])


def test_a_training_that_raises_costs_the_others_nothing(iris, stacked, shares):
    """Also if it is the first one, which went to the processes without its task."""

    class Fails(Tanh):
        def forward(self, x):
            raise OSError("no forward")

    search = GridSearchCV(MLP, {"activation": [Fails(), "tanh", "relu"]}, cv=3, refit=False)
    warnings.filterwarnings("ignore", "One or more of the test scores")  # pytest puts the filters back
    with pytest.warns(FitFailedWarning):
        expected = clone(search).fit(*iris).cv_results_
    with stacked(n_jobs=2), pytest.warns(FitFailedWarning, match="3 fits failed out of a total"):
        search.fit(*iris)
    [(n_tasks, n_trained)] = shares
    assert n_tasks == 8
    assert n_trained >= 6  # none of those that can be trained came back
    assert_array_equal(search.cv_results_["mean_test_score"], expected["mean_test_score"])


def test_an_error_is_raised_here_and_tells_where(iris, stacked, shares):
    def task(i):
        MLP.fit(*iris)
        if i == 5:
            raise OSError(f"task {i}")
        return i

    with stacked(n_jobs=2), pytest.raises(OSError, match="task 5") as caught:
        joblib.Parallel()(joblib.delayed(task)(i) for i in range(8))
    assert "in task" in caught.value.__notes__[0]
    assert [n for n, _ in shares] == [7]


def test_an_error_ends_trainings_in_other_processes_and_here(iris, stacked, shares, tmp_path):
    def task(i):
        if i == 3:
            raise ValueError("no")
        clone(MLP).set_params(max_iter=10**5, n_iter_no_change=None).fit(*iris)
        (tmp_path / str(i)).touch()

    with stacked(n_jobs=2), pytest.raises(ValueError, match="no"):
        joblib.Parallel()(joblib.delayed(task)(i) for i in range(6))
    assert not list(tmp_path.iterdir())
    assert [n for n, _ in shares] == [5]


def test_timeout_ends_the_tasks_there(iris, stacked, shares):
    def task(i):
        return clone(MLP).set_params(max_iter=10**7, n_iter_no_change=None).fit(*iris)

    with stacked(n_jobs=2), pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=3)(joblib.delayed(task)(i) for i in range(4))
    assert comes_true(lambda: shares)
    assert [n for n, _ in shares] == [3]


# Tasks that are run here after all


def test_a_process_that_is_killed(iris, stacked, shares):
    def task(i):
        if not here():
            os._exit(1)
        return clone(MLP).fit(*iris).loss_

    with stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(task)(i) for i in range(6))
    assert found == [clone(MLP).fit(*iris).loss_] * 6
    assert shares == [(5, 0)]


def test_tasks_that_cannot_be_sent(iris, stacked, shares):
    lock = multiprocessing.Lock()  # may only be inherited

    def task(i):
        with lock:
            pass
        return clone(MLP).fit(*iris).loss_

    with stacked(n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(task)(i) for i in range(6))
    assert found == [clone(MLP).fit(*iris).loss_] * 6
    assert shares == [(5, 0)]


def test_networks_that_use_threads_of_blas_come_back(stacked, shares):
    """Such as the first tasks did not show."""
    X, y = load_digits(return_X_y=True)
    search = GridSearchCV(
        MLPClassifier(max_iter=1, batch_size=1000, random_state=0, **PLAIN), {"hidden_layer_sizes": [(3,), (66,)]}, cv=4
    )
    search.set_params(refit=False, scoring="neg_log_loss")
    expected = clone(search).fit(X, y)
    with stacked(n_jobs=2):
        search.fit(X, y)
    assert shares == [(7, 4)]  # four tasks came back
    assert table(search.cv_results_) == table(expected.cv_results_)


def test_no_thread_is_left_to_wait_for_processes(iris, stacked, shares, monkeypatch):
    start = threading.Thread.start

    def limited(self):
        if len(shares_made) == 1:
            shares_made.append(None)
            raise RuntimeError("can't start new thread")
        start(self)

    shares_made = []
    share = offload.OffloadedTasks
    monkeypatch.setattr(offload, "OffloadedTasks", lambda *args: (shares_made.append(None), share(*args))[1])
    monkeypatch.setattr(threading.Thread, "start", limited)
    search = GridSearchCV(MLP, GRID, cv=5, refit=False)
    with stacked(n_jobs=2):
        search.fit(*iris)
    assert len(shares_made) == 2
    assert shares == []
    monkeypatch.undo()
    assert table(search.cv_results_) == table(clone(search).fit(*iris).cv_results_)


# Tasks that stay


def test_with_processes_false(iris, stacked, shares):
    seen = []

    def task(i):
        seen.append(i)
        return MLP.fit(*iris)

    with stacked(n_jobs=2, processes=False):
        found = joblib.Parallel(require="sharedmem")(joblib.delayed(task)(i) for i in range(6))
    assert seen == list(range(6))
    assert set(map(id, found)) == {id(MLP)}
    assert shares == []
    with pytest.raises(ValueError, match="shared memory"):
        joblib.Parallel(backend="skdl", require="sharedmem")


def test_short_work(iris, stacked, shares, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(offload, "OffloadedTasks", Mock(side_effect=AssertionError))
    with stacked(n_jobs=2):
        GridSearchCV(MLP, GRID, cv=5).fit(*iris)


def test_generators(iris, stacked, shares):
    with stacked(n_jobs=2):
        found = joblib.Parallel(return_as="generator")(joblib.delayed(clone(MLP).fit)(*iris) for _ in range(5))
        assert len(list(found)) == 5
    assert shares == []


class Noise(TransformerMixin, BaseEstimator):
    """A step that draws random numbers as one should not."""

    def fit(self, X, y=None):
        self.noise_ = np.random.normal(size=X.shape[1])  # noqa: NPY002
        return self

    def transform(self, X):
        return X + self.noise_


def test_tasks_that_draw_from_the_global_generator(iris, stacked, shares):
    """So that a seed that the user has set there has the same effect as in a sequential run."""
    search = GridSearchCV(make_pipeline(Noise(), MLP), {"mlpclassifier__alpha": [1e-4, 1e-3]}, cv=5, refit=False)
    search.set_params(scoring="neg_log_loss")
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(3)  # noqa: NPY002
        expected = clone(search).fit(*iris)
        np.random.seed(3)  # noqa: NPY002
        with stacked(n_jobs=2):
            search.fit(*iris)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert shares == []
    assert table(search.cv_results_) == table(expected.cv_results_)


def test_networks_with_callbacks(iris, stacked, shares):
    with stacked(n_jobs=2):
        joblib.Parallel()(joblib.delayed(clone(MLP).set_callbacks(TimeBudget(60)).fit)(*iris) for _ in range(6))
    assert shares == []


class Busy(TransformerMixin, BaseEstimator):
    """A step that computes in another thread, as libraries do, for a time of the processor and not of the clock."""

    def fit(self, X, y=None):
        def compute():
            while time.thread_time() < 0.1:
                pass

        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()
        return self

    def transform(self, X):
        return X


def test_tasks_that_compute_with_threads_of_a_library(iris, stacked, shares, monkeypatch):
    monkeypatch.setattr(cost, "OTHER_THREADS_SHARE", 0.2)
    with stacked(n_jobs=2):
        cross_val_score(make_pipeline(Busy(), MLP), *iris, cv=6)
    assert shares == []


def test_in_a_process_of_another_backend(iris, shares):
    def outer():
        with joblib.parallel_config(backend="skdl", n_jobs=2):
            return joblib.Parallel()(joblib.delayed(inner)() for _ in range(4))

    def inner():
        cost.processes_worth = lambda seconds, at_most: at_most
        MLP.fit(*iris)
        return os.getpid()

    found = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(outer)() for _ in range(2))
    assert all(len(set(pids)) == 1 for pids in found)
