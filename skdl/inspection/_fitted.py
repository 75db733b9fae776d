"""What is in an estimator: the last step of a pipeline, the best of a search, members, names of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def unwrapped(estimator: Any, X: Any = None) -> tuple[Any, Any]:
    """The estimator that pipelines and searches end in, and rows as it takes them."""
    while True:
        if isinstance(estimator, Pipeline):
            check_is_fitted(estimator)
            X = X if X is None or len(estimator) == 1 else estimator[:-1].transform(X)
            estimator = estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "estimator") and hasattr(estimator, "cv_results_"):
            raise ValueError(f"{type(estimator).__name__} has kept no estimator: fit it with refit=True.")
        else:
            return estimator, X


def named(estimators: Any) -> dict[str, Any]:
    """Estimators by name: one, several in a list, or in a mapping from names to them."""
    if isinstance(estimators, Mapping):
        found = {str(name): each for name, each in estimators.items()}
    elif isinstance(estimators, (list, tuple)):
        found = {}
        for each in estimators:
            name = _name(each)
            while name in found:
                name = _next(name)
            found[name] = each
    else:
        found = {_name(estimators): estimators}
    if not found:
        raise ValueError("Give at least one estimator.")
    return found


def _name(estimator: Any) -> str:
    return type(estimator[-1] if isinstance(estimator, Pipeline) else estimator).__name__


def _next(name: str) -> str:
    word, _, number = name.rpartition(" ")
    return f"{word} {int(number) + 1}" if word and number.isdigit() else f"{name} 2"


def members(estimator: Any) -> Sequence[Any]:
    """The members of an ensemble, each as the estimator that it ends in; of anything else, itself alone."""
    found = getattr(estimator, "estimators_", None)
    if found is None:
        return [estimator]
    return [unwrapped(each)[0] for each in found]
