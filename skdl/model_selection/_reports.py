"""Reports on the fits of a search: their times reach the ledger beside the scores, never in place of one.

A task may run in another process, and all that comes back from it are scores. In the ledger's own process a report is
put down where the ledger finds it. In any other the score is a float that takes the report along: where its pickle is
read, in the ledger's process, the report is put down and the plain float is left. A report that is lost on the way
costs no more than the time in a table.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Report(NamedTuple):
    """A fit that the ledger has: the digest of its parameters, its scores on the test rows, and its times."""

    parameters: str
    score: Any
    fit_time: float
    score_time: float


_RUNS: dict[str, dict[int, Report]] = {}


class Run(NamedTuple):
    """One search: a name that no other has, and the process that waits for its reports."""

    name: str
    process: int

    def reported(self, score: float, place: int, report: Report) -> float:
        """The score, after its report is put down or sent along."""
        if self.process != os.getpid() or self.name not in _RUNS:
            return _Reporting.of(score, self.name, place, report)
        _RUNS[self.name][place] = report
        return score


@contextmanager
def collecting() -> Iterator[tuple[Run, dict[int, Report]]]:
    """A run, and its reports by the places of the fits."""
    run = Run(secrets.token_hex(16), os.getpid())
    _RUNS[run.name] = {}
    try:
        yield run, _RUNS[run.name]
    finally:
        del _RUNS[run.name]


class _Reporting(float):
    """A score that puts its report down where it arrives."""

    sent: tuple[str, int, Report]

    @classmethod
    def of(cls, score: float, *sent: Any) -> _Reporting:
        reporting = cls(score)
        reporting.sent = sent
        return reporting

    def __reduce__(self) -> Any:
        return _arrived, (float(self), *self.sent)


def _arrived(score: float, name: str, place: int, report: Report) -> float:
    if name in _RUNS:
        _RUNS[name][place] = report
    return score
