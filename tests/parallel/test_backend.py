"""The backend in joblib: its settings, what a task finds, and who else may be around it or inside it."""

import threading
import time
import warnings
from contextvars import copy_context
from functools import partial
from types import SimpleNamespace

import distributed
import joblib
import numpy as np
import pytest
import sklearn
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier, parallel
from skdl._threads import n_threads
from skdl.execution import cost
from skdl.parallel import requests
from skdl.parallel.backend import summary
from skdl.parallel.jobs import Call
from skdl.parallel.scheduler import StackingScheduler

MLP = MLPClassifier((4,), max_iter=3, batch_size=16, random_state=0, **PLAIN)


def weights(network):
    return [array.tobytes() for array in (*network.coefs_, *network.intercepts_)]


def fit(X, y, **parameters):
    return weights(clone(MLP).set_params(**parameters).fit(X, y))


# Settings


def test_it_is_registered_with_skdl():
    with joblib.parallel_config(backend="skdl", max_stack=3):
        backend, _ = joblib.parallel.get_active_backend()
    assert type(backend) is parallel.StackBackend
    assert backend.max_stack == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_stack": 0}, "'max_stack' parameter of StackBackend must be an int in the range"),
        ({"max_stack_bytes": 2.5}, "'max_stack_bytes' parameter of StackBackend must be an int in the range"),
    ],
)
def test_settings_out_of_range(settings, message, stacked):
    with pytest.raises(ValueError, match=message):
        stacked(**settings)


def test_a_setting_that_there_is_not(stacked):
    with pytest.raises(TypeError, match="max_stacks"):
        stacked(max_stacks=3)


@pytest.mark.parametrize("max_stack", [1, 2, 7, 20, 64])
def test_max_stack(max_stack, iris, stacked, stacks):
    search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-3, 1e-2, 0.1]}, cv=5, refit=False)
    expected = clone(search).fit(*iris).cv_results_["mean_test_score"]
    with stacked(max_stack=max_stack):
        found = search.fit(*iris).cv_results_["mean_test_score"]
    assert_array_equal(found, expected)
    sizes = [sum(sizes) for sizes in stacks]
    assert sizes == (
        [] if max_stack == 1 else [max_stack] * (20 // max_stack) + [20 % max_stack] * (20 % max_stack > 0)
    )


def test_no_more_waits_for_a_training_than_takes_a_few_seconds(iris, stacked, stacks, monkeypatch):
    """So that a search that is killed has lost no more; but in stacks of which each network costs less than alone."""
    monkeypatch.setattr(cost, "FLUSH_SECONDS", 1e-9)
    monkeypatch.setattr(cost, "ENOUGH_MEMBERS", 7)
    search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-3, 1e-2, 1e-1]}, cv=5, refit=False)
    expected = clone(search).fit(*iris).cv_results_["mean_test_score"]
    with stacked():
        found = search.fit(*iris).cv_results_["mean_test_score"]
    assert stacks == [[7], [7], [6]]
    assert_array_equal(found, expected)


def test_few_networks_wait_no_longer_than_half_a_minute_of_each_core(iris, stacked, stacks, monkeypatch):
    """However little a stack of them would cost: what waits is lost where the search is killed."""
    monkeypatch.setattr(requests, "seconds_of", lambda member: 12.0 * joblib.cpu_count())
    search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-3]}, cv=5, refit=False)
    expected = clone(search).fit(*iris).cv_results_["mean_test_score"]
    with stacked():
        found = search.fit(*iris).cv_results_["mean_test_score"]
    assert stacks == [[3], [3], [3], [1]]
    assert_array_equal(found, expected)


def test_max_stack_bytes(iris, stacked, stacks):
    X, y = iris
    rows = 120 * 4 * 8  # of one fold
    with stacked(max_stack_bytes=5 * rows):
        cross_val_score(MLP, X, y, cv=5)
        GridSearchCV(MLP, {"alpha": [1e-4, 1e-3, 1e-2, 0.1]}, cv=5, refit=False).fit(X, y)
    assert all(3 <= sum(sizes) <= 5 for sizes in stacks[:-1])
    assert sum(map(sum, stacks)) == 25


def test_what_is_half_of_a_training_does_not_wait_for_other_data(iris, stacks):
    """So that what is trained together shares its batches; none is ended by data that have one task each."""

    def sizes(tables):
        X, y = iris[0].to_numpy(), iris[1]
        scheduler = StackingScheduler(max_stack=100, max_stack_bytes=10 * X.nbytes, n_threads=1)
        call = Call(scheduler, None, copy_context())
        stacks.clear()
        futures = [scheduler.submit(call, partial(fit, X, y), lambda future: None, table) for table in tables]
        with scheduler.wait_for(call):
            assert {str(future.result()) for future in futures} == {str(fit(X, y))}
        return [sum(sizes) for sizes in stacks]

    full = sizes("a" * 20)[0]
    assert 6 <= full < 10  # parameters count, too
    assert sizes("aaaaaabbbbbbcccccc") == [6, 6, 6]
    assert sizes("aaabbbcccddd") == [6, 6]
    assert sizes("abcdefghijkl") == [full, 12 - full]
    assert sizes("abcdefabcdefg")[0] == full


def test_verbose_says_how_many_fits_made_how_many_stacks(iris, stacked, capfd):
    with stacked(verbose=1):
        GridSearchCV(MLP, {"hidden_layer_sizes": [(3,), (4,), (5,)]}, cv=5, refit=False).fit(*iris)
    assert "[skdl]: 15 trainings in 3 stacks of 5" in capfd.readouterr().err
    with stacked(verbose=1):
        Parallel()(delayed(sum)([1, 2]) for _ in range(2))
    assert "[skdl]" not in capfd.readouterr().err  # there were none
    with stacked():
        cross_val_score(MLP, *iris)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("stacks", "text"),
    [
        ([1], "1 training in 1 stack"),
        ([5, 5], "10 trainings in 2 stacks of 5"),
        ([5, 3], "8 trainings in 2 stacks of 3 to 5"),
    ],
)
def test_summary(stacks, text):
    assert summary(stacks) == text


def test_numbers_of_jobs(stacked):
    cores = joblib.cpu_count()
    with stacked(max_stack=100):
        assert joblib.effective_n_jobs() == 100
        assert joblib.effective_n_jobs(2) == 100
        assert joblib.effective_n_jobs(1) == 1
        assert n_threads(None) == n_threads(-1) == cores  # an estimator's own threads are not tasks
        assert n_threads(3) == 3
        [inside] = Parallel()([delayed(lambda: (joblib.effective_n_jobs(None), n_threads(None), n_threads(-1)))()])
        with pytest.raises(ValueError, match="n_jobs == 0"):
            joblib.effective_n_jobs(0)
    assert inside == (1, 1, cores)


# What a task finds


def test_tasks_run_one_at_a_time_and_in_order(iris, stacked):
    """So that what belongs to the process is theirs while they run."""
    running, order = [], []

    def task(i):
        running.append(i)
        order.append(i)
        sum(range(20000))  # long enough for threads that could change places
        assert running == [i]
        running.remove(i)
        fit(*iris)
        running.append(i)
        sum(range(20000))
        assert running == [i]
        running.remove(i)
        return i

    with stacked():
        assert Parallel()(delayed(task)(i) for i in range(12)) == list(range(12))
    assert order == list(range(12))


def test_a_task_has_the_settings_of_its_caller(iris, stacked):
    def task():
        seen = np.geterr()["over"], sklearn.get_config()["transform_output"]
        fit(*iris)
        return seen, (np.geterr()["over"], sklearn.get_config()["transform_output"])

    with np.errstate(over="raise"), sklearn.config_context(transform_output="pandas"), stacked():
        found = sklearn.utils.parallel.Parallel()(sklearn.utils.parallel.delayed(task)() for _ in range(3))
    assert found == [(("raise", "pandas"),) * 2] * 3


def test_scores_in_training_have_the_configuration_of_the_fit(iris, stacked, stacks):
    seen = []

    def scorer(estimator, X, y):
        seen.append(sklearn.get_config()["working_memory"])
        return 0.0

    network = MLPClassifier((4,), max_iter=2, early_stopping=True, scoring=scorer, random_state=0)
    with sklearn.config_context(working_memory=77), stacked():
        cross_val_score(network, *iris, cv=3)
    assert stacks == [[3]]
    assert set(seen) == {77}


def test_warnings_are_those_of_a_sequential_run(iris, stacked):
    """`catch_warnings` around fits that wait for each other: each gets its own, and the user's filters come back."""

    def task(i):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn(f"before {i}", stacklevel=1)
            fit(*iris, batch_size=1000 + i)  # warns that it is clipped
            warnings.warn(f"after {i}", stacklevel=1)
        warnings.warn(f"outside {i}", stacklevel=1)
        fit(*iris)
        return [str(item.message).partition(" is larger")[0] for item in caught]

    filters, show = warnings.filters, warnings.showwarning
    with stacked(), pytest.warns(UserWarning, match="outside") as outside:
        found = Parallel()(delayed(task)(i) for i in range(5))
    assert found == [[f"before {i}", f"batch_size={1000 + i}", f"after {i}"] for i in range(5)]
    assert [str(item.message) for item in outside] == [f"outside {i}" for i in range(5)]
    assert warnings.filters is filters
    assert warnings.showwarning is show


def test_warnings_in_a_nested_call_reach_who_catches_them(iris, stacked):
    def inner(i):
        fit(*iris)
        warnings.warn(f"inner {i}", stacklevel=1)

    def outer(i):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Parallel()(delayed(inner)(10 * i + j) for j in range(2))
        return [str(item.message) for item in caught]

    with stacked():
        found = Parallel()(delayed(outer)(i) for i in range(3))
    assert found == [[f"inner {10 * i}", f"inner {10 * i + 1}"] for i in range(3)]


# Who is around it, and inside it


def search_in_worker(X, y):
    """A search under the backend, in a process of somebody else's."""
    from skdl.parallel import scheduler

    sizes, train_requests = [], scheduler.train_requests

    def recorded(*arguments):
        sizes.extend(train_requests(*arguments))
        return sizes

    scheduler.train_requests = recorded
    try:
        with joblib.parallel_config(backend="skdl"):
            search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-2]}, cv=5, refit=False).fit(X, y)
    finally:
        scheduler.train_requests = train_requests
    return search.cv_results_["mean_test_score"], sizes


def test_inside_the_workers_of_loky(iris):
    found = Parallel(n_jobs=2, backend="loky")(delayed(search_in_worker)(*iris) for _ in range(2))
    get_reusable_executor().shutdown(wait=True)
    expected = GridSearchCV(MLP, {"alpha": [1e-4, 1e-2]}, cv=5, refit=False).fit(*iris).cv_results_
    for scores, sizes in found:
        assert_array_equal(scores, expected["mean_test_score"])
        assert sizes == [10]


def test_inside_the_workers_of_dask(iris):
    """They are threads of this process here."""

    def search(X, y):
        with joblib.parallel_config(backend="skdl"):
            return GridSearchCV(MLP, {"alpha": [1e-4, 1e-2]}, cv=5, refit=False).fit(X, y).cv_results_

    with (
        distributed.Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None),
        joblib.parallel_config(backend="dask"),
    ):
        found = Parallel()(delayed(search)(*iris) for _ in range(2))
    expected = GridSearchCV(MLP, {"alpha": [1e-4, 1e-2]}, cv=5, refit=False).fit(*iris).cv_results_
    for results in found:
        assert_array_equal(results["mean_test_score"], expected["mean_test_score"])


def test_in_several_threads_at_a_time(iris, stacked):
    expected = cross_val_score(MLP, *iris)
    found = {}

    def run(i):
        with stacked():
            found[i] = cross_val_score(MLP, *iris)

    with warnings.catch_warnings():  # they are the process's own, and not ours to keep from threads of the user's
        threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [0, 1, 2]
    for scores in found.values():
        assert_array_equal(scores, expected)


@pytest.mark.parametrize("backend", ["threading", "loky", "sequential"])
def test_other_backends_inside_a_task(backend, iris, stacked):
    def task():
        fit(*iris)
        return Parallel(n_jobs=2, backend=backend)(delayed(fit)(*iris) for _ in range(2))

    with stacked(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Loky-backed parallel loops cannot be nested below threads")
        found = Parallel()(delayed(task)() for _ in range(2))
    assert found == [[fit(*iris)] * 2] * 2


def test_threads_that_a_task_makes(iris, stacked):
    """They are no tasks: their fits wait for nobody, for the task may wait for them."""

    def task():
        results, backend = [], joblib.parallel.get_active_backend()[0]

        def work():
            with joblib.parallel_config(backend=backend):
                results.append(Parallel()(delayed(fit)(*iris) for _ in range(2)))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return results

    with stacked():
        found = Parallel()(delayed(task)() for _ in range(2))
    assert found == [[[fit(*iris)] * 2]] * 2


def test_the_backend_entered_again_inside_a_task(iris, stacked, stacks):
    def task():
        with stacked():
            return Parallel()(delayed(fit)(*iris) for _ in range(2))

    with stacked():
        found = Parallel()(delayed(task)() for _ in range(3))
    assert stacks == [[6]]
    assert found == [[fit(*iris)] * 2] * 3


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_generators(return_as, iris, stacked, stacks):
    with stacked():
        found = Parallel(return_as=return_as)(delayed(fit)(*iris) for _ in range(6))
        other = cross_val_score(MLP, *iris)
        assert list(found) == [fit(*iris)] * 6
    assert_array_equal(other, cross_val_score(MLP, *iris))
    assert sum(map(sum, stacks)) == 11


def test_a_generator_that_nobody_reads_to_its_end(iris, stacked):
    def task(i):
        return fit(*iris, max_iter=10**7) if i else i

    with stacked():
        found = Parallel(return_as="generator")(delayed(task)(i) for i in range(6))
        assert next(found) == 0
        with pytest.warns(UserWarning, match="5 tasks which were still being processed"):
            del found


def test_one_parallel_object_for_several_calls(iris, stacked, stacks):
    with stacked(), Parallel() as several:
        for _ in range(2):
            assert several(delayed(fit)(*iris) for _ in range(3)) == [fit(*iris)] * 3
        with pytest.raises(ZeroDivisionError):
            several(delayed(divmod)(1, i) for i in range(3))
        assert several(delayed(fit)(*iris) for _ in range(2)) == [fit(*iris)] * 2
    assert stacks == [[3], [3], [2]]


def test_nobody_waits_for_joblib_to_look_again(iris, stacked, monkeypatch):
    """It would sleep for 10 ms at a time, in which ten linear models are fitted."""

    def sleep(seconds):
        raise AssertionError("joblib sleeps")

    monkeypatch.setattr("joblib.parallel.time", SimpleNamespace(time=time.time, sleep=sleep))
    with stacked():
        assert Parallel()(delayed(divmod)(i, 2) for i in range(6)) == [divmod(i, 2) for i in range(6)]
        assert Parallel()(delayed(fit)(*iris) for _ in range(3)) == [fit(*iris)] * 3
        assert Parallel()(delayed(divmod)(i, 2) for i in range(0)) == []
        with pytest.raises(ZeroDivisionError):
            Parallel()(delayed(divmod)(1, i) for i in range(3))


def test_the_backend_by_name_and_by_instance(iris, stacks):
    for backend in ("skdl", parallel.StackBackend(max_stack=2)):
        assert Parallel(backend=backend)(delayed(fit)(*iris) for _ in range(4)) == [fit(*iris)] * 4
    assert stacks == [[4], [2], [2]]


def test_data_that_tasks_change_after_their_fit(stacked, stacks, iris):
    """Rows are shared between fits, never a task's own array."""
    X, y = iris[0].to_numpy(), iris[1].to_numpy()

    def task(i, frame):
        rows = iris[0].copy() if frame else X.copy()
        first = fit(rows, y)
        rows *= 0.0
        return first, fit(X if i % 2 else iris[0], y)

    for frame in (False, True):
        with stacked():
            found = Parallel()(delayed(task)(i, frame) for i in range(6))
        assert found == [(fit(X, y), fit(X, y))] * 6


def test_pipeline_memory(iris, stacked, tmp_path):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLP, memory=str(tmp_path)), {"mlpclassifier__alpha": [1e-4, 1e-2]}, refit=False
    )
    expected = clone(search).set_params(estimator__memory=None).fit(*iris).cv_results_["mean_test_score"]
    with stacked():
        found = search.fit(*iris).cv_results_["mean_test_score"]
    assert_array_equal(found, expected)
