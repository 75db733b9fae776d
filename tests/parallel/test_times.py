"""The clock of tasks that wait for each other: the times of a ledger are shares of the time that has passed."""

import time
from contextvars import copy_context
from functools import partial

import joblib
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score

from skdl import MLPClassifier
from skdl.execution import stacker
from skdl.execution.stacker import clock, stacking_with
from skdl.model_selection import SearchLedger
from skdl.parallel import jobs, scheduler
from skdl.parallel.jobs import Call, Task
from skdl.parallel.scheduler import StackingScheduler

X, y = load_digits(return_X_y=True, as_frame=True)
NETWORK = MLPClassifier((16,), max_iter=20, batch_size=32, random_state=0)


class Clock:
    """Seconds that pass by the order of whoever is timed."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now

    def __getattr__(self, name):
        return getattr(time, name)


@pytest.fixture
def seconds(monkeypatch):
    found = Clock()
    for module in (jobs, scheduler, stacker):
        monkeypatch.setattr(module, "time", found)
    return found


class Request:
    """A fit that has an eighth of the training of 8 seconds, or seven of them."""

    jobs, n_bytes, estimate, may_leave = (), 0, 0.0, False

    def __init__(self, task, members, reports):
        self.task, self.seconds = task, {"first": 1.0, "second": 7.0}[task.data_key] / task.call.scheduler.n_parallel

    def result(self):
        return []


@pytest.mark.parametrize("n_parallel", [1, 4])
def test_a_task_is_charged_its_own_work_and_its_share_of_the_training(seconds, n_parallel, monkeypatch):
    def train(requests, *arguments):
        assert [request.task.data_key for request in requests] == ["first", "second"]
        seconds.now += 8.0
        return [2]

    def work(name, before, after):
        begun = clock()
        seconds.now += before
        stacker.current_stacker().train([])
        seconds.now += after
        return clock() - begun

    monkeypatch.setattr(scheduler, "train_requests", train)
    monkeypatch.setattr(scheduler, "FitRequest", Request)
    together = StackingScheduler(9, 9, 1, n_parallel=n_parallel)
    call = Call(together, None, copy_context())
    tasks = [("first", 1.0, 3.0), ("second", 2.0, 4.0)]
    futures = [together.submit(call, partial(work, *task), lambda future: None, task[0]) for task in tasks]
    with together.wait_for(call):
        found = [future.result() for future in futures]
    assert found == pytest.approx([(1 + 1 + 3) / n_parallel, (2 + 7 + 4) / n_parallel])


def test_a_clock_that_nobody_stops(seconds):
    begun = clock()
    seconds.now += 2.5
    task = Task(Call(StackingScheduler(1, 1, 1, n_parallel=2), None, copy_context()), sum, None, None)
    task.waited, task.trained = 1.0, 0.25
    assert clock() - begun == 2.5
    with stacking_with(task):
        assert clock() == (102.5 - 1.0) / 2 + 0.25


def test_the_times_of_a_ledger_add_up_to_no_more_than_what_has_passed(stacked, tmp_path):
    """Though each fit has waited for all others."""
    ledger = SearchLedger(tmp_path / "ledger.jsonl")
    search = GridSearchCV(NETWORK, {"alpha": [1e-4, 1e-3, 1e-2]}, cv=4, refit=False)
    begun = time.perf_counter()
    with stacked(processes=False):
        ledger.fit(search, X, y)
    passed = time.perf_counter() - begun
    recorded = ledger.results()
    assert (recorded["fit_time"] > 0).all()
    total = recorded["fit_time"].sum() + recorded["score_time"].sum()
    assert total <= passed
    found = search.cv_results_
    assert 4 * (found["mean_fit_time"].sum() + found["mean_score_time"].sum()) == pytest.approx(total)


def test_searches_inside_of_tasks_are_charged_to_them(stacked, tmp_path):
    """The time of a nested search is its caller's, once."""

    def task():
        begun = clock()
        cross_val_score(NETWORK, X, y, cv=3)
        return clock() - begun

    begun = time.perf_counter()
    with stacked(processes=False):
        found = joblib.Parallel()(joblib.delayed(task)() for _ in range(3))
    passed = time.perf_counter() - begun
    assert all(each > 0 for each in found)
    assert sum(found) <= passed
