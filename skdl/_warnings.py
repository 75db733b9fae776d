"""Warnings of ours that can be collected in any thread.

`warnings.catch_warnings` changes the filters of the whole process: two threads that enter it at the same time may leave
it with each other's, for ever. What warns by `warn` may be collected instead, by whoever fits several estimators and
says once what many of them have to say. The filters are never touched.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Warned = tuple[type[Warning], str]
_collected: ContextVar[list[Warned] | None] = ContextVar("collected", default=None)


def warn(message: str, category: type[Warning] = UserWarning, stacklevel: int = 1) -> None:
    """Give a warning as `warnings.warn` does, or to whoever collects those of this context."""
    collected = _collected.get()
    if collected is None:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    else:
        collected.append((category, message))


@contextmanager
def collecting() -> Iterator[list[Warned]]:
    """Collect what the body warns of."""
    found: list[Warned] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)
