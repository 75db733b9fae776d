"""Lines on work in progress: what they say, that they come while it goes on, and that there are none by default."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from threading import Event, Timer

import numpy as np
import pytest
from plain import PLAIN
from sklearn.datasets import load_iris

from skdl import MLPClassifier, SoftmaxClassifier
from skdl._progress import EpochLines, Work, duration
from skdl.engine.train import train_stack
from skdl.execution.processes import train_in_processes
from skdl.neural._fit import NetworkFit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": (4,), "batch_size": 50, "random_state": 0, **PLAIN}


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def record(epoch, loss=0.5, score=None, seconds=2.0):
    return {"epoch": epoch, "loss": loss, "validation_score": score, "seconds": seconds}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (86399, "24 h 0 min"),
        (86340, "23 h 59 min"),
    ],
)
def test_times_as_they_are_read(seconds, text):
    assert duration(seconds) == text


def test_a_line_has_the_time_that_is_left(clock, capsys):
    lines = EpochLines(14, "epoch", None)  # a training that goes on after ten epochs
    for epoch in (11, 12, 13, 14):
        clock[0] += 2.0
        lines(record(epoch, score=0.75), None if epoch < 14 else "max_iter")
    assert capsys.readouterr().out.splitlines() == [
        "epoch 11/14, loss 0.5, validation score 0.75, 2.0 s, about 6.0 s left",
        "epoch 12/14, loss 0.5, validation score 0.75, 4.0 s, about 4.0 s left",
        "epoch 13/14, loss 0.5, validation score 0.75, 6.0 s, about 2.0 s left",
        "epoch 14/14, loss 0.5, validation score 0.75, 8.0 s",
    ]
    limited = EpochLines(100, "epoch", 5.0)
    limited(record(1), None)
    limited(record(2), "max_time")
    limited(None, "diverged")
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/100, loss 0.5, 2.0 s, about 3.0 s left",
        "epoch 2/100, loss 0.5, 2.0 s, out of time",
    ]


def test_a_line_on_several_networks(clock):
    """Two of four have come to epochs 1 and 3 of 4, a third has ended early: half of the work is done."""
    said = []
    work = Work("[x] ", lambda: 4, "members", said.append)
    for key, epochs in {"a": 1, "b": 3}.items():
        for epoch in range(1, epochs + 1):
            work.watch(key, 4)(record(epoch, loss=epoch), None)
    assert said == []  # less than a second has passed
    clock[0] += 3.0
    work.watch("c", 4)(record(7), "converged")
    assert said == ["[x] 1 of 4 members done, 2 at epochs 1 to 3 of 4, mean loss 2, 3.0 s, about 3.0 s left"]
    work.watch("a", 4)(record(2), None)
    assert len(said) == 1  # too soon
    clock[0] += 1.0
    for key in "abd":
        work.watch(key, 4)(None, "max_iter")
    assert said[1:] == ["[x] 2 of 4 members done, 1 at epoch 3 of 4, mean loss 3, 4.0 s, about 1.8 s left"]
    work.close()
    assert said[2:] == ["[x] 4 members done, 4.0 s"]


def test_lines_of_long_work_are_few(clock):
    said = []
    work = Work("", lambda: None, "networks", said.append)
    for second in range(1, 3601):
        clock[0] += 1.0
        work.note("a", 3600, record(second), None)
    assert 100 < len(said) < 200


def test_epochs_of_a_network(capsys):
    MLPClassifier(**{**SMALL, "early_stopping": True}, max_iter=3, verbose=1).fit(X, Y)
    number = r"[0-9.]+"
    lines = capsys.readouterr().out.splitlines()
    for epoch, line in enumerate(lines, 1):
        left = f", about {number} s left" if epoch < 3 else ""
        assert re.fullmatch(f"epoch {epoch}/3, loss {number}, validation score {number}, {number} s{left}", line)
    assert len(lines) == 3


def test_a_training_that_goes_on_counts_all_its_epochs(capsys):
    mlp = MLPClassifier(**SMALL, max_iter=2, warm_start=True, verbose=True).fit(X, Y).fit(X, Y).partial_fit(X, Y)
    found = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert found == ["epoch 1/2", "epoch 2/2", "epoch 3/4", "epoch 4/4", "epoch 5/5"]
    softmax = SoftmaxClassifier(max_iter=2, verbose=1).fit(X, Y)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["iteration 1/2", "iteration 2/2"]
    losses = mlp.loss_curve_, softmax.loss_curve_
    assert all(np.isfinite(values).all() for values in losses)


def test_an_epoch_that_diverges_has_no_line(capsys):
    mlp = MLPClassifier(**SMALL, optimizer="sgd", max_iter=3, verbose=1).set_params(optimizer__learning_rate=1e30)
    with pytest.raises(ValueError, match="loss"):
        mlp.fit(X, Y)
    assert capsys.readouterr().out == ""


def run(script, first):
    """The output of a script that waits for our word after its first line of output has come, and goes on then."""
    lines = []
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        watchdog = Timer(60, process.kill)  # for a word that is never given
        watchdog.start()
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if re.search(first, line) and not process.stdin.closed:
                process.stdin.write("go on\n")
                process.stdin.close()
        watchdog.cancel()
    assert process.returncode == 0, lines
    return lines


WAITING = """
import sys
from sklearn.datasets import load_iris
from skdl import *
X, Y = load_iris(return_X_y=True)

class Waiting:  # in the second epoch, for the reader to have read of the first one
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 1:
            assert sys.stdin.readline() == "go on\\n"
    def on_fit_task_end(self, estimator, context): pass

small = dict(hidden_layer_sizes=(4,), max_iter=3, random_state=0, early_stopping=False)
"""


def test_a_line_comes_when_its_epoch_has_ended():
    """Through a pipe, whose reader lets the second epoch begin when the first one's line has come."""
    lines = run(WAITING + "MLPClassifier(**small, verbose=1).set_callbacks(Waiting()).fit(X, Y)", "^epoch 1/3")
    assert [line.split(",")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_a_search_speaks_while_it_trains():
    """Its first line comes before the second epoch of its networks."""
    script = (
        WAITING
        + """
import joblib
from sklearn.model_selection import GridSearchCV
from skdl import _progress
_progress.INTERVAL = 0.0
waiting = Waiting()
class Once(Waiting):
    def on_fit_task_begin(self, estimator, context):
        global waiting
        if context.task_id == 1 and context.task_name == "epoch" and waiting:
            waiting = None
            Waiting.on_fit_task_begin(self, estimator, context)
search = GridSearchCV(MLPClassifier(**small).set_callbacks(Once()), {"alpha": [0.0]}, cv=3, verbose=1, refit=False)
with joblib.parallel_config(backend="skdl"):
    search.fit(X, Y)
"""
    )
    lines = [line for line in run(script, r"^\[skdl\]: 0 of 3 networks done") if line.startswith("[skdl]")]
    assert len(lines) > 1


def test_an_ensemble_speaks_while_it_trains():
    script = (
        WAITING
        + """
from skdl import _progress
_progress.INTERVAL = 0.0
class First(Waiting):
    def on_fit_task_begin(self, estimator, context):
        if estimator.random_state == first.random_state:
            Waiting.on_fit_task_begin(self, estimator, context)
bagging = BaggingClassifier(MLPClassifier(**small), 3, random_state=0)
first = bagging.fit(X, Y).estimators_[0]
bagging.estimator.set_callbacks(First())
bagging.set_params(verbose=1).fit(X, Y)
"""
    )
    lines = run(script, r"^\[BaggingClassifier\] 0 of 3 members done")
    assert lines[-1].startswith("[BaggingClassifier] 3 members done")


def test_processes_speak_while_they_train(tmp_path):
    """A process goes on when what it told of its first epoch has been heard here."""
    X, y = load_iris(return_X_y=True)
    mlp = MLPClassifier(**SMALL)
    fit = NetworkFit(mlp)
    data = fit.prepare(X, y)
    heard = tmp_path / "heard"
    told = []

    def watch(record, reason):
        told.append((record, reason))
        heard.touch()

    member = replace(fit.spec(data, n_epochs=2), watch=watch)
    outcomes = train_in_processes(partial(waits_to_be_heard, heard), [[member], [member]], 2, Event())
    assert outcomes is not None
    assert [record["epoch"] for record, _ in told].count(1) == 2
    assert [record["epoch"] for record, _ in told].count(2) == 2
    assert [reason for _, reason in told].count("max_iter") == 2


def waits_to_be_heard(heard, block, interrupted):
    """In a process: train, and wait after each member's first epoch for the file to be there."""

    def waiting(watch, record, reason):
        watch(record, reason)
        while not heard.exists():
            time.sleep(0.001)

    return train_stack([replace(member, watch=partial(waiting, member.watch)) for member in block], interrupted)
