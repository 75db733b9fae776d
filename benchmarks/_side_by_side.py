"""Peers side by side in one process: rests between them, ratios of paired rounds, peak memory, one plain training."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

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


def timed(peers: dict[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each peer in each round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds + 1):
        for name, peer in peers.items():
            time.sleep(REST)
            start = time.perf_counter()
            peer()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def table(title: str, seconds: dict[str, np.ndarray], *, notes: dict[str, str] | None = None) -> None:
    """Median seconds, and the median over rounds of each peer's time over that of the first one, skdl."""
    first, *_ = seconds.values()
    print(title)
    for name, values in seconds.items():
        note = (notes or {}).get(name, "")
        print(f"  {name:34s} {np.median(values):9.4f} s  {np.median(values / first):7.2f} x skdl  {note}".rstrip())
    print()


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
