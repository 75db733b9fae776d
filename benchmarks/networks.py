"""Networks side by side with their peers: seconds per epoch, in one process, with rests between peers.

    python benchmarks/networks.py [--rounds 7] [--data ../shared/data]

The floor is the bare matrix products of the same shapes (forward, gradient of the weights, and gradient of the inputs
of all layers but the first), with as many BLAS threads as the process has; "NumPy by hand" is a loop written for this
one network, without a library, and says what NumPy's passes cost beside them. Ratios are medians of paired rounds: this
keeps them meaningful where the machine's speed drifts. torch and skorch take part where they are installed.

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
from itertools import pairwise
from pathlib import Path

import numpy as np
from _side_by_side import PLAIN_TRAINING, timed
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier as PeerClassifier

from skdl import BaggingClassifier, MLPClassifier
from skdl.optimizers import Adam

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
        "NumPy by hand": lambda: by_hand(sizes, X, y, epochs),
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
    products_ = seconds["bare matrix products"]
    print(f"  skdl / bare products = {np.median(seconds['skdl'] / products_):.2f}")
    print(f"  by hand / products   = {np.median(seconds['NumPy by hand'] / products_):.2f}")
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
    MLPClassifier(hidden, batch_size=BATCH, max_iter=1, random_state=0, **PLAIN_TRAINING).fit(X, y)
    print(f"MNIST: a fit allocates {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB beside the data\n")
    tracemalloc.stop()


def network(hidden: tuple[int, ...], epochs: int, seed: int = 0) -> MLPClassifier:
    # The work of its peers: rectifiers, a constant rate, inputs as they are, and no trial before the training.
    work = {
        **PLAIN_TRAINING,
        "activation": "relu",
        "optimizer": Adam(learning_rate=0.001),
        "schedule": "constant",
        "standardize": False,
    }
    return MLPClassifier(hidden, batch_size=BATCH, max_iter=epochs, random_state=seed, **work)


def products(sizes: tuple[int, ...], steps: int) -> None:
    """The bare matrix products of the steps of an epoch."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in pairwise(sizes)]
    rows = [rng.normal(size=(BATCH, size)).astype(np.float32) for size in sizes]
    gradients = [np.empty_like(weight) for weight in weights]
    outputs = [np.empty_like(row) for row in rows]
    for _ in range(steps):
        for i, weight in enumerate(weights):
            np.matmul(rows[i], weight, out=outputs[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(rows[i].T, rows[i + 1], out=gradients[i])
            if i > 0:
                np.matmul(rows[i + 1], weights[i].T, out=outputs[i])


def by_hand(sizes: tuple[int, ...], X: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """The same training without a library: one loop for these very layers, all memory taken before it begins.

    What NumPy's own passes cost on top of the products, and so what a network in NumPy can hope for.
    """
    rng = np.random.default_rng(0)
    maps = list(pairwise(sizes))
    n_weights = sum(n_in * n_out for n_in, n_out in maps)
    theta, first, second, gradient, scratch = np.zeros((5, n_weights + sum(sizes[1:])), np.float32)
    weights, slopes = ([], []), ([], [])
    for flat, (matrices, biases) in ((theta, weights), (gradient, slopes)):
        at, bias_at = 0, n_weights
        for n_in, n_out in maps:
            matrices.append(flat[at : at + n_in * n_out].reshape(n_in, n_out))
            biases.append(flat[bias_at : bias_at + n_out].reshape(1, n_out))
            at, bias_at = at + n_in * n_out, bias_at + n_out
    for weight in weights[0]:
        weight[...] = rng.uniform(-1, 1, weight.shape) * np.sqrt(6 / weight.shape[0])
    labels = np.eye(sizes[-1], dtype=np.float32)[y]
    hidden = [np.empty((BATCH, size), np.float32) for size in sizes]
    zeros, step = np.zeros((BATCH, max(sizes)), np.float32), 0
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), BATCH):
            index = order[start : start + BATCH]
            n_rows, step = len(index), step + 1
            ones = np.ones((1, n_rows), np.float32)
            h = [array[:n_rows] for array in hidden]
            X.take(index, axis=0, out=h[0], mode="clip")
            for i, weight in enumerate(weights[0]):
                np.matmul(h[i], weight, out=h[i + 1])
                h[i + 1] += weights[1][i]
                if i < len(maps) - 1:
                    np.maximum(h[i + 1], zeros[:n_rows, : sizes[i + 1]], out=h[i + 1])
            d = h[-1]
            d -= d.max(axis=1, keepdims=True)
            np.exp(d, out=d)
            d /= d @ ones[:, : sizes[-1]].T
            d -= labels[index]
            d *= np.float32(1 / n_rows)
            for i in reversed(range(len(maps))):
                np.matmul(h[i].T, d, out=slopes[0][i])
                np.matmul(ones, d, out=slopes[1][i])
                if i > 0:
                    d = d @ weights[0][i].T
                    d *= h[i] > 0
            gradient[:n_weights] += np.multiply(theta[:n_weights], np.float32(1e-3), out=scratch[:n_weights])
            first *= np.float32(0.9)
            first += gradient
            second *= np.float32(0.999)
            second += np.multiply(gradient, gradient, out=gradient)
            root = np.sqrt(0.001 / (1 - 0.999**step))
            np.sqrt(second, out=gradient)
            gradient += np.float32(1e-8 / root)
            np.divide(first, gradient, out=gradient)
            gradient *= np.float32(0.001 * 0.1 / ((1 - 0.9**step) * root))
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
