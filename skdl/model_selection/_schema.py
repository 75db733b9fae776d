"""The schema of a record: a line with a valid checksum may still have been written by anybody."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

DIGEST = re.compile("[0-9a-f]{16}")
LONGEST = 1e12  # seconds
MOST_ROWS = 2**62
YEARS = range(1970, 2262)  # what a column of nanoseconds holds
NOT_FINITE = ("nan", "inf", "-inf")


def checked(line: bytes) -> dict[str, Any]:
    """The record in a line of JSON; a ValueError or a RecursionError for a line that is not one."""
    record = json.loads(line, object_pairs_hook=_without_repetition, parse_constant=_refused)
    kinds = FAILED if isinstance(record, dict) and "error" in record else FINISHED
    if not isinstance(record, dict) or record.keys() - {"train_score"} != kinds.keys():
        raise ValueError("not the fields of a record")
    if not all(holds(record[name]) for name, holds in kinds.items()):
        raise ValueError("fields of other types")
    if "train_score" in record and not (
        kinds is FINISHED and _is_score(record["train_score"]) and _names(record["train_score"]) == names_of(record)
    ):
        raise ValueError("other scores on the training rows")
    return record


def names_of(record: dict[str, Any]) -> tuple[str, ...] | None:
    """The metrics of a record, None for a single score without a name."""
    return _names(record["test_score"])


def _names(score: Any) -> tuple[str, ...] | None:
    return tuple(sorted(score)) if isinstance(score, dict) else None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field twice")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _is_time(value: Any) -> bool:
    return isinstance(value, float) and 0 <= value < LONGEST


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_ROWS


def _is_date(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    date = datetime.fromisoformat(value)  # a ValueError for other texts
    return date.utcoffset() == timedelta(0) and date.year in YEARS


def _is_number(value: Any) -> bool:
    return value in NOT_FINITE if isinstance(value, str) else isinstance(value, float) and math.isfinite(value)


def _is_score(value: Any) -> bool:
    return (bool(value) and all(map(_is_number, value.values()))) if isinstance(value, dict) else _is_number(value)


BOTH: dict[str, Callable[[Any], bool]] = {
    "parameters": _is_mapping,
    "fit_time": _is_time,
    "n_training_rows": _is_count,
    "finished": _is_date,
    "estimator": _is_text,
    "data": _is_digest,
    "training_rows": _is_digest,
    "task": _is_digest,
}
FAILED = {**BOTH, "error": _is_text}
FINISHED = {**BOTH, "test_score": _is_score, "score_time": _is_time, "n_test_rows": _is_count, "test_rows": _is_digest}
