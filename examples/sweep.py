"""A search of networks three ways: one fit after the other, in processes, and as stacks; the same scores each time.

Run it with ``python examples/sweep.py``; it takes about half a minute on two cores. To see what a stack does for your
own search, put your table in the place of the digits, and your pipeline and grid in the place of these.
Here each network has one training with Adam, of the pixels as they are; the defaults add a trial and a second one.
"""

from __future__ import annotations

import time

import joblib
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier
from skdl.optimizers import Adam
from skdl.schedules import Cosine

GRID = {
    "mlpclassifier__optimizer__learning_rate": [0.001, 0.003, 0.01, 0.03],
    "mlpclassifier__alpha": [1e-5, 1e-4, 1e-3, 1e-2],
}


def main() -> None:
    X, y = load_digits(return_X_y=True, as_frame=True)
    plain = {"encoding": None, "early_stopping": False, "optimizer": Adam(0.01), "schedule": Cosine(end=0.03)}
    network = MLPClassifier((32,), max_iter=20, batch_size=32, random_state=0, **plain)
    pipeline = make_pipeline(StandardScaler(), network)
    search = GridSearchCV(pipeline, GRID, cv=5, refit=False)

    ways = {
        "one after the other": {"backend": "sequential"},
        "in processes": {"backend": "loky", "n_jobs": -1},
        "as stacks": {"backend": "skdl", "verbose": 1},
    }
    joblib.Parallel(n_jobs=-1)(joblib.delayed(clone)(pipeline) for _ in range(8))  # the processes start now
    seconds, scores = {}, {}
    for name, settings in ways.items():
        begun = time.perf_counter()
        with joblib.parallel_config(**settings):
            found = clone(search).fit(X, y)
        seconds[name] = time.perf_counter() - begun
        scores[name] = found.cv_results_["mean_test_score"]

    first, *_ = ways
    print(f"{len(scores[first])} candidates x 5 folds on {X.shape[0]} rows of {X.shape[1]} columns\n")
    table = pd.DataFrame({"seconds": seconds})
    table["times as fast"] = seconds[first] / table["seconds"]
    table["same scores"] = [bool((scores[name] == scores[first]).all()) for name in table.index]
    print(table.round({"seconds": 2, "times as fast": 1}).to_string())
    print("\nThe best:", {name.rpartition("__")[2]: value for name, value in found.best_params_.items()})


if __name__ == "__main__":
    main()
