"""What a search says while it goes on."""

import contextlib
import re

import joblib
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from skdl import BaggingClassifier, MLPClassifier, _progress
from skdl.execution import cost
from skdl.parallel.reports import LocalReports, RelayedOutput, TaskLimit

MLP = MLPClassifier((4,), max_iter=3, batch_size=50, random_state=0, **PLAIN)
GRID = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(3,), (4,)]}
NUMBER = "[0-9.]+"


@pytest.fixture
def at_once(monkeypatch):
    """A line whenever there is something to say."""
    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    monkeypatch.setattr(_progress, "LONGEST_INTERVAL", 0.0)


@pytest.fixture
def in_workers(monkeypatch):
    """Tasks go to processes, however short they are."""
    monkeypatch.setattr(cost, "processes_worth", lambda seconds, at_most: at_most)


def said(text):
    return [line.removeprefix("[skdl]: ") for line in text.splitlines() if line.startswith("[skdl]: ")]


def test_a_search_says_nothing_by_itself(iris, stacked, capfd):
    with stacked(n_jobs=2):
        GridSearchCV(MLP, GRID, cv=3).fit(*iris)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["here", "in processes"])
def test_a_verbose_search_says_how_far_it_is(how, iris, stacked, at_once, request, capsys):
    """From processes, too, and into this one's own stdout, which may be a notebook's."""
    if how == "in processes":
        request.getfixturevalue("in_workers")
    with stacked(n_jobs=2, processes=how == "in processes"):
        GridSearchCV(MLP, GRID, cv=3, refit=False, verbose=1).fit(*iris)
    out, err = capsys.readouterr()
    lines = said(out)
    assert not err
    assert re.fullmatch(r"12 trainings in \d+ stacks of .*", lines[-1])
    pattern = rf"(\d+) of 12 networks done(, (\d+) at epochs? .+ of 3)?, {NUMBER} s(, about {NUMBER} s left)?"
    counts = [int(re.fullmatch(pattern, line)[1]) for line in lines[:-1]]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 12
    running = [int(match[3] or 0) for match in (re.fullmatch(pattern, line) for line in lines[:-1])]
    assert 1 <= max(running) <= 12
    assert any("about" in line for line in lines)


def test_members_count_each(iris, stacked, at_once, capsys):
    with stacked(processes=False):
        GridSearchCV(BaggingClassifier(MLP, 3), {"max_samples": [0.8, 0.9]}, cv=2, verbose=1, refit=False).fit(*iris)
    assert "12 of 12 networks done" in said(capsys.readouterr().out)[-2]


@pytest.mark.parametrize("how", ["here", "in processes"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_network_with_a_trial_is_one(n_members, how, iris, stacked, at_once, request, capsys):
    """It is done when it has been trained on all rows."""
    if how == "in processes":
        request.getfixturevalue("in_workers")
    network = clone(MLP).set_params(early_stopping="refit")
    name, estimator = "alpha", network
    if n_members > 1:
        name, estimator = "estimator__alpha", BaggingClassifier(network, n_members, random_state=0)
    search = GridSearchCV(estimator, {name: [1e-4, 1e-2]}, cv=3, refit=False, verbose=1)
    with stacked(n_jobs=2, processes=how == "in processes"):
        search.fit(*iris)
    lines = said(capsys.readouterr().out)
    assert lines[-1].startswith(f"{12 * n_members} trainings in ")
    counts = [int(re.match(rf"(\d+) of {6 * n_members} networks done", line)[1]) for line in lines[:-1]]
    assert counts == sorted(counts)
    assert counts.count(0) > 3 * n_members  # the trials' epochs
    assert counts[-1] == 6 * n_members


def test_a_trial_that_nothing_follows_is_done(iris, stacked, at_once, capsys):
    diverges = clone(MLP).set_params(early_stopping="refit", optimizer="sgd", optimizer__learning_rate=1e30)

    def task(network):
        with contextlib.suppress(ValueError):
            network.fit(*iris)
        clone(MLP).set_params(early_stopping="refit").fit(*iris)

    with stacked(processes=False):
        joblib.Parallel(verbose=50)(joblib.delayed(task)(clone(diverges)) for _ in range(2))
    assert "4 networks done" in said(capsys.readouterr().out)[-2]


def test_tasks_of_tasks_leave_the_total_open(iris, stacked, at_once, capsys):
    search = GridSearchCV(MLP, {"alpha": [0.0, 1.0]}, cv=2)
    with stacked(processes=False):
        joblib.Parallel(verbose=50)(joblib.delayed(clone(search).fit)(*iris) for _ in range(2))
    lines = said(capsys.readouterr().out)
    assert any(line.startswith("0 of 2 networks done") for line in lines)
    assert "10 networks done" in lines[-2]


def test_joblib_says_how_many_cores_there_are(iris, stacked, capfd):
    with stacked(n_jobs=2, verbose=1):
        GridSearchCV(MLP, {"alpha": [0.0]}, cv=3, refit=False).fit(*iris)
    assert "with 2 concurrent workers" in capfd.readouterr().err
    number = TaskLimit(256, 2)
    assert (int(number), str(number), f"{number}", number * 2) == (256, "256", "2", 512)


@pytest.mark.parametrize("how", ["here", "in processes"])
def test_verbose_networks_say_whose_task_they_are(how, iris, stacked, request, capsys):
    if how == "in processes":
        request.getfixturevalue("in_workers")
    network = clone(MLP).set_params(verbose=1)
    with stacked(n_jobs=2, processes=how == "in processes"):
        cross_val_score(network, *iris, cv=4)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(",")[0] for line in lines) == sorted(
        f"[task {i}] epoch {epoch}/3" for i in (1, 2, 3, 4) for epoch in (1, 2, 3)
    )


def test_what_scikit_learn_prints_in_a_process_comes_here(iris, stacked, in_workers, capsys):
    with stacked(n_jobs=2):
        GridSearchCV(MLP, {"alpha": [0.0, 1.0]}, cv=3, refit=False, verbose=3).fit(*iris)
    assert len(re.findall(r"^\[CV \d/3\] END .*score=", capsys.readouterr().out, re.MULTILINE)) == 6


def test_text_is_handed_on_line_by_line():
    told = []
    printed = RelayedOutput(lambda *message: told.append(message))
    print("one", end="", file=printed)
    assert told == []
    print(" line\nand", end="", file=printed)
    assert told == [("text", "one line\n")]
    print(" two\nthree\n", end="", file=printed)
    printed.flush()
    printed.flush()
    assert told[1:] == [("text", "and two\nthree\n")]
    print("end", end="", file=printed)
    printed.flush()
    assert told[2:] == [("text", "end")]


def test_an_unknown_total_gives_no_time():
    written = []
    reports = LocalReports(lambda: None, written.append)
    reports.receive("expect", 2)
    reports.receive("note", "a", 0, 4, {"epoch": 1, "loss": 0.5}, None)
    assert reports.work.line(1.0) == "[skdl]: 0 networks done, 1 at epoch 1 of 4, 1.0 s"
