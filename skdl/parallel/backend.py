"""The backend as joblib sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from joblib import cpu_count
from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend, ThreadingBackend

from skdl._constraints import Boolean, Constraint, Integer, check_params
from skdl._progress import writer
from skdl.execution.stacker import current_stacker
from skdl.parallel._joblib import data_key_of, has_given_all
from skdl.parallel._scikit_learn import search_verbosity
from skdl.parallel.jobs import Call, Scheduler, Task
from skdl.parallel.offload import TaskOffloader
from skdl.parallel.reports import LabelledJob, LocalReports, TaskLimit
from skdl.parallel.scheduler import StackingScheduler

MAX_STACK = 256
MAX_STACK_BYTES = 1 << 29  # half of it took longer, and twice as much: memory that was never used before is slow
PATIENCE = 1.0  # seconds in which the tasks of a call that failed may end before its error is raised


class StackBackend(ParallelBackendBase):
    """The joblib backend "skdl": networks that are fitted at the same time are trained as one computation.

    Tasks run in threads, one at a time. A task that fits a network waits until no other can go on; then all networks
    that are waited for are trained together, those of one structure as one stack, in as many threads or processes as
    there are cores (or as `n_jobs` says, where it is less). Each ends in the same bits as alone. Tasks with seconds of
    work ahead are shared out to as many processes, where they meet in the same way.

    Parameters
    ----------
    nesting_level, inner_max_num_threads : None
        For joblib.
    max_stack : int, default=256
        Networks that wait for each other, at least 1; about as many tasks have begun at a time.
    max_stack_bytes : int, default=2**29
        Bytes, at least 1: when the rows and parameters of the networks that wait take more, they do not wait for
        further ones.
    processes : bool, default=True
        Whether worker processes may take over tasks of a call that has seconds of work ahead. With False all tasks run
        in this process and may share its objects (`Parallel(require="sharedmem")`).

    Notes
    -----
    `n_jobs=None` and `-1` mean all cores, and `n_jobs=1` means one task after the other, as everywhere in joblib. With
    `verbose`, here or of a search of scikit-learn's, lines say while it goes on how many networks are done, how far the
    others are and how much time is left; and in the end, how many networks were trained in how many stacks. Lines of
    verbose networks have the number of their task in front.

    Examples
    --------
    >>> import joblib
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdl import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(MLPClassifier((8,), max_iter=20, random_state=0), {"alpha": [1e-4, 1e-2]}, cv=3)
    >>> with joblib.parallel_config(backend="skdl"):
    ...     search = search.fit(X, y)
    >>> search.cv_results_["mean_test_score"].shape
    (2,)
    """

    uses_threads = True
    supports_retrieve_callback = True
    default_n_jobs = -1
    _constraints: dict[str, Constraint] = {
        "max_stack": Integer(1),
        "max_stack_bytes": Integer(1),
        "processes": Boolean(),
    }

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        max_stack: int = MAX_STACK,
        max_stack_bytes: int = MAX_STACK_BYTES,
        processes: bool = True,
    ):
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self.max_stack, self.max_stack_bytes, self.processes = max_stack, max_stack_bytes, processes
        self.supports_sharedmem = not processes
        check_params(self, self._constraints)

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tasks that may have begun at a time.

        In a task, None is one, as it is outside of any backend: code that splits its work by this number, and not by
        calls of Parallel, computes the same then.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        one = n_jobs == 1 or (n_jobs is None and current_stacker() is not None)
        return 1 if one else self.max_stack

    def configure(self, n_jobs: int = 1, parallel: Any = None, **kwargs: Any) -> int:
        """Leave the call to a backend of its own, since several may be under way."""
        if self.effective_n_jobs(n_jobs) == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        caller = _caller()
        if parallel.return_generator and caller is not None:
            # It would run while its tasks do: they can have no turn.
            raise FallbackToBackend(ThreadingBackend(nesting_level=self.nesting_level))
        raise FallbackToBackend(CallBackend(self, n_jobs, parallel))

    def submit(self, func: Callable[[], Any], callback: Any = None) -> Any:
        raise RuntimeError("Each call has a backend of its own.")


class CallBackend(ParallelBackendBase):
    """The backend of one Parallel object.

    Parameters
    ----------
    settings : StackBackend
    n_jobs : int
    parallel : joblib.Parallel
    """

    uses_threads = True
    supports_sharedmem = True
    supports_retrieve_callback = True

    def __init__(self, settings: StackBackend, n_jobs: int, parallel: Any):
        super().__init__(nesting_level=settings.nesting_level)
        self.settings, self.parallel = settings, parallel
        self.n_threads = min(n_jobs, cpu_count()) if n_jobs > 0 else max(1, cpu_count() + 1 + n_jobs)

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        return TaskLimit(self.settings.max_stack, self.n_threads)

    def start_call(self) -> None:
        caller = _caller()
        self.scheduler: Scheduler = self._scheduler() if caller is None else caller.call.scheduler
        self.call = Call(self.scheduler, caller, copy_context(), lazy=self.parallel.return_generator)
        self.n_tasks = 0
        self.reports: LocalReports | None = None

    def _scheduler(self) -> StackingScheduler:
        size = self.settings.max_stack, self.settings.max_stack_bytes
        offloader = None
        if self.settings.processes and self.n_threads > 1:
            offloader = TaskOffloader(_scheduler_of_process, self.n_threads, *size)
        return StackingScheduler(*size, self.n_threads, offloader)

    def submit(self, func: Callable[[], Any], callback: Any = None) -> Future[Any]:
        data_key = data_key_of(func)
        verbose = self.parallel.verbose or search_verbosity(func)
        self.n_tasks += 1
        if self.call.caller is None:
            func = LabelledJob(self.n_tasks, func)
            if verbose and self.reports is None:
                self.reports = LocalReports(self._known_tasks, writer(self.parallel.verbose or 50))
                self.scheduler.reports = self.reports
        return self.scheduler.submit(self.call, func, callback, data_key)

    def _known_tasks(self) -> int | None:
        """The number of tasks of the call, once it is known that all of them have been given."""
        return self.n_tasks if has_given_all(self.parallel, self.n_tasks, self.call.retrieving) else None

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        return out.result()

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """What joblib looks for results in, every 10 ms: a small search would wait for that longer than it takes."""
        if self.call.lazy:
            yield
            return
        with self.scheduler.wait_for(self.call):
            if self.parallel.timeout is None:
                self.call.wait()
            yield

    def abort_everything(self, ensure_ready: bool = True) -> None:
        self.scheduler.give_up(self.call)

    def stop_call(self) -> None:
        self.scheduler.wait_for_end(self.call, PATIENCE)
        if self.reports is not None and self.scheduler.stacks:
            writer(self.parallel.verbose or 50)(f"[skdl]: {summary(self.scheduler.stacks)}")

    def get_nested_backend(self) -> tuple[ParallelBackendBase, None]:
        """For calls inside a task: their tasks meet where it does."""
        size = self.settings.max_stack, self.settings.max_stack_bytes
        return NestedBackend(self.nesting_level + 1, None, *size, processes=False), None


def _scheduler_of_process(max_stack: int, max_stack_bytes: int, n_threads: int, n_parallel: int) -> StackingScheduler:
    """The scheduler of a process that takes over tasks."""
    return StackingScheduler(max_stack, max_stack_bytes, n_threads, n_parallel=n_parallel)


class NestedBackend(StackBackend):
    """The backend that the tasks have."""

    def configure(self, n_jobs: int = 1, parallel: Any = None, **kwargs: Any) -> int:
        if _caller() is None:  # a thread that a task has made: what that waits for must not wait for it
            raise FallbackToBackend(ThreadingBackend(nesting_level=self.nesting_level))
        return super().configure(n_jobs, parallel, **kwargs)


def _caller() -> Task | None:
    """The task that this thread runs."""
    stacker = current_stacker()
    return stacker if isinstance(stacker, Task) else None


def summary(stacks: Sequence[int]) -> str:
    """A sentence on the trainings and the stacks that they were a part of.

    A fit with a trial has two.

    Examples
    --------
    >>> from skdl.parallel.backend import summary
    >>> summary([64, 16])
    '80 trainings in 2 stacks of 16 to 64'
    """
    n, n_stacks = sum(stacks), len(stacks)
    trainings = f"{n} training{'s' * (n != 1)} in {n_stacks} stack{'s' * (n_stacks != 1)}"
    if n_stacks < 2:
        return trainings
    smallest, largest = min(stacks), max(stacks)
    return f"{trainings} of {smallest}" + f" to {largest}" * (largest > smallest)
