"""What other processes tell this one while they work: lines of JSON in a file that all of them append to.

A file needs no connection, no thread there, and nothing of joblib's; a message is written whole, and read at most a
tenth of a second later.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

EVERY = 0.1  # seconds between two looks


class Relay:
    """The end in another process; it can be sent there.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        self.path = path

    def __call__(self, *message: Any) -> None:
        """Tell the other process; what JSON has no word for arrives as what it prints as."""
        line = json.dumps(message, default=str) + "\n"
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            return  # nobody listens any more
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


@contextmanager
def listening(path: str, receive: Callable[..., None]) -> Iterator[Relay]:
    """Call `receive` with each message of the relay, in a thread, until the body has ended and all have been read."""
    open(path, "wb").close()
    over = Event()
    with open(path, "rb") as file:

        def read() -> None:
            rest = b""
            while True:
                last = over.wait(EVERY)
                *lines, rest = (rest + file.read()).split(b"\n")
                for line in lines:
                    receive(*json.loads(line))
                if last:
                    return

        thread = Thread(target=read, name="skdl", daemon=True)
        end: Callable[[], None] = thread.join
        try:
            thread.start()
        except RuntimeError:  # no more threads: all is read in the end
            end = read
        try:
            yield Relay(path)
        finally:
            over.set()
            end()
