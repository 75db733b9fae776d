"""Weights of members, fitted to rows that the members have not seen.

Both problems are convex in the weights, w_j >= 0 with sum 1, and both are solved without that sum as a constraint, by a
function whose minimum over the length of w is known:

- Log loss: -mean log(sum_j w_j p_j) + sum_j w_j. A factor s on w adds -log s + s sum_j w_j, least where s sum_j w_j is
  one: the sum is one at the minimum, which L-BFGS-B finds with the bounds alone.
- Squared error: |sum_j w_j e_j|^2 + c^2 (sum_j w_j - 1)^2. For w = s u with sum u = 1 and q = |sum_j u_j e_j|^2, the
  least over s is c^2 q / (q + c^2), which rises with q: the minimum has the right u for any c. It is a problem of
  nonnegative least squares, which `scipy.optimize.nnls` solves to the last bit of its active set.

Greedy selection (Caruana et al. 2004) adds, again and again, the member that makes the average best, members that are
in it already included; the number of times that each was taken, at the best moment, is its weight. Most are zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize, nnls

from skdl._array import exponents_of

SELECTIONS = 100  # members taken in the greedy selection: weights are multiples of at least 1 %
SMALLEST = 1e-12  # probability of a class that a member rules out: one mistake is not an infinite loss


def weights_by_log_loss(probabilities: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of least log loss, from the probabilities (k, n) of the true labels and the rows' weights (n,)."""
    rows, share = _of_true_labels(probabilities, weight)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixture = np.maximum(w @ rows, 1e-30)  # a line search may try w = 0
        return float(w.sum() - share @ np.log(mixture)), 1 - rows @ (share / mixture)

    start = np.full(len(rows), 1 / len(rows))
    bounds = [(0, None)] * len(rows)
    options = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    shares: np.ndarray = found / found.sum()
    return shares


def weights_by_squared_error(residuals: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of least squared error, from the residuals (k, n, C) and the rows' weights (n,)."""
    factor: Any = np.linalg.qr(_scaled(residuals, weight).T, mode="r")  # of k columns: the same sums of squares
    size = np.sqrt((factor**2).sum() / factor.shape[1]) or 1.0
    found, _ = nnls(np.vstack([factor / size, np.ones(factor.shape[1])]), np.append(np.zeros(len(factor)), 1.0))
    shares: np.ndarray = found / found.sum()
    return shares


def greedy_by_log_loss(probabilities: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights by greedy selection, from what `weights_by_log_loss` takes."""
    rows, share = _of_true_labels(probabilities, weight)
    return _select(len(rows), lambda counts: -np.log((counts @ rows + rows) / (counts.sum() + 1)) @ share)


def greedy_by_squared_error(residuals: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights by greedy selection, from what `weights_by_squared_error` takes."""
    scaled = _scaled(residuals, weight)
    moments = scaled @ scaled.T
    squares = np.diagonal(moments)

    def losses(counts: np.ndarray) -> np.ndarray:
        products = moments @ counts
        found: np.ndarray = (counts @ products + 2 * products + squares) / (counts.sum() + 1) ** 2
        return found

    return _select(len(squares), losses)


def _select(n_members: int, losses: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Greedy selection; `losses` gives the loss with each member taken once more than the counts say."""
    counts = np.zeros(n_members)
    best, chosen = np.inf, counts
    for _ in range(SELECTIONS):
        found = losses(counts)
        taken = int(found.argmin())
        counts[taken] += 1
        if found[taken] < best:
            best, chosen = found[taken], counts.copy()
    shares: np.ndarray = chosen / chosen.sum()
    return shares


def _of_true_labels(probabilities: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(probabilities.astype(np.float64), SMALLEST), weight / weight.sum()


def _scaled(residuals: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Residuals (k, n C), in units of the largest, whose products sum to weighted means."""
    scaled = np.ldexp(residuals, -exponents_of(residuals)) * np.sqrt(weight / weight.sum())[:, None]
    flat: np.ndarray = scaled.reshape(len(scaled), -1)
    return flat
