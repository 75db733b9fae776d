"""When Numba is imported, what is compiled, and that nobody sees anything of it."""

import gc
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from skdl._compiled import policy

TEXT = "def loop(a):\n    for i in range(a.size):\n        a[i] = a[i] + 1.0\n"
TWO = TEXT.replace("1.0", "2.0")


class Adding:
    """A loop that adds one in NumPy's way, and two when it is compiled, so that one sees which it was."""

    def __init__(self, compiler, text=TWO):
        self.source, self.signatures, self.compiled = text, ["void(float64[::1])"], None
        self.run = self.by_numpy
        compiler.add(self)

    def by_numpy(self, a):
        a += 1

    def exchange(self, compiled):
        self.compiled = self.run = compiled

    def use(self, *, compiled):
        self.run = self.compiled if compiled and self.compiled else self.by_numpy

    def __call__(self):
        a = np.zeros(1)
        self.run(a)
        return a[0]


def wait_for(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.02)


def test_what_is_missing_is_compiled_by_another_process_and_taken_when_it_is_there(compiler, cache):
    loop = Adding(compiler)
    compiler.work(1.0, 1.0, 1.0)
    assert loop() == 1
    assert len(list(cache.glob("loops/*/*.claim"))) == 1

    def is_exchanged():
        compiler.work(0.0, 0.0, 0.0)
        return loop() == 2

    wait_for(is_exchanged)
    assert not compiler.wanted
    assert compiler.trouble is None
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "skdl-compiler"])
    assert [path.name[:5] for path in compiler.store.folder.iterdir()] == ["loop_"]  # no claim, no request
    again = policy.Compiler()
    found = Adding(again)
    again.work(0.0, 0.0, 0.0)
    assert found() == 2


def test_what_cannot_be_compiled_stays_with_numpy(compiler):
    compiler.way = "eager"
    loop = Adding(compiler, "def loop(a):\n    a.no_such_method()\n")
    assert loop() == 1
    assert not compiler.wanted
    [reason] = compiler.failures.values()
    assert "no_such_method" in reason
    assert Adding(compiler)() == 2  # others do not mind


def test_using_compares_both_ways(compiler):
    loop = Adding(compiler)
    with compiler.using("eager"):
        assert loop() == 2
        with compiler.using("off"):
            assert loop() == 1
            assert Adding(compiler)() == 1
        assert loop() == 2
    assert compiler.way == "auto"


def broken(monkeypatch, how):
    def version(name):
        if how == "old":
            return "0.60.1rc1"
        raise policy.PackageNotFoundError(name)

    def import_module(name):
        raise SystemError(f"{name} was built for another Python")

    if how in ("missing", "old"):
        monkeypatch.setattr(policy, "version", version)
    elif how == "switched off":
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    else:
        monkeypatch.setattr(policy.importlib, "import_module", import_module)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("missing", "ImportError: Numba is not installed"),
        ("old", "ImportError: Numba 0.60.1rc1 is older than 0.61"),
        ("switched off", "RuntimeError: NUMBA_DISABLE_JIT is set"),
        ("broken", "SystemError: llvmlite was built for another Python"),
    ],
)
@pytest.mark.parametrize("way", ["auto", "eager"])
def test_without_a_numba_that_works_it_is_numpy(compiler, cache, monkeypatch, how, reason, way):
    broken(monkeypatch, how)
    compiler.way = way
    loop = Adding(compiler)
    compiler.work(1.0, 1.0, 1.0)
    compiler.work(1.0, 1.0, 1.0)
    with compiler.using("eager"):
        assert loop() == 1
    assert compiler.trouble.startswith(reason)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("__version__", "0.99.0", "ImportError: Numba 0.99.0 is imported where 0."),
        ("config", SimpleNamespace(DISABLE_JIT=1), "RuntimeError: Numba's DISABLE_JIT is set"),
        (None, None, "ModuleNotFoundError: "),
    ],
)
def test_a_numba_that_fails_once_it_is_imported(compiler, monkeypatch, name, value, reason):
    import numba

    first = Adding(compiler)
    with compiler.using("eager"):
        assert first() == 2
    if name is None:
        monkeypatch.setitem(sys.modules, "numba", None)
    else:
        monkeypatch.setattr(numba, name, value)
    again = policy.Compiler()
    loop = Adding(again)
    again.work(1.0, 1.0, 1.0)
    again.work(1.0, 1.0, 1.0)
    assert loop() == 1
    assert again.trouble.startswith(reason)


def test_numba_is_not_imported_while_nothing_is_compiled(compiler, monkeypatch):
    loop = Adding(compiler)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(sys, "executable", None)
    compiler.work(1.0, 1.0, 1.0)
    assert loop() == 1
    assert compiler.trouble is None
    assert compiler.wanted


@pytest.mark.parametrize("executable", [None, "", "/usr/bin/another_program"])
def test_another_program_is_not_taken_for_python(compiler, monkeypatch, executable):
    def started(*args, **kwargs):
        raise AssertionError("started")

    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(policy.subprocess, "Popen", started)
    loop = Adding(compiler)
    compiler.work(1.0, 1.0, 1.0)
    assert loop() == 1
    assert compiler.trouble is None


def test_a_process_that_cannot_be_started_is_not_missed(compiler, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    loop = Adding(compiler)
    compiler.work(1.0, 1.0, 1.0)
    compiler.work(1.0, 1.0, 1.0)
    assert loop() == 1
    assert compiler.trouble.startswith("FileNotFoundError")


def test_a_cache_that_vanishes_or_is_full_is_not_missed(compiler, monkeypatch):
    first, second = Adding(compiler), Adding(compiler, TEXT)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    assert compiler.open() is not None
    monkeypatch.setattr(policy._build, "build", full)
    monkeypatch.setattr(type(compiler.store), "requests", full)
    compiler.work(1.0, 1.0, 1.0)
    assert "No space left" in compiler.trouble
    with compiler.using("eager"):
        assert first() == second() == 1


@pytest.fixture
def decisions(monkeypatch, cache):
    """A compiler of a loop that is never found, whose decisions alone are looked at."""

    class Decisions(policy.Compiler):
        taken = requested = 0

        def _take(self, *, compile_now=False):
            self.taken += 1
            return [("name", "text", [])]

        def _request(self, missing):
            self.requested += 1

    monkeypatch.setenv("SKDL_COMPILED", "auto")
    monkeypatch.setattr(policy, "LOOK_AGAIN", 0.0)
    compiler = Decisions()
    compiler.kept = Adding(compiler)
    return compiler


def test_a_second_of_work_neither_imports_nor_compiles(decisions):
    for i in range(1, 11):
        decisions.work(0.1, 0.1 * i, 1.0 - 0.1 * i)
    assert (decisions.taken, decisions.requested) == (0, 0)


def test_what_is_about_to_end_is_left_as_it_is(decisions):
    for i in range(10, 25):
        decisions.work(0.1, 0.1 * i, policy.PAYS_AHEAD - 0.1)
    assert (decisions.taken, decisions.requested) == (0, 0)


def test_a_long_piece_of_work_does_both(decisions):
    for i in range(1, 10):
        decisions.work(0.1, 0.1 * i, 60.0)
    assert decisions.taken == 0
    for i in range(10, 13):
        decisions.work(0.1, 0.1 * i, 60.0)
    assert decisions.taken > 1
    assert decisions.requested >= 1


def test_work_says_what_is_ahead_by_how_fast_it_went_since_it_began_to_tell(monkeypatch):
    told, now = [], [0.0]
    monkeypatch.setattr(policy.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(policy.COMPILER, "work", lambda *seconds: told.append(seconds))
    work = policy.Work()
    for seconds, done in ((3.0, 0.01), (1.0, 0.26), (1.0, 0.51), (1.0, 1.0)):  # the first seconds were for other things
        now[0] += seconds
        work.tell(done)
    assert [seconds for seconds, _, _ in told] == [3, 1, 1, 1]
    assert [so_far for _, so_far, _ in told] == [3, 4, 5, 6]
    assert [ahead for *_, ahead in told] == pytest.approx([0, 4 * 0.74, 4 * 0.49, 0])


def test_many_short_pieces_come_to_it_too(decisions):
    for n in range(1, 200):
        decisions.work(1 / 16, 1 / 16, 1 / 16)
        assert (decisions.taken > 0) == (n / 16 >= policy.PAYS_AFTER_PIECES)
        assert (decisions.requested > 0) == (n / 16 >= policy.PAYS_TO_COMPILE_AFTER_PIECES)


def test_another_thread_does_not_wait_for_the_one_that_loads(decisions):
    entered, go_on = threading.Event(), threading.Event()
    take = decisions._take

    def slow(**options):
        entered.set()
        assert go_on.wait(60)
        return take(**options)

    decisions._take = slow
    thread = threading.Thread(target=decisions.work, args=(5.0, 5.0, 5.0))
    thread.start()
    assert entered.wait(60)
    decisions.work(5.0, 5.0, 5.0)  # and comes back
    assert decisions.taken == 0
    go_on.set()
    thread.join()
    assert decisions.taken == 1


def test_loops_that_nobody_has_any_more_are_forgotten(compiler):
    loop = Adding(compiler)
    assert len(compiler.loops) == len(compiler.wanted) == 1
    del loop
    gc.collect()
    assert len(compiler.loops) == len(compiler.wanted) == 0


@pytest.mark.parametrize(
    ("value", "way"),
    [("", "auto"), ("auto", "auto"), ("1", "auto"), ("off", "off"), ("0", "off"), (" OFF ", "off"), ("eager", "eager")],
)
def test_the_variable(monkeypatch, value, way):
    monkeypatch.setenv("SKDL_COMPILED", value)
    assert policy.Compiler().way == way


def test_an_unknown_value_is_said_and_not_taken(monkeypatch):
    monkeypatch.setenv("SKDL_COMPILED", "of")
    with pytest.warns(UserWarning, match="SKDL_COMPILED must be one of auto, off, eager. Got 'of': taken as auto"):
        assert policy.Compiler().way == "auto"


FIT = """
import os, sys, time
import numpy as np
from skdl import MLPClassifier
from skdl._compiled import COMPILER
X = np.random.default_rng(0).normal(size=(200, 5))
y = (X[:, 0] > 0).astype(int)
MLPClassifier((8,), max_iter={max_iter}, early_stopping=False, random_state=0).fit(X, y)
"""


def run(script, cache, *options, **variables):
    variables = {**os.environ, "SKDL_COMPILED": "auto", "SKDL_CACHE_DIR": str(cache), **variables}
    done = subprocess.run([sys.executable, *options, "-c", script], capture_output=True, text=True, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_importing_and_a_short_fit_neither_import_numba_nor_write(cache):
    script = "import sys, skdl, skdl.testing\nassert 'numba' not in sys.modules\n" + FIT.format(max_iter=2)
    run(script + "assert 'numba' not in sys.modules and COMPILER.worked > 0\n", cache, "-W", "error", "-X", "dev")
    assert not cache.exists()


def test_a_process_that_ends_before_its_compiler_says_nothing(cache):
    """Nor where warnings are errors, here and for the process that compiles."""
    patch = "from skdl._compiled import policy\nfor name in dir(policy):\n"
    patch += "    if name.startswith('PAYS') or name == 'LOOK_AGAIN': setattr(policy, name, 0.0)\n"
    script = patch + FIT.format(max_iter=3) + "print(COMPILER.trouble, COMPILER.failures)"
    assert run(script, cache, "-W", "error", "-X", "dev", PYTHONWARNINGS="error") == "None {}\n"
    wait_for(lambda: list(cache.glob("loops/*/*/digests.json")) and not list(cache.glob("loops/*/*.claim")))
    found = "n = sum(loop.compiled is not None for loop in COMPILER.loops); print(n == len(COMPILER.loops) > 0)"
    assert run(patch + FIT.format(max_iter=40) + found, cache) == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_a_process_that_is_forked_while_a_thread_loads_has_a_lock_of_its_own(cache):
    script = """
import os, threading
from skdl._compiled import COMPILER
held, done = threading.Event(), threading.Event()
def hold():
    with COMPILER._lock:
        held.set()
        done.wait(60)
thread = threading.Thread(target=hold)
thread.start()
held.wait(60)
child = os.fork()
if child == 0:
    os._exit(0 if COMPILER._lock.acquire(timeout=30) else 1)
_, status = os.waitpid(child, 0)
done.set()
thread.join()
print(status)
"""
    assert run(script, cache, "-W", "ignore") == "0\n"


def test_importing_a_part_makes_no_loop(cache):
    """Loops are made where they are first asked for: else an import would load, or compile, what nobody runs."""
    script = "import skdl; from skdl import *; from skdl._compiled import COMPILER; print(len(COMPILER.loops))"
    assert run(script, cache, SKDL_COMPILED="eager") == "0\n"
