"""What one times first, beside scikit-learn: the import, a fit of 100 rows, a prediction of one row, a cheap search.

    OMP_NUM_THREADS=1 python benchmarks/first_use.py [--only PART ...] [--rounds 15]

The parts are imports, fits, predictions and searches. Imports are timed in fresh processes, one peer after the other;
all else in this one, after a first round that does not count. Ratios are medians of paired rounds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial

import joblib
import numpy as np
import pandas as pd
from _side_by_side import PLAIN_TRAINING, table, timed
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import KNNClassifier, LeastSquaresRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier

ROWS, FEATURES, CLASSES = 100, 10, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for part in arguments.only:
        PARTS[part](arguments.rounds)


def run_imports(rounds: int) -> None:
    """In fresh processes: the package alone, and an estimator of it; and until a first network is fitted."""
    numpy = "import warnings; warnings.simplefilter('ignore'); import numpy as np\n"
    rows = "\nX, y = np.random.default_rng(0).normal(size=(100, 10)), np.arange(100) % 3"
    fit = f"{rows}\nMLPClassifier(max_iter=1).fit(X, y)"
    pairs = {
        "import": ("import skdl", "import sklearn.neural_network"),
        "import of a network": (
            "from skdl import MLPClassifier",
            "from sklearn.neural_network import MLPClassifier",
        ),
        "import of a linear model": (
            "from skdl import LeastSquaresRegressor",
            "from sklearn.linear_model import LinearRegression",
        ),
        "import and first fit, 100 rows, one epoch": (
            f"{numpy}from skdl import MLPClassifier{fit}",
            f"{numpy}from sklearn.neural_network import MLPClassifier{fit}",
        ),
    }
    for title, (ours, theirs) in pairs.items():
        table(title, timed({"skdl": in_process(ours), "scikit-learn": in_process(theirs)}, rounds))


def run_fits(rounds: int) -> None:
    """Of 100 rows, where all but the arithmetic counts most."""
    X, labels, reals = data()
    one = {"max_iter": 1, "random_state": 0}
    plain = {**one, **PLAIN_TRAINING}
    in_common = {**plain, "max_iter": 20, "batch_size": ROWS}  # one step an epoch, as theirs
    of_labels: dict[str, tuple[BaseEstimator, BaseEstimator]] = {
        "MLPClassifier of defaults": (MLPClassifier(random_state=0), TheirClassifier(random_state=0)),
        "MLPClassifier of defaults, one epoch": (MLPClassifier(**one), TheirClassifier(**one)),
        "MLPClassifier (64, 64), plain, one epoch": (
            MLPClassifier((64, 64), **{**in_common, "max_iter": 1}),
            TheirClassifier((64, 64), **one),
        ),
        "MLPClassifier (64, 64), plain, 20 epochs": (
            MLPClassifier((64, 64), **in_common),
            TheirClassifier((64, 64), **{**one, "max_iter": 20}),
        ),
        "SoftmaxClassifier": (SoftmaxClassifier(), make_pipeline(StandardScaler(), LogisticRegression())),
        "KNNClassifier": (KNNClassifier(), KNeighborsClassifier()),
    }
    of_reals: dict[str, tuple[BaseEstimator, BaseEstimator]] = {
        "MLPRegressor of defaults, one epoch": (MLPRegressor(**one), TheirRegressor(**one)),
        "LeastSquaresRegressor": (LeastSquaresRegressor(), LinearRegression()),
        "LeastSquaresRegressor, alpha=1": (LeastSquaresRegressor(alpha=1.0), Ridge()),
    }
    for pairs, y in ((of_labels, labels), (of_reals, reals)):
        for title, (ours, theirs) in pairs.items():
            peers = {"skdl": ours, "scikit-learn": theirs}
            calls = {
                name: repeated(lambda model=model, y=y: clone(model).fit(X, y), 5) for name, model in peers.items()
            }
            table(f"fit of {ROWS} x {FEATURES}: {title}", per_call(timed(calls, rounds), 5))


def run_predictions(rounds: int) -> None:
    """Of one row, as a server is asked."""
    X, labels, reals = data()
    one = {"max_iter": 5, "random_state": 0}
    plain = {**one, **PLAIN_TRAINING}
    pairs: dict[str, tuple[BaseEstimator, BaseEstimator, np.ndarray]] = {
        "MLPClassifier (64, 64)": (
            MLPClassifier((64, 64), **plain),
            TheirClassifier((64, 64), **one),
            labels,
        ),
        "MLPClassifier (64, 64), of defaults else": (
            MLPClassifier((64, 64), **one),
            TheirClassifier((64, 64), **one),
            labels,
        ),
        "MLPRegressor (64, 64)": (
            MLPRegressor((64, 64), **plain),
            TheirRegressor(hidden_layer_sizes=(64, 64), **one),
            reals,
        ),
        "SoftmaxClassifier": (SoftmaxClassifier(), LogisticRegression(), labels),
        "LeastSquaresRegressor": (LeastSquaresRegressor(), LinearRegression(), reals),
        "KNNClassifier": (KNNClassifier(), KNeighborsClassifier(), labels),
    }
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(FEATURES)])
    for title, (ours, theirs, y) in pairs.items():
        for rows, kind in ((X, "array"), (frame, "frame")):
            fitted = {"skdl": clone(ours).fit(rows, y), "scikit-learn": clone(theirs).fit(rows, y)}
            row = rows[:1]
            for method in ("predict", "predict_proba"):
                if hasattr(ours, method):
                    calls = {name: repeated(partial(getattr(model, method), row), 50) for name, model in fitted.items()}
                    table(f"{method} of one row, {kind}: {title}", per_call(timed(calls, rounds), 50))


def run_searches(rounds: int) -> None:
    """Of cheap linear models: what the backend costs beside them."""
    X, labels, reals = data(1000)
    alphas = {"alpha": list(np.logspace(-4, 2, 10))}
    searches = {
        "LogisticRegression": (LogisticRegression(), {"C": alphas["alpha"]}, labels),
        "Ridge": (Ridge(), alphas, reals),
        "SoftmaxClassifier": (SoftmaxClassifier(), alphas, labels),
        "LeastSquaresRegressor": (LeastSquaresRegressor(), alphas, reals),
    }
    for title, (model, grid, y) in searches.items():

        def search(backend: str | None, n_jobs: int | None, model=model, grid=grid, y=y) -> None:
            with joblib.parallel_config(**({"backend": backend} if backend else {}), n_jobs=n_jobs):
                GridSearchCV(model, grid, cv=5).fit(X, y)

        peers = {
            "backend skdl": lambda: search("skdl", None),
            "n_jobs=1": lambda: search(None, 1),
            "n_jobs=2": lambda: search(None, 2),
        }
        table(f"GridSearchCV of 10 x 5 fits of 1000 x {FEATURES}: {title}", timed(peers, rounds))

    def validate(backend: str | None) -> None:
        with joblib.parallel_config(**({"backend": backend} if backend else {})):
            cross_val_score(Ridge(), X, reals, cv=5)

    peers = {"backend skdl": lambda: validate("skdl"), "without": lambda: validate(None)}
    table(f"cross_val_score of 5 fits of 1000 x {FEATURES}: Ridge", timed(peers, rounds))


def data(n_rows: int = ROWS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, their labels and reals."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, FEATURES))
    scores = X @ rng.normal(size=(FEATURES, CLASSES)) + rng.normal(size=(n_rows, CLASSES))
    return X, scores.argmax(axis=1), scores[:, 0]


def in_process(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def repeated(call: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [call() for _ in range(times)]


def per_call(seconds: dict[str, np.ndarray], times: int) -> dict[str, np.ndarray]:
    return {name: values / times for name, values in seconds.items()}


PARTS = {"imports": run_imports, "fits": run_fits, "predictions": run_predictions, "searches": run_searches}

if __name__ == "__main__":
    main()
