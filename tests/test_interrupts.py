"""Ctrl-C by real signals at any moment: what is complete is kept, the interrupt goes on, no fit is recorded."""

import contextlib
import gc
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from dataclasses import replace

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_info

from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    KNNClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SnapshotEnsembleClassifier,
    SoftmaxClassifier,
    TabularClassifier,
)
from skdl._interrupts import columns_kept, held
from skdl.callbacks import Checkpoint
from skdl.model_selection import SearchLedger
from skdl.neural._archive import write

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="signals are POSIX"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*in the bag of every member"),
]
X, Y = load_iris(return_X_y=True)
X_REAL, Y_REAL = load_diabetes(return_X_y=True)
SHORT = {"batch_size": 16, "schedule": "constant", "max_iter": 10, "random_state": 0}
MLP = MLPClassifier((8,), **SHORT)
ESTIMATORS = {
    "network": clone(MLP).set_params(dropout=0.1, normalization="batch"),
    "plain": clone(MLP).set_params(**PLAIN),
    "validated": clone(MLP).set_params(early_stopping=True),
    "regressor": MLPRegressor((8,), **SHORT),
    "lbfgs": MLPClassifier((8,), optimizer="lbfgs", max_iter=10, random_state=0),
    "softmax": SoftmaxClassifier(max_iter=10),
    "softmax by adam": SoftmaxClassifier(optimizer="adam", max_iter=10, random_state=0),
    "line by adam": LeastSquaresRegressor(solver="adam", max_iter=10, random_state=0),
    "line": LeastSquaresRegressor(),
    "polynomial": PolynomialRegressor(1),
    "neighbours": KNNClassifier(),
    "bagging": BaggingClassifier(MLP, 3, oob_score=True, random_state=0),
    "bagged pipelines": BaggingClassifier(make_pipeline(StandardScaler(), MLP), 3, random_state=0),
    "ensemble": EnsembleClassifier(estimator=MLP, n_estimators=3, weights="validation", random_state=0),
    "named ensemble": EnsembleClassifier([("mlp", MLP), ("knn", KNNClassifier())]),
    "batch ensemble": EnsembleClassifier(estimator=MLP, n_estimators=3, share="batch_ensemble", random_state=0),
    "snapshots": SnapshotEnsembleClassifier(clone(MLP).set_params(schedule="auto"), 3, random_state=0),
    "committee": TabularClassifier([clone(MLP).set_params(early_stopping=True), MLP], cv=3, random_state=0),
}
RESUMED = ("network", "plain", "validated", "regressor", "softmax by adam")


def data_of(estimator):
    return (X, Y) if hasattr(estimator, "predict_proba") else (X_REAL, Y_REAL)


def state_of_the_process():
    threads = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    return threads, id(warnings.filters), list(warnings.filters), np.geterr(), signal.getsignal(signal.SIGINT)


def interrupted(function, seconds=0):
    """The KeyboardInterrupt that a signal after so many seconds raises in the function; None if it ends before.

    For 0 the function sends the signal itself.
    """
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    gc.disable()  # an interrupt in a callback of the collector, of which hypothesis has one, raises nowhere
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            function()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt as interrupt:
        return interrupt
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, before)
    return None


def moments(function, n, seed):
    """Times at which to interrupt a function, spread over what it takes."""
    function()
    begun = time.perf_counter()
    function()
    took = time.perf_counter() - begun
    return [took * (i + random.Random(seed + i).random()) / n for i in range(n)]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_at_any_moment_of_a_fit(name):
    estimator = ESTIMATORS[name]
    X, y = data_of(estimator)
    whole = clone(estimator).fit(X, y)
    before = state_of_the_process()
    for seconds in moments(lambda: clone(estimator).fit(X, y), 8, seed=len(name)):
        fitted = clone(estimator)
        interrupt = interrupted(lambda fitted=fitted: fitted.fit(X, y), seconds)
        assert state_of_the_process() == before
        if interrupt is None:
            continue
        try:
            check_is_fitted(fitted)
        except NotFittedError:  # nothing was complete
            assert set(vars(fitted)) == set(vars(clone(estimator)))
            continue
        assert any("fitted" in note for note in getattr(interrupt, "__notes__", ["is fitted"]))
        answer = fitted.predict(X)
        assert len(answer) == len(X)
        assert answer.dtype.kind != "f" or np.isfinite(answer).all()
        if hasattr(fitted, "history_"):
            assert len(fitted.history_) == fitted.n_iter_ == len(fitted.loss_curve_)
        if name in RESUMED and fitted.n_iter_ < whole.n_iter_:  # the very same bits as one fit that was left alone
            fitted.set_params(warm_start=True).fit(X, y)
            assert fitted.n_iter_ == whole.n_iter_
            assert_array_equal(fitted.predict(X), whole.predict(X))
        elif hasattr(fitted, "partial_fit"):
            n_iter = getattr(fitted, "n_iter_", 0)
            if name == "validated":
                fitted.set_params(early_stopping=False)  # which a single call has no rows for
            fitted.partial_fit(X, y)
            assert "by adam" not in name or fitted.n_iter_ == n_iter + 1
        elif name.startswith("bag"):
            members = fitted.estimators_
            fitted.set_params(warm_start=True)
            if len(members) < 3:
                fitted.fit(X, y)
            assert fitted.estimators_[: len(members)] == members
            assert len(fitted.estimators_) == 3


@pytest.mark.parametrize("name", ["network", "softmax", "line by adam", "neighbours", "bagging", "snapshots"])
def test_a_model_of_before_is_whole(name):
    """An interrupted fit to other columns leaves the model that there was, or a new one, and no mixture."""
    estimator = ESTIMATORS[name]
    X, y = data_of(estimator)
    known = clone(estimator).fit(X, y).predict(X)
    for seconds in moments(lambda: clone(estimator).fit(X[:, :3], y), 8, seed=3):
        fitted = clone(estimator).fit(X, y)
        interrupted(lambda fitted=fitted: fitted.fit(X[:, :3], y), seconds)
        if fitted.n_features_in_ == X.shape[1]:
            assert_array_equal(fitted.predict(X), known)
        else:
            assert fitted.predict(X[:, :3]).shape == known.shape


class CtrlC:
    """A callback: in the third epoch of a training the user presses Ctrl-C, once, and later ends what goes on."""

    def __init__(self):
        self.pressed, self.gave_up = threading.Lock(), threading.Event()

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 2 and self.pressed.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGALRM)  # whose handler `interrupted` has made that of Ctrl-C
        return self.gave_up.is_set()


def test_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), clone(MLP).set_params(max_iter=10**6).set_callbacks(CtrlC()))
    interrupt = interrupted(lambda: pipeline.fit(X, Y))
    assert "MLPClassifier was interrupted after" in interrupt.__notes__[0]
    assert pipeline[-1].n_iter_ == 3
    assert pipeline.predict(X).shape == Y.shape


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an archive that was broken off says so
def test_a_checkpoint_of_an_interrupted_fit_is_whole(tmp_path):
    whole = clone(MLP).fit(X, Y)
    network = clone(MLP).set_callbacks(Checkpoint(tmp_path / "file"))
    for seconds in moments(lambda: clone(network).fit(X, Y), 6, seed=1):
        (tmp_path / "file").unlink(missing_ok=True)
        interrupted(lambda: clone(network).fit(X, Y), seconds)
        # What is hidden was being written, and is removed by the next one who writes.
        assert {name for name in os.listdir(tmp_path) if not name.startswith(".")} <= {"file"}
        if (tmp_path / "file").exists():
            resumed = clone(MLP).set_params(warm_start=True).load_checkpoint(tmp_path / "file").fit(X, Y)
            assert_array_equal(resumed.coefs_[0], whole.coefs_[0])
        gc.collect()  # here, and in no other test


# Searches


class Impatient(MLPClassifier):
    """A network whose user presses Ctrl-C in some epoch of some fit, counted over all of them."""

    epochs, at = 0, None

    def _spec(self, *args, **options):
        return replace(super()._spec(*args, **options), report=self.report)

    @classmethod
    def report(cls, record):
        cls.epochs += 1
        if cls.epochs == cls.at:
            os.kill(os.getpid(), signal.SIGINT)
        return False


IMPATIENT = Impatient((4,), max_iter=4, batch_size=32, random_state=0)
ALPHAS = [1e-4, 1e-2]
SEARCHES = {
    "grid": GridSearchCV(IMPATIENT, {"alpha": ALPHAS}, cv=3),
    "random": RandomizedSearchCV(IMPATIENT, {"alpha": ALPHAS}, n_iter=2, cv=3, random_state=0),
    "halving": HalvingGridSearchCV(IMPATIENT, {"alpha": ALPHAS}, cv=3, random_state=0, min_resources=60),
    "pipeline": GridSearchCV(make_pipeline(StandardScaler(), IMPATIENT), {"impatient__alpha": ALPHAS}, cv=3),
    "bagging": GridSearchCV(BaggingClassifier(IMPATIENT, 2, random_state=0), {"estimator__alpha": ALPHAS}, cv=3),
    "snapshots": GridSearchCV(
        SnapshotEnsembleClassifier(IMPATIENT, 2, random_state=0), {"estimator__alpha": ALPHAS}, cv=3
    ),
}


def without_times(results):
    return {name: values for name, values in results.items() if "time" not in name and not name.startswith("param")}


@pytest.mark.parametrize("backend", ["sequential", "skdl"])
@pytest.mark.parametrize("name", SEARCHES)
def test_an_interrupt_ends_a_search_and_nothing_of_it_is_recorded(name, backend, tmp_path, monkeypatch):
    search, ledger = SEARCHES[name], SearchLedger(tmp_path / "sweep.jsonl")
    expected = clone(search).fit(X, Y)
    monkeypatch.setattr(Impatient, "epochs", 0)
    monkeypatch.setattr(Impatient, "at", 10 if backend == "sequential" else 2)
    stopped = clone(search)
    with joblib.parallel_config(backend=backend), pytest.raises(KeyboardInterrupt):
        ledger.fit(stopped, X, Y)
    assert not hasattr(stopped, "cv_results_")
    assert (
        backend == "skdl" or Impatient.epochs < 20
    )  # there the short training may be over when the main thread hears of it
    n_recorded = len(ledger.results())
    assert n_recorded < 6
    monkeypatch.setattr(Impatient, "at", None)
    with joblib.parallel_config(backend=backend):
        found = ledger.fit(clone(search), X, Y)
    for key, values in without_times(expected.cv_results_).items():
        assert_array_equal(found.cv_results_[key], values, err_msg=key)


@pytest.mark.parametrize("backend", ["sequential", "loky", "threading", "skdl"])
def test_cross_validation_ends_at_once(backend):
    """Without an end, it would go on for hours.

    Threads of joblib's are beyond reach: they end with their fits, and nobody waits for them.
    """
    network, ctrl_c, seconds = clone(MLP).set_params(max_iter=10**7, early_stopping=False), CtrlC(), 1.0
    if backend != "loky":  # in whose processes no callback reaches this one
        network, seconds = network.set_callbacks(ctrl_c), 0
    try:
        with joblib.parallel_config(backend=backend, n_jobs=2 if backend != "sequential" else None):
            assert interrupted(lambda: cross_val_score(network, X, Y, cv=4), seconds) is not None
    finally:
        ctrl_c.gave_up.set()


SCRIPT = """
import os
import sys
from pathlib import Path
import joblib
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skdl import MLPClassifier
from skdl.model_selection import SearchLedger
from skdl.optimizers import Adam

class Noted(Adam):
    def direction(self, gradient, state, step):
        Path(f"trains-{os.getpid()}").touch()
        return super().direction(gradient, state, step)

path, backend, max_iter = sys.argv[1], sys.argv[2], int(sys.argv[3])
if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    network = MLPClassifier((16,), batch_size=8, max_iter=max_iter, early_stopping=False, random_state=0)
    if max_iter >= 10**6:
        network.set_params(optimizer=Noted())
    grid = {"alpha": [10.0 ** -i for i in range(8)], "optimizer__learning_rate": [0.001, 0.01]}
    search = GridSearchCV(network, grid, cv=5, refit=False)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        search = SearchLedger(path).fit(search, X, y)
    print(search.cv_results_["mean_test_score"].tolist())
"""


def start(folder, backend, max_iter):
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", "script.py", "sweep.jsonl", backend, str(max_iter)]
    # In a group of its own, as that of a terminal.
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, start_new_session=True, text=True)


def n_lines(path):
    return path.read_text().count("\n") if path.exists() else 0


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def group_has_ended(pid):
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def end_group(pid):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@pytest.mark.parametrize("backend", ["loky", "skdl"])
def test_ctrl_c_in_a_terminal_reaches_all_processes(backend, tmp_path):
    path = tmp_path / "sweep.jsonl"
    n_epochs = 200 if backend == "skdl" else 40  # a stack is recorded at its end: the search has several of them
    process = start(tmp_path, backend, n_epochs)
    try:
        wait_until(lambda: n_lines(path) >= 3 or process.poll() is not None, 200)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGINT, errors
        assert "KeyboardInterrupt" in errors
        wait_until(lambda: group_has_ended(process.pid), 60)
    finally:
        end_group(process.pid)
    n_recorded = n_lines(path)
    assert 3 <= n_recorded < 80
    again = start(tmp_path, backend, n_epochs)
    found, errors = again.communicate(timeout=200)
    assert again.returncode == 0, errors
    assert n_lines(path) == 80
    network = MLPClassifier((16,), batch_size=8, max_iter=n_epochs, early_stopping=False, random_state=0)
    some = clone(network).set_params(alpha=1.0, optimizer__learning_rate=0.001)
    assert np.isclose(eval(found)[0], cross_val_score(some, X, Y, cv=5).mean(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("backend", ["loky", "skdl"])
def test_workers_end_with_a_killed_parent(backend, tmp_path):
    process = start(tmp_path, backend, 10**7)
    try:
        wait_until(lambda: {path.name for path in tmp_path.glob("trains-*")} - {f"trains-{process.pid}"}, 200)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: group_has_ended(process.pid), 60)
    finally:
        end_group(process.pid)
        process.communicate()


def test_an_interrupt_while_a_part_of_a_checkpoint_is_open_is_raised_as_one(monkeypatch):
    opened, whole = [], zipfile.ZipFile.open

    def interrupted_open(*args, **kwargs):
        opened.append(whole(*args, **kwargs))
        raise KeyboardInterrupt

    file = io.BytesIO()
    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "open", interrupted_open)
        with pytest.raises(KeyboardInterrupt):
            write(file, {}, {"array_0": np.zeros(3)})
    opened.pop().close()


def broken_off(estimator, **attributes):
    """A fit that has written these attributes when an interrupt comes."""
    with columns_kept(estimator):
        vars(estimator).update(attributes)
        raise KeyboardInterrupt


def test_columns_go_with_an_interrupt_before_there_is_a_model_and_stay_with_a_new_one():
    estimator = clone(MLP)
    with pytest.raises(KeyboardInterrupt) as found:
        broken_off(estimator, n_features_in_=3)
    assert not hasattr(estimator, "n_features_in_")
    assert found.value.__notes__ == ["MLPClassifier was interrupted, and is as it was before."]
    with pytest.raises(KeyboardInterrupt) as found:
        broken_off(estimator, n_features_in_=3, coefs_=[])
    assert estimator.n_features_in_ == 3
    assert found.value.__notes__ == ["MLPClassifier was interrupted, and is fitted."]


def test_what_is_held_of_the_process_is_released_where_a_training_has_kept_the_interrupt():
    """The interrupt fell between the setting and its body, and the engine caught it: nothing leaves the block."""
    released, before = [], len(held())
    with columns_kept(clone(MLP)):
        held().append(lambda: released.append("threads"))
    assert (released, len(held())) == (["threads"], before)


# Threads


def test_threads_leave_the_filters_of_warnings_as_they_are():
    """Eight at once, each fitting and predicting with estimators that have something to warn of, and one that fails.

    Frames, and steps of scikit-learn's own, are not among them: pandas and they take turns with nobody.
    """
    estimators = [
        BaggingClassifier(clone(MLP).set_params(max_iter=1), 3, random_state=0),
        BaggingClassifier(make_pipeline("passthrough", clone(MLP).set_params(max_iter=1)), 2, random_state=0),
        EnsembleClassifier([("mlp", clone(MLP).set_params(max_iter=1)), ("knn", KNNClassifier())]),
        SoftmaxClassifier(max_iter=1),
        KNNClassifier(),
        clone(MLP).set_params(max_iter=2, early_stopping=True),
        LeastSquaresRegressor(),
        clone(MLP).set_params(max_iter=1, alpha=-1.0),
    ]
    before, contents = warnings.filters, list(warnings.filters)
    interval = sys.getswitchinterval()
    errors, begin = [], threading.Barrier(len(estimators))

    def work(estimator):
        begin.wait()
        for _ in range(15):
            try:
                clone(estimator).fit(X, Y).predict(X)
            except ValueError as error:
                if "alpha" not in str(error):
                    errors.append(error)
            except Exception as error:
                errors.append(error)

    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(estimator,)) for estimator in estimators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        found, warnings.filters = warnings.filters, before
    assert errors == []
    assert found is before
    assert list(found) == contents
