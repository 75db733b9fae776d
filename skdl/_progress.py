"""Lines on work in progress: the share that is done, the time taken, and the time that it may still take."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

Watch = Callable[[dict[str, Any] | None, str | None], None]  # of an epoch's record, and of the reason to end
INTERVAL = 1.0  # seconds between two lines on work as a whole; or a tenth of what has passed, up to
LONGEST_INTERVAL = 30.0
LAST = ("diverged", "interrupted", "stopped")  # reasons after which no second training follows a trial
ENDINGS = {"converged": "no more progress", "max_time": "out of time", "stopped": "stopped"}

_label: ContextVar[str] = ContextVar("label", default="")


@contextmanager
def labelled(text: str) -> Iterator[None]:
    """Put a label in front of the lines of networks that are fitted in the body."""
    token = _label.set(f"{_label.get()}[{text}] ")
    try:
        yield
    finally:
        _label.reset(token)


def duration(seconds: float) -> str:
    """A time in words.

    Examples
    --------
    >>> from skdl._progress import duration
    >>> duration(0.84), duration(59.6), duration(4000)
    ('0.8 s', '1 min 0 s', '1 h 7 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min"


class EpochLines:
    """One line per epoch of one network.

    Parameters
    ----------
    last : int
        The epoch that ends the training, if nothing else does.
    unit : str
        Noun of what is counted, such as "epoch".
    max_time : float or None
        Seconds after which the training ends.
    phase : str
        Words for the part of a fit that the epochs are in, to stand before them.
    is_scored : bool
        Whether the validation score of an epoch is one of its own.
    """

    def __init__(self, last: int, unit: str, max_time: float | None, phase: str = "", *, is_scored: bool = True):
        self.phase, self.is_scored = phase, is_scored
        self.last, self.unit, self.max_time = last, unit, max_time
        self.label = _label.get()
        self.first: int | None = None

    def __call__(self, record: dict[str, Any] | None, reason: str | None) -> None:
        if record is None:
            return
        now, epoch, score = time.monotonic(), record["epoch"], record["validation_score"]
        if self.first is None:
            self.first, self.begun = epoch, now - record["seconds"]
        passed = now - self.begun
        parts = [f"{self.phase}{self.unit} {epoch}/{self.last}", f"loss {record['loss']:.6g}"]
        if score is not None and self.is_scored:
            parts.append(f"validation score {score:.6g}")
        parts.append(duration(passed))
        if reason is None and epoch < self.last:
            left = passed / (epoch - self.first + 1) * (self.last - epoch)
            left = left if self.max_time is None else min(left, max(0.0, self.max_time - passed))
            parts.append(f"about {duration(left)} left")
        elif reason in ENDINGS:
            parts.append(ENDINGS[reason])
        print(self.label + ", ".join(parts), flush=True)


class Work:
    """Networks in training, at the same time or one after the other, and a line now and then on all of them.

    Parameters
    ----------
    label : str
        Beginning of each line.
    total : callable
        The number of all of them, or None where it is not known.
    noun : str
        Plural of what they are, such as "networks".
    write : callable
        Writes a line; by default to the standard output.
    alike : bool
        Whether they learn the same, so that a mean of their losses says something.
    """

    def __init__(
        self,
        label: str,
        total: Callable[[], int | None],
        noun: str,
        write: Callable[[str], object] | None = None,
        alike: bool = True,
    ):
        self.label, self.total, self.noun, self._alike = label, total, noun, alike
        self._write = write or partial(print, flush=True)
        self._lock = threading.Lock()
        self._begun = self._last_line = time.monotonic()
        self._first_note: float = math.inf
        self._first: dict[Hashable, int] = {}  # the epoch that each one went on from
        self._running: dict[Hashable, tuple[int, int, float]] = {}  # epochs done, of how many, and the loss
        self._ended: set[Hashable] = set()
        self._trials: dict[Hashable, int] = {}  # epochs of a first training, which a second one may follow

    @property
    def n_seen(self) -> int:
        """Those that have begun."""
        return len(self._first.keys() | self._ended)

    def watch(self, key: Hashable, n_epochs: int) -> Watch:
        """A function that follows one of them through so many epochs."""
        return partial(self.note, key, n_epochs)

    def watch_phase(self, key: Hashable, phase: int, n_epochs: int) -> Watch:
        """The same for a training of two in one fit: the first is not the end, and the second counts on from it."""

        def watch(record: dict[str, Any] | None, reason: str | None) -> None:
            if phase == 1:
                self._trials[key] = 0 if record is None else record["epoch"]
                self.note(key, 2 * n_epochs, record, reason if reason in LAST else None)
                return
            before = self._trials.get(key, 0)
            shifted = None if record is None else {**record, "epoch": before + record["epoch"]}
            self.note(key, before + n_epochs, shifted, reason)

        return watch

    def note(self, key: Hashable, n_epochs: int, record: dict[str, Any] | None, reason: str | None) -> None:
        """Note the progress of one of them, and that it has ended if there is a reason."""
        with self._lock:
            self._first_note = min(self._first_note, time.monotonic())
            if record is not None:
                first = self._first.setdefault(key, record["epoch"] - 1)
                self._running[key] = record["epoch"] - first, n_epochs, record["loss"]
            if reason is not None:
                self._running.pop(key, None)
                self._ended.add(key)
            passed, since = time.monotonic() - self._begun, time.monotonic() - self._last_line
            if since >= min(LONGEST_INTERVAL, max(INTERVAL, 0.1 * passed)):
                self._last_line = time.monotonic()
                self._write(self.line(passed))

    def line(self, passed: float) -> str:
        """A line on the progress of all of them."""
        total, running = self.total(), list(self._running.values())
        of = "" if total is None else f" of {total}"
        parts = [f"{len(self._ended)}{of} {self.noun} done"]
        if running:
            epochs = [epoch for epoch, *_ in running]
            least, most = min(epochs), max(epochs)
            span = f"epoch {most}" if least == most else f"epochs {least} to {most}"
            parts.append(f"{len(running)} at {span} of {max(of for _, of, _ in running)}")
        if running and self._alike:
            parts.append(f"mean loss {sum(loss for *_, loss in running) / len(running):.4g}")
        parts.append(duration(passed))
        done = len(self._ended) + sum(min(1.0, epoch / of) for epoch, of, _ in running)
        trained = time.monotonic() - self._first_note  # the time before, as of starting processes, is not repeated
        if total is not None and 0 < done < total and trained > 0.5 * INTERVAL:  # the first epoch alone tells nothing
            parts.append(f"about {duration(trained / done * (total - done))} left")
        return self.label + ", ".join(parts)

    def close(self) -> None:
        """Write that all is done."""
        with self._lock:
            self._write(f"{self.label}{len(self._ended)} {self.noun} done, {duration(time.monotonic() - self._begun)}")


def together(*watches: Watch | None) -> Watch | None:
    """A function that calls all of these watches, or None without any."""
    present = [watch for watch in watches if watch is not None]
    return partial(_call_all, present) if len(present) > 1 else next(iter(present), None)


def _call_all(watches: list[Watch], record: dict[str, Any] | None, reason: str | None) -> None:
    for watch in watches:
        watch(record, reason)


def writer(verbose: int) -> Callable[[str], object]:
    """A function that writes lines to the stream that joblib writes to at this verbosity."""
    return partial(_write_line, "stderr" if verbose < 50 else "stdout")


def _write_line(stream: str, line: str) -> None:
    print(line, file=getattr(sys, stream), flush=True)
