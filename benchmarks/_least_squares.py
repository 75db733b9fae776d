"""Least squares on tall tables, against scikit-learn's and NumPy's ways and one bare product X'X."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from _side_by_side import peak_megabytes, table, timed
from sklearn.linear_model import LinearRegression, Ridge

from skdl import LeastSquaresRegressor

# The fit alone counts, in a process where everything is imported and the data are there.
MEMORY = """
import sys
sys.path.insert(0, {folder!r})
from _least_squares import PEERS, problem
X, y = problem({n}, {d}, {offset})
fit = PEERS[{name!r}]
fit(X, y)
"""
SHAPES = ((100_000, 100), (1_000_000, 20), (20_000, 1000))


def run(rounds: int, data: Path) -> None:
    for n, d in SHAPES:
        for offset in (0.0, 10.0):
            X, y = problem(n, d, offset)
            seconds = timed({name: partial(fit, X, y) for name, fit in PEERS.items()}, rounds)
            exact = LeastSquaresRegressor(solver="qr").fit(X, y).coef_
            notes = {name: note(name, fit(X, y), exact, n=n, d=d, offset=offset) for name, fit in PEERS.items()}
            product = np.median(seconds["skdl LeastSquaresRegressor"] / seconds[PRODUCT])
            title = f"least squares {n} x {d}, features around {offset:g}: {product:.2f} times one X'X"
            table(title, seconds, notes=notes)


def note(name: str, coef: np.ndarray | None, exact: np.ndarray, **parameters: Any) -> str:
    if coef is None:
        return ""
    error = np.linalg.norm(coef - exact) / np.linalg.norm(exact)
    megabytes = peak_megabytes(MEMORY.format(folder=str(Path(__file__).parent), name=name, **parameters))
    return f"relative error {error:.0e}  peak {megabytes:.0f} MB"


def problem(n: int, d: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of standard deviation 1 around `offset`, targets with noise of the same size."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    X += offset
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def product(X: np.ndarray, y: np.ndarray) -> None:
    np.matmul(X.T, X)


def lstsq(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """With the intercept that the others estimate too: on centred data."""
    return np.asarray(np.linalg.lstsq(X - X.mean(axis=0), y - y.mean())[0])


def gelsy(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), lapack_driver="gelsy")[0])


PRODUCT = "one X'X"
PEERS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "skdl LeastSquaresRegressor": lambda X, y: LeastSquaresRegressor().fit(X, y).coef_,
    PRODUCT: product,
    "scikit-learn LinearRegression": lambda X, y: LinearRegression().fit(X, y).coef_,
    "scikit-learn Ridge(1e-10, cholesky)": lambda X, y: Ridge(1e-10, solver="cholesky").fit(X, y).coef_,
    "numpy lstsq": lstsq,
    "scipy lstsq (gelsy)": gelsy,
}
