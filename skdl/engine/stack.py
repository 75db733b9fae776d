"""Any number of fits: grouped by structure, split into blocks that fit the cache, spread over cores.

How a fit is computed depends on its structure alone, never on the company it has or on the number of threads, because a
product that is split over BLAS threads may round differently. Networks with a large product leave the threads to BLAS;
all others run with one BLAS thread, and threads or processes take blocks of members.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from threading import Event

import numpy as np

from skdl._interrupts import to_the_end
from skdl._threads import one_blas_thread
from skdl.engine.full_batch import train_full_batch
from skdl.engine.gathering import gathering
from skdl.engine.member import Member, Outcome, Signal
from skdl.engine.population import settled
from skdl.engine.processes import Train, end_with_parent, processes_for, threads_for, train_in_processes
from skdl.engine.train import interrupted_outcome, train_stack

BLOCK_BYTES = 1 << 23  # working set of a block of members: larger arrays hide the hand-over between threads


def train_members(members: Sequence[Member], n_threads: int = 1) -> list[Outcome]:
    """Train all members; the result of each is the same as alone, bit for bit on a CPU.

    A thread whose fits meet those of others leaves the training to where they meet, see `gathering`. A
    KeyboardInterrupt ends all members after their last complete epoch, with "interrupted" as the reason: what they have
    learned is the caller's to keep, before it raises the interrupt again.
    """
    place = gathering()
    if place is not None and any(member.n_epochs for member in members):
        return place.train(members)
    end_with_parent()
    interrupted = Event()
    outcomes: dict[int, Outcome] = {}
    for indices in groups_of(members):
        group = [members[i] for i in indices]
        try:
            outcomes.update(zip(indices, _train_group(group, n_threads, interrupted), strict=True))
        except KeyboardInterrupt:  # between the trainings, or the second one
            interrupted.set()
            outcomes |= {i: interrupted_outcome(members[i]) for i in indices if i not in outcomes}
    ended: list[Outcome] = []
    interrupt = to_the_end(
        lambda: ended.extend(settled(members[i], outcomes[i]) for i in range(len(ended), len(members)))
    )
    return ended if interrupt is None else [replace(outcome, reason="interrupted") for outcome in ended]


def groups_of(members: Sequence[Member]) -> list[list[int]]:
    """Positions of the members that share a structure, group by group; in a group, rows of one table side by side."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, member in enumerate(members):
        groups[member.structure].append(i)
    return [sorted(group, key=lambda i: (members[i].rows.n, id(members[i].rows.X))) for group in groups.values()]


def _train_group(group: Sequence[Member], n_threads: int, interrupted: Signal) -> list[Outcome]:
    first = group[0]
    inside = first.threads_blas
    train: Train
    n_processes = 1 if inside else processes_for(group, n_threads)
    if first.optimizer.full_batch:
        # scipy's search calls BLAS on its few vectors in each iteration: threads there cost more than the whole rest.
        train, size = _train_one_by_one, 1
    else:
        train, size = train_stack, members_per_block(first)
        if not inside:
            n_threads = n_processes if n_processes > 1 else threads_for(group, n_threads)
    blocks = blocks_of(group, size, 1 if inside else n_threads)
    with nullcontext() if inside else one_blas_thread():
        if inside or n_threads == 1 or len(blocks) == 1:
            results = [train(block, interrupted) for block in blocks]
        else:
            found = None
            if n_processes > 1:
                found = train_in_processes(train, blocks, n_processes, interrupted)
            results = _in_threads(train, blocks, n_threads, interrupted) if found is None else found
    return [outcome for result in results for outcome in result]


def blocks_of(group: Sequence[Member], size: int, n_threads: int) -> list[Sequence[Member]]:
    """The group in blocks of about equal size, at most `size`, as many for each thread.

    Members of one table are kept together where they fill blocks of their own, or whole tables make equal blocks: if
    they go through their rows in one order, as candidates of a search with one seed do, one batch is there for all of
    them.
    """
    starts = [0, *(i for i in range(1, len(group)) if group[i].rows.X is not group[i - 1].rows.X), len(group)]
    tables = [group[a:b] for a, b in pairwise(starts)]
    if len(group) / len(tables) >= size / 2:
        blocks = [block for table in tables for block in evenly(table, -(-len(table) // size))]
        if len(blocks) % n_threads == 0:
            return blocks
    n_blocks = n_threads * -(-len(group) // (size * n_threads))
    length = len(tables[0]) * -(-len(tables) // n_blocks)  # of a block of whole tables
    alike = len({len(table) for table in tables}) == 1 and length <= size
    if alike and (n_threads == 1 or len(tables) % n_blocks == 0):
        return [group[start : start + length] for start in range(0, len(group), length)]
    return evenly(group, n_blocks)


def evenly(members: Sequence[Member], n_blocks: int) -> list[Sequence[Member]]:
    """The members in so many blocks, or fewer, none of which is larger than it must be."""
    size = -(-len(members) // n_blocks)
    return [members[start : start + size] for start in range(0, len(members), size)]


def _train_one_by_one(block: Sequence[Member], interrupted: Signal) -> list[Outcome]:
    return [train_full_batch(member, interrupted) for member in block]


def _in_threads(
    train: Train, blocks: Sequence[Sequence[Member]], n_threads: int, interrupted: Signal
) -> list[list[Outcome]]:
    results: dict[int, list[Outcome]] = {}
    waiting = deque(range(len(blocks)))
    begin = Event()

    def work() -> None:
        while True:
            try:
                i = waiting.popleft()
            except IndexError:
                return
            results[i] = train(blocks[i], interrupted)

    def work_in_thread() -> None:
        begin.wait()  # a pool that is interrupted while it starts its threads loses sight of them
        work()

    with ThreadPoolExecutor(n_threads) as pool:
        threads: list[Future[None]] = []
        try:
            threads += [pool.submit(work_in_thread) for _ in range(n_threads)]
            begin.set()
            while wait(threads, timeout=0.1).not_done:
                pass  # a signal that comes just before the waiting begins does not end it: look again
        except KeyboardInterrupt:  # it comes to the main thread alone, which is this one
            interrupted.set()
            work()  # what no thread has taken yet ends at once
        finally:
            begin.set()
        for thread in threads:
            thread.result()
    return [results[i] for i in range(len(blocks))]


def members_per_block(member: Member) -> int:
    """Members whose parameters, optimizer's memory and activations fit the cache together."""
    network = member.architecture.outline
    numbers = (4 + len(member.optimizer.state_names)) * network.n_parameters
    numbers += member.batch_size * network.n_activations
    return max(1, int(BLOCK_BYTES / (numbers * np.dtype(member.dtype).itemsize)))
