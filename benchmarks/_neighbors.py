"""Nearest neighbours side by side: fit and predict, with two threads for every peer."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _side_by_side import peak_megabytes, table, timed
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skdl import KNNClassifier, KNNRegressor

N_JOBS = 2


def run(rounds: int, data: Path) -> None:
    """The rows of the table that are about neighbours; those on MNIST only where `data` has it."""
    print(f"k nearest neighbours, k = 5, n_jobs = {N_JOBS}; fit and predict, unless said otherwise\n")
    if (data / "mnist.npz").exists():
        X, y, Q = digits(data)
        title = "MNIST, 60000 x 784, 2000 queries, float32; to reach: 4 x for scikit-learn, 2 x for faiss"
        table(title, timed(products(X, y, Q), rounds), notes=peaks(data, "euclidean", 60000, 2000))
        title = "manhattan, MNIST, 10000 x 784, 1000 queries, float32; to reach: 5 x"
        few = X[:10000], y[:10000], Q[:1000]
        table(title, timed(both(*few, metric="manhattan"), rounds), notes=peaks(data, "manhattan", 10000, 1000))
    else:
        print(f"MNIST left out: there is no {data / 'mnist.npz'}.\n")
    X, y, Q = isotropic(100)
    title = "isotropic, 100000 x 100, 2000 queries, float32; to reach: 0.9 x"
    table(title, timed(both(X, y, Q), rounds))
    for n_features in (3, 8):
        title = f"uniform, 200000 x {n_features}, 50000 queries, float64; to reach: 2 x for predict alone"
        table(title, timed(low_dimension(n_features), rounds))


def both(X: np.ndarray, y: np.ndarray, Q: np.ndarray, **params: str) -> dict[str, Callable[[], object]]:
    return {
        "skdl": lambda: KNNClassifier(n_jobs=N_JOBS, **params).fit(X, y).predict(Q),
        "scikit-learn brute": lambda: (
            KNeighborsClassifier(algorithm="brute", n_jobs=N_JOBS, **params).fit(X, y).predict(Q)
        ),
    }


def products(X: np.ndarray, y: np.ndarray, Q: np.ndarray) -> dict[str, Callable[[], object]]:
    """Peers for Euclid's distance, and what bounds every brute force from below."""
    peers = both(X, y, Q)
    peers["skdl algorithm='brute'"] = lambda: KNNClassifier(algorithm="brute", n_jobs=N_JOBS).fit(X, y).predict(Q)
    if importlib.util.find_spec("faiss"):
        import faiss

        faiss.omp_set_num_threads(N_JOBS)

        def flat() -> object:
            index = faiss.IndexFlatL2(X.shape[1])
            index.add(X)
            return index.search(Q, 5)

        peers["faiss IndexFlatL2, search only"] = flat
    peers["the bare product Q X'"] = lambda: Q @ X.T
    return peers


def low_dimension(n_features: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    X, Q = rng.random((200000, n_features)), rng.random((50000, n_features))
    y = X.sum(axis=1)
    ours = KNNRegressor(n_jobs=N_JOBS).fit(X, y)
    theirs = KNeighborsRegressor(algorithm="kd_tree", n_jobs=N_JOBS).fit(X, y)
    return {
        "skdl, predict": lambda: ours.predict(Q),
        "scikit-learn kd_tree, predict": lambda: theirs.predict(Q),
        "skdl, fit": lambda: KNNRegressor(n_jobs=N_JOBS).fit(X, y),
        "scikit-learn kd_tree, fit": lambda: KNeighborsRegressor(algorithm="kd_tree", n_jobs=N_JOBS).fit(X, y),
    }


def digits(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = np.load(folder / "mnist.npz")
    X, Q = ((data[name].reshape(-1, 784) / 255).astype(np.float32) for name in ("x_train", "x_test"))
    return X, data["y_train"], Q[:2000]


def isotropic(n_features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100000, n_features), dtype=np.float32)
    return X, (X[:, 0] > 0).astype(int), rng.standard_normal((2000, n_features), dtype=np.float32)


def peaks(folder: Path, metric: str, n_rows: int, n_queries: int) -> dict[str, str]:
    """Growth of memory in fit and predict, each in a process of its own."""
    found = {}
    for name, importing, model in [
        ("skdl", "from skdl import KNNClassifier", "KNNClassifier("),
        ("scikit-learn brute", "from sklearn.neighbors import KNeighborsClassifier", "KNeighborsClassifier('brute',"),
    ]:
        model = model.replace("'brute',", "algorithm='brute', ")
        script = f"""
import numpy as np
{importing}
data = np.load({str(folder / "mnist.npz")!r})
X, Q = ((data[name].reshape(-1, 784) / 255).astype(np.float32) for name in ('x_train', 'x_test'))
X, y, Q = X[:{n_rows}], data['y_train'][:{n_rows}], Q[:{n_queries}]
{model}metric={metric!r}, n_jobs={N_JOBS}).fit(X, y).predict(Q)
"""
        found[name] = f"+{peak_megabytes(script):.0f} MB"
    return found
