"""Compile loops, each into a folder of its own. Run as a script, it needs Numba alone, not skdl.

A loop is a module of functions, of which the last one, `loop`, is called from Python. Its folder has the source, what
Numba keeps of it, and the digests of both. It is made elsewhere and renamed when it is whole: so a process that is
killed leaves nothing that another one would take, and of two that compile the same loop one is the faster.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

DIGESTS = "digests.json"
LONG_AGO = 946684800  # when each source was changed last: older versions of Numba ask, and a copy may have lost it
PARTS = ".part-"  # what the names of unfinished folders and files begin with
BEATS = 2.0  # seconds after which a process that compiles says that it is still there
FORGOTTEN = 24 * 3600.0  # seconds after which what is unfinished is left over


def load(folder: Path, signatures: list[str]) -> Any:
    """The compiled `loop` of a folder, from what Numba keeps there, else compiled now, and kept."""
    numba: Any = importlib.import_module("numba")
    path = folder / f"{folder.name}.py"
    module = ModuleType(folder.name)
    sys.modules[folder.name] = module  # Numba looks there for a function's globals
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    # Without fastmath nothing is contracted or reordered: the bits are NumPy's. Python's error model would test every
    # divisor for zero, and keep divisions from being packed.
    options = {"nogil": True, "error_model": "numpy"}
    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and name != "loop":
            setattr(module, name, numba.njit(**options)(function))
    with _kept_beside_the_source(numba.config):
        return numba.njit(signatures, cache=True, **options)(module.loop)


@contextmanager
def _kept_beside_the_source(config: Any) -> Iterator[None]:
    """Wherever a user wants Numba to keep other functions."""
    before = {name: getattr(config, name, "") for name in ("CACHE_DIR", "CACHE_LOCATOR_CLASSES")}
    before = {name: value for name, value in before.items() if value}
    for name in before:
        setattr(config, name, "")
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


def build(store: Path, name: str, text: str, signatures: list[str]) -> None:
    """Compile a loop into the folder `name` of a store, unless another process has done so meanwhile."""
    unfinished = Path(tempfile.mkdtemp(prefix=PARTS, dir=store))
    try:
        folder = unfinished / name
        folder.mkdir()
        source = folder / f"{name}.py"
        source.write_text(text, encoding="utf-8")
        os.utime(source, (LONG_AGO, LONG_AGO))
        load(folder, signatures)
        digests = {path.relative_to(folder).as_posix(): _digest(path) for path in folder.rglob("*") if path.is_file()}
        if not any(each.endswith(".nbc") for each in digests):
            raise OSError(f"Numba kept nothing in {folder}")
        (folder / DIGESTS).write_text(json.dumps(digests), encoding="utf-8")
        move(folder, store / name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def move(folder: Path, target: Path) -> None:
    """Put a folder in its place, unless there is one already."""
    try:
        folder.rename(target)
    except OSError:
        if not target.exists():
            raise


def is_whole(folder: Path) -> bool:
    """True if a folder's files are those that were compiled; and they are as old as Numba takes them to be."""
    try:
        digests = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        whole = all(_digest(folder / name) == digest for name, digest in digests.items())
        source = folder / f"{folder.name}.py"
        if whole and source.stat().st_mtime != LONG_AGO:
            os.utime(source, (LONG_AGO, LONG_AGO))
    except (OSError, ValueError, AttributeError):
        return False
    return whole and source.name in digests


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def claim_of(store: Path, name: str) -> Path:
    """A file that says that a process is about to compile a loop; it is touched while this is so."""
    return store / f"{name}.claim"


def failure_of(store: Path, name: str) -> Path:
    """A file that says why a loop cannot be compiled by this version of Numba."""
    return store / f"{name}.failed"


def main(arguments: list[str]) -> None:
    """Build what a file of requests lists, with what is left of the machine."""
    path = Path(arguments[0])
    requests, store = json.loads(path.read_text(encoding="utf-8")), path.parent
    path.unlink()
    sys.path[:] = requests["path"]
    if hasattr(os, "nice"):
        os.nice(10)
    left = [name for name, _, _ in requests["loops"]]
    threading.Thread(target=_beat, args=(store, left), daemon=True).start()
    _tidy(store)
    for name, text, signatures in requests["loops"]:
        try:
            if not (store / name).exists():
                build(store, name, text, signatures)
        except Exception as error:  # what is not Numba's opinion of the loop may be better another time
            if any(each.__name__ == "NumbaError" for each in type(error).__mro__):
                failure_of(store, name).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        left.remove(name)
        claim_of(store, name).unlink(missing_ok=True)


def _beat(store: Path, names: list[str]) -> None:
    while names:
        for name in list(names):
            with suppress(OSError):
                os.utime(claim_of(store, name))
        time.sleep(BEATS)


def _tidy(store: Path) -> None:
    """Remove what processes that were killed have left."""
    for path in store.glob(f"{PARTS}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
