"""How far members disagree, by row: entropies of class probabilities, and the spread of predictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import entr

from skdl._array import exponents_of
from skdl._diagnosis import is_frame

if TYPE_CHECKING:
    import pandas as pd


def class_entropies(outputs: Iterable[np.ndarray], weights: np.ndarray, X: Any) -> pd.DataFrame:
    """The entropy of the average of class probabilities, its members' mean entropy, and their disagreement.

    Parameters
    ----------
    outputs : iterable of arrays of shape (n, n_classes)
        Each member's.
    weights : array of shape (n_members,)
        That sum to one.
    X : array or frame of n rows
        Whose index names them, if it has one.
    """
    import pandas as pd  # here, since importing it takes longer than importing skdl

    average: Any = 0
    expected: Any = 0
    for weight, output in zip(weights, outputs, strict=True):
        output = output.astype(np.float64)
        average = average + weight * output
        expected = expected + weight * entr(output).sum(axis=1)
    total = entr(average).sum(axis=1)
    # The entropy is concave: what rounding leaves below zero is zero.
    entropies = {
        "total_entropy": total,
        "expected_entropy": expected,
        "knowledge_entropy": np.maximum(total - expected, 0),
    }
    return pd.DataFrame(entropies, index=_index(X))


def member_spread(outputs: np.ndarray, weights: np.ndarray, X: Any) -> pd.DataFrame:
    """The standard deviation of predictions (n_members, n) or (n_members, n, n_outputs), by row and output."""
    import pandas as pd  # as above

    outputs = outputs.astype(np.float64)
    average = np.clip(np.tensordot(weights, outputs, 1), outputs.min(axis=0), outputs.max(axis=0))
    apart = outputs - average
    exponent = exponents_of(apart)
    spread = np.ldexp(np.sqrt(np.tensordot(weights, np.ldexp(apart, -exponent) ** 2, 1)), exponent)
    names = ["member_spread"] if spread.ndim == 1 else [f"member_spread_{j}" for j in range(spread.shape[1])]
    return pd.DataFrame(spread.reshape(len(spread), -1), columns=names, index=_index(X))


def _index(X: Any) -> Any:
    """The names of a frame's rows, where it has any."""
    return X.index if is_frame(X) and hasattr(X, "index") else None
