"""What is said of the way that loops run."""

import sys
from importlib.metadata import PackageNotFoundError

import pytest

import skdl
from skdl._compiled import policy, report
from skdl._compiled.loop import Loop

ONE = "def loop(a):\n    for i in range(a.size):\n        a[i] = 1.0\n"


@pytest.fixture
def said(compiler, monkeypatch):
    """What is said of a new process's compiler, and that compiler."""
    monkeypatch.setattr(report, "COMPILER", compiler)
    monkeypatch.setattr(sys.modules["skdl._compiled.loop"], "COMPILER", compiler)
    return compiler


def test_before_numba_is_needed(said, cache):
    assert report.way_in_words().endswith(f"not needed so far in this process; 0 loops are kept in {cache / 'loops'}")
    assert report.way_in_words().startswith("compiled by Numba 0.")
    assert not cache.exists()


def test_once_loops_are_compiled(said):
    loop = Loop(lambda a: None, ONE, ["void(float64[::1])"])
    wrong = Loop(lambda a: None, "def loop(a):\n    a.no_such_method()\n", ["void(float64[::1])"])
    with said.using("eager"):
        assert loop.compiled is not None
        assert wrong.compiled is None
    first, second = report.way_in_words().splitlines()
    assert first.startswith("compiled by Numba 0.")
    assert first.endswith(f": 1 of 2 so far, kept in {said.store.folder}")
    assert second.startswith("loop_")
    assert " by NumPy: " in second


def test_switched_off(said):
    said.way = "off"
    assert report.way_in_words() == "by NumPy, switched off by SKDL_COMPILED"


def test_trouble(said, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert said.open() is None
    assert report.way_in_words() == "by NumPy: RuntimeError: NUMBA_DISABLE_JIT is set"


def test_numba_missing_or_too_old(said, monkeypatch):
    monkeypatch.delitem(sys.modules, "numba", raising=False)

    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(report, "version", version)
    assert report.way_in_words() == 'by NumPy: Numba is not installed; the extra "skdl[fast]" has it'
    monkeypatch.setattr(report, "version", lambda name: "0.60.0")
    assert report.way_in_words() == "by NumPy: Numba 0.60.0 is older than 0.61"
    assert "numba" not in sys.modules


def test_show_versions_says_what_a_report_needs(said, capsys):
    skdl.show_versions()
    text = capsys.readouterr().out
    for each in ("System:", "Python dependencies:", "scikit-learn ", "numba ", "Loops run:", "compiled by Numba 0."):
        assert each in text
    assert policy.VARIABLE not in text
