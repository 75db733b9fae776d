"""Searches in processes of their own that are killed, and ledgers that are torn."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skdl.model_selection import SearchLedger

# A search of 24 fits by an estimator of the script's own, which notes each fit and, when so many fits are recorded,
# kills the main process in the midst of the next.
SCRIPT = """
import json, os, signal, sys, time
import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from skdl.model_selection import SearchLedger

folder, backend, n_jobs, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ledger = os.path.join(folder, "sweep.jsonl")
main = os.getpid()

class Noted(GaussianNB):
    def fit(self, X, y):
        with open(os.path.join(folder, "fits.txt"), "a") as file:
            file.write(f"{self.var_smoothing} {len(X)} {X.sum()}\\n")
        if kill_at and len(open(ledger).readlines()) >= kill_at:
            os.kill(main, signal.SIGKILL)
        time.sleep(0.01)
        return super().fit(X, y)

def spread(estimator, X, y):
    return float(estimator.var_.sum())

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    scoring = {"accuracy": "accuracy", "spread": spread}
    search = GridSearchCV(Noted(), {"var_smoothing": np.logspace(-9, 0, 6)}, cv=4, scoring=scoring, refit="accuracy")
    with parallel_config(backend, n_jobs=n_jobs):
        search = SearchLedger(ledger).fit(search, X, y)
    columns = {name: values for name, values in search.cv_results_.items() if "test" in name or "time" in name}
    smoothing = [params["var_smoothing"] for params in search.cv_results_["params"]]
    np.savez(os.path.join(folder, "results.npz"), best=search.best_index_, smoothing=smoothing, **columns)
"""


def start(folder, backend="loky", n_jobs=1, kill_at=0):
    (folder / "sweep.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "error::UserWarning", "sweep.py", str(folder), backend, str(n_jobs), str(kill_at)]
    with open(folder / "errors.txt", "a") as errors:
        # In a session of its own, so that the workers of a killed process can be ended, too.
        return subprocess.Popen(command, cwd=folder, stderr=errors, start_new_session=True)


def wait(process):
    """The exit code of a process; nothing that it has started outlives it."""
    try:
        return process.wait(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def spread(estimator, X, y):
    return float(estimator.var_.sum())


@pytest.fixture(scope="module")
def plain():
    X, y = load_iris(return_X_y=True)
    scoring = {"accuracy": "accuracy", "spread": spread}
    grid = {"var_smoothing": np.logspace(-9, 0, 6)}
    return GridSearchCV(GaussianNB(), grid, cv=4, scoring=scoring, refit="accuracy").fit(X, y)


def assert_ended_as(plain, folder):
    with np.load(folder / "results.npz") as results:
        assert results["best"] == plain.best_index_
        np.testing.assert_array_equal(
            results["smoothing"], [each["var_smoothing"] for each in plain.cv_results_["params"]]
        )
        compared = [name for name in results if name in plain.cv_results_ and not name.endswith("_time")]
        assert len(compared) == 2 * (4 + 3)
        for name in compared:
            np.testing.assert_array_equal(results[name], plain.cv_results_[name], err_msg=name)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2), ("skdl", 2)])
def test_a_killed_search_goes_on_where_it_was(backend, n_jobs, plain, tmp_path):
    assert wait(start(tmp_path, backend, n_jobs, kill_at=7)) == -signal.SIGKILL
    assert not (tmp_path / "results.npz").exists()
    recorded = SearchLedger(tmp_path / "sweep.jsonl").results()
    assert 7 <= len(recorded) <= 7 + 2 * n_jobs
    (tmp_path / "fits.txt").unlink()

    assert wait(start(tmp_path)) == 0, lines(tmp_path / "errors.txt")  # one fit after the other, now
    assert_ended_as(plain, tmp_path)
    assert len(lines(tmp_path / "fits.txt")) == 24 - len(recorded) + 1  # the refit
    assert len(set(lines(tmp_path / "fits.txt"))) == 24 - len(recorded) + 1
    assert len(SearchLedger(tmp_path / "sweep.jsonl").results()) == 24


def test_two_processes_share_a_ledger(plain, tmp_path):
    """Started at once, they may both compute a fit, but no line is lost or mixed up."""
    processes = [start(tmp_path), start(tmp_path)]
    for process in processes:
        assert wait(process) == 0, lines(tmp_path / "errors.txt")
        assert_ended_as(plain, tmp_path)
    # One that looks while the other writes sees the line as torn, and ends it: an empty line, which holds nothing.
    written = [json.loads(line) for line in lines(tmp_path / "sweep.jsonl") if line]
    assert len(written) == len(lines(tmp_path / "fits.txt")) - 2
    assert len({(record["task"], record["training_rows"], record["test_rows"]) for record in written}) == 24


X, y = load_iris(return_X_y=True)
SEARCH = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=3, refit=False)


@pytest.mark.parametrize("n_bytes", [1, 15, 40, 300, -1])
def test_a_torn_line_is_ended_and_left_out(n_bytes, tmp_path):
    path = tmp_path / "sweep.jsonl"
    ledger = SearchLedger(path)
    results = ledger.fit(SEARCH, X, y).cv_results_
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:3]) + whole[3][:n_bytes])
    n_before = 4 if n_bytes == -1 else 3  # without the newline alone, the line is whole
    warned = pytest.warns(UserWarning, match="line 4 of this search ledger is damaged or not whole")
    with warned if n_before == 3 else contextlib.nullcontext():
        again = ledger.fit(SEARCH, X, y).cv_results_
    np.testing.assert_array_equal(again["mean_test_score"], results["mean_test_score"])
    with warned if n_before == 3 else contextlib.nullcontext():
        assert len(ledger.results()) == 6
    assert len(lines(path)) == 3 + 1 + (6 - n_before)


def test_a_ledger_of_nothing_but_a_torn_line(tmp_path):
    path = tmp_path / "sweep.jsonl"
    path.write_text('{"skdl_led')
    ledger = SearchLedger(path)
    with pytest.warns(UserWarning, match="line 1 of this search ledger is damaged or not whole"):
        assert ledger.results().empty
    with pytest.warns(UserWarning, match="line 1 of this search ledger"):
        ledger.fit(SEARCH, X, y)
    with pytest.warns(UserWarning, match="line 1 of this search ledger"):
        results = ledger.results()
    assert len(results) == 6


def test_a_ledger_that_is_deleted_and_made_anew(tmp_path):
    path = tmp_path / "sweep.jsonl"
    ledger = SearchLedger(path)
    for _ in range(2):
        ledger.fit(SEARCH, X, y)
        ledger.fit(SEARCH, X, y)
        assert len(ledger.results()) == 6
        path.unlink()
