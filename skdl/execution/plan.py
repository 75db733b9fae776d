"""The plan of a training: members grouped by structure, and groups cut into blocks for threads or processes.

How a fit is computed depends on its structure alone, never on the company it has or on the number of threads, because a
product that is split over BLAS threads may round differently. Networks with a large product leave the threads to BLAS;
all others run with one BLAS thread, and threads or processes take blocks of members.
"""

from __future__ import annotations

import math
import multiprocessing
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from skdl.engine import TrainingSpec
from skdl.execution.cost import members_per_block, processes_worth, seconds_of, threads_worth

Block = list[int]  # positions of members in their group


def groups_of(members: Sequence[TrainingSpec]) -> list[list[int]]:
    """Positions of the members that share a structure, group by group."""
    if len(members) == 1:
        return [[0]]
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, member in enumerate(members):
        groups[member.structure].append(i)
    return list(groups.values())


@dataclass(frozen=True)
class Plan:
    """The plan for a group.

    Parameters
    ----------
    blocks : list of Block
        Each is trained as one stack (or, by a full-batch optimizer, one by one).
    n_processes, n_threads : int
        That take the blocks; with more than one process the threads are for what these cannot do.
    threads_blas : bool
        Whether BLAS has threads of its own.
    """

    blocks: list[Block]
    n_processes: int = 1
    n_threads: int = 1
    threads_blas: bool = False

    @classmethod
    def of(cls, group: Sequence[TrainingSpec], n_threads: int) -> Plan:
        """The plan for members of one structure, for that many threads at most."""
        first = group[0]
        # scipy's search calls BLAS on its few vectors in each iteration: threads there cost more than the whole rest.
        size = 1 if first.optimizer.full_batch else members_per_block(first)
        if first.threads_blas:
            return cls(blocks_of(group, size, 1), threads_blas=True)
        n_processes = processes_for(group, n_threads)
        if not first.optimizer.full_batch:
            n_threads = n_processes if n_processes > 1 else threads_worth(group, n_threads)
        return cls(blocks_of(group, size, n_threads), n_processes, n_threads)


def rounds_of(members: Sequence[TrainingSpec], n_threads: int) -> int:
    """The number of blocks that each thread or process trains one after the other."""
    plans = [Plan.of([members[i] for i in group], n_threads) for group in groups_of(members)]
    return sum(math.ceil(len(plan.blocks) / max(plan.n_threads, plan.n_processes)) for plan in plans)


def processes_for(members: Sequence[TrainingSpec], n_threads: int) -> int:
    """The number of processes that should train the members in place of that many threads; 1 for none."""
    # Random numbers that two members draw in turn, or a callback, are not the same in two processes.
    alone = not any(map(calls_back, members)) and len({id(member.generator) for member in members}) == len(members)
    if n_threads == 1 or not alone or multiprocessing.parent_process() is not None:
        return 1
    return processes_worth(sum(map(seconds_of, members)), n_threads)


def calls_back(member: TrainingSpec) -> bool:
    """True if the training calls functions of this process: it stays here."""
    return any(function is not None for function in (member.begin, member.report, member.score))


def blocks_of(group: Sequence[TrainingSpec], size: int, n_threads: int) -> list[Block]:
    """The group in blocks of about equal size, at most `size`, as many for each thread.

    Members of one length stand side by side, and among them those of the same data, which are kept together where they
    fill blocks of their own, or where blocks of whole data are equal: if they go through their rows in one order, as
    candidates of a search with one seed do, one batch is there for all of them.
    """
    numbers = data_numbers([member.rows.data_key for member in group])
    ordered = sorted(range(len(group)), key=lambda i: (group[i].rows.n, numbers[i]))
    starts = [i for i in range(len(ordered)) if i == 0 or numbers[ordered[i]] != numbers[ordered[i - 1]]]
    by_data = [ordered[a:b] for a, b in pairwise([*starts, len(ordered)])]
    if len(group) / len(by_data) >= size / 2:
        blocks = [block for data in by_data for block in split_evenly(data, -(-len(data) // size))]
        if len(blocks) % n_threads == 0:
            return blocks
    n_blocks = n_threads * -(-len(group) // (size * n_threads))
    length = len(by_data[0]) * -(-len(by_data) // n_blocks)  # of a block of whole data
    alike = len({len(data) for data in by_data}) == 1 and length <= size
    if alike and (n_threads == 1 or len(by_data) % n_blocks == 0):
        return [ordered[start : start + length] for start in range(0, len(group), length)]
    return split_evenly(ordered, n_blocks)


def data_numbers(keys: Sequence[Hashable]) -> list[int]:
    """Keys of data as numbers, 0, 1, ..., in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def split_evenly(positions: Block, n_blocks: int) -> list[Block]:
    """The positions in so many blocks, or fewer, none of which is larger than it must be."""
    size = -(-len(positions) // n_blocks)
    return [positions[start : start + size] for start in range(0, len(positions), size)]
