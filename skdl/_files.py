"""Files that are written whole, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None  # type: ignore[assignment]  # or a module

BINARY = getattr(os, "O_BINARY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` in one step where the block ends; where it raises, all is as it was.

    It is written beside `path` under a random name, and created by this call: a link that another user has put there is
    not followed. Leftovers of saves to the same path that were killed are removed.
    """
    folder, name = os.path.split(os.path.abspath(path))
    begin = f".skdl-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}-"
    _remove_leftovers(folder, begin)
    beside, number = _created(folder, begin)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()
            os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _created(folder: str, begin: str) -> tuple[str, int]:
    """A new file, locked for as long as it is open; its mode is what the umask leaves."""
    while True:
        beside = os.path.join(folder, f"{begin}{secrets.token_hex(16)}.part")
        number = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK | BINARY, 0o666)
        _lock(number)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(beside), os.fstat(number)):
                return beside, number
        os.close(number)  # another save took it for a left-over before it was locked


def _remove_leftovers(folder: str, begin: str) -> None:
    """Remove what broken saves have left: files of the pattern that no process has locked."""
    pattern = re.compile(re.escape(begin) + r"[0-9a-f]{32}\.part")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_unless_locked(entry.path)


def _remove_unless_locked(path: str) -> None:
    number = os.open(path, os.O_RDWR | NO_LINK | NO_WAIT | BINARY)
    try:
        if fcntl is not None and stat.S_ISREG(os.fstat(number).st_mode) and _lock(number):
            os.unlink(path)
    finally:
        os.close(number)
    if fcntl is None:
        os.unlink(path)


def _lock(number: int) -> bool:
    """Lock an open file; False where another one has, or the file system knows no locks."""
    try:
        if fcntl is not None:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
