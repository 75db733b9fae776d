"""Softmax regression against scikit-learn's LogisticRegression, both as far from the optimum as the table says.

Both minimise the mean cross entropy plus ||W||^2 / (2 C n) with C = 1. The optimum is computed once, by a long fit in
float64. A traced fit of each peer finds the iterations that it needs for the gap; what is timed is the whole public fit
with that max_iter, whose result's gap, computed in float64, is printed beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
from _side_by_side import peak_megabytes, table, timed
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from skdl import SoftmaxClassifier

PEERS = {
    "SoftmaxClassifier": ("skdl", "alpha=1e-5, standardize=False"),
    "LogisticRegression": ("sklearn.linear_model", "C=1.0"),
}
PEAK = """
import warnings; import numpy as np; from {module} import {name}
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, y = rng.standard_normal(({n}, {d}), np.float32), rng.integers(0, {k}, {n})
model = {name}({parameters}, max_iter=3).fit(X[:2000], y[:2000])
model.fit(X, y)
"""


def run(rounds: int, data: Path) -> None:
    """Print the table of each data set."""
    X, y = synthetic()
    compare("softmax 200000 x 54, 7 classes, float32, to a relative gap of 1e-5", X, y, 1e-5, 200, rounds)
    if (data / "mnist.npz").exists():
        X, y = mnist(data)
        # One round, since scikit-learn's fits take half a minute each.
        compare("softmax MNIST 60000 x 784, 10 classes, float32, to a gap of 1e-3; one round", X, y, 1e-3, 250, 1)


def synthetic() -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns of unit variance, and labels drawn from a softmax."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((54, 54)))[0] for _ in range(2))
    X = rng.standard_normal((200_000, 54)) @ (left * np.geomspace(1, 0.05, 54) @ right)
    X /= X.std(axis=0)
    scores = X @ rng.standard_normal((54, 7)) + rng.gumbel(size=(200_000, 7))
    return X.astype(np.float32), scores.argmax(axis=1)


def mnist(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training images, in [0, 1]."""
    with np.load(data / "mnist.npz") as images:
        return images["x_train"].reshape(-1, 784).astype(np.float32) / np.float32(255), images["y_train"]


def compare(title: str, X: np.ndarray, y: np.ndarray, gap: float, long: int, rounds: int) -> None:
    """Time both peers to the gap; `long` iterations in float64 are taken for the optimum."""
    (n, d), start = X.shape, time.perf_counter()
    best = SoftmaxClassifier(alpha=1 / n, standardize=False, max_iter=long, tol=1e-9).fit(X.astype(np.float64), y)
    optimum = objective(best, X, y)
    target, settled = optimum * (1 + gap), best.loss_curve_[-11] / optimum - 1
    print(f"softmax: optimum {optimum:.9f} in {time.perf_counter() - start:.0f} s,", end=" ")
    print(f"of which the last 10 iterations gained {settled:.0e}", flush=True)

    def ours(iterations: int) -> SoftmaxClassifier:
        return SoftmaxClassifier(alpha=1 / n, standardize=False, max_iter=iterations, tol=0.0).fit(X, y)

    def theirs(iterations: int) -> LogisticRegression:
        return LogisticRegression(max_iter=iterations, tol=0.0).fit(X, y)

    def enough(fit: Callable[[int], Any], iterations: int) -> Any:
        """The fit of least iterations, from those of the trace on in steps of 2 %, that has the gap in float64."""
        while objective(fitted := fit(iterations), X, y) > target:
            iterations += max(1, iterations // 50)
        return fitted

    found = next(i for i, loss in enumerate(ours(long).loss_curve_, 1) if loss <= target)
    models = {
        "SoftmaxClassifier": enough(ours, found),
        "LogisticRegression": enough(theirs, iterations_of(lambda: theirs(10 * long), target)),
    }
    notes = {}
    for name, (module, parameters) in PEERS.items():
        script = PEAK.format(module=module, name=name, parameters=parameters, n=n, d=d, k=len(best.classes_))
        reached = objective(models[name], X, y) / optimum - 1
        notes[name] = f"{models[name].max_iter} iterations, gap {reached:.1e}, peak {peak_megabytes(script):.0f} MB"
    table(title, timed({name: partial(model.fit, X, y) for name, model in models.items()}, rounds), notes=notes)


def iterations_of(fit: Callable[[], Any], target: float) -> int:
    """The iterations after which a fit that calls scipy.optimize.minimize has come down to the target."""
    minimize, losses = scipy.optimize.minimize, []

    def callback(intermediate_result: Any) -> None:
        losses.append(intermediate_result.fun)
        if losses[-1] <= target:
            raise StopIteration

    scipy.optimize.minimize = lambda *args, **kwargs: minimize(*args, **{**kwargs, "callback": callback})
    try:
        fit()
    finally:
        scipy.optimize.minimize = minimize
    return len(losses)


def objective(model: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Mean cross entropy plus penalty in float64, whoever found the coefficients."""
    weight, bias = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    total = 0.0
    for start in range(0, len(X), 10_000):
        scores = X[start : start + 10_000].astype(np.float64) @ weight.T + bias
        index = np.searchsorted(model.classes_, y[start : start + 10_000])
        total += (logsumexp(scores, axis=1) - scores[np.arange(len(scores)), index]).sum()
    return float(total / len(X) + (weight**2).sum() / (2 * len(X)))
