"""The defaults of MLPClassifier and MLPRegressor against scikit-learn's, and against candidates for new ones.

    python benchmarks/defaults.py [--quick] [--candidates NAME ...] [--cache FILE] [--data ../shared/data]

Eight real tables (median imputation, most frequent category, one-hot, in a Pipeline) and digits in 5-fold
cross-validation, and MNIST with its own test images. Errors are 1 - accuracy and 1 - R2. Seconds are those of the
processor, for `fit` with its preprocessing, with one thread for BLAS and OpenMP: they hold on a machine that is shared.
scikit-learn's MLP gets what its documentation asks for, scaled inputs and scaled targets; skdl does this by itself.
With `--cache` each fit is kept, so that a run can be continued; a candidate whose words change is run again.

"skdl" is what `MLPClassifier()` and `MLPRegressor()` are now. The candidates are those of the first study, each one
plain training: encoding=None and early_stopping=False are pinned, and the optimizer, schedule, alpha, batch size and
number of epochs that they had, so that they stay what they were measured as.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier as PeerClassifier
from sklearn.neural_network import MLPRegressor as PeerRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skdl import MLPClassifier, MLPRegressor

TABLES = (
    "adult",
    "california_housing",
    "diamonds",
    "abalone",
    "winequality_white",
    "german_credit",
    "letter",
    "autos",
)
IMAGES = ("digits", "mnist")
PEER, REFERENCE, OURS = "scikit-learn MLP", "HistGradientBoosting", "skdl"
LEFT_OUT = {(REFERENCE, "mnist")}  # half an hour, and no part of what is compared


class Data(NamedTuple):
    """A data set: `test` is the number of last rows that are its own test set, 0 for cross-validation."""

    X: Any
    y: np.ndarray
    classification: bool
    test: int = 0


Settings = Callable[[int], dict[str, Any]]  # from the number of training rows
ONE_TRAINING = {"encoding": None, "early_stopping": False}  # of standardised inputs, without a trial


def fixed(**parameters: Any) -> Settings:
    return lambda rows: parameters


def recipe(per_epoch: int = 32, low: int = 32, high: int = 128, **changes: Any) -> Settings:
    """The best recipe without normalization, with changes; the batch is for about `per_epoch` steps an epoch."""

    def parameters(rows: int) -> dict[str, Any]:
        return {
            **ONE_TRAINING,
            "hidden_layer_sizes": (128, 128),
            "activation": "relu",
            "optimizer": "adam",
            "optimizer__learning_rate": 0.01,
            "schedule": "cosine",
            "alpha": 1e-3,
            "batch_size": min(int(np.clip(rows // per_epoch, low, high)), rows),
            "max_iter": 30,
            "n_iter_no_change": 10_000,
            **changes,
        }

    return parameters


# What was tried, by name; docs/defaults.md tells what came of it. Each says all that it depends on, so that it stays
# what it is when the defaults change.
CANDIDATES: dict[str, Settings] = {
    "first": fixed(
        **ONE_TRAINING,
        hidden_layer_sizes=(100,),
        activation="relu",
        optimizer="adam",
        schedule="constant",
        alpha=1e-4,
        batch_size=200,
        max_iter=200,
        n_iter_no_change=10,
    ),
    "relu": recipe(),
    "leaky": recipe(activation="leaky_relu"),
    "wide": recipe(hidden_layer_sizes=(256, 128)),
    "deep": recipe(hidden_layer_sizes=(128, 128, 128)),
    "long": recipe(max_iter=50),
    "constant": recipe(schedule="constant"),
    "slow": recipe(optimizer__learning_rate=0.003),
    "weak": recipe(alpha=1e-4),
    "batch": recipe(activation="leaky_relu", normalization="batch"),
    "layer": recipe(normalization="layer"),
    "dropout": recipe(dropout=0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", nargs="*", default=[], choices=sorted(CANDIDATES), metavar="NAME")
    parser.add_argument("--sets", nargs="*", default=[*TABLES, *IMAGES], choices=[*TABLES, *IMAGES], metavar="SET")
    parser.add_argument("--quick", action="store_true", help="two of the folds, at most 10000 rows of a set")
    parser.add_argument("--no-peers", action="store_true", help="leave scikit-learn's estimators out")
    parser.add_argument("--cache", type=Path, help="JSON file of finished fits")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    names = [*([] if arguments.no_peers else [REFERENCE, PEER]), OURS, *arguments.candidates]
    cache = Cache(arguments.cache)
    rows = []
    with threadpool_limits(limits=1):
        for data_name in arguments.sets:
            data = load(data_name, arguments.data, 10_000 if arguments.quick else None)
            folds = list(splits(data))
            for fold, (train, test) in enumerate(folds[:2] if arguments.quick else folds):
                for name in names:
                    if (name, data_name) not in LEFT_OUT:
                        result = cache.get(name, data_name, fold, partial(measure, name, data, train, test), len(train))
                        rows.append({"set": data_name, "name": name, **result})
    print(report(pd.DataFrame(rows), names))


class Cache:
    """Finished fits in a JSON file, each with the commit of the code that made it."""

    def __init__(self, path: Path | None):
        self.path = path
        self.results: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            self.results = json.loads(path.read_text())
        self.commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent, capture_output=True, text=True
        ).stdout.strip()

    def get(
        self, name: str, data_name: str, fold: int, compute: Callable[[], dict[str, float]], n_train: int
    ) -> dict[str, float]:
        key = f"{name} | {settings_of(name, n_train) or defaults(name)} | {data_name} | {fold} | {n_train}"
        if key not in self.results:
            self.results[key] = {**compute(), "commit": self.commit}
            if self.path is not None:
                self.path.write_text(json.dumps(self.results, indent=0))
        return {name: self.results[key][name] for name in ("error", "seconds")}


def settings_of(name: str, n_train: int) -> dict[str, Any]:
    return CANDIDATES[name](n_train) if name in CANDIDATES else {}


def defaults(name: str) -> dict[str, Any]:
    """Our defaults in words, so that a fit in the cache is not taken for one of others."""
    return MLPClassifier().get_params() if name == OURS else {}


def load(name: str, folder: Path, limit: int | None) -> Data:
    """A data set by name, of which at most `limit` training rows are taken."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return Data(X, y, True)
    if name == "mnist":
        images = np.load(folder / "mnist.npz")
        X = np.concatenate([images["x_train"][:limit], images["x_test"]]).reshape(-1, 784)
        return Data(X.astype(np.float64), np.concatenate([images["y_train"][:limit], images["y_test"]]), True, 10_000)
    table = pd.read_parquet(folder / f"{name}.parquet")
    if limit is not None and len(table) > limit:
        table = table.sample(limit, random_state=0)
    X, y = table.iloc[:, :-1], table.iloc[:, -1]
    classification = isinstance(y.dtype, pd.CategoricalDtype)
    return Data(X, y.to_numpy(str) if classification else y.to_numpy(float), classification)


def splits(data: Data) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if data.test:
        rows = np.arange(len(data.y))
        return iter([(rows[: -data.test], rows[-data.test :])])
    folds = (StratifiedKFold if data.classification else KFold)(5, shuffle=True, random_state=0)
    return folds.split(data.X, data.y)


def measure(name: str, data: Data, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Error on the test rows and seconds of one fit."""
    model = pipeline(estimator(name, settings_of(name, len(train)), data.classification), data)
    start = time.process_time()
    model.fit(rows_of(data.X, train), data.y[train])
    seconds = time.process_time() - start
    return {"error": 1 - model.score(rows_of(data.X, test), data.y[test]), "seconds": seconds}


def rows_of(X: Any, index: np.ndarray) -> Any:
    return X.iloc[index] if hasattr(X, "iloc") else X[index]


def estimator(name: str, settings: dict[str, Any], classification: bool) -> BaseEstimator:
    if name == REFERENCE:
        kind = HistGradientBoostingClassifier if classification else HistGradientBoostingRegressor
        return kind(random_state=0)
    if name == PEER:
        if classification:
            return make_pipeline(StandardScaler(), PeerClassifier(random_state=0))
        network = make_pipeline(StandardScaler(), PeerRegressor(random_state=0))
        return TransformedTargetRegressor(network, transformer=StandardScaler())
    return (MLPClassifier if classification else MLPRegressor)(random_state=0).set_params(**settings)


def pipeline(model: BaseEstimator, data: Data) -> Pipeline:
    if not isinstance(data.X, pd.DataFrame):
        return make_pipeline(model)
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_include="category")),
        ]
    )
    return make_pipeline(columns, model)


def report(results: pd.DataFrame, names: list[str]) -> str:
    """Mean errors and seconds as Markdown, with what they come to."""
    sets = list(results["set"].unique())
    errors, seconds = (
        results.pivot_table(index="set", columns="name", values=value).loc[sets, names]
        for value in ("error", "seconds")
    )
    lines = table_of(errors.map("{:.4f}".format).replace("nan", ""), "error")
    mlps = [name for name in names if name != REFERENCE]
    summary = pd.DataFrame(index=names)
    summary["average rank"] = errors[mlps].rank(axis=1).mean().map("{:.2f}".format)
    tables = [name for name in errors.index if name in TABLES]
    if REFERENCE in names and tables:
        ratios = errors.loc[tables].div(errors.loc[tables, REFERENCE], axis=0)
        summary["errors on tables / HGB"] = np.exp(np.log(ratios).mean()).map("{:.3f}".format)
    if PEER in names:
        better = errors.lt(errors[PEER], axis=0).sum()
        summary["better than scikit-learn MLP"] = [f"{better[name]} of {errors[name].count()}" for name in names]
    folds = results.groupby("name")["seconds"].sum()
    summary["seconds in total"] = folds[names].map("{:.1f}".format)
    lines += ["", *table_of(summary.fillna(""), "estimator")]
    lines += ["", *table_of(seconds.map("{:.2f}".format).replace("nan", ""), "seconds a fit")]
    return "\n".join(lines)


def table_of(frame: pd.DataFrame, corner: str) -> list[str]:
    rows = [[corner, *frame.columns], ["---", *["--:"] * len(frame.columns)]]
    rows += [[str(index), *row] for index, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
    return ["| " + " | ".join(row) + " |" for row in rows]


if __name__ == "__main__":
    main()
