"""Coefficients that somebody has set on a fitted linear model."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_coefficients(
    coef: Any, intercept: Any, n_terms: int, n_outputs: int, *, one_output: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The public `coef_` and `intercept_` in float64, of shape (n_terms, n_outputs) and (n_outputs,).

    Raises
    ------
    ValueError
        If they do not have the shapes that the fit gave them.
    """
    due = ((n_terms,), ()) if one_output else ((n_outputs, n_terms), (n_outputs,))
    if (np.shape(coef), np.shape(intercept)) != due:
        raise ValueError(
            f"coef_ must have the shape {due[0]} and intercept_ {due[1]}. They have {np.shape(coef)} and "
            f"{np.shape(intercept)}."
        )
    weights = np.reshape(coef, (n_outputs, n_terms)).T.astype(np.float64)
    return weights, np.reshape(intercept, n_outputs).astype(np.float64)
