"""What one pass saves: elementwise parts of a step as NumPy's passes, and as one compiled loop each.

    python benchmarks/kernels.py [--rounds 31]

The shapes are those of a network 784-256-128-10 with batches of 128 rows, in float32: 235146 parameters. Both ways are
those of skdl's own parts, called as a training calls them, and give equal bits, which is checked. torch's fused
Adam is the same step, with weight decay for the penalty, on as many parameters in one tensor. All run in one thread.
Microseconds are medians over rounds, in which all take turns; a round has 20 calls.

Last, what the compiler costs the first fit of a process, or saves it: seconds of a default fit of 20000 rows in a fresh
process, without loops, with an empty cache of them, which is filled in the background meanwhile, and with a full one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from _side_by_side import machine, ratio

from skdl._compiled import COMPILER, Rule
from skdl._descent import Descent, Term
from skdl.activations import ReLU
from skdl.engine.gather import gather_in_one_pass
from skdl.layers.elementwise import ElementwiseActivation
from skdl.optimizers import Adam
from skdl.penalties import L2

BATCH, INPUTS, UNITS = 128, 784, 256
WEIGHTS, PARAMETERS = 234_752, 235_146
CALLS = 20
FIRST_FIT = """
import time, warnings
warnings.simplefilter("ignore")
from sklearn.datasets import make_classification
from skdl import MLPClassifier
X, y = make_classification(20000, 20, n_informative=10, n_classes=3, random_state=0)
network = MLPClassifier(random_state=0)
start = time.perf_counter()
network.fit(X, y)
print(time.perf_counter() - start)
"""
Kernel = tuple[Callable[[], object], list[np.ndarray]]  # what is timed, and what it changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    print(f"{machine()}\nMicroseconds, float32, one thread; medians of {rounds} rounds, quartiles of ratios.\n")
    compare(f"A step of Adam with an L2 penalty, {PARAMETERS} parameters", adam, rounds, torch_adam())
    compare(f"Bias and rectifier, {BATCH} x {UNITS}", bias_and_rectifier, rounds)
    compare(f"The rectifier's mask of the gradient, {BATCH} x {UNITS}", mask, rounds)
    compare(f"Rows gathered and standardised, {BATCH} x {INPUTS}", gather, rounds)
    first_fits(max(3, rounds // 6))


def adam() -> Kernel:
    rng = np.random.default_rng(0)
    theta, gradient = rng.normal(size=(2, 1, PARAMETERS)).astype(np.float32)
    memory = {name: np.zeros_like(theta) for name in Adam.state_names}
    optimizer = Adam.stacked([Adam()], 2, np.float32)
    penalty = Term(Rule(L2.derivative), WEIGHTS, np.full((1, 1), 1e-3), None, {})
    descent = Descent(optimizer, theta, memory, term=penalty)
    descent.plan(np.full((1, 1), 0.001), np.ones((1, 1)))
    return lambda: descent.step(0, gradient), [theta, *memory.values()]


def bias_and_rectifier() -> Kernel:
    rng = np.random.default_rng(0)
    z, bias = rng.normal(size=(1, BATCH, UNITS)).astype(np.float32), rng.normal(size=(1, 1, UNITS)).astype(np.float32)
    activation = rectifier()
    return lambda: activation.forward(z, bias), [z]


def mask() -> Kernel:
    z, gradient = np.random.default_rng(0).normal(size=(2, 1, BATCH, UNITS)).astype(np.float32)
    _, backprop = rectifier().forward(z, None)
    return lambda: backprop(gradient, {}, True), [gradient]


def rectifier() -> ElementwiseActivation:
    return ElementwiseActivation(ReLU(), Rule(ReLU.rule), Rule(ReLU.derivative))


def gather() -> Kernel:
    rng = np.random.default_rng(0)
    X, index = rng.normal(size=(10_000, INPUTS)).astype(np.float32), rng.permutation(10_000)[:BATCH]
    shift, scale = rng.normal(size=(2, INPUTS)).astype(np.float32)
    out = np.empty((BATCH, INPUTS), np.float32)
    return lambda: gather_in_one_pass(X, index, shift, scale, out), [out]


def torch_adam() -> dict[str, Callable[[], object]]:
    if not importlib.util.find_spec("torch"):
        return {}
    import torch

    torch.set_num_threads(1)
    theta = torch.randn(PARAMETERS, requires_grad=True)
    theta.grad = torch.randn(PARAMETERS)
    return {
        "torch": torch.optim.Adam([theta], weight_decay=1e-3).step,
        "torch, fused": torch.optim.Adam([theta], weight_decay=1e-3, fused=True).step,
    }


def compare(
    title: str, kernel: Callable[[], Kernel], rounds: int, others: dict[str, Callable[[], object]] | None = None
) -> None:
    peers: dict[str, Callable[[], object]] = others or {}
    microseconds: dict[str, list[float]] = {
        "one compiled loop": [],
        "NumPy's passes": [],
        **{name: [] for name in peers},
    }
    changed = []
    for way in ("eager", "off"):
        with COMPILER.using(way):
            call, arrays = kernel()
            call()
            changed.append(arrays)
    assert all(np.array_equal(a, b) for a, b in zip(*changed, strict=True)), title
    call, _ = kernel()
    for _ in range(rounds):
        for name, way in (("one compiled loop", "eager"), ("NumPy's passes", "off")):
            with COMPILER.using(way):
                microseconds[name].append(timed(call))
        for name, peer in peers.items():
            microseconds[name].append(timed(peer))
    print(title)
    found = {name: np.array(values) for name, values in microseconds.items()}
    for name, values in found.items():
        print(f"  {name:20s} {np.median(values):8.1f}   {ratio(values, found['one compiled loop'])} x the loop")
    print(flush=True)


def first_fits(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as full:
        first_fit(full, "eager")
        peers: dict[str, Callable[[], float]] = {
            "without loops": lambda: first_fit(full, "off"),
            "an empty cache": with_an_empty_cache,
            "a full cache": lambda: first_fit(full, "auto"),
        }
        turns = [[peer() for peer in peers.values()] for _ in range(rounds)]
    found = dict(zip(peers, np.array(turns).T, strict=True))
    print(f"The first default fit of a process, 20000 x 20: seconds, medians of {rounds}")
    for name, seconds in found.items():
        print(f"  {name:20s} {np.median(seconds):8.2f}   {np.median(seconds - found['without loops']):+.2f}")


def with_an_empty_cache() -> float:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        seconds = first_fit(empty, "auto")
        time.sleep(20)  # what compiles in the background ends
        return seconds


def first_fit(cache: str, way: str) -> float:
    environment = {**os.environ, "SKDL_CACHE_DIR": cache, "SKDL_COMPILED": way}
    command = [sys.executable, "-c", FIRST_FIT]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def timed(call: Callable[[], object]) -> float:
    """Microseconds of a call, of this thread alone: those are right on a machine that is shared, too."""
    start = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - start) / CALLS * 1e6


if __name__ == "__main__":
    main()
