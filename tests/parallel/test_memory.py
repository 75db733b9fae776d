"""Memory between tasks, measured in a process of its own."""

import subprocess
import sys

import pytest

from skdl.parallel import memory
from skdl.parallel.memory import memory_kept

MEASURE = """
import resource, sys, threading
from contextlib import nullcontext
import numpy as np
from skdl.parallel.memory import memory_kept

SIZE = 40_000_000

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def work():
    held = [np.ones(SIZE // 8) for _ in range(3)]
    del held[1:]

def in_threads(n):
    for _ in range(n):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

before = resident()
with memory_kept() if sys.argv[1] == "kept" else nullcontext():
    in_threads(5)
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    in_threads(5)
    faults, held = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun, resident() - before
print(faults, held / SIZE, (resident() - before) / SIZE)
"""


def measured(how):
    """Page faults of some tasks, and what the process holds after them and at the end, in arrays."""
    environment = {"NUMPY_MADVISE_HUGEPAGE": "0"}  # faults are counted in pages of one size
    command = [sys.executable, "-c", MEASURE, how]
    return map(
        float, subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.skipif(memory._glibc() is None, reason="only glibc is asked to keep memory")
def test_arrays_use_the_memory_of_those_before():
    otherwise, *_ = measured("as it is")
    faults, held, after = measured("kept")
    assert faults < otherwise / 3
    assert held > 3
    assert after < 1.5


def test_without_glibc_nothing_changes(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with memory_kept():
        pass
