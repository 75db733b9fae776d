"""Whose turn it is among tasks."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable

from skdl.parallel.jobs import Call, Task

QueueItem = tuple[int, int, Task]  # the deepest tasks first, since others wait for them; then as they were given


class Turns:
    """Tasks that have not begun, that run, and that can go on.

    Each task that has not ended is in one place: in the queue; or it runs; or it is ready to go on; or it waits, for a
    training, for tasks of its own, or in another process, which is the scheduler's to know. A task begins or goes on
    only when nobody runs. So one runs at a time, but for those that are given up, which only have to end, and do so at
    once. A caller from outside that gives its first tasks counts as running, so that none of them begins too early.

    Not safe for threads: the scheduler holds its lock.
    """

    def __init__(self) -> None:
        self._running: set[Task | Call] = set()
        self._ready: deque[Task] = deque()
        self._queue: list[QueueItem] = []
        self._order = itertools.count()

    # Those that run.

    @property
    def taken(self) -> bool:
        """True while somebody runs."""
        return bool(self._running)

    def take(self, who: Task | Call) -> None:
        self._running.add(who)

    def leave(self, who: Task | Call) -> None:
        self._running.discard(who)

    # Those that can go on.

    def go_on(self, task: Task) -> None:
        """Let a task that waits have its turn when it comes; one that is given up has it now."""
        if task.call.cancelled:
            self.take(task)
            task.turn.set()
        else:
            self._ready.append(task)

    def next_goes_on(self) -> bool:
        """Give the turn to a task that can go on, if there is one."""
        if not self._ready:
            return False
        task = self._ready.popleft()
        self.take(task)
        task.turn.set()
        return True

    # Those that have not begun.

    @property
    def first(self) -> QueueItem | None:
        """The task that begins next."""
        return self._queue[0] if self._queue else None

    @property
    def queued(self) -> list[QueueItem]:
        """All that have not begun, in their order."""
        return sorted(self._queue)

    def add(self, task: Task) -> None:
        heapq.heappush(self._queue, (-task.call.depth, next(self._order), task))

    def put_back(self, items: Iterable[QueueItem], *, ahead: int = 0) -> None:
        """Queue tasks again where they were, or so many levels ahead."""
        for depth, order, task in items:
            heapq.heappush(self._queue, (depth - ahead, order, task))

    def begin_first(self) -> Task:
        """Take the first task out of the queue, and give it the turn."""
        task = heapq.heappop(self._queue)[2]
        self.take(task)
        return task

    def remove(self, is_wanted: Callable[[Task], bool]) -> list[QueueItem]:
        """Take tasks out of the queue; gives them in their order."""
        removed = [item for item in self.queued if is_wanted(item[2])]
        self._queue = [item for item in self._queue if not is_wanted(item[2])]
        heapq.heapify(self._queue)
        return removed
