"""Real targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._encoding.arrays import check_shape


@dataclass(frozen=True)
class Reals:
    """Real targets, standardised inside of the network.

    Parameters
    ----------
    shift, scale : arrays of shape (n_outputs,)
        The network learns (y - shift) / scale. An output whose targets are all equal has the scale 0, their value as
        shift, and targets of zero.
    flat : bool
        Whether y came with one dimension, and predictions leave so.
    lower, upper : arrays of shape (n_outputs,) or None
        The range that predictions are held to; None for any number.
    """

    shift: np.ndarray
    scale: np.ndarray
    flat: bool
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None

    @property
    def n_outputs(self) -> int:
        return len(self.shift)

    def validate(self, y: np.ndarray) -> np.ndarray:
        check_shape(y.reshape(len(y), -1), self.n_outputs, "targets")
        return y

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        columns = self.validate(y).reshape(len(y), -1)
        scale = np.where(self.scale == 0, 1.0, self.scale)
        return np.ascontiguousarray((columns - self.shift) / scale, dtype=dtype)

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Nothing: a random split takes reals as they come."""
        return None

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in y's shape; the scale is undone by the folded last layer."""
        predictions = self.clipped(predictions)
        return predictions[:, 0] if self.flat else predictions

    def clipped(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions (n, n_outputs) in their range."""
        if self.lower is None or self.upper is None:
            return predictions
        with np.errstate(over="ignore"):  # a bound that their precision does not hold is none
            lower, upper = (bound.astype(predictions.dtype) for bound in (self.lower, self.upper))
        return np.clip(predictions, lower, upper)
