"""Peers side by side: rests between them, ratios of paired rounds, peak memory, one plain training, the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import numpy as np
from threadpoolctl import threadpool_info

from skdl.optimizers import Adam
from skdl.schedules import Cosine

# One training of a network on the inputs as they are, standardised, in textbook steps: the work of the libraries that a
# network is compared with. The defaults do more (a trial and a second training, encoded inputs), and may change.
PLAIN_TRAINING = {
    "encoding": None,
    "early_stopping": False,
    "optimizer": Adam(learning_rate=0.01),
    "schedule": Cosine(end=0.03),
    "alpha": 1e-3,
}
REST = 0.2  # seconds: idle threads of the previous peer spin for a while
NUMPY_WAY = "skdl, NumPy's way"  # the peer that runs in a child of its own


def timed(peers: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each peer in each round, after one round that does not count.

    With BENCHMARK_CLOCK=processor they are those of the processor, of all processes, for a machine that is shared.
    """
    clock = processor_seconds if os.environ.get("BENCHMARK_CLOCK") == "processor" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds + 1):
        for name, peer in peers.items():
            time.sleep(REST)
            start = clock()
            peer()
            seconds[name].append(clock() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def processor_seconds() -> float:
    """Of this process and all that it has started and that still run, on Linux.

    With one thread in each (OMP_NUM_THREADS=1), since threads that wait for others do so busily.
    """
    total = 0.0
    for pid in descendants(os.getpid()):
        with suppress(OSError):  # it has just ended
            total += time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid makes it
    return total


def descendants(pid: int) -> list[int]:
    """A process and those that its threads have started."""
    found = [pid]
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += descendants(int(child))
    return found


class Child:
    """The works of a benchmark in a process of its own, whose environment says that no loops are compiled.

    `script --serve` answers each line of its input, the name of a work, when it has done it once. So works of both
    ways are timed in turn, as peers in one process are.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script, "--serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SKDL_COMPILED": "off"},
        )
        self.requests, self.answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)

    def work(self, name: str) -> Callable[[], object]:
        def call() -> None:
            self.requests.write(f"{name}\n")
            self.requests.flush()
            if self.answers.readline() != "done\n":
                raise RuntimeError(f"the child did not do {name!r}")

        return call

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()  # closes its input, which ends it


def serve(own: Callable[[str], Callable[[], object]]) -> None:
    """What `Child` talks to; `own(name)` prepares a work."""
    works: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        name = line.removesuffix("\n")
        if name not in works:
            works[name] = own(name)
        works[name]()
        print("done", flush=True)


def table(title: str, seconds: dict[str, np.ndarray], *, notes: dict[str, str] | None = None) -> None:
    """Median seconds, and the median over rounds of each peer's time over that of the first one, skdl."""
    first, *_ = seconds.values()
    print(title)
    for name, values in seconds.items():
        note = (notes or {}).get(name, "")
        print(f"  {name:34s} {np.median(values):9.4f} s  {np.median(values / first):7.2f} x skdl  {note}".rstrip())
    print(flush=True)


def ratio(slower: np.ndarray, faster: np.ndarray) -> str:
    """The median of paired ratios, with the quartiles of the rounds."""
    low, median, high = np.quantile(slower / faster, (0.25, 0.5, 0.75))
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def machine() -> str:
    """Processor, cores, threads of the libraries, versions."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    avx512 = "with" if "avx512f" in found.get("flags", "") else "without"
    names = ("numpy", "scipy", "scikit-learn", "numba", "torch", "skorch", "faiss-cpu")
    versions = [f"{name} {version}" for name in names if (version := installed(name))]
    pools = {
        " ".join(str(pool.get(key) or "") for key in ("internal_api", "version", "architecture", "num_threads"))
        + " threads"
        for pool in threadpool_info()
    }
    model = found.get("model name") or platform.processor() or platform.machine()
    kind = f"family {found.get('cpu family')}, model {found.get('model')}, " if found else ""
    return "\n".join(
        [
            f"{model} ({kind}{avx512} AVX-512), {os.cpu_count()} cores, {platform.platform()}",
            f"Python {platform.python_version()}, {', '.join(versions)}",
            f"Seconds of the {os.environ.get('BENCHMARK_CLOCK', 'clock')}, "
            f"SKDL_COMPILED={os.environ.get('SKDL_COMPILED', 'auto')}, where a line does not say otherwise",
            *sorted(pools),
        ]
    )


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def peak_megabytes(script: str) -> float:
    """Growth of the resident set while the last line of `script` runs, in a process of its own."""
    *preparation, work = script.strip().splitlines()
    code = "\n".join(
        [
            "import threading, time, pathlib, os",
            "page = os.sysconf('SC_PAGE_SIZE')",
            "def resident(): return int(pathlib.Path('/proc/self/statm').read_text().split()[1]) * page / 1e6",
            *preparation,
            "peak, done = [resident()], threading.Event()",
            "def watch():",
            "    while not done.wait(0.001): peak.append(max(peak.pop(), resident()))",
            "start = resident()",
            "thread = threading.Thread(target=watch); thread.start()",
            work,
            "done.set(); thread.join()",
            "print(max(peak[0], resident()) - start)",
        ]
    )
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
