"""The only offload to processes: joblib's, which it keeps for the next calls.

What they compute is the same to the last bit. Members that call back into this process stay in its threads.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from joblib import Parallel, delayed

from skdl._threads import one_blas_thread
from skdl.engine import TrainingResult, TrainingSpec
from skdl.engine.training_spec import Signal
from skdl.execution.relay import Listener, listening
from skdl.execution.threads import TrainBlock

LOOKS_EVERY = 0.5  # seconds between two looks for the parent

Warned = tuple[Any, ...]  # a warning as it can be sent


class FileEvent:
    """An event that several processes see: a file that is there, or, for the others, the end of its maker."""

    def __init__(self, path: str):
        self.path, self.owner = path, os.getpid()

    def set(self) -> None:
        open(self.path, "w").close()

    def is_set(self) -> bool:
        return os.path.exists(self.path) or self.owner not in (os.getpid(), os.getppid())


class Offload:
    """Calls that processes make for this one: they can be told to stop, and report while they work.

    Used as a context, or closed.

    Parameters
    ----------
    n_processes : int
    """

    def __init__(self, n_processes: int):
        self.n_processes = n_processes
        self._folder = TemporaryDirectory(prefix="skdl-")
        self.stopped = FileEvent(os.path.join(self._folder.name, "stop"))

    def __enter__(self) -> Offload:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    def stop(self) -> None:
        """Tell the processes that nobody wants the results any more."""
        with suppress(FileNotFoundError):  # they are just coming
            self.stopped.set()

    def listening(self, receive: Callable[..., None]) -> AbstractContextManager[Listener]:
        """A context in which `receive` is called with what is reported through the listener's relay."""
        return listening(os.path.join(self._folder.name, "reports"), receive)

    def results(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """The index of each of several arguments with what the function returns for it, as they end.

        joblib waits for the files to go that large arrays were sent in, a tenth of a second; that is left to a thread.
        """
        parallel = Parallel(
            n_jobs=self.n_processes, backend="loky", batch_size=1, pre_dispatch="all", return_as="generator_unordered"
        )
        held = ExitStack()
        held.enter_context(parallel)
        try:
            yield from parallel(delayed(_indexed)(i, function, each) for i, each in enumerate(arguments))
        finally:
            try:
                Thread(target=held.close, name="skdl", daemon=True).start()
            except RuntimeError:  # no more threads
                held.close()


def _indexed(i: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return i, function(*arguments)


_ends_with_parent = False


def end_with_parent() -> None:
    """Let this process, if it is one of joblib's, end when the one that has started it has, and takes nothing any more.

    A process that was killed tells its workers nothing. They would train to the end of what they have, and then wait
    for more for minutes.
    """
    global _ends_with_parent
    parent = multiprocessing.parent_process()
    if parent is None or _ends_with_parent or not multiprocessing.current_process().name.startswith("LokyProcess"):
        return
    _ends_with_parent = True

    def watch(pid: int | None) -> None:
        while os.getppid() == pid:  # not what it is now: the parent may be gone before the first training
            time.sleep(LOOKS_EVERY)
        os._exit(1)

    with suppress(RuntimeError):  # no more threads
        Thread(target=watch, args=(parent.pid,), name="skdl parent", daemon=True).start()


def train_in_processes(
    train: TrainBlock, blocks: Sequence[Sequence[TrainingSpec]], n_processes: int, interrupted: Signal
) -> list[list[TrainingResult]] | None:
    """The outcomes that `train(block, interrupted)` gives for each block; None if it has to be done here.

    That is where a component cannot be sent, where a process was killed, and where the training raises, since an error
    is easier to read where it was made.
    """
    members = [member for block in blocks for member in block]
    shares = [slice(i, None, n_processes) for i in range(n_processes)]  # rows that members share are sent once in each

    with (
        Offload(n_processes) as offload,
        ThreadPoolExecutor(1) as caller,
        _following(offload, members) as relay,
    ):
        sent = _as_sent(blocks, relay)
        arguments = [(train, sent[share], offload.stopped) for share in shares]
        # A KeyboardInterrupt comes to the main thread, which waits.
        future = caller.submit(lambda: dict(offload.results(_train_blocks, arguments)))
        try:
            while wait([future], timeout=0.1).not_done:
                if all(member.abandoned is not None and member.abandoned() for member in members):
                    offload.stop()
        except KeyboardInterrupt:
            interrupted.set()
            offload.stop()
        try:
            results = future.result()
        except (Exception, KeyboardInterrupt):  # Ctrl-C goes to all processes of a terminal
            return None
    outcomes: list[list[TrainingResult]] = [[] for _ in blocks]
    seen: dict[Any, Any] = {}
    for i, share in enumerate(shares):
        outcomes[share], caught = results[i]
        warn_again(caught, seen)
    for block, ended in zip(blocks, outcomes, strict=True):
        for member, outcome in zip(block, ended, strict=True):
            take_generator(member, outcome)
    return outcomes


@contextmanager
def _following(offload: Offload, members: Sequence[TrainingSpec]) -> Iterator[Any]:
    """A context in which those who watch members here are told, through the relay that it gives, of their training."""
    watches: list[Any] = [member.watch for member in members]
    if not any(watches):
        yield None
        return
    with offload.listening(lambda i, *found: watches[i](*found)) as listener:
        yield listener.relay


def _as_sent(blocks: Sequence[Sequence[TrainingSpec]], relay: Any) -> list[list[TrainingSpec]]:
    """The members as they are sent: whoever watches them here is told of what happens there."""
    numbers = itertools.count()

    def as_sent(member: TrainingSpec) -> TrainingSpec:
        i = next(numbers)
        return replace(member, abandoned=None, watch=None if member.watch is None else partial(relay, i))

    return [[as_sent(member) for member in block] for block in blocks]


def _train_blocks(
    train: TrainBlock, blocks: Sequence[Sequence[TrainingSpec]], stopped: FileEvent
) -> tuple[list[list[TrainingResult]], list[Warned]]:
    """In a process: the outcomes of some blocks, and the warnings on the way."""
    end_with_parent()
    with warnings.catch_warnings(record=True) as caught, one_blas_thread():
        warnings.simplefilter("default")  # each once: a component may warn in every step
        outcomes = [train(block, stopped) for block in blocks]
    return outcomes, portable(caught)


def portable(caught: Sequence[warnings.WarningMessage]) -> list[Warned]:
    """Warnings that were recorded, as they can be sent."""
    return [(each.message, each.category, each.filename, each.lineno) for each in caught]


def warn_again(sent: Sequence[Warned], seen: dict[Any, Any]) -> None:
    """Give them in this process; `seen` are those that have been."""
    for message, category, filename, line in sent:
        warnings.warn_explicit(message, category, filename, line, registry=seen)


def take_generator(member: TrainingSpec, outcome: TrainingResult) -> None:
    """Bring the member's own stream of random numbers to where its copy has come."""
    if member.state is None:
        member.generator.bit_generator.state = outcome.state.generators[0].bit_generator.state
        outcome.state.generators[0] = member.generator
