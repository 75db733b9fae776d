"""The adapter to the tasks of scikit-learn's searches; tests fail when scikit-learn changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skdl.parallel._joblib import calls_of


def search_verbosity(function: Callable[[], Any]) -> int:
    """The `verbose` that a search or cross-validation has given to its task; 0 for a task of anybody else's.

    A search does not give it to joblib. Its tasks are private functions; a public one, such as `cross_validate`, is a
    task of the user's.
    """
    calls = calls_of(function)
    of_search = all(
        getattr(call, "__module__", "").startswith("sklearn.model_selection.") and call.__name__.startswith("_")
        for call, *_ in calls
    )
    return max((kwargs.get("verbose", 0) for *_, kwargs in calls), default=0) if of_search else 0
