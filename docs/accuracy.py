"""Print docs/accuracy.md: correct digits on NIST's reference problems for linear least squares.

python docs/accuracy.py [--data FOLDER] > docs/accuracy.md
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

from skdl import LeastSquaresRegressor, PolynomialRegressor

CAP = 15.0
# What the exact solution of the problem reaches when its decimal data are rounded to float64: with the powers computed
# exactly, and with powers in float64 as columns. From exact rational arithmetic.
CEILINGS = {"Norris": (14.1, 14.1), "Pontius": (13.5, 13.5), "NoInt1": (14.7, 14.7), "Filip": (14.0, 7.6)}
CEILINGS |= {"Longley": (14.6, 14.6), "Wampler2": (13.2, 13.2)}
ORDER = ("Norris", "Pontius", "NoInt1", "NoInt2", "Filip", "Longley", *(f"Wampler{i}" for i in range(1, 6)))
INTRODUCTION = """\
# Accuracy

The eleven linear problems of NIST's Statistical Reference Datasets (StRD), with certified coefficients and standard
errors: the number of correct digits, -log10 of the relative error, of the worst coefficient, at most 15. Wampler1 to
Wampler5, Filip and Pontius are polynomials; for `LeastSquaresRegressor` and scikit-learn's `LinearRegression` their
powers are columns in float64. Norris, NoInt1 and NoInt2 have one feature, Longley has six.

The data are decimal numbers, and rounding them to float64 alone moves the exact solution. The ceiling is what the exact
solution of the rounded problem reaches, in rational arithmetic: first with exact powers, then with powers in float64.

This page is printed by `python docs/accuracy.py --data FOLDER`, where the folder holds the problems as JSON files.
"""
AFTER = """\

`LeastSquaresRegressor` with its defaults is at the ceiling on every problem: small data are solved by QR and refined
with residuals in twice the precision, see the notes of the class. `PolynomialRegressor` does not see rounded powers, so
Filip is not out of its reach. `LinearRegression` is shown with its defaults and with `tol=0`, since its default drops
directions below 1e-6 of the largest one.

What is certified to be 0 (the standard errors of Wampler1 and Wampler2) counts as 15 digits where it is below 1e-13 of
the coefficient.

On larger data, the default is a single pass over X whose error is estimated, and brought down where the estimate asks
for it. Relative errors of the coefficients of 20000 x 8 features with an offset of 1 and noise as large as the signal,
against the solution refined in twice the precision (0 where that is what ran):

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "nist")
    folder = parser.parse_args().data
    warnings.simplefilter("ignore")
    print(INTRODUCTION)
    print(*digits_table(folder), sep="\n")
    print(AFTER, end="")
    print(*condition_table(), sep="\n")


def digits_table(folder: Path) -> list[str]:
    columns = ["ceiling", "LeastSquaresRegressor", "its standard errors", "PolynomialRegressor", "LinearRegression"]
    columns.append("LinearRegression(tol=0)")
    lines = ["| problem | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name in ORDER:
        problem = json.loads((folder / f"{name}.json").read_text())
        y, x = (
            np.asarray(problem["y"], dtype=float),
            np.asarray(problem["x"], dtype=float).reshape(len(problem["y"]), -1),
        )
        degree = problem["polynomial_degree"]
        X = x if degree is None else x ** np.arange(1, degree + 1)
        certified, intercept = problem["certified_coef"], problem["intercept"]

        def coefficients(model: Any, X: np.ndarray = X, y: np.ndarray = y, intercept: bool = intercept) -> np.ndarray:
            model.fit(X, y)
            return np.append(model.intercept_, model.coef_) if intercept else model.coef_

        ours = LeastSquaresRegressor(fit_intercept=intercept)
        found = [digits(coefficients(ours), certified)]
        found.append(digits(ours.summary()["standard_error"], problem["certified_sd"], ours.summary()["coefficient"]))
        if degree is None:
            found.append("")
        else:
            found.append(digits(coefficients(PolynomialRegressor(degree, fit_intercept=intercept), x), certified))
        for peer in (LinearRegression(fit_intercept=intercept), LinearRegression(fit_intercept=intercept, tol=0)):
            found.append(digits(coefficients(peer), certified))
        ceiling = " / ".join(f"{value:.1f}" for value in dict.fromkeys(CEILINGS.get(name, (CAP,))))
        lines.append(f"| {name} | {ceiling} | " + " | ".join(found) + " |")
    return lines


def digits(found: Any, certified: Any, size: Any = None) -> str:
    """Correct digits of the worst number; numbers certified to be zero are compared with `size`."""
    found, certified = np.asarray(found, dtype=float), np.asarray(certified, dtype=float)
    reference = np.where(certified == 0, 1.0 if size is None else np.abs(size) * 1e2, np.abs(certified))
    worst = np.max(np.abs(found - certified) / reference)
    return f"{-np.log10(max(worst, 10**-CAP)):.1f}"


def condition_table() -> list[str]:
    models: dict[str, Callable[[], Any]] = {
        "LeastSquaresRegressor": LeastSquaresRegressor,
        "LinearRegression": LinearRegression,
        "LinearRegression(tol=0)": lambda: LinearRegression(tol=0),
    }
    lines = ["| condition of X | solver_ | " + " | ".join(models) + " |", "|---|---|" + "---|" * len(models)]
    for condition in (1e1, 1e3, 1e5, 1e7, 1e10):
        rng = np.random.default_rng(0)
        left, right = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((20_000, 8), (8, 8)))
        X = left * np.geomspace(1, 1 / condition, 8) @ right.T * np.sqrt(len(left)) + 1
        y = X @ rng.normal(size=8)
        y += y.std() * rng.normal(size=len(y))
        exact = LeastSquaresRegressor(solver="qr").fit(X, y).coef_
        fitted = {name: model().fit(X, y) for name, model in models.items()}
        errors = [np.linalg.norm(model.coef_ - exact) / np.linalg.norm(exact) for model in fitted.values()]
        cells = " | ".join(f"{error:.0e}" if error > 0 else "0" for error in errors)
        lines.append(f"| {condition:.0e} | {fitted['LeastSquaresRegressor'].solver_} | {cells} |")
    return lines


if __name__ == "__main__":
    main()
