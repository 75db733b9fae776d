"""The ledger's file: one line of JSON a record, appended in one write, never changed.

Every line begins with the format's name and a checksum of what follows. A process that is killed inside a write leaves
a torn line, so does a full disk, and a disk may give back other bytes than it was given: what does not hold is left
out, and the fit that it was about is done again.

Several processes append at the same time: the system puts each write at the file's end of that moment.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import stat
from typing import Any, NamedTuple

from skdl._warnings import warn
from skdl.model_selection._schema import checked

START = b'{"skdl_ledger": 2, '  # of every line: the format's name and version
CHECK = b'"check": "%b", '
DIGITS = 16  # hexadecimal, of the checksum
ATTEMPTS = 3
MOST_NAMED = 5  # lines in a warning


class Snapshot(NamedTuple):
    """A ledger as it was when a search began; what is appended later is another snapshot."""

    path: str
    size: int
    modified: int


class Content(NamedTuple):
    """The records of a file, and the numbers of the lines that do not hold."""

    records: list[dict[str, Any]]
    damaged: list[int]


def open_ledger(path: str | os.PathLike[str]) -> Snapshot:
    """Make the file if there is none, warn of what is damaged in it, and note how far it goes."""
    path = os.path.abspath(path)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        status = os.fstat(file)
    finally:
        os.close(file)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path!r} is not a regular file, and cannot be a search ledger.")
    snapshot = Snapshot(path, status.st_size, status.st_mtime_ns)
    warn_of_damage(path, read(path, snapshot.size))
    return snapshot


def append(path: str, record: dict[str, Any]) -> None:
    """Add one record, whole, or raise an OSError.

    The line is written by a single call, so that lines of several processes do not mix. What a write leaves of a line
    is ended, and the line written anew: on a full disk that raises the error.
    """
    line = line_of(record)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        end = os.lseek(file, 0, os.SEEK_END)
        os.lseek(file, max(end - 1, 0), os.SEEK_SET)
        torn = os.read(file, 1) not in (b"", b"\n")
        for _ in range(ATTEMPTS):
            content = b"\n" + line if torn else line
            if os.write(file, content) == len(content):
                return
            torn = True
    finally:
        os.close(file)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def line_of(record: dict[str, Any]) -> bytes:
    """A record as a line, with its checksum."""
    content = json.dumps(record, allow_nan=False)[1:].encode()
    return START + CHECK % _checksum(content) + content + b"\n"


def read(path: str, size: int = -1) -> Content:
    """The content of the first `size` bytes, or of all of the file."""
    with open(path, "rb") as file:
        content = file.read(size)
    if START not in content and not START.startswith(content):
        raise ValueError(f"{path!r} is not a search ledger of this version of skdl. Give the path of a new file.")
    records, damaged = [], []
    for number, line in enumerate(content.split(b"\n"), 1):
        # A record may stand behind what is left of another. None has another's beginning inside, where quotes are
        # escaped.
        before, *parts = line.split(START)
        found = [_record(part.rstrip()) for part in parts]
        records += [record for record in found if record is not None]
        if before.strip() or None in found:
            damaged.append(number)
    return Content(records, damaged)


def _record(text: bytes) -> dict[str, Any] | None:
    """The record in a line from behind START on, None if it does not hold."""
    length = len(CHECK % (b"0" * DIGITS))
    check, content = text[:length], text[length:]
    if check != CHECK % _checksum(content):
        return None
    try:
        return checked(b"{" + content)
    except (ValueError, RecursionError):
        return None


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:DIGITS].encode()


def warn_of_damage(path: str, content: Content) -> None:
    """One warning that names all lines that do not hold."""
    if not content.damaged:
        return
    numbers = [str(number) for number in content.damaged[:MOST_NAMED]]
    more = len(content.damaged) - len(numbers)
    where = f"lines {', '.join(numbers)}" if len(numbers) > 1 else f"line {numbers[0]}"
    warn(
        f"{path}: {where}{f' and {more} more' if more else ''} of this search ledger "
        f"{'are' if len(content.damaged) > 1 else 'is'} damaged or not whole, and left out. A fit that was recorded "
        "there is done again.",
    )


def n_finished(snapshot: Snapshot, data: str) -> int:
    """The number of finished fits to a data set."""
    return sum(record["data"] == data for tests in finished(snapshot).values() for record in tests.values())


@functools.lru_cache(maxsize=2)
def finished(snapshot: Snapshot) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """The finished fits by (task, training rows), then by test rows.

    Of several records of one fit the first counts, so that what was recorded stays; but one with the scores on the
    training rows counts more than one without.
    """
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for record in read(snapshot.path, snapshot.size).records:
        if "error" not in record:
            tests = found.setdefault((record["task"], record["training_rows"]), {})
            known = tests.setdefault(record["test_rows"], record)
            if "train_score" in record and "train_score" not in known:
                tests[record["test_rows"]] = record
    return found
