"""Tables as they come: skdl's networks against gradient boosting and scikit-learn's MLP, all at their defaults.

    python benchmarks/tables.py [--models NAME ...] [--tables NAME ...] [--folds 0 1 2] [--rows 8000] [--cache FILE]
                                [--jobs N] [--data FOLDER ...]

A table is a parquet file whose last column is the target: pandas `category` means classes, a number regression. Every
model sees the same rows in the same three folds, at most `--rows` of a table. skdl's estimators and scikit-learn's
boosting get the frame as it is, with its categories and holes; scikit-learn's MLP gets medians, flags, scaled numbers,
one-hot categories and a scaled target. Without tables, small ones that scikit-learn ships take their place.

Ratios are geometric means over tables of a mean over folds divided by that of boosting (HGB). Every other table of each
task, in the order of names, was used to choose defaults (the first half), the rest confirms them. With `--cache` a run
can be continued.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

import skdl

FOLDS, SEED = 3, 0
LEFT_OUT = {"meta"}  # a target of few wild values, on which R2 says nothing
SHIPPED = {"breast_cancer": load_breast_cancer, "diabetes": load_diabetes, "digits": load_digits, "wine": load_wine}
Score = dict[str, float]


def scikit_learn_mlp(classes: bool) -> Any:
    """scikit-learn's network with what its documentation asks for."""
    number, category = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    one_hot = OneHotEncoder(handle_unknown="ignore", min_frequency=5, max_categories=50, sparse_output=False)
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), number),
            ("missing", MissingIndicator(error_on_new=False), number),
            ("category", one_hot, category),
        ]
    )
    if classes:
        return make_pipeline(columns, MLPClassifier())
    return make_pipeline(columns, TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler()))


def boosting(classes: bool) -> Any:
    return HistGradientBoostingClassifier() if classes else HistGradientBoostingRegressor()


def tabular_with_boosting(classes: bool) -> Any:
    tabular = skdl.TabularClassifier if classes else skdl.TabularRegressor
    return tabular(members=[("boosting", boosting(classes))])


MODELS: dict[str, Callable[[bool], Any]] = {
    "HGB": boosting,
    "scikit-learn MLP": scikit_learn_mlp,
    "MLP": lambda classes: skdl.MLPClassifier() if classes else skdl.MLPRegressor(),
    "Tabular": lambda classes: skdl.TabularClassifier() if classes else skdl.TabularRegressor(),
    "Tabular + HGB": tabular_with_boosting,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="NAME")
    parser.add_argument("--tables", nargs="+", metavar="NAME")
    parser.add_argument("--folds", nargs="+", type=int, choices=range(FOLDS), default=list(range(FOLDS)))
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--jobs", type=int, help="processes of one thread; by default one process with all cores")
    shared = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", nargs="+", type=Path, default=[shared, shared / "tables"])
    arguments = parser.parse_args()
    names = [name for name in table_names(arguments.data) if name in (arguments.tables or [name])]
    jobs = [(name, fold, model) for name in names for fold in arguments.folds for model in arguments.models]
    done: dict[str, Score] = {}
    if arguments.cache is not None and arguments.cache.exists():
        done = json.loads(arguments.cache.read_text())
    missing = [job for job in jobs if key(arguments.rows, *job) not in done]
    for job, score in scored(missing, arguments):
        done[key(arguments.rows, *job)] = score
        print(
            f"{job[0]:18s} fold {job[1]}  {job[2]:16s}", "  ".join(f"{k} {v:.4g}" for k, v in score.items()), flush=True
        )
        if arguments.cache is not None:
            new = arguments.cache.with_suffix(".new")
            new.write_text(json.dumps(done, indent=0))
            os.replace(new, arguments.cache)
    report(names, arguments, done)


def key(rows: int, table: str, fold: int, model: str) -> str:
    return f"{table}, fold {fold}, {rows} rows, {model}"


def scored(jobs: list[tuple[str, int, str]], arguments: argparse.Namespace) -> Iterator[tuple[Any, Score]]:
    """Each job with its score, as it is done."""
    given = arguments.rows, arguments.data
    if arguments.jobs is None:
        for job in jobs:
            yield job, one_fold(*given, None, *job)
        return
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        waiting = {pool.submit(one_fold, *given, 1, *job): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def table_names(folders: list[Path]) -> list[str]:
    found = sorted(path.stem for folder in folders for path in folder.glob("*.parquet"))
    return [name for name in found if name not in LEFT_OUT] or list(SHIPPED)


def read(name: str, folders: list[Path], rows: int) -> tuple[pd.DataFrame, np.ndarray, bool]:
    """X as a frame, y, and whether it holds classes; at most this many rows."""
    paths = [path for folder in folders if (path := folder / f"{name}.parquet").exists()]
    if paths:
        frame = pd.read_parquet(paths[0])
        X, target = frame.iloc[:, :-1], frame.iloc[:, -1]
        classes = isinstance(target.dtype, pd.CategoricalDtype)
        y = target.cat.remove_unused_categories().cat.codes.to_numpy(np.int64) if classes else target.to_numpy(float)
    else:
        X, y = SHIPPED[name](return_X_y=True, as_frame=True)
        y, classes = y.to_numpy(), name != "diabetes"
    if len(X) > rows:
        X, _, y, _ = train_test_split(X, y, train_size=rows, random_state=SEED, stratify=y if classes else None)
    return X.reset_index(drop=True), y, classes


def one_fold(rows: int, folders: list[Path], n_threads: int | None, name: str, fold: int, model: str) -> Score:
    X, y, classes = read(name, folders, rows)
    splitter = StratifiedKFold if classes else KFold
    train, test = list(splitter(FOLDS, shuffle=True, random_state=SEED).split(X, y))[fold]
    estimator = MODELS[model](classes)
    estimator.set_params(**{k: fold for k in estimator.get_params() if k.split("__")[-1] == "random_state"})
    with warnings.catch_warnings(), threadpool_limits(n_threads):
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        estimator.fit(X.iloc[train], y[train])
        seconds = time.perf_counter() - start
        return {**quality(estimator, X.iloc[test], y[test], classes, len(y)), "seconds": seconds}


def quality(estimator: Any, X: pd.DataFrame, y: np.ndarray, classes: bool, n_rows: int) -> Score:
    if not classes:
        return {"error": 1 - r2_score(y, np.asarray(estimator.predict(X), float))}
    probabilities = np.clip(np.asarray(estimator.predict_proba(X), float), 1e-7, None)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    wrong = 1 - accuracy_score(y, estimator.predict(X))
    score = {"error": max(wrong, 0.5 * FOLDS / n_rows)}  # no error counts as half a one, so that ratios exist
    score["log_loss"] = log_loss(y, probabilities, labels=estimator.classes_)
    if probabilities.shape[1] == 2:
        score["1-auc"] = max(1 - roc_auc_score(y, probabilities[:, 1]), 1e-6)
    return score


def report(names: list[str], arguments: argparse.Namespace, done: dict[str, Score]) -> None:
    """The errors by table, and the summary of all, in Markdown."""
    means = {
        (name, model): pd.DataFrame([done[key(arguments.rows, name, fold, model)] for fold in arguments.folds]).mean()
        for name in names
        for model in arguments.models
    }
    first = arguments.models[0]
    classes = [name for name in names if "log_loss" in means[name, first]]
    binary = [name for name in names if "1-auc" in means[name, first]]
    print(f"\nErrors (1 - accuracy, 1 - R2), means of folds {arguments.folds}, at most {arguments.rows} rows\n")
    print("| table |", " | ".join(arguments.models), "|\n|---" + "|--:" * len(arguments.models) + "|")
    for name in names:
        print(f"| {name} |", " | ".join(f"{means[name, model]['error']:.4f}" for model in arguments.models), "|")
    if "HGB" not in arguments.models:
        return
    print("\n| over HGB |", " | ".join(arguments.models), "|\n|---" + "|--:" * len(arguments.models) + "|")
    rest = [name for name in names if name not in classes]
    groups = {
        "error, all": ("error", names),
        "error, classification": ("error", classes),
        "error, regression": ("error", rest),
        "log loss": ("log_loss", classes),
        "1 - AUC": ("1-auc", binary),
    }
    first_half = [*sorted(classes)[::2], *sorted(rest)[::2]]
    for half, of_half in (
        ("", names),
        (", first half", first_half),
        (", second half", [name for name in names if name not in first_half]),
    ):
        for title, (measure, group) in groups.items():
            chosen = [name for name in group if name in of_half]
            if chosen:
                cells = [
                    geometric_mean([ratio(means, name, model, "HGB", measure) for name in chosen])
                    for model in arguments.models
                ]
                print(f"| {title}{half} |", " | ".join(f"{cell:.3f}" for cell in cells), "|")
    totals = [sum(means[name, model]["seconds"] for name in names) for model in arguments.models]
    print(
        "| seconds of all fits |", " | ".join(f"{t / totals[arguments.models.index('HGB')]:.2f}" for t in totals), "|"
    )
    if (peer := "scikit-learn MLP") in arguments.models:
        worst = [max((ratio(means, name, model, peer, "error"), name) for name in names) for model in arguments.models]
        print("| worst table over scikit-learn's MLP |", " | ".join(f"{r:.2f} ({name})" for r, name in worst), "|")


def ratio(means: dict[tuple[str, str], Any], name: str, model: str, peer: str, measure: str) -> float:
    return float(max(means[name, model][measure], 1e-6) / max(means[name, peer][measure], 1e-6))


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


if __name__ == "__main__":
    main()
