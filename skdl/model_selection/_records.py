"""The ledger's file: one line of JSON a record, appended in one write, never changed.

Several processes append at the same time: the system puts each write at the file's end of that moment. A process that
is killed inside a write leaves a torn line; whoever opens the ledger next ends it, and no reader takes it for a record.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any, NamedTuple

START = '{"skdl_ledger": 1, '  # of every line: the format's name and version


class Snapshot(NamedTuple):
    """A ledger as it was when a search began; what is appended later is another snapshot."""

    path: str
    size: int
    modified: int


def open_ledger(path: str | os.PathLike[str]) -> Snapshot:
    """Make the file if there is none, end a torn last line, and note how far the file goes."""
    path = os.path.abspath(path)
    with open(path, "ab+", buffering=0) as file:
        file.seek(0)
        check_is_ledger(path, file.read(len(START)))
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        status = os.fstat(file.fileno())
    return Snapshot(path, status.st_size, status.st_mtime_ns)


def check_is_ledger(path: str, head: bytes) -> None:
    """Raise a ValueError for a file that begins otherwise than a ledger, or a torn one, does."""
    if not START.encode().startswith(head.partition(b"\n")[0]):
        raise ValueError(f"{path!r} is not a search ledger of this version of skdl. Give the path of a new file.")


def append(path: str, record: dict[str, Any]) -> None:
    """Add one record; the line is written by a single call, so that lines of several processes do not mix."""
    line = START + json.dumps(record, allow_nan=False)[1:] + "\n"
    with open(path, "ab", buffering=0) as file:
        file.write(line.encode())


def read(path: str, size: int = -1) -> list[dict[str, Any]]:
    """The records in the first `size` bytes, or in all of the file; torn lines are left out."""
    with open(path, "rb") as file:
        content = file.read(size)
    check_is_ledger(path, content[: len(START)])
    records = []
    for line in content.split(b"\n"):
        if line.startswith(START.encode()):
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
    return records


def n_finished(snapshot: Snapshot, data: str) -> int:
    """How many finished fits to a data set there are."""
    return sum(record["data"] == data for tests in finished(snapshot).values() for record in tests.values())


@functools.lru_cache(maxsize=2)
def finished(snapshot: Snapshot) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """The finished fits by (task, training rows), then by test rows.

    Of several records of one fit the first counts, so that what was recorded stays; but one with the scores on the
    training rows counts more than one without.
    """
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for record in read(snapshot.path, snapshot.size):
        if "error" not in record:
            tests = found.setdefault((record["task"], record["training_rows"]), {})
            known = tests.setdefault(record["test_rows"], record)
            if "train_score" in record and "train_score" not in known:
                tests[record["test_rows"]] = record
    return found
