"""The ensembles against each other and scikit-learn's, on two tables: what each gains, and what it costs.

    python benchmarks/ensembles.py [--rows 8000] [--splits 3] [--defaults] [--data ../shared/data]

`--rows` random rows are learned, and up to 10000 of the others judge. Errors are the means over splits: 1 - R^2 for
california_housing, log loss and 1 - accuracy for adult; seconds are those of the processor, for `fit` with one thread,
so that they hold on a machine that is shared. Every network has skdl's default size, two hidden layers of 128 units.
scikit-learn's MLP gets scaled inputs and targets, its own default training, and early stopping.

skdl's networks have one plain training of the given rows: encoding=None, early_stopping=False, Adam(0.01),
Cosine(end=0.03), alpha=1e-3, 30 epochs, batches of n / 32 in 32..128. So the ensembles differ in what they are alone:
of the defaults, a trial and a second training, batch ensembles and snapshots have none. `--defaults` has the defaults.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _side_by_side import PLAIN_TRAINING
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import skdl


def table(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and target; the target is the last column."""
    frame = pd.read_parquet(folder / f"{name}.parquet")
    y = frame.pop(frame.columns[-1])
    return frame, y.astype(str).to_numpy() if isinstance(y.dtype, pd.CategoricalDtype) else y.to_numpy(float)


def preprocessing() -> ColumnTransformer:
    """Numbers with their medians in place of missing ones, categories one-hot."""
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_exclude="number")),
        ]
    )


def models(kind: str, training: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """What is compared, by name; `kind` is Classifier or Regressor, and `training` what networks of skdl are set to."""
    ours = lambda name: getattr(skdl, name + kind)  # noqa: E731
    classifier = kind == "Classifier"
    peer_mlp: Any = (MLPClassifier if classifier else MLPRegressor)(hidden_layer_sizes=(128, 128), early_stopping=True)
    scaled = make_pipeline(StandardScaler(), peer_mlp)
    peer = scaled if classifier else TransformedTargetRegressor(scaled, transformer=StandardScaler())
    bagging: Any = BaggingClassifier if classifier else BaggingRegressor
    forest: Any = RandomForestClassifier if classifier else RandomForestRegressor
    boosting: Any = HistGradientBoostingClassifier if classifier else HistGradientBoostingRegressor
    network = ours("MLP")(**training)
    annealed = ours("MLP")(**{**training, "schedule": "auto"})  # snapshots have a schedule of their own
    cycle = 2 * training.get("max_iter", 21) // 3  # of three, that are twice the epochs of one network
    kinds = [("mlp", network), ("forest", forest(200, min_samples_leaf=2)), ("boosting", boosting())]
    average = ours("Ensemble")
    return {
        "scikit-learn MLP": lambda: peer,
        "scikit-learn Bagging(MLP), 8": lambda: bagging(peer, 8),
        "scikit-learn RandomForest, 200": lambda: kinds[1][1],
        "scikit-learn HistGradientBoosting": lambda: kinds[2][1],
        "MLP": lambda: network,
        "SnapshotEnsemble, 3": lambda: ours("SnapshotEnsemble")(annealed, 3),
        "SnapshotEnsemble, 3, twice the epochs": lambda: ours("SnapshotEnsemble")(annealed, 3, cycle=cycle),
        "Ensemble, 8": lambda: average(estimator=network, n_estimators=8),
        "Bagging, 8": lambda: ours("Bagging")(network, 8),
        "Ensemble, 8, batch_ensemble": lambda: average(estimator=network, n_estimators=8, share="batch_ensemble"),
        "Ensemble, 32, batch_ensemble": lambda: average(estimator=network, n_estimators=32, share="batch_ensemble"),
        "Ensemble of MLP, forest, boosting": lambda: average(kinds),
        "the same, weights='validation'": lambda: average(kinds, weights="validation"),
        "the same, weights='greedy'": lambda: average(kinds, weights="greedy"),
    }


def errors(model: Any, X: np.ndarray, y: np.ndarray, kind: str) -> tuple[float, ...]:
    """What is to be small, on rows that the model has not seen."""
    if kind == "Regressor":
        return (1 - r2_score(y, model.predict(X)),)
    return log_loss(y, model.predict_proba(X)), 1 - accuracy_score(y, model.predict(X))


def compare(
    frame: pd.DataFrame, y: np.ndarray, kind: str, rows: int, splits: int, only: str, training: dict[str, Any]
) -> None:
    """Print a line for each model: its errors and seconds."""
    columns = ("log loss", "1 - accuracy") if kind == "Classifier" else ("1 - R2",)
    print("| model | " + " | ".join(columns) + " | seconds |")
    print("|---|" + "---|" * (len(columns) + 1))
    parts = [
        train_test_split(np.arange(len(y)), train_size=rows, test_size=min(10_000, len(y) - rows), random_state=seed)
        for seed in range(splits)
    ]
    for name, make in models(kind, training).items():
        found = []
        for seed, (train, test) in enumerate(parts if only in name else []):
            encoder = preprocessing().fit(frame.iloc[train])
            X, X_test = encoder.transform(frame.iloc[train]), encoder.transform(frame.iloc[test])
            model = make()
            seeds = {key: seed for key in model.get_params() if key.endswith("random_state")}
            model.set_params(**seeds)
            begin = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(X, y[train])
            seconds = time.process_time() - begin
            found.append((*errors(model, X_test, y[test], kind), seconds))
        if found:
            *means, seconds = np.mean(found, axis=0)
            print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in means) + f" | {seconds:.1f} |", flush=True)
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--only", default="", help="models whose names hold this text")
    parser.add_argument("--defaults", action="store_true", help="networks of skdl with their default training")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments = parser.parse_args()
    batch_size = max(32, min(128, arguments.rows // 32))
    plain = {**PLAIN_TRAINING, "max_iter": 30, "batch_size": batch_size}
    with threadpool_limits(1):
        for name, kind in (("california_housing", "Regressor"), ("adult", "Classifier")):
            print(f"{name}: {arguments.rows} rows")
            training = {} if arguments.defaults else plain
            compare(*table(arguments.data, name), kind, arguments.rows, arguments.splits, arguments.only, training)
