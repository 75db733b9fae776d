"""Blocks of members trained by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event

from skdl.engine import TrainingResult, TrainingSpec
from skdl.engine.training_spec import Signal

TrainBlock = Callable[[Sequence[TrainingSpec], Signal], list[TrainingResult]]


def train_in_threads(
    train: TrainBlock, blocks: Sequence[Sequence[TrainingSpec]], n_threads: int, interrupted: Signal
) -> list[list[TrainingResult]]:
    """The outcomes that `train(block, interrupted)` gives for each block."""
    results: dict[int, list[TrainingResult]] = {}
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
