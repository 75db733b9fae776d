"""What is trained together, and what each fit has of it."""

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier
from skdl.parallel import requests


def test_a_search_holds_each_fold_once(iris, monkeypatch):
    seen = []
    train_group = requests.train_group

    def spy(members, *arguments):
        seen.extend(members)
        return train_group(members, *arguments)

    monkeypatch.setattr(requests, "train_group", spy)
    network = MLPClassifier((4,), max_iter=2, random_state=0)
    grid = {"alpha": [1e-4, 1e-3], "optimizer__learning_rate": [0.01, 0.1]}
    for X, y in (iris, (iris[0].to_numpy(), iris[1])):
        seen.clear()
        with joblib.parallel_config(backend="skdl"):
            GridSearchCV(network, grid, cv=5, refit=False).fit(X, y)
        assert len(seen) == 20
        assert len({id(one.rows.X) for one in seen}) == 5
        assert {one.rows.X.dtype for one in seen} == {np.dtype(np.float32)}


def test_seconds_are_shares_of_the_time_that_has_passed(iris, monkeypatch):
    spent = []
    train = requests._train

    def timed(*arguments):
        begun = requests.time.perf_counter()
        train(*arguments)
        spent.append(requests.time.perf_counter() - begun)

    monkeypatch.setattr(requests, "_train", timed)
    with joblib.parallel_config(backend="skdl"):
        networks = joblib.Parallel()(
            joblib.delayed(MLPClassifier((4,), max_iter=epochs, random_state=0).fit)(*iris) for epochs in (2, 2, 5)
        )
    shares = [network.history_["seconds"].sum() for network in networks]
    assert len(spent) == 2  # two schedules, two stacks
    assert 0.5 * sum(spent) < sum(shares) <= sum(spent)
    assert all(share > 0 for share in shares)
