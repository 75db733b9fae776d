"""When loops are compiled: never before it pays, and never while anybody waits.

Both ways give the same bits, so that the loops of a training can be exchanged between two of its steps. Numba is
imported, and loops that were compiled before are loaded, when this process has spent a second in training, and is to
spend another, or has spent three in short pieces: it takes a third of one. What has not been compiled on this machine
yet is compiled by a process of its own, for a training that takes longer than a second, and is taken when it is there,
in this training or a later one.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from skdl._compiled import _build
from skdl._compiled.store import Store

VARIABLE = "SKDL_COMPILED"
WAYS = ("auto", "off", "eager")
PAYS_TO_LOAD = 1.0  # seconds of work in this process, and as many ahead: Numba takes a third of one to begin
PAYS_AFTER_PIECES = 3.0  # seconds of work in this process, after which as many may be expected
PAYS_TO_COMPILE = 1.0  # seconds of one piece of work
CLAIM_HOLDS = 300.0  # seconds for which others trust that a process compiles what it said
LOOK_AGAIN = 0.25  # seconds between two looks for what was compiled


class Exchangeable(Protocol):
    """What runs in two ways: a `Loop`."""

    source: str
    signatures: list[str]

    def exchange(self, compiled: Any) -> None: ...

    def use(self, *, compiled: bool) -> None: ...


class Compiler:
    """Numba in this process, or the reason why it is not used."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.way = self._way_of_environment()
        self.loops: list[Exchangeable] = []
        self.wanted: list[Exchangeable] = []  # those of them that have no compiled form so far
        self.worked = 0.0
        self.trouble: str | None = None
        self._looked = -math.inf
        self._store: Store | None = None

    @staticmethod
    def _way_of_environment() -> str:
        way = os.environ.get(VARIABLE, "auto").strip().lower() or "auto"
        return {"0": "off", "false": "off", "no": "off", "1": "auto", "true": "auto"}.get(way, way)

    def add(self, loop: Exchangeable) -> None:
        """Take a new loop, which runs by NumPy until it is exchanged."""
        with self._lock:
            self.loops.append(loop)
            self.wanted.append(loop)
            if self.way == "eager":
                self._take(compile_now=True)

    def work(self, seconds: float, so_far: float, ahead: float) -> None:
        """Account for seconds of work that loops could do; the piece of work took `so_far`, and `ahead` may follow."""
        self.worked += seconds
        if self.way != "auto" or not self.wanted or self.trouble is not None:
            return
        is_due = self.worked >= PAYS_AFTER_PIECES or (self.worked >= PAYS_TO_LOAD and ahead >= PAYS_TO_LOAD)
        if self._store is None and not is_due:
            return
        now = time.monotonic()
        if now < self._looked + LOOK_AGAIN or not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            self._looked = now
            missing = self._take()
            if missing and so_far >= PAYS_TO_COMPILE:
                self._request(missing)
        finally:
            self._lock.release()

    def open(self) -> Store | None:
        """The store, for Numba as it is installed; None where there is none, or it does not work."""
        if self._store is None and self.trouble is None:
            try:
                self._store = Store(_compiler_and_processor())
            except Exception as error:  # missing, too old for this NumPy, broken, no place to write
                self.trouble = f"{type(error).__name__}: {error}"
        return self._store

    def _take(self, *, compile_now: bool = False) -> list[tuple[Path, list[str]]]:
        """Exchange what is compiled; returns what is not."""
        store = self.open()
        if store is None:
            return []
        left, missing = [], []
        for loop in self.wanted:
            try:
                source = store.source(loop.source, loop.signatures)
                mark = _build.mark_of(source)
                if compile_now and not mark.exists():
                    _build.build(source, loop.signatures)
                if not mark.exists():
                    left.append(loop)
                    missing.append((source, loop.signatures))
                elif mark.stat().st_size == 0:  # else it cannot be compiled, and stays NumPy's
                    loop.exchange(_build.load(source, loop.signatures))
            except Exception as error:  # a cache that vanished, or is full: NumPy's way works
                self.trouble = f"{type(error).__name__}: {error}"
                return []
        self.wanted = left
        return missing

    def _request(self, missing: list[tuple[Path, list[str]]]) -> None:
        """Let another process compile, with what the machine has left; it goes on when this one ends."""
        listed = [[str(source), signatures] for source, signatures in missing if _claim(source)]
        if not listed or not sys.executable:
            return
        assert self._store is not None
        with tempfile.NamedTemporaryFile("w", dir=self._store.folder, suffix=".json", delete=False) as requests:
            json.dump(listed, requests)
        command = [sys.executable, str(Path(_build.__file__)), requests.name]
        try:
            builder = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
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
            for loop in self.loops:
                loop.use(compiled=way != "off")
        try:
            yield
        finally:
            self.way = before
            with self._lock:
                for loop in self.loops:
                    loop.use(compiled=before != "off")


def _claim(source: Path) -> bool:
    """True for the one process that is to have a loop compiled; what was not done in a while is claimed again."""
    claim = source.with_suffix(".claimed")
    try:
        if time.time() - claim.stat().st_mtime < CLAIM_HOLDS:
            return False
        claim.touch()
    except FileNotFoundError:
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            return False
    return True


def _compiler_and_processor() -> str:
    llvmlite, numba, binding = (importlib.import_module(name) for name in ("llvmlite", "numba", "llvmlite.binding"))
    if numba.config.DISABLE_JIT:
        raise RuntimeError("NUMBA_DISABLE_JIT is set")
    features = ",".join(sorted(name for name, has in binding.get_host_cpu_features().items() if has))
    return f"numba {numba.__version__}, llvmlite {llvmlite.__version__}, {binding.get_host_cpu_name()}: {features}"


COMPILER = Compiler()


class Work:
    """A piece of work, such as a training, that tells the compiler from time to time how far it is."""

    def __init__(self) -> None:
        self._begun = self._told = time.monotonic()

    def tell(self, done: float) -> None:
        """The share of the work that is done, in (0, 1]; more often than worth a look costs a microsecond."""
        now = time.monotonic()
        so_far = now - self._begun
        COMPILER.work(now - self._told, so_far, so_far * (1 / done - 1))
        self._told = now
