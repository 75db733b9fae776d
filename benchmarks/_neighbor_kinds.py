"""Nearest neighbours on data of all kinds, paired with scikit-learn's brute force: no kind may cost much more.

Each line has the medians over paired rounds of our time over theirs: of predict, and of fit and predict together, for
which the preparation of few queries may weigh more than they do. The last lines are the largest of each setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _side_by_side import timed
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier

from skdl import KNNClassifier

N_JOBS = 2
LIMIT = 1.2
SETTINGS = [  # rows, columns, queries, neighbours, metric, precision
    (20000, 20, 500, 5, "euclidean", np.float64),
    (20000, 20, 500, 50, "euclidean", np.float32),
    (8000, 12, 500, 5, "euclidean", np.float64),
    (8000, 12, 500, 50, "euclidean", np.float64),
    (8000, 12, 500, 100, "euclidean", np.float32),
    (20000, 2, 1000, 50, "euclidean", np.float64),
    (20000, 2, 2000, 5, "euclidean", np.float64),
    (20000, 784, 60, 5, "euclidean", np.float32),
    (20000, 784, 200, 1, "euclidean", np.float32),
    (20000, 784, 200, 5, "euclidean", np.float64),
    (100000, 30, 20, 5, "euclidean", np.float64),
    (5000, 100, 1000, 5, "euclidean", np.float64),
    (5000, 100, 2000, 50, "euclidean", np.float64),
    (300, 10, 50, 5, "euclidean", np.float64),
    (20000, 20, 500, 5, "sparse euclidean", np.float64),
    (20000, 20, 500, 5, "manhattan", np.float64),
    (20000, 20, 500, 5, "chebyshev", np.float64),
    (5000, 20, 200, 5, "minkowski", np.float64),
    (20000, 20, 500, 5, "cosine", np.float64),
    (5000, 100, 500, 5, "cosine", np.float64),
    (20000, 20, 500, 5, "sparse cosine", np.float64),
    (5000, 100, 300, 5, "sparse cosine", np.float64),
    (5000, 20, 200, 5, "nan_euclidean", np.float64),
    (20000, 20, 200, 5, "hamming", np.float64),
    (20000, 20, 200, 5, "jaccard", np.float64),
    (20000, 20, 200, 5, "canberra", np.float64),
    (20000, 20, 200, 5, "braycurtis", np.float64),
]


def run(rounds: int, data: Path) -> None:
    """All settings, all kinds; the data are drawn."""
    print(f"k nearest neighbours, our time over that of scikit-learn's brute force; to stay below {LIMIT}\n")
    summary = []
    for (n_rows, columns, n_queries, k, metric, dtype), n_jobs in with_defaults():
        title = f"{n_rows} x {columns}, {n_queries} queries, k = {k}, {metric}, {np.dtype(dtype).name}, {n_jobs=}"
        print(f"{title}\n  {'':24s} {'predict':>8s} {'fit too':>8s}")
        ratios = {}
        for kind, X, Q in kinds(n_rows, columns, n_queries):
            predict, both = compared(X.astype(dtype), Q.astype(dtype), k, metric, n_jobs, rounds)
            ratios[kind] = predict
            print(f"  {kind:24s} {predict:8.2f} {both:8.2f}", flush=True)
        worst = max(ratios, key=ratios.__getitem__)
        summary.append(f"  {ratios[worst]:6.2f}  {worst:24s} {title}")
        print()
    print("The largest of predict:", *summary, "", sep="\n")


def with_defaults() -> list[tuple[tuple[Any, ...], int | None]]:
    """All settings with as many threads for both, and two with the default: one thread for us, for them all cores."""
    return [
        *((setting, N_JOBS) for setting in SETTINGS),
        (SETTINGS[0], None),
        ((5000, 100, 1000, *SETTINGS[0][3:]), None),
    ]


def compared(X: np.ndarray, Q: np.ndarray, k: int, metric: str, n_jobs: int | None, rounds: int) -> tuple[float, float]:
    y = np.arange(X.shape[0]) % 3
    if metric == "nan_euclidean":
        rng = np.random.default_rng(1)
        X, Q = (np.where(rng.random(rows.shape) < 0.1, np.nan, rows) for rows in (X, Q))
    if metric.startswith("sparse "):
        X, Q, metric = sparse.csr_array(X), sparse.csr_array(Q), metric.removeprefix("sparse ")
    parameters = {"metric": metric, "p": 3 if metric == "minkowski" else 2, "n_jobs": n_jobs}
    ours, theirs = KNNClassifier(k, **parameters), KNeighborsClassifier(k, algorithm="brute", **parameters)
    ours.fit(X, y), theirs.fit(X, y)
    seconds = timed(
        {
            "ours": lambda: ours.predict(Q),
            "theirs": lambda: theirs.predict(Q),
            "ours, fit too": lambda: KNNClassifier(k, **parameters).fit(X, y).predict(Q),
            "theirs, fit too": lambda: KNeighborsClassifier(k, algorithm="brute", **parameters).fit(X, y).predict(Q),
        },
        rounds,
    )
    return tuple(float(np.median(seconds[f"ours{how}"] / seconds[f"theirs{how}"])) for how in ("", ", fit too"))  # type: ignore[return-value]


def kinds(n: int, d: int, m: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Names, rows and queries."""
    rng = np.random.default_rng(0)
    normal, whole = rng.standard_normal, rng.integers
    yield "normal", normal((n, d)), normal((m, d))
    for share in (0.2, 0.5, 1.0):
        X, Q = normal((n, d)), normal((m, d))
        X[rng.random(n) < share] = X[0]
        Q[::4] = X[0]
        yield f"{share:.0%} equal rows", X, Q
    yield "four copies of each", normal((n // 4, d))[whole(0, n // 4, n)], normal((m, d))
    X, Q = normal((n, d)), normal((m, d))
    X[n // 2 :] = X[: n - n // 2]
    yield "each row twice", X, Q
    yield "whole, 3 values", whole(0, 3, (n, d)), whole(0, 3, (m, d))
    yield "whole, 4 values", whole(0, 4, (n, d)), whole(0, 4, (m, d))
    yield "tenths, 4 values", whole(0, 4, (n, d)) * 0.1, whole(0, 4, (m, d)) * 0.1
    yield "binary", whole(0, 2, (n, d)), whole(0, 2, (m, d))
    yield "pixels", whole(0, 256, (n, d)), whole(0, 256, (m, d))
    yield "2 % ones", rng.random((n, d)) < 0.02, rng.random((m, d)) < 0.02
    for size in (1, 0.1):
        yield f"one-hot times {size}", size * np.eye(d)[whole(0, d, n)], size * np.eye(d)[whole(0, d, m)]
    X, Q = (np.hstack([np.eye(max(d // 8, 1))[whole(0, max(d // 8, 1), rows)] for _ in range(8)]) for rows in (n, m))
    yield "eight one-hots", X, Q
    scale = X.std(axis=0) + 1e-9
    yield "eight, standardised", (X - X.mean(axis=0)) / scale, (Q - X.mean(axis=0)) / scale
    centres = 10 * normal((50, d))
    for width in (0.01, 1e-5):
        X, Q = (centres[whole(0, 50, rows)] + width * normal((rows, d)) for rows in (n, m))
        yield f"clusters of {width:g}", X, Q
    X, Q = normal((n, d)), normal((m, d))
    X[:3] *= 1e6
    yield "outliers", X, Q
    X, Q = normal((n, d)), normal((m, d))
    X[:, ::2] = Q[:, ::2] = 3
    yield "constant columns", X, Q
    plane = normal((5, d))
    yield "near a plane", normal((n, 5)) @ plane + 0.05 * normal((n, d)), normal((m, 5)) @ plane
    yield "lognormal", np.exp(2 * normal((n, d))), np.exp(2 * normal((m, d)))
