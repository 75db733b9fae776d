"""Networks side by side with their peers: seconds per epoch, in one process, with rests between peers.

    python benchmarks/networks.py [--rounds 7] [--data ../shared/data]

The floor is the bare matrix products of the same shapes (forward, gradient of the weights, and gradient of the inputs
of all layers but the first), with as many BLAS threads as the process has. Ratios are medians of paired rounds: this
keeps them meaningful where the machine's speed drifts. torch and skorch take part where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import tracemalloc
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier as PeerClassifier

from skdl import BaggingClassifier, MLPClassifier

REST = 0.2  # idle threads of the previous peer spin for a while
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"Seconds per epoch, batch {BATCH}, Adam, float32; medians of {arguments.rounds} rounds.\n")
    if (arguments.data / "mnist.npz").exists():
        digits = mnist(arguments.data)
        compare("MNIST, 784-256-128-10", *digits, (256, 128), 3, arguments.rounds)
        additions(*digits, (256, 128), arguments.rounds)
        memory(*digits, (256, 128))
    else:
        print(f"MNIST left out: there is no {arguments.data / 'mnist.npz'}.\n")
    X, y = small()
    compare("20000 x 20, 20-64-64-3", X, y, (64, 64), 5, arguments.rounds)
    stack(X, y, 32, 3, arguments.rounds)


def mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    data = np.load(folder / "mnist.npz")
    return (data["x_train"].reshape(-1, 784) / 255).astype(np.float32), data["y_train"]


def small() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_classification(20000, 20, n_informative=10, n_classes=3, random_state=0)
    return X.astype(np.float32), y


def compare(title: str, X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], epochs: int, rounds: int) -> None:
    """The peers in turn, round by round."""
    sizes = (X.shape[1], *hidden, len(np.unique(y)))
    peers: dict[str, Callable[[], object]] = {
        "skdl": lambda: network(hidden, epochs).fit(X, y),
        "bare matrix products": lambda: products(sizes, epochs * -(-len(X) // BATCH)),
        "  with Adam's passes": lambda: products(sizes, epochs * -(-len(X) // BATCH), adam=True),
        "scikit-learn": lambda: PeerClassifier(hidden, batch_size=BATCH, max_iter=epochs, random_state=0).fit(X, y),
    }
    if importlib.util.find_spec("torch"):
        peers["torch"] = lambda: torch_epochs(sizes, X, y, epochs)
    if importlib.util.find_spec("skorch"):
        peers["skorch"] = lambda: skorch_epochs(sizes, X, y, epochs)
    seconds = timed(peers, rounds)
    print(title)
    for name, values in seconds.items():
        ratio = np.median(values / seconds["skdl"])
        print(f"  {name:22s} {np.median(values) / epochs:8.4f} s   {ratio:6.2f} x skdl")
    print(f"  skdl / bare products = {np.median(seconds['skdl'] / seconds['bare matrix products']):.2f}")
    print(f"  scikit-learn / skdl  = {np.median(seconds['scikit-learn'] / seconds['skdl']):.2f}\n")


def additions(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], rounds: int) -> None:
    """What batch normalization and dropout cost, against the plain epoch."""
    variants = {
        "plain": {},
        "batch normalization": {"normalization": "batch"},
        "dropout 0.3": {"dropout": 0.3},
        "both": {"normalization": "batch", "dropout": 0.3},
    }
    seconds = timed(
        {
            name: lambda params=params: network(hidden, 2).set_params(**params).fit(X, y)
            for name, params in variants.items()
        },
        rounds,
    )
    print("MNIST with additions: seconds per epoch")
    for name, values in seconds.items():
        print(f"  {name:22s} {np.median(values) / 2:8.4f} s   {np.median(values / seconds['plain']):6.2f} x plain")
    print()


def memory(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...]) -> None:
    """What a fit allocates at its peak, beside the data."""
    tracemalloc.start()
    MLPClassifier(hidden, batch_size=BATCH, max_iter=1, random_state=0).fit(X, y)
    print(f"MNIST: a fit allocates {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB beside the data\n")
    tracemalloc.stop()


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


def network(hidden: tuple[int, ...], epochs: int, seed: int = 0) -> MLPClassifier:
    # The work of its peers: rectifiers, a constant rate, inputs as they are.
    work = {"activation": "relu", "optimizer": "adam", "schedule": "constant", "standardize": False}
    return MLPClassifier(hidden, batch_size=BATCH, max_iter=epochs, random_state=seed, **work)


def products(sizes: tuple[int, ...], steps: int, adam: bool = False) -> None:
    """The matrix products of the steps of an epoch; with `adam`, the NumPy passes of its update and of L2 as well.

    The second is no lower bound: it is what an update in plain NumPy passes costs on top of the products.
    """
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in pairwise(sizes)]
    rows = [rng.normal(size=(BATCH, size)).astype(np.float32) for size in sizes]
    gradients = [np.empty_like(weight) for weight in weights]
    outputs = [np.empty_like(row) for row in rows]
    n_parameters = sum(weight.size for weight in weights) + sum(sizes[1:])
    theta, first, second, gradient, scratch = np.full((5, n_parameters), 1e-3, np.float32)
    for _ in range(steps):
        for i, weight in enumerate(weights):
            np.matmul(rows[i], weight, out=outputs[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(rows[i].T, rows[i + 1], out=gradients[i])
            if i > 0:
                np.matmul(rows[i + 1], weights[i].T, out=outputs[i])
        if adam:
            gradient += np.multiply(theta, 1e-4, out=scratch)
            first *= 0.9
            first += gradient
            second *= 0.999
            second += np.multiply(gradient, gradient, out=gradient)
            np.sqrt(second, out=gradient)
            gradient += 1e-8
            np.divide(first, gradient, out=gradient)
            gradient *= 1e-9
            theta -= gradient


def stack(X: np.ndarray, y: np.ndarray, k: int, epochs: int, rounds: int) -> None:
    """A stack of small networks against the lone one: the time of a member."""
    hidden = (64, 64)
    seconds = timed(
        {
            "lone": lambda: network(hidden, epochs).fit(X, y),
            "one thread": lambda: bagging(hidden, epochs, k, 1).fit(X, y),
            "two threads": lambda: bagging(hidden, epochs, k, 2).fit(X, y),
        },
        rounds,
    )
    print(f"A stack of {k} networks 20-64-64-3: seconds per member and epoch")
    print(f"  {'lone':22s} {np.median(seconds['lone']) / epochs:8.4f} s")
    for name in ("one thread", "two threads"):
        member = seconds[name] / k
        print(f"  {name:22s} {np.median(member) / epochs:8.4f} s   {np.median(member / seconds['lone']):6.2f} x lone")


def bagging(hidden: tuple[int, ...], epochs: int, k: int, n_jobs: int) -> BaggingClassifier:
    return BaggingClassifier(network(hidden, epochs), n_estimators=k, n_jobs=n_jobs, random_state=0)


def torch_epochs(sizes: tuple[int, ...], X: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """An eager training loop."""
    import torch

    model = torch_model(sizes)
    optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    for _ in range(epochs):
        for index in torch.randperm(len(X)).split(BATCH):
            optimizer.zero_grad()
            loss(model(rows[index]), labels[index]).backward()
            optimizer.step()


def skorch_epochs(sizes: tuple[int, ...], X: np.ndarray, y: np.ndarray, epochs: int) -> None:
    import torch
    from skorch import NeuralNetClassifier

    NeuralNetClassifier(
        torch_model(sizes),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        batch_size=BATCH,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    ).fit(X, y.astype(np.int64))


def torch_model(sizes: tuple[int, ...]):
    import torch

    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


if __name__ == "__main__":
    main()
