"""A polynomial evaluated from its public coefficients, for where they are no longer those of the fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdl.linear.polynomial.terms import TermBlock


def evaluate_terms(
    family: str,
    blocks: Sequence[TermBlock],
    domain: np.ndarray,
    X: np.ndarray,
) -> np.ndarray:
    """The products (n_terms, n) of monomials, or of Chebyshev or Legendre polynomials of features mapped to [-1, 1]."""
    values = np.empty((blocks[-1].rows.stop if blocks else 0, len(X)))
    x = X.T.astype(np.float64)
    if family != "monomial":
        low, high = domain.T[:, :, None]
        x = (x - (low / 2 + high / 2)) / (high / 2 - low / 2)
    pure: dict[tuple[int, int], np.ndarray] = {}
    for rows, feature, a, rest in blocks:
        if rest is not None:
            values[rows] = values[rest] * pure[feature, a]
            continue
        one, two = (pure.get((feature, a - back), np.ones(len(X))) for back in (1, 2))
        if family == "monomial" or a == 1:
            found = x[feature] * one
        elif family == "chebyshev":
            found = 2 * x[feature] * one - two
        else:
            found = ((2 * a - 1) * x[feature] * one - (a - 1) * two) / a
        values[rows] = pure[feature, a] = found
    return values
