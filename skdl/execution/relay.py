"""Messages of other processes to this one while they work: lines of JSON in a file that all of them append to.

A file needs no connection, no thread there, and nothing of joblib's; a message is written whole, and read at most a
tenth of a second later.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Event, Lock, Thread
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


class Listener:
    """The end in this process.

    Parameters
    ----------
    path : str
        The file.
    receive : callable
        Called with each message.
    """

    def __init__(self, path: str, receive: Callable[..., None]):
        open(path, "wb").close()
        self.relay, self._receive = Relay(path), receive
        self._file = open(path, "rb")  # noqa: SIM115 (closed by `listening`)
        self._lock, self._rest = Lock(), b""

    def catch_up(self) -> None:
        """Receive all that has been told so far."""
        with self._lock:
            *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
            for line in lines:
                self._receive(*json.loads(line))

    def close(self) -> None:
        self._file.close()


@contextmanager
def listening(path: str, receive: Callable[..., None]) -> Iterator[Listener]:
    """Call `receive` with each message of a relay, in a thread, until the body has ended and all have been read."""
    over = Event()
    with closing(Listener(path, receive)) as listener:

        def read() -> None:
            while not over.wait(EVERY):
                listener.catch_up()

        thread = Thread(target=read, name="skdl", daemon=True)
        with suppress(RuntimeError):  # no more threads: all is read in the end
            thread.start()
        try:
            yield listener
        finally:
            over.set()
            if thread.ident is not None:
                thread.join()
            listener.catch_up()
