"""What is trained together, and what each fit has of it."""

import itertools
from types import SimpleNamespace
from unittest.mock import Mock

import joblib
import numpy as np
import pytest
from nets import classification, member
from numpy.testing import assert_allclose
from plain import PLAIN
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier
from skdl.parallel import requests
from skdl.parallel.requests import FitRequest, train_requests


def test_a_search_holds_each_fold_once(iris, monkeypatch):
    seen = []
    train_group = requests.train_group

    def spy(members, *arguments):
        seen.extend(members)
        return train_group(members, *arguments)

    monkeypatch.setattr(requests, "train_group", spy)
    network = MLPClassifier((4,), max_iter=2, random_state=0, **PLAIN)
    grid = {"alpha": [1e-4, 1e-3], "optimizer__learning_rate": [0.01, 0.1]}
    for X, y in (iris, (iris[0].to_numpy(), iris[1])):
        seen.clear()
        with joblib.parallel_config(backend="skdl"):
            GridSearchCV(network, grid, cv=5, refit=False).fit(X, y)
        assert len(seen) == 20
        assert len({id(one.rows.X) for one in seen}) == 5
        assert {one.rows.X.dtype for one in seen} == {np.dtype(np.float32)}


@pytest.mark.parametrize("n_parallel", [1, 4])
def test_seconds_are_shares_of_the_time_that_has_passed(n_parallel, monkeypatch):
    """Each stack takes 8 seconds, of which an epoch has the part that was counted of it."""
    counted, now = itertools.cycle([1.0, 2.0]), [100.0]
    train_group = requests.train_group

    def timed(members, *arguments):
        now[0] += 8.0
        outcomes = train_group(members, *arguments)
        for outcome in outcomes:
            for record in outcome.state.progress[0].history:
                record["seconds"] = next(counted)
        return outcomes

    monkeypatch.setattr(requests, "time", Mock(perf_counter=lambda: now[0]))
    monkeypatch.setattr(requests, "train_group", timed)
    task = SimpleNamespace(call=SimpleNamespace(cancelled=False))
    rows = classification(20, 4, 3)
    fits = [FitRequest(task, [member(rows, seed=i, n_epochs=2, max_epochs=n)]) for i, n in enumerate((2, 2, 5))]
    assert train_requests(fits, 1, n_parallel) == [2, 1]  # two schedules, two stacks
    seconds = [[record["seconds"] for record in fit.result()[0].state.progress[0].history] for fit in fits]
    assert_allclose(np.multiply(seconds, n_parallel), [[4 / 3, 8 / 3], [4 / 3, 8 / 3], [8 / 3, 16 / 3]], rtol=1e-14)
    assert [fit.seconds * n_parallel for fit in fits] == pytest.approx([4, 4, 8])
