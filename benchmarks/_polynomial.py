"""Polynomials: one feature of degree 10, ten features of degree 3, against scikit-learn's and NumPy's ways."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _side_by_side import peak_megabytes, table, timed
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skdl import PolynomialRegressor

# The fit alone counts, in a process where everything is imported and the data are there.
MEMORY = """
import sys
sys.path.insert(0, {folder!r})
from _polynomial import PEERS, problem
X, y, _ = problem({n}, {d})
fit = PEERS[{d}]({degree})[{name!r}]
fit(X, y)
"""


def run(rounds: int, data: Path) -> None:
    for n, d, degree in ((10**6, 1, 10), (10**5, 10, 3)):
        X, y, truth = problem(n, d)
        peers = PEERS[d](degree)
        seconds = timed({name: partial(fit, X, y) for name, fit in peers.items()}, rounds)
        folder, notes = str(Path(__file__).parent), {}
        for name, fit in peers.items():
            error = np.sqrt(np.mean((fit(X, y)(X) - truth) ** 2))
            megabytes = peak_megabytes(MEMORY.format(folder=folder, n=n, d=d, degree=degree, name=name))
            notes[name] = f"rms error {error:.2e}  peak {megabytes:.0f} MB"
        table(f"polynomial: {d} feature(s), degree {degree}, n = {n}", seconds, notes=notes)


def problem(n: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features in [-5, 5], targets with noise, and without."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-5, 5, size=(n, d))
    truth = np.sin(X[:, 0]) if d == 1 else X[:, 0] * X[:, 1] * X[:, 2] / 25 - X[:, 3] ** 2 / 5 + X.sum(axis=1) / 10
    return X, truth + rng.normal(size=n) / 10, truth


def one_feature(degree: int) -> dict[str, Callable[..., Any]]:
    def chebyshev(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        fitted = np.polynomial.Chebyshev.fit(X.ravel(), y, degree)
        return lambda new: fitted(new.ravel())

    return {**several_features(degree), "numpy Chebyshev.fit": chebyshev}


def several_features(degree: int) -> dict[str, Callable[..., Any]]:
    """Functions of X and y that fit and return the fitted model's predict."""
    powers = PolynomialFeatures(degree, include_bias=False)
    models = {
        "skdl PolynomialRegressor": PolynomialRegressor(degree),
        "PolynomialFeatures, LinearRegression": make_pipeline(powers, LinearRegression()),
        "StandardScaler before these": make_pipeline(StandardScaler(), powers, LinearRegression()),
    }
    return {name: lambda X, y, model=model: model.fit(X, y).predict for name, model in models.items()}


PEERS = {1: one_feature, 10: several_features}
