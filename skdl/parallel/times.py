"""Times of scikit-learn's searches, without those of others.

A search starts its clock before it calls fit. Under the backend the clocks of all tasks that wait for one training run
at the same time, and so does each clock while other tasks have their turns. What a task has waited is taken off, and
its share of the trainings put in place of it, so that the times of all tasks add up to the time that has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skdl.execution.stacker import current_stacker
from skdl.parallel.tasks import Task


def of_search(function: Callable[[], Any]) -> bool:
    """Whether a function of joblib's is a task of scikit-learn's searches and cross-validations, and nobody else's.

    Tasks of theirs are private functions; a public one, such as `cross_validate`, is a task of the user's.
    """
    calls = [call for call, *_ in getattr(function, "items", ())]
    return bool(calls) and all(
        getattr(call, "__module__", "").startswith("sklearn.model_selection.") and call.__name__.startswith("_")
        for call in calls
    )


def verbosity(function: Callable[[], Any]) -> int:
    """The `verbose` that a search has given to its tasks, the calls in a function of joblib's."""
    return max((kwargs.get("verbose", 0) for *_, kwargs in function.items), default=0)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Timed:
    """A function of joblib's with calls of a search, whose results it corrects.

    Parameters
    ----------
    function : callable
    """

    function: Callable[[], Any]

    @property
    def items(self) -> Any:
        return self.function.items  # type: ignore[attr-defined]

    def __call__(self) -> Any:
        results, task = self.function(), current_stacker()
        timed = [result for result in results if isinstance(result, dict) and isinstance(result.get("fit_time"), float)]
        if len(timed) == 1 and isinstance(task, Task):  # of several, it is not known which has waited
            correct(timed[0], task)
        return results


def correct(result: dict[str, Any], task: Task) -> None:
    """Make the times in a result of scikit-learn's the task's shares of the time that has passed."""
    n_beside = task.call.meeting.n_beside  # processes in which tasks of the call run at the same time
    result["fit_time"] = max(0.0, result["fit_time"] - task.waited) / n_beside + task.trained
    if isinstance(result.get("score_time"), float):
        result["score_time"] /= n_beside
