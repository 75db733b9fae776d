"""What the tests of the backend share: what was trained together, and that no thread stays behind."""

import threading
import time

import joblib
import pytest
from sklearn.datasets import load_iris

from skdl.parallel import scheduler


@pytest.fixture
def stacks(monkeypatch):
    """The sizes of the stacks, a list for each time that fits were released."""
    rounds = []
    train_requests = scheduler.train_requests

    def recorded(*arguments):
        sizes = train_requests(*arguments)
        rounds.append(sizes)
        return sizes

    monkeypatch.setattr(scheduler, "train_requests", recorded)
    return rounds


@pytest.fixture(autouse=True)
def threads(threads_for_the_smallest):
    """Stacks are trained by as many threads as there are."""


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = set(threading.enumerate())
    yield
    assert not threads_left(before, 30), "threads of the backend are still there"


def threads_left(before, timeout):
    """The backend's threads that have not ended after a while."""
    end = time.monotonic() + timeout
    while True:
        left = [thread for thread in set(threading.enumerate()) - before if thread.name == "skdl"]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.005)


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, y


@pytest.fixture
def stacked():
    """Enter to run under the backend."""
    return lambda **settings: joblib.parallel_config(backend="skdl", **settings)
