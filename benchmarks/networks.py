"""Networks side by side with their peers: seconds per epoch, in turn, with rests between peers.

    SKDL_COMPILED=eager python benchmarks/networks.py [PART ...] [--rounds 7] [--data ../shared/data]

Parts are mnist, small, digits, additions, prediction, stack and memory. Without SKDL_COMPILED=eager, loops are compiled
and loaded when a training is long enough, so that the short ones may have none.

The floor is the bare matrix products of the same shapes (forward, gradient of the weights, and gradient of the inputs
of all layers but the first), with as many BLAS threads as the process has; "NumPy by hand" is a loop written for this
one network, without a library, and says what NumPy's passes cost beside them. "skdl, NumPy's way" is skdl in a process
of its own in which no loops are compiled. Ratios are medians of paired rounds, with their quartiles: this keeps them
meaningful where the machine's speed drifts. torch and skorch take part where they are installed.

All do the same work, so that skdl's training is not left to its defaults: inputs as they are, one training of all rows
without a trial (early_stopping=False), plain Adam at its constant rate of 0.001, alpha=1e-3, batches and epochs of one
number. What a fit allocates is measured of one epoch with standardised inputs, Adam and a cosine.
"""

from __future__ import annotations

import argparse
import importlib.util
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from _network_peers import by_hand, forward_products, products, scikit_learn, skorch_epochs, torch_epochs, torch_model
from _side_by_side import NUMPY_WAY, PLAIN_TRAINING, Child, machine, ratio, serve, timed
from sklearn.datasets import load_digits, make_classification

from skdl import BaggingClassifier, MLPClassifier
from skdl.optimizers import Adam

PARTS = ("mnist", "small", "digits", "additions", "prediction", "stack", "memory")
ADDITIONS = {
    "plain": {},
    "batch normalization": {"normalization": "batch"},
    "dropout 0.3": {"dropout": 0.3},
    "both": {"normalization": "batch", "dropout": 0.3},
}
MEMBERS = 32


@dataclass(frozen=True)
class Case:
    """A network and its rows; the epochs of one timed fit."""

    rows: str
    hidden: tuple[int, ...]
    batch: int
    epochs: int

    def network(self, **params: object) -> MLPClassifier:
        # The work of its peers: rectifiers, a constant rate, inputs as they are, and no trial before the training.
        work = {
            **PLAIN_TRAINING,
            "activation": "relu",
            "optimizer": Adam(learning_rate=0.001),
            "schedule": "constant",
            "standardize": False,
        }
        network = MLPClassifier(self.hidden, batch_size=self.batch, max_iter=self.epochs, random_state=0, **work)
        return network.set_params(**params)


CASES = {
    "MNIST, 784-256-128-10, batch 128": Case("mnist", (256, 128), 128, 3),
    "20000 x 20, 20-64-64-3, batch 128": Case("small", (64, 64), 128, 5),
    "digits, 64-32-10, batch 32": Case("digits", (32,), 32, 30),
    "digits, 64-32-10, batch 200": Case("digits", (32,), 200, 30),
}
MNIST, SMALL, *_ = CASES.values()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    parts, rounds, folder = arguments.parts or list(PARTS), arguments.rounds, arguments.data
    if set(parts) - set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    if arguments.serve:
        serve(partial(own, folder=folder))
        return
    if not (folder / "mnist.npz").exists():
        parts = [part for part in parts if part in ("small", "digits", "stack")]
        print(f"MNIST left out: there is no {folder / 'mnist.npz'}.\n")
    print(f"{machine()}\nAdam, float32; medians of {rounds} rounds, with quartiles of ratios.\n", flush=True)
    with Child(__file__, "--data", str(folder)) as child:
        for title, case in CASES.items():
            if case.rows in parts:
                compare(title, folder, rounds, child)
        if "additions" in parts:
            additions(folder, rounds, child)
        if "prediction" in parts:
            prediction(folder, rounds, child)
        if "stack" in parts:
            stack(folder, rounds, child)
        if "memory" in parts:
            memory(folder)


@cache
def rows_of(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    if name == "mnist":
        data = np.load(folder / "mnist.npz")
        return (data["x_train"].reshape(-1, 784) / 255).astype(np.float32), data["y_train"]
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype(np.float32), y
    X, y = make_classification(20000, 20, n_informative=10, n_classes=3, random_state=0)
    return X.astype(np.float32), y


def own(name: str, folder: Path) -> Callable[[], object]:
    """The work of skdl of this name, in this process or in the one in which no loops are compiled."""
    if name in CASES:
        return partial(CASES[name].network().fit, *rows_of(CASES[name].rows, folder))
    if name in ADDITIONS:
        return partial(MNIST.network(max_iter=2, **ADDITIONS[name]).fit, *rows_of("mnist", folder))
    if name == "prediction":
        fitted = MNIST.network(max_iter=1).fit(*rows_of("mnist", folder))
        return partial(fitted.predict, unseen(folder))
    X, y = rows_of("small", folder)
    network = SMALL.network(max_iter=3)
    if name == "lone":
        return partial(network.fit, X, y)
    n_jobs = {"one thread": 1, "two threads": 2}[name]
    return partial(BaggingClassifier(network, n_estimators=MEMBERS, n_jobs=n_jobs, random_state=0).fit, X, y)


@cache
def unseen(folder: Path) -> np.ndarray:
    """10000 rows of MNIST that no network here was trained on."""
    return (np.load(folder / "mnist.npz")["x_test"].reshape(-1, 784) / 255).astype(np.float32)


def compare(title: str, folder: Path, rounds: int, child: Child) -> None:
    """The peers in turn, round by round."""
    case = CASES[title]
    X, y = rows_of(case.rows, folder)
    sizes, batch, epochs = (X.shape[1], *case.hidden, len(np.unique(y))), case.batch, case.epochs
    peers: dict[str, Callable[[], object]] = {
        "skdl": own(title, folder),
        NUMPY_WAY: child.work(title),
        "bare matrix products": lambda: products(sizes, batch, epochs * -(-len(X) // batch)),
        "NumPy by hand": lambda: by_hand(sizes, batch, X, y, epochs),
        "scikit-learn": lambda: scikit_learn(sizes, batch, epochs).fit(X, y),
    }
    if importlib.util.find_spec("torch"):
        peers["torch"] = lambda: torch_epochs(sizes, batch, X, y, epochs)
        peers["torch, fused Adam"] = lambda: torch_epochs(sizes, batch, X, y, epochs, fused=True)
    if importlib.util.find_spec("skorch"):
        peers["skorch"] = lambda: skorch_epochs(sizes, batch, X, y, epochs)
    seconds = timed(peers, rounds)
    show(f"{title}: seconds per epoch", seconds, epochs)
    floor = seconds["bare matrix products"]
    for name in ("skdl", NUMPY_WAY, "NumPy by hand"):
        print(f"  {name + ' / products':32s} {ratio(seconds[name], floor)}")
    print(flush=True)


def additions(folder: Path, rounds: int, child: Child) -> None:
    """What batch normalization and dropout cost, against the plain epoch, in both ways."""
    for way, works in (("compiled", partial(own, folder=folder)), ("NumPy's way", child.work)):
        seconds = timed({name: works(name) for name in ADDITIONS}, rounds)
        show(f"MNIST with additions, {way}: seconds per epoch", seconds, 2)
        print(flush=True)


def prediction(folder: Path, rounds: int, child: Child) -> None:
    """`predict` of the network 784-256-128-10 for 10000 rows."""
    X, y = rows_of("mnist", folder)
    X_test = unseen(folder)
    sizes = (784, *MNIST.hidden, 10)
    theirs = scikit_learn(sizes, MNIST.batch, 1).fit(X, y)
    peers: dict[str, Callable[[], object]] = {
        "skdl": own("prediction", folder),
        NUMPY_WAY: child.work("prediction"),
        "bare matrix products": lambda: forward_products(sizes, X_test),
        "scikit-learn": lambda: theirs.predict(X_test),
    }
    if importlib.util.find_spec("torch"):
        import torch

        model, tensor = torch_model(sizes), torch.from_numpy(X_test)
        peers["torch"] = lambda: torch_predict(model, tensor)
    show("predict, 10000 rows of MNIST, 784-256-128-10: seconds", timed(peers, 3 * rounds), 1)
    print(flush=True)


def torch_predict(model: object, rows: object) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return model(rows).argmax(1).numpy()


def stack(folder: Path, rounds: int, child: Child) -> None:
    """A stack of small networks against the lone one: the time of a member."""
    names = ("lone", "one thread", "two threads")
    peers = {name: own(name, folder) for name in names}
    peers |= {f"{name}, NumPy's way": child.work(name) for name in names}
    seconds = timed(peers, rounds)
    for name in seconds:
        if not name.startswith("lone"):
            seconds[name] /= MEMBERS
    show(f"A stack of {MEMBERS} networks 20-64-64-3: seconds per member and epoch", seconds, 3)
    print(flush=True)


def memory(folder: Path) -> None:
    """What a fit allocates at its peak, beside the data."""
    X, y = rows_of("mnist", folder)
    MNIST.network(max_iter=1).fit(X[:256], y[:256])  # so that what is imported at first use is not counted
    tracemalloc.start()
    MLPClassifier(MNIST.hidden, batch_size=MNIST.batch, max_iter=1, random_state=0, **PLAIN_TRAINING).fit(X, y)
    print(f"MNIST: a fit allocates {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB beside the data\n")
    tracemalloc.stop()


def show(title: str, seconds: dict[str, np.ndarray], epochs: int) -> None:
    """Medians, and each peer's time over that of the first one."""
    first, *_ = seconds
    print(title)
    for name, values in seconds.items():
        print(f"  {name:24s} {np.median(values) / epochs:9.5f} s   {ratio(values, seconds[first])} x {first}")


if __name__ == "__main__":
    main()
