"""Ledgers that are damaged, and disks that are full: no wrong score, no lost record without a word."""

import errno
import itertools
import json
import os
import re
import resource
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import BaseCrossValidator, GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skdl.model_selection import SearchLedger, _records, _reports, ledger
from skdl.model_selection._records import CHECK, START, append, line_of, read

X, y = load_iris(return_X_y=True)
SEARCH = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1.0]}, cv=2, refit=False, return_train_score=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sweep.jsonl"


@pytest.fixture
def clean(path):
    """A ledger of four lines; `SEARCH` without it."""
    SearchLedger(path).fit(clone(SEARCH), X, y)
    return path.read_bytes()


PLAIN = clone(SEARCH).fit(X, y).cv_results_


def assert_as_without(results, plain=PLAIN):
    assert list(results) == list(plain)
    for name, expected in plain.items():
        if not name.endswith("_time"):
            np.testing.assert_array_equal(results[name], expected, err_msg=name)


def resumed(path, search=SEARCH):
    """The results of the search that goes on, and the lines that a warning named."""
    _records.finished.cache_clear()  # a test changes a file faster than its time of change can tell
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = SearchLedger(path).fit(clone(search), X, y).cv_results_
    messages = [str(warning.message) for warning in caught]
    assert len(messages) <= 1
    named = [
        re.fullmatch(rf"{path}: lines? ([\d, ]+) of this .* left out. A fit that .* again.", each) for each in messages
    ]
    return results, [int(number) for match in named for number in match[1].split(", ")]


# Lines that do not hold


def changed(content, place, how, new):
    return {
        "flip": content[:place] + bytes([content[place] ^ (new % 255 + 1)]) + content[place + 1 :],
        "delete": content[:place] + content[place + 1 :],
        "insert": content[:place] + bytes([new]) + content[place:],
    }[how]


def check_a_changed_byte(path, clean, place, how, new):
    damaged = changed(clean, place, how, new)
    path.write_bytes(damaged)
    results, named = resumed(path)
    assert_as_without(results)
    for key in ("mean_fit_time", "mean_score_time"):
        assert (results[key] < 1).all()
    # A newline that is lost and a blank at a line's end are no harm.
    whole = clean.splitlines()
    whole = {*whole, *(one + two for one, two in itertools.pairwise(whole)), b""}
    lines = [re.sub(rb"\s+(?={.skdl)", b"", line.rstrip()) for line in damaged.split(b"\n")]
    assert named == [number for number, line in enumerate(lines, 1) if line not in whole]
    assert len(read(str(path)).records) == 4


@pytest.mark.parametrize("how", ["flip", "delete", "insert"])
def test_any_byte_may_be_another(how, path, clean):
    rng = np.random.default_rng(0)
    ends = [place for place, byte in enumerate(clean) if byte == ord("\n")]
    for place in [0, len(clean) - 1, *ends[:2], *rng.integers(0, len(clean), 40)]:
        check_a_changed_byte(path, clean, place, how, int(rng.integers(256)))


def with_checksum(content):
    return START + CHECK % _records._checksum(content) + content + b"\n"


NESTED = b"[" * 100_000 + b"]" * 100_000
VALUES = [None, True, -1, 1.5, -0.5, 1e300, 10**30, "x", "nan", "2026-99-99", [], [1.0], {}, {"a": 1}, {"a": None}]


def test_fields_that_are_missing_or_of_another_type(path, clean):
    """With a checksum that is right, as who makes up a file would write it."""
    whole = [json.loads(line) for line in clean.splitlines()]
    for record in whole:
        del record["skdl_ledger"], record["check"]
    finished = whole[0]
    failed = {name: finished[name] for name in finished if "score" not in name and "test" not in name} | {
        "error": "E: x"
    }
    assert read_one(path, finished) == [finished]
    assert read_one(path, failed) == [failed]
    free = {"parameters": dict, "estimator": str, "error": str, "fit_time": float, "score_time": float}
    free |= {"test_score": float, "train_score": float}  # any number is a score, and infinity is "inf"
    n_refused = 0
    for record in (finished, failed):
        for name in record:
            without = {key: value for key, value in record.items() if key != name}
            assert read_one(path, without) == ([without] if name == "train_score" else []), name
            for value in VALUES:
                mutated = {**record, name: value}
                found = read_one(path, mutated)
                if found:
                    assert type(value) is free.get(name) or (value == "nan" and "score" in name), (name, value)
                n_refused += not found
    assert n_refused > 200
    more = {**finished, "more": 1}
    assert read_one(path, more) == []


def read_one(path, record):
    path.write_bytes(with_checksum(json.dumps(record)[1:].encode()))
    content = read(str(path))
    assert content.damaged == ([] if content.records else [1])
    return content.records


HOSTILE = {
    "nothing": b"",
    "torn": b'"parameters": {',
    "deep": b'"parameters": ' + NESTED + b"}",
    "deep in what is known": b'"parameters": {"a": ' + NESTED + b"}}",
    "no UTF-8": b'"estimator": "\xff\xfe"}',
    "constants": b'"fit_time": NaN, "score_time": Infinity}',
    "long": b'"n_test_rows": ' + b"9" * 10_000 + b"}",
    "a list": b'"a": 1}, []',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines(name, path, clean):
    lines = clean.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], with_checksum(HOSTILE[name]), *lines[1:]]))
    results, named = resumed(path)
    assert named == [2]
    assert_as_without(results)
    assert len(read(str(path)).records) == 4


def test_a_field_twice(path, clean):
    lines = clean.splitlines(keepends=True)
    content = lines[0][len(START) + len(CHECK % (b"0" * 16)) :].rstrip()
    twice = with_checksum(content[:-1] + b', "test_score": 0.5}')
    path.write_bytes(twice + b"".join(lines[1:]))
    results, named = resumed(path)
    assert named == [1]
    assert_as_without(results)


def test_scores_of_other_metrics_do_not_stand_for_this_one(path, clean):
    """A record of the fit with a score by name, where the search has one score."""
    record = json.loads(clean.splitlines()[0])
    del record["skdl_ledger"], record["check"]
    record |= {"test_score": {"a": 0.5}, "train_score": {"a": 0.5}}
    path.write_bytes(line_of(record) + b"".join(clean.splitlines(keepends=True)[1:]))
    results, named = resumed(path)
    assert named == []
    assert_as_without(results)


def test_foreign_lines_and_glued_ones(path, clean):
    lines = clean.splitlines(keepends=True)
    path.write_bytes(b"a,b\n" + lines[0][:-30] + lines[1] + b"\n\n  \n" + lines[2].rstrip() + lines[3] + b'{"x": 1}\n')
    results, named = resumed(path)
    assert named == [1, 2, 7]
    assert_as_without(results)
    content = read(str(path))
    assert len(content.records) == 4
    with pytest.warns(UserWarning, match="lines 1, 2, 7 of this search ledger are damaged"):
        assert len(SearchLedger(path).results()) == 4


def test_many_damaged_lines_are_one_warning(path, clean):
    path.write_bytes(clean + b"x\n" * 100)
    with pytest.warns(
        UserWarning, match=r"lines 5, 6, 7, 8, 9 and 95 more of this search ledger are damaged"
    ) as caught:
        assert_as_without(SearchLedger(path).fit(clone(SEARCH), X, y).cv_results_)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_workers_are_silent_about_damage(path, clean, capfd):
    path.write_bytes(b"x\n" + clean[1000:])
    with parallel_config("loky", n_jobs=2):
        results, named = resumed(path)
    assert named == [1, 2]
    assert_as_without(results)
    assert "damaged" not in capfd.readouterr().err


def test_what_is_not_a_file_is_refused_at_once(tmp_path):
    for place in ("/dev/null", "/dev/full"):
        with pytest.raises(ValueError, match=f"'{place}' is not a regular file"):
            SearchLedger(place).fit(clone(SEARCH), X, y)
    with pytest.raises(IsADirectoryError):
        SearchLedger(tmp_path).fit(clone(SEARCH), X, y)


# Writes that are not whole


def record_of(path):
    record = json.loads(path.read_bytes().splitlines()[0])
    return {name: value for name, value in record.items() if name not in ("skdl_ledger", "check")}


def test_a_short_write_is_made_good(path, clean, monkeypatch):
    record, write, lengths = record_of(path), os.write, [100, 0, None]
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[: lengths.pop(0)]))
    append(str(path), record)
    assert not lengths
    monkeypatch.undo()
    append(str(path), record)
    content = read(str(path))
    assert len(content.records) == 4 + 2
    assert content.damaged == [5]


def test_a_write_that_stays_short_is_an_error(path, clean, monkeypatch):
    record, write = record_of(path), os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:100]))
    with pytest.raises(OSError, match="No space left on device") as caught:
        append(str(path), record)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    append(str(path), record)  # when there is room again
    assert len(read(str(path)).records) == 4 + 1


class Filling(GaussianNB):
    """In whichever process it is fitted, files can become no longer than a file says, as on a full disk."""

    def __init__(self, *, var_smoothing=1e-9, folder=None):
        super().__init__(var_smoothing=var_smoothing)
        self.folder = folder

    def fit(self, X, y):
        try:
            with open(os.path.join(self.folder, "limit")) as file:
                limit = int(file.read())
        except FileNotFoundError:
            limit = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        return super().fit(X, y)


@pytest.fixture
def limits():
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.parametrize("backend", ["sequential", "loky", "skdl"])  # threads would go on beside the test
@pytest.mark.parametrize("train_scores", [False, True])
def test_a_full_disk_ends_the_search_with_an_error_that_says_so(backend, train_scores, path, limits):
    grid = {"var_smoothing": [1e-9, 0.1, 1.0]}
    search = GridSearchCV(Filling(folder=str(path.parent)), grid, cv=2, refit=False, return_train_score=train_scores)
    plain = clone(search).fit(X, y).cv_results_
    (path.parent / "limit").write_text("1500")  # amidst the third or fourth line
    with (
        parallel_config(backend, n_jobs=2),
        pytest.raises(OSError, match=r"The search was stopped.*sweep\.jsonl") as caught,
    ):
        SearchLedger(path).fit(clone(search), X, y)
    assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert path.stat().st_size == 1500
    n_before = len(read(str(path)).records)
    assert 1 <= n_before <= 4
    (path.parent / "limit").unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    results, named = resumed(path, search)
    assert named == [n_before + 1]
    assert_as_without(results, plain)
    assert len(read(str(path)).records) == 6
    assert_as_without(resumed(path, search)[0], plain)


def test_a_ledger_that_cannot_be_read_any_more_is_no_matter_of_the_estimator(path, monkeypatch):
    def fails(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("skdl.model_selection._recording.finished", fails)
    with pytest.raises(PermissionError, match=r"Permission denied\. The search was stopped"):
        SearchLedger(path).fit(clone(SEARCH), X, y)


def test_what_cannot_be_told_apart_is_said_and_not_taken_for_a_failed_fit(path):
    search = GridSearchCV(Filling(), {"folder": [Opened()]}, cv=2)
    with pytest.raises(ValueError, match="SearchLedger must be able to tell one Opened from another"):
        SearchLedger(path).fit(search, X, y)


class Opened:
    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("is open")


# What the search is given


class Reversed(GridSearchCV):
    """A search that takes its candidates in two rounds, the last one first."""

    def _run_search(self, evaluate_candidates):
        candidates = [{"var_smoothing": value} for value in (1.0, 1e-9)]
        evaluate_candidates(candidates[:1])
        evaluate_candidates(candidates[1:])


DERIVED = Reversed(GaussianNB(), {}, cv=3, refit=False, return_train_score=True, scoring=["accuracy", "neg_log_loss"])


@pytest.mark.parametrize("search", [SEARCH, DERIVED, clone(DERIVED).set_params(return_train_score=False)])
@pytest.mark.parametrize("backend", ["sequential", "loky", "threading", "multiprocessing", "skdl"])
@pytest.mark.parametrize("frame", [False, True])
def test_no_number_but_scores_is_given_to_the_search(search, backend, frame, path, monkeypatch):
    """Before anything is put back, the results of the search are what they are without a ledger."""
    data = pd.DataFrame(X) if frame else X
    given, restored = [], ledger._restored

    def seen(results, **more):
        given.append(results)
        return restored(results, **more)

    monkeypatch.setattr(ledger, "_restored", seen)
    plain = clone(search).fit(data, y).cv_results_
    with parallel_config(backend, n_jobs=2):
        for _ in range(2):
            found = SearchLedger(path).fit(clone(search), data, y).cv_results_
            assert_as_without(given.pop(), plain)
            assert_as_without(found, plain)
    # And the times of the second run are those that the first one has recorded.
    table = SearchLedger(path).results().groupby("param_var_smoothing")["fit_time"]
    for row, params in enumerate(found["params"]):
        np.testing.assert_allclose(found["mean_fit_time"][row], table.mean()[params["var_smoothing"]], rtol=1e-12)


def test_reports_that_are_lost_or_not_those_of_the_fit_cost_times_only(path, clean, monkeypatch):
    collected = []
    for change in (
        lambda report: None,
        lambda report: report._replace(parameters="0" * 16, fit_time=1e6),
        lambda report: report._replace(score=0.123, fit_time=1e6),
    ):

        def reported(self, score, place, report, change=change):
            collected.append(place)
            if (report := change(report)) is not None:
                _reports._RUNS[self.name][place] = report
            return score

        monkeypatch.setattr(_reports.Run, "reported", reported)
        results = SearchLedger(path).fit(clone(SEARCH), X, y).cv_results_
        assert_as_without(results)
        assert (results["mean_fit_time"] < 1).all()
    assert collected == [0, 1, 2, 3] * 3
    assert not _reports._RUNS


class Overlapping(BaseCrossValidator):
    """Two folds that are one and the same."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def _iter_test_indices(self, X=None, y=None, groups=None):
        yield np.arange(0, 150, 2)
        yield np.arange(0, 150, 2)


def test_folds_that_are_equal(path):
    search = clone(SEARCH).set_params(cv=Overlapping())
    plain = clone(search).fit(X, y).cv_results_
    for _ in range(2):
        assert_as_without(SearchLedger(path).fit(clone(search), X, y).cv_results_, plain)
