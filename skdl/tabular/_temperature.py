"""Temperature scaling: probabilities p become p^(1/T), normalised, with the T of the least log loss."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

SMALLEST = 1e-12  # probability of a class that is ruled out
RANGE = (0.1, 3.0)  # of 1/T
PRIOR_ROWS = 1.0  # of a random label, that are thought to be there besides: rows without any error prove no certainty


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, C) at this temperature: above 1 they become less certain."""
    powers = _logarithms(probabilities) / temperature
    powers -= powers.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def temperature_of(probabilities: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    """The temperature of the least log loss of probabilities (n, C) for the true classes (n,) and rows' weights (n,).

    The loss is convex in b = 1/T, with the derivative E[sum_c p_c(b) l_c - l_y], where l are the logarithms of the
    probabilities: its zero is found by brackets. A row whose label may be any counts besides (compare Platt's targets).

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", ICML, 2017; J. Platt, "Probabilistic outputs for support
    vector machines", in Advances in Large Margin Classifiers, 2000.
    """
    logarithms, share = _logarithms(probabilities), weight / weight.sum()
    n_rows = 1 / (share**2).sum()
    random = PRIOR_ROWS / (n_rows + PRIOR_ROWS)
    true = (1 - random) * float(share @ logarithms[np.arange(len(codes)), codes])
    true += random * float(share @ logarithms.mean(axis=1))

    def slope(b: float) -> float:
        return float(share @ (tempered(probabilities, 1 / b) * logarithms).sum(axis=1)) - true

    low, high = RANGE
    if slope(low) >= 0:
        return 1 / low
    if slope(high) <= 0:
        return 1 / high
    return 1 / float(brentq(slope, low, high, xtol=1e-6))


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    return found
