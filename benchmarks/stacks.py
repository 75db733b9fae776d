"""Searches and ensembles of networks trained as stacks, side by side with the same work in two processes.

    SKDL_COMPILED=eager python benchmarks/stacks.py [PART ...] [--rounds 3] [--data DIR]

Parts are digits, adult, spaces, bagging, sizes and memory.

Peers run in turn in one process, with rests between them; ratios are medians over paired rounds. Every peer trains the
same number of epochs of the same network with Adam; scikit-learn's stop at no tolerance. A search in processes counts
without the start of its processes, which the round that does not count has started. "skdl, NumPy's way" is skdl in a
process of its own, with processes of its own, in which no loops are compiled. The bare matrix products are those of
stacks of ten, one after the other in as many threads as there are cores.

skdl's networks have one plain training rather than the defaults, which set rows apart for a trial, train again on all
rows and encode inputs: encoding=None, early_stopping=False, Adam(0.01), Cosine(end=0.03), alpha=1e-3 where it is not
searched over, and numbers of epochs and of rows in a batch. So the work is that of scikit-learn's, and that of which
docs/stacks.md has the figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from _network_peers import products_in_threads
from _side_by_side import NUMPY_WAY, PLAIN_TRAINING, Child, descendants, machine, peak_megabytes, serve, table, timed
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.ensemble import BaggingClassifier as PeerBagging
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier as PeerClassifier

from skdl import BaggingClassifier, MLPClassifier

RATES, ALPHAS = [1e-3, 3e-3, 1e-2, 3e-2], [1e-5, 1e-4, 1e-3, 1e-2]
FOLDS = 5
MEMBERS = 32
PARTS = ("digits", "adult", "spaces", "bagging", "sizes", "memory")
# Part, hidden layer, epochs, rows in a batch.
SEARCHES = {
    "digits": ("digits", (32,), 30, 32),
    "digits in large batches": ("digits", (32,), 30, 200),
    "adult": ("adult", (100,), 5, 256),
}
DIGITS = """
import joblib, warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skdl import MLPClassifier
from skdl.optimizers import Adam
from skdl.schedules import Cosine
X, y = load_digits(return_X_y=True, as_frame=True)
plain = dict(encoding=None, early_stopping=False, optimizer=Adam(0.01), schedule=Cosine(end=0.03), alpha=1e-3)
network = MLPClassifier((32,), activation="relu", max_iter=30, batch_size=32, random_state=0, **plain)
grid = {"optimizer__learning_rate": [1e-3, 3e-3, 1e-2, 3e-2], "alpha": [1e-5, 1e-4, 1e-3, 1e-2]}
search = GridSearchCV(network, grid, cv=5, refit=False)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    parts, rounds, folder = arguments.parts or list(PARTS), arguments.rounds, arguments.data
    if set(parts) - set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"  # of the processes
    if arguments.serve:
        serve(partial(own, folder=folder))
        return
    if not (folder / "adult.parquet").exists():
        parts = [part for part in parts if part != "adult"]
        print(f"adult left out: there is no {folder / 'adult.parquet'}.\n")
    print(f"{machine()}\n{joblib.cpu_count()} cores, medians of {rounds} rounds.\n", flush=True)
    with Child(__file__, "--data", str(folder)) as child:
        for name, (part, hidden, epochs, batch_size) in SEARCHES.items():
            if part in parts:
                search(f"{name}, {hidden}, {epochs} epochs, batch {batch_size}", name, folder, rounds, child)
        if "bagging" in parts:
            bagging(folder, rounds, child)
    if "spaces" in parts:
        spaces(rounds)
    if "sizes" in parts:
        sizes()
    if "memory" in parts:
        memory()


def search(title: str, name: str, folder: Path, rounds: int, child: Child) -> None:
    """A search under the backend, in two processes, and scikit-learn's in two processes."""
    part, hidden, epochs, batch_size = SEARCHES[name]
    X, y = rows_of(part, folder)
    shared = {"max_iter": epochs, "batch_size": batch_size, "random_state": 0}
    peer = PeerClassifier(hidden, n_iter_no_change=epochs, tol=0, **shared)
    theirs = GridSearchCV(peer, {"learning_rate_init": RATES, "alpha": ALPHAS}, cv=FOLDS, refit=False, n_jobs=2)
    peers = {"skdl, backend skdl": own(name, folder), NUMPY_WAY: child.work(name)}
    if part == "digits":
        peers["skdl, n_jobs=2"] = lambda: grid(name).set_params(n_jobs=2).fit(X, y)
        peers["skdl, one by one"] = lambda: grid(name).fit(X, y)
    sizes, steps = (X.shape[1], *hidden, y.nunique()), epochs * -(-len(X) * (FOLDS - 1) // FOLDS // batch_size)
    sizes = sizes if sizes[-1] > 2 else (*sizes[:-1], 1)
    n_fits = len(RATES) * len(ALPHAS) * FOLDS
    peers["bare matrix products"] = lambda: products_in_threads(sizes, batch_size, steps, n_fits)
    peers["scikit-learn, n_jobs=2"] = lambda: theirs.fit(X, y)
    table(f"GridSearchCV, {len(RATES) * len(ALPHAS)} candidates x {FOLDS} folds, {title}", timed(peers, rounds))


def grid(name: str) -> GridSearchCV:
    _, hidden, epochs, batch_size = SEARCHES[name]
    shared = {"max_iter": epochs, "batch_size": batch_size, "random_state": 0}
    network = MLPClassifier(hidden, activation="relu", **shared, **PLAIN_TRAINING)
    return GridSearchCV(network, {"optimizer__learning_rate": RATES, "alpha": ALPHAS}, cv=FOLDS, refit=False)


@cache
def rows_of(part: str, folder: Path) -> tuple[Any, Any]:
    if part == "digits":
        X, y = load_digits(return_X_y=True, as_frame=True)
        return X.astype(float), y
    if part == "bagging":
        X, y = make_classification(20000, 20, n_informative=10, n_classes=3, random_state=0)
        return X.astype(np.float32), y
    frame = pd.read_parquet(folder / "adult.parquet")
    y = frame.pop(frame.columns[-1]).astype(str)
    numbers = frame.select_dtypes("number")
    frame[numbers.columns] = (numbers - numbers.mean()) / numbers.std()
    return pd.get_dummies(frame, dtype=float).fillna(0.0).astype(float), y


def own(name: str, folder: Path) -> Callable[[], object]:
    """The work of skdl of this name, in this process or in the one in which no loops are compiled."""
    if name == "bagging":
        return partial(
            BaggingClassifier(member(), n_estimators=MEMBERS, random_state=0, n_jobs=2).fit, *rows_of(name, folder)
        )
    search, (X, y) = grid(name), rows_of(SEARCHES[name][0], folder)

    def stacked() -> None:
        with joblib.parallel_config(backend="skdl"):
            search.fit(X, y)

    return stacked


def spaces(rounds: int) -> None:
    """Searches at random, whose candidates differ in structure."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    larger = make_classification(10000, 50, n_informative=20, random_state=0)
    cases = {
        "the small space, digits, 15 epochs": (X.astype(float), y, 15, 37, MLPClassifier().search_space()),
        "the large space, digits, 15 epochs": (X.astype(float), y, 15, 37, MLPClassifier().search_space("large")),
        "20 widths from 30 to 49, digits, 15 epochs": (
            X.astype(float),
            y,
            15,
            37,
            {"hidden_layer_sizes": [*range(30, 50)]},
        ),
        "the small space, 10000 x 50, 4 epochs": (*larger, 4, 128, MLPClassifier().search_space()),
    }
    for title, (rows, labels, epochs, batch_size, space) in cases.items():
        network = MLPClassifier(max_iter=epochs, batch_size=batch_size, random_state=0, **PLAIN_TRAINING)
        search = RandomizedSearchCV(network, space, n_iter=20, cv=3, random_state=0, refit=False)

        def stacked(search: Any = search, rows: Any = rows, labels: Any = labels) -> None:
            with joblib.parallel_config(backend="skdl"):
                search.fit(rows, labels)

        def plain(search: Any = search, rows: Any = rows, labels: Any = labels) -> None:
            clone(search).set_params(n_jobs=2).fit(rows, labels)

        seconds = timed({"skdl, backend skdl": stacked, "skdl, n_jobs=2": plain}, rounds)
        table(f"RandomizedSearchCV, 20 candidates x 3 folds, {title}", seconds)


def bagging(folder: Path, rounds: int, child: Child) -> None:
    X, y = rows_of("bagging", folder)
    peer = PeerClassifier((64, 64), n_iter_no_change=3, tol=0, max_iter=3, batch_size=128, random_state=0)

    def theirs_of_ours() -> None:
        with joblib.parallel_config(backend="skdl"):
            PeerBagging(member(), MEMBERS, random_state=0).fit(X, y)

    seconds = timed(
        {
            "skdl.BaggingClassifier": own("bagging", folder),
            NUMPY_WAY: child.work("bagging"),
            "bare matrix products": lambda: products_in_threads((20, 64, 64, 3), 128, 3 * -(-len(X) // 128), MEMBERS),
            "scikit-learn's, of skdl's networks": theirs_of_ours,
            "scikit-learn's, n_jobs=2": lambda: PeerBagging(peer, MEMBERS, random_state=0, n_jobs=2).fit(X, y),
        },
        rounds,
    )
    table(f"BaggingClassifier, {MEMBERS} members 20-64-64-3, 20000 float32 rows, 3 epochs, batch 128", seconds)


def member() -> MLPClassifier:
    shared = {"max_iter": 3, "batch_size": 128, "random_state": 0}
    return MLPClassifier((64, 64), activation="relu", **shared, **PLAIN_TRAINING)


def sizes() -> None:
    """A stack of k members against k lone fits: what one member costs."""
    X, y = make_classification(5000, 20, n_informative=10, n_classes=3, random_state=0)
    X = X.astype(np.float32)
    network = MLPClassifier((32,), activation="relu", max_iter=5, batch_size=64, random_state=0, **PLAIN_TRAINING)
    print("A stack of k members 20-32-3 on the same 5000 float32 rows, 5 epochs, batch 64")
    print("     k   seconds a member   lone fits   times   megabytes")
    lone = float(np.median(timed({"": lambda: network.fit(X, y)}, 5)[""]))
    for k in (1, 2, 4, 8, 16, 32, 64, 128):

        def stack(k: int = k) -> None:
            with joblib.parallel_config(backend="skdl"):
                joblib.Parallel()(joblib.delayed(clone(network).fit)(X, y) for _ in range(k))

        each = float(np.median(timed({"": stack}, 3)[""])) / k
        print(f"  {k:4d}   {each:16.4f}   {lone:9.4f}   {lone / each:5.2f}   {peak_megabytes(STACK.format(k=k)):9.1f}")
    print()


STACK = """
import joblib, numpy as np
from sklearn.datasets import make_classification
from sklearn.base import clone
from skdl import MLPClassifier
from skdl.optimizers import Adam
from skdl.schedules import Cosine
X, y = make_classification(5000, 20, n_informative=10, n_classes=3, random_state=0)
X = X.astype(np.float32)
plain = dict(encoding=None, early_stopping=False, optimizer=Adam(0.01), schedule=Cosine(end=0.03), alpha=1e-3)
network = MLPClassifier((32,), max_iter=5, batch_size=64, random_state=0, **plain)
tasks = [joblib.delayed(clone(network).fit)(X, y) for _ in range({k})]
clone(network).set_params(max_iter=1).fit(X, y)
parallel = joblib.Parallel(backend="skdl")
networks = parallel(tasks)
"""


def memory() -> None:
    """The digits search: peak of the resident memory of all processes, what they share counted once."""
    print("Memory of the digits search, batch 32, all processes")
    found = {
        "skdl, backend skdl": "with joblib.parallel_config(backend='skdl'): search.fit(X, y)",
        "skdl, n_jobs=2": "search.set_params(n_jobs=2).fit(X, y)",
        "skdl, one by one": "search.fit(X, y)",
    }
    for name, line in found.items():
        print(f"  {name:34s} {total_megabytes(DIGITS + line):9.1f} MB")
    print()


def total_megabytes(script: str) -> float:
    """The largest sum of the proportional set sizes of a process and its descendants."""
    process, peak = subprocess.Popen([sys.executable, "-c", script]), 0.0
    while process.poll() is None:
        peak = max(peak, sum(map(proportional_megabytes, descendants(process.pid))))
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    return peak


def proportional_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3


if __name__ == "__main__":
    main()
