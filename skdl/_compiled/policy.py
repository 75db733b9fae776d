"""When loops are compiled: never before it pays, and never while anybody waits.

Both ways give the same bits, so that the loops of a training can be exchanged between two of its steps. Loops that were
compiled before are loaded when this process has spent a second in training, and is to spend two more, or has spent
three in short pieces: to import Numba for it takes a third of a second, which a default fit makes up for in one or two.
What has not been compiled on this machine yet is compiled by a process of its own, for a training that takes longer
than a second, or after ten seconds of short ones, and is taken when it is there, then or later.
"""

from __future__ import annotations

import importlib
import math
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

from skdl._compiled import _build
from skdl._compiled.store import Store, name_of

VARIABLE = "SKDL_COMPILED"
WAYS = ("auto", "off", "eager")
OLDEST = (0, 61)  # of Numba, as in pyproject.toml
PAYS_TO_LOAD = 1.0  # seconds of work in this process
PAYS_AHEAD = 2.0  # and of what is ahead in this piece of work: Numba takes a third of one to begin
PAYS_AFTER_PIECES = 3.0  # seconds of work in this process, after which as many may be expected
PAYS_TO_COMPILE = 1.0  # seconds of one piece of work
PAYS_TO_COMPILE_AFTER_PIECES = 10.0  # seconds of work in this process
# Settings of Numba that change nothing of what it makes of a loop, as others do. Workers of joblib have the first.
ALIKE = {"NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES"}
LOOK_AGAIN = 0.25  # seconds between two looks for what was compiled


class Exchangeable(Protocol):
    """What runs in two ways: a `Loop`."""

    source: str
    signatures: list[str]
    compiled: Any

    def exchange(self, compiled: Any) -> None: ...

    def use(self, *, compiled: bool) -> None: ...


class Compiler:
    """Numba in this process, or the reason why it is not used."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.way = _way_of_environment()
        self.loops: WeakSet[Exchangeable] = WeakSet()
        self.wanted: WeakSet[Exchangeable] = WeakSet()  # those of them that may still get a compiled form
        self.worked = 0.0
        self.trouble: str | None = None
        self.failures: dict[str, str] = {}  # of loops that stay NumPy's
        self.store: Store | None = None
        self._is_imported = False
        self._looked = -math.inf
        self._requested: set[str] = set()

    def add(self, loop: Exchangeable) -> None:
        """Take a new loop, which runs by NumPy until it is exchanged."""
        with self._lock:
            self.loops.add(loop)
            if loop.source:
                self.wanted.add(loop)
            if self.way == "eager":
                self._take(compile_now=True)

    def work(self, seconds: float, so_far: float, ahead: float) -> None:
        """Account for seconds of work that loops could do; the piece of work took `so_far`, and `ahead` may follow."""
        self.worked += seconds
        if self.way != "auto" or not self.wanted or self.trouble is not None:
            return
        is_due = self.worked >= PAYS_AFTER_PIECES or (self.worked >= PAYS_TO_LOAD and ahead >= PAYS_AHEAD)
        if not self._is_imported and not is_due:
            return
        now = time.monotonic()
        if now < self._looked + LOOK_AGAIN or not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            self._looked = now
            missing = self._take()
            if missing and (so_far >= PAYS_TO_COMPILE or self.worked >= PAYS_TO_COMPILE_AFTER_PIECES):
                self._request(missing)
        finally:
            self._lock.release()

    def open(self) -> Store | None:
        """The store, for Numba as it is installed; None where there is none that would do."""
        if self.store is None and self.trouble is None:
            try:
                self.store = Store(_compiler_and_processor())
            except Exception as error:  # missing, too old, switched off, no place to write
                self.trouble = f"{type(error).__name__}: {error}"
        return self.store

    def _has_numba(self) -> bool:
        if not self._is_imported and self.trouble is None:
            try:
                _import_numba()
                self._is_imported = True
            except Exception as error:  # built for another NumPy, say
                self.trouble = f"{type(error).__name__}: {error}"
        return self._is_imported

    def _take(self, *, compile_now: bool = False) -> list[tuple[str, str, list[str]]]:
        """Exchange what is compiled; returns what is not."""
        store = self.open()
        if store is None:
            return []
        missing = []
        for loop in list(self.wanted):
            request = name_of(loop.source, loop.signatures), loop.source, loop.signatures
            name, compiled = request[0], None
            try:
                failure = store.failure(name)
                if failure is None and (compile_now or store.has(name)):
                    if not self._has_numba():
                        return []
                    compiled = store.load(name, loop.signatures)
                if compiled is None and failure is None and compile_now:
                    _build.build(store.folder, *request)
                    compiled = store.load(name, loop.signatures)
            except Exception as error:  # whatever a compiler may say, and whatever a disk: NumPy's way works
                failure = f"{type(error).__name__}: {error}"
            if failure is not None:
                self.failures[name] = failure
                self.wanted.discard(loop)
            elif compiled is not None:
                loop.exchange(compiled)
                self.wanted.discard(loop)
            else:
                missing.append(request)
        return missing

    def _request(self, missing: list[tuple[str, str, list[str]]]) -> None:
        """Let another process compile, with what the machine has left; it goes on when this one ends."""
        # What is not called Python may be another program, in which Python runs.
        if not sys.executable or "python" not in Path(sys.executable).name.lower() or hasattr(sys, "frozen"):
            return
        new = [each for each in missing if each[0] not in self._requested]
        self._requested |= {name for name, _, _ in new}
        assert self.store is not None
        try:
            requests = self.store.requests(new)
            if requests is None:
                return
            # Neither the folder of the script nor filters of warnings: what is imported is what this process imports.
            builder = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", str(Path(_build.__file__)), str(requests)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self.trouble = f"{type(error).__name__}: {error}"
            return
        threading.Thread(target=builder.wait, name="skdl-compiler", daemon=True).start()

    @contextmanager
    def using(self, way: str) -> Iterator[None]:
        """All loops in one way, "off" or "eager", for comparisons; what is compiled for it stays compiled."""
        before = self.way
        self.way = way
        with self._lock:
            if way == "eager":
                self._take(compile_now=True)
            for loop in list(self.loops):
                loop.use(compiled=way != "off")
        try:
            yield
        finally:
            self.way = before
            with self._lock:
                for loop in list(self.loops):
                    loop.use(compiled=before != "off")

    def forked(self) -> None:
        """In a process that was forked, perhaps while another thread had the lock."""
        self._lock = threading.RLock()


def _way_of_environment() -> str:
    given = os.environ.get(VARIABLE, "").strip().lower()
    way = {"": "auto", "0": "off", "false": "off", "no": "off", "1": "auto", "true": "auto"}.get(given, given)
    if way not in WAYS:
        warnings.warn(f"{VARIABLE} must be one of {', '.join(WAYS)}. Got {given!r}: taken as auto.", stacklevel=2)
        return "auto"
    return way


def numbers_of(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _compiler_and_processor() -> str:
    """What a store is for. Numba is not imported for it: where nothing is compiled yet, nobody waits for that."""
    try:
        numba = version("numba")
    except PackageNotFoundError:
        raise ImportError("Numba is not installed") from None
    if numbers_of(numba) < OLDEST:
        raise ImportError(f"Numba {numba} is older than {'.'.join(map(str, OLDEST))}")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise RuntimeError("NUMBA_DISABLE_JIT is set")
    llvmlite, binding = (importlib.import_module(name) for name in ("llvmlite", "llvmlite.binding"))
    features = ",".join(sorted(name for name, has in binding.get_host_cpu_features().items() if has))
    settings = sorted(
        f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_") and name not in ALIKE
    )
    compiler = f"numba {numba}, llvmlite {llvmlite.__version__}"
    return f"{compiler}, {binding.get_host_cpu_name()}: {features}; {settings}"


def _import_numba() -> None:
    numba: Any = importlib.import_module("numba")
    if numba.__version__ != version("numba"):  # its own files would not do for it
        raise ImportError(f"Numba {numba.__version__} is imported where {version('numba')} is installed")
    if numba.config.DISABLE_JIT:
        raise RuntimeError("Numba's DISABLE_JIT is set")


COMPILER = Compiler()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COMPILER.forked)


class Work:
    """A piece of work, such as a training, that tells the compiler from time to time how far it is."""

    def __init__(self) -> None:
        self._begun = self._told = time.monotonic()
        self._first: tuple[float, float] | None = None

    def tell(self, done: float) -> None:
        """The share of the work that is done, in (0, 1]; more often than worth a look costs a microsecond."""
        now, ahead = time.monotonic(), 0.0
        if self._first is None:
            self._first = now, done  # what came before this was preparation too, and says little of what is ahead
        elif done > self._first[1]:
            ahead = (now - self._first[0]) / (done - self._first[1]) * (1 - done)
        COMPILER.work(now - self._told, now - self._begun, ahead)
        self._told = now
