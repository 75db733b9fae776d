"""The results of searches: a row for each candidate and fold."""

from __future__ import annotations

import numbers
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def of_search(found: Mapping[str, Any], metric: str | None) -> tuple[pd.DataFrame, str]:
    """Candidates and folds, a row each, of `cv_results_`."""
    import pandas as pd

    metrics = [name.removeprefix("mean_test_") for name in found if name.startswith("mean_test_")]
    metric = _one_of(metrics, metric)
    pattern = re.compile(rf"split(\d+)_(test|train)_{re.escape(metric)}")
    parameters = {name.removeprefix("param_"): list(found[name]) for name in found if name.startswith("param_")}
    n = len(found["params"])
    folds: dict[int, dict[str, Any]] = {}
    for name in found:
        match = pattern.fullmatch(name)
        if match:
            folds.setdefault(int(match[1]), {})[f"{match[2]}_score"] = np.asarray(found[name], np.float64)
    frames = []
    for fold, scores in sorted(folds.items()):
        frame = pd.DataFrame({"candidate": np.arange(n), "fold": fold, **scores})
        for name, values in parameters.items():
            frame[name] = pd.Series([None if value is np.ma.masked else value for value in values], dtype=object)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True), metric


def of_ledger(records: pd.DataFrame, metric: str | None) -> tuple[pd.DataFrame, str]:
    """Candidates and folds of a ledger, of the fits that did not fail."""
    metrics = [name.removeprefix("test_") for name in records.columns if name.startswith("test_")]
    metric = _one_of(metrics, metric)
    records = records[records[f"test_{metric}"].notna()]
    held = [name for name in records.columns if name.startswith("param_")]
    table = records[held].rename(columns=lambda name: name.removeprefix("param_"))
    words = [repr([key(value) for value in row]) for row in table.itertuples(index=False)]
    first = {word: number for number, word in enumerate(dict.fromkeys(words))}
    table = table.assign(
        candidate=[first[word] for word in words], fold=records["fold"], test_score=records[f"test_{metric}"]
    )
    if f"train_{metric}" in records:
        table = table.assign(train_score=records[f"train_{metric}"])
    return table.reset_index(drop=True), metric


def _one_of(metrics: Sequence[str], metric: str | None) -> str:
    if metric is None and len(metrics) == 1:
        return metrics[0]
    if metric is None or metric not in metrics:
        raise ValueError(f"The 'metric' parameter must be one of {list(metrics)}. Got {metric!r}.")
    return metric


def distinct(values: Any) -> list[Any]:
    return list({key(value): value for value in values}.values())


def key(value: Any) -> Any:
    """A value by which equal ones are found: parameters may be lists, or components."""
    return value if isinstance(value, (numbers.Real, str)) and not isinstance(value, (bool, np.bool_)) else repr(value)


def same(value: Any, other: Any) -> bool:
    return bool(key(value) == key(other))
