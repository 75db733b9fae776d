"""In a worker process: tasks of another one, run by a scheduler of this one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import redirect_stdout
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from skdl._threads import one_blas_thread
from skdl.engine import TrainingResult, TrainingSpec
from skdl.execution import train_members
from skdl.execution.processes import FileEvent, Warned, end_with_parent, portable, warn_again
from skdl.execution.relay import Relay
from skdl.parallel.jobs import Call, MustRunLocally, Scheduler, note_origin
from skdl.parallel.reports import RelayedOutput, RemoteReports


def run_tasks(
    functions: Sequence[tuple[Callable[[], Any], int]],
    make_scheduler: Callable[[], Scheduler],
    floating_point: dict[str, Any],
    given_up: FileEvent,
    relay: Relay,
    reports_are_wanted: bool,
) -> tuple[list[Result | None], list[int]]:
    """The results of tasks, given with their data, whose fits are trained together; None for those that have none.

    They have to run where they came from; or one has raised, and the others, in all processes, are given up. What the
    trainings warn of, once for a whole stack, comes with the first task's result; where there is no task, with that of
    a training, which is then done again where it came from.
    """
    end_with_parent()
    scheduler = make_scheduler()
    scheduler.reports = RemoteReports(relay) if reports_are_wanted else None
    with (
        one_blas_thread(),
        redirect_stdout(RelayedOutput(relay)) as printed,
        np.errstate(**floating_point),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        call = Call(scheduler, None, copy_context(), given_up=given_up)
        futures = [
            scheduler.submit(call, partial(_result, function, given_up), lambda future: None, data_key)
            for function, data_key in functions
        ]
        with scheduler.wait_for(call):
            wait(futures)
        printed.flush()
    results: list[Result | None] = [None if future.exception() else future.result() for future in futures]
    is_training = [getattr(function, "func", None) is train for function, _ in functions]
    for i in sorted(range(len(results)), key=is_training.__getitem__):
        result = results[i]
        if result is not None:
            results[i] = replace(result, caught=[*portable(caught), *result.caught])
            break
    return results, scheduler.stacks


def train(members: Sequence[TrainingSpec]) -> list[TrainingResult] | None:
    """Outcomes, or None where it raises: it is then trained where the error belongs to its own task."""
    try:
        return train_members(members)
    except Exception:
        return None


def _result(function: Callable[[], Any], given_up: FileEvent) -> Result | None:
    """The result of one task."""
    value: Any = None
    error: Exception | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            value = function()
        except MustRunLocally:
            return None
        except Exception as raised:
            error = raised
            note_origin(error)
            given_up.set()
    return Result(value, error, portable(caught))


@dataclass(frozen=True)
class Result:
    """The value or the error of a task, from the process that ran it.

    Parameters
    ----------
    value : object
    error : Exception or None
    caught : list of tuple
        Warnings on the way, as `portable` makes them.
    """

    value: Any
    error: Exception | None
    caught: list[Warned]

    def give(self, seen: dict[Any, Any]) -> Any:
        """Return or raise it, here; `seen` are the warnings that others have given."""
        warn_again(self.caught, seen)
        if self.error is not None:
            raise self.error
        return self.value
