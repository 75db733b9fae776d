"""How many cores a training is worth, and blocks of members trained by processes.

Between two array operations a thread needs Python's lock. Networks so small that an operation takes a few microseconds
hand the lock over all the time: on two cores, two threads train 80 networks 64-32-10 in batches of 32 no faster than
one does, and two processes nearly twice as fast. So long trainings go to joblib's processes, which it keeps for the
next ones. What they compute is the same to the last bit; members that call back into this process stay in its threads.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from joblib import Parallel, delayed

from skdl._threads import one_blas_thread
from skdl.engine.member import Member, Outcome, Signal
from skdl.engine.relay import listening

Train = Callable[[Sequence[Member], Signal], list[Outcome]]
STEP_SECONDS = 8e-6  # of a member in a stack, however small the network
OPERATIONS_PER_SECOND = 4e10  # of the products, and of what comes with them
LEAST_SECONDS = 0.5  # of work for a process: to start one takes about as long, once
LOOKS_EVERY = 0.5  # seconds between two looks for the parent
LEAST_STEP_SECONDS = 0.5e-3  # of work for a thread in each step: with less, two are slower than one


def processes_for(members: Sequence[Member], n_threads: int) -> int:
    """How many processes should train the members in place of that many threads; 1 for none."""
    # Random numbers that two members draw in turn, or a callback, are not the same in two processes.
    alone = all(member.begin is member.report is member.score is None for member in members)
    alone = alone and len({id(member.generator) for member in members}) == len(members)
    if n_threads == 1 or not alone or multiprocessing.parent_process() is not None:
        return 1
    return processes_worth(sum(map(seconds_of, members)), n_threads)


def processes_worth(seconds: float, at_most: int) -> int:
    """How many processes work of so many seconds is worth; 1 for none."""
    return max(1, min(at_most, math.floor(seconds / LEAST_SECONDS)))


def threads_for(members: Sequence[Member], n_threads: int) -> int:
    """How many threads should train the members: each needs enough to do between two hand-overs."""
    return max(1, min(n_threads, math.floor(sum(map(step_seconds, members)) / LEAST_STEP_SECONDS)))


def step_seconds(member: Member) -> float:
    """A rough estimate of how long one thread takes for a step of the member in a stack."""
    operations = 6 * member.batch_size * member.architecture.outline.n_parameters
    return STEP_SECONDS + operations / OPERATIONS_PER_SECOND


def seconds_of(member: Member) -> float:
    """The same for all its steps, if it stops no earlier than it must."""
    return member.n_epochs * math.ceil(member.rows.n / member.batch_size) * step_seconds(member)


class Flag:
    """An event that several processes see: a file that is there or not, or the end of the process that made it."""

    def __init__(self, path: str):
        self.path, self.owner = path, os.getpid()

    def set(self) -> None:
        open(self.path, "w").close()

    def is_set(self) -> bool:
        return os.path.exists(self.path) or self.owner not in (os.getpid(), os.getppid())


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
    train: Train, blocks: Sequence[Sequence[Member]], n_processes: int, interrupted: Signal
) -> list[list[Outcome]] | None:
    """What `train(block, interrupted)` gives for each block; None if it has to be done here.

    That is where a component cannot be sent, where a process was killed, and where the training raises, since an error
    is easier to read where it was made.
    """
    abandoned = [member.abandoned for block in blocks for member in block]
    shares = [slice(i, None, n_processes) for i in range(n_processes)]  # rows that members share are sent once in each

    def call(sent: list[list[Member]], flag: Flag) -> list[tuple[list[list[Outcome]], list[Any]]]:
        return in_processes(_work, [(train, sent[share], flag) for share in shares])

    with (
        TemporaryDirectory(prefix="skdl-") as folder,
        ThreadPoolExecutor(1) as caller,
        _as_sent(blocks, os.path.join(folder, "watch")) as sent,
    ):
        flag = Flag(os.path.join(folder, "stop"))
        future = caller.submit(call, sent, flag)  # a KeyboardInterrupt comes to the main thread, which waits
        try:
            while wait([future], timeout=0.1).not_done:
                if all(given_up is not None and given_up() for given_up in abandoned):
                    flag.set()
        except KeyboardInterrupt:
            interrupted.set()
            flag.set()
        try:
            results = future.result()
        except (Exception, KeyboardInterrupt):  # Ctrl-C goes to all processes of a terminal
            return None
    outcomes: list[list[Outcome]] = [[] for _ in blocks]
    seen: dict[Any, Any] = {}
    for share, (trained, caught) in zip(shares, results, strict=True):
        outcomes[share] = trained
        warn_again(caught, seen)
    for block, ended in zip(blocks, outcomes, strict=True):
        for member, outcome in zip(block, ended, strict=True):
            take_generator(member, outcome)
    return outcomes


@contextmanager
def _as_sent(blocks: Sequence[Sequence[Member]], path: str) -> Iterator[list[list[Member]]]:
    """The members as they are sent: whoever watches them here is told of what happens there."""
    watches: list[Any] = [member.watch for block in blocks for member in block]
    numbers = itertools.count()
    with ExitStack() as held:
        relay: Any = None
        if any(watches):
            relay = held.enter_context(listening(path, lambda i, *found: watches[i](*found))).relay

        def as_sent(member: Member) -> Member:
            i = next(numbers)
            return replace(member, abandoned=None, watch=None if member.watch is None else partial(relay, i))

        yield [[as_sent(member) for member in block] for block in blocks]


def in_processes(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What the function gives for each of several arguments, each in a process of joblib's."""
    found = dict(as_they_end(function, arguments, len(arguments)))
    return [found[i] for i in range(len(arguments))]


def as_they_end(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], n_processes: int
) -> Iterator[tuple[int, Any]]:
    """The place of each of several arguments and what the function gives for it, as they end in joblib's processes.

    joblib waits for the files to go that large arrays were sent in, a tenth of a second; that is left to a thread.
    """
    parallel = Parallel(
        n_jobs=n_processes, backend="loky", batch_size=1, pre_dispatch="all", return_as="generator_unordered"
    )
    parallel.__enter__()
    try:
        yield from parallel(delayed(_in_place)(i, function, each) for i, each in enumerate(arguments))
    finally:
        end = partial(parallel.__exit__, None, None, None)
        try:
            Thread(target=end, name="skdl", daemon=True).start()
        except RuntimeError:  # no more threads
            end()


def _in_place(i: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[int, Any]:
    return i, function(*arguments)


def _work(train: Train, blocks: Sequence[Sequence[Member]], flag: Flag) -> tuple[list[list[Outcome]], list[Any]]:
    """In a process: the outcomes of some blocks, and the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught, one_blas_thread():
        warnings.simplefilter("default")  # each once: a component may warn in every step
        outcomes = [train(block, flag) for block in blocks]
    return outcomes, portable(caught)


def portable(caught: Sequence[warnings.WarningMessage]) -> list[tuple[Any, ...]]:
    """Warnings that were recorded, as they can be sent."""
    return [(each.message, each.category, each.filename, each.lineno) for each in caught]


def warn_again(sent: Sequence[tuple[Any, ...]], seen: dict[Any, Any]) -> None:
    """Give them in this process; `seen` are those that have been."""
    for message, category, filename, line in sent:
        warnings.warn_explicit(message, category, filename, line, registry=seen)


def take_generator(member: Member, outcome: Outcome) -> None:
    """Bring the member's own stream of random numbers to where its copy has come."""
    if member.state is None:
        member.generator.bit_generator.state = outcome.state.generators[0].bit_generator.state
        outcome.state.generators[0] = member.generator
