"""The quantile encoding: a number by its rank, as a normal deviate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from skdl._array import Array
from skdl._constraints import Integer
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, NumberEncoding
from skdl._quantiles import weighted_quantiles
from skdl._registry import register
from skdl.layers import with_shared_rows

ROWS_OF_A_KNOT = 30  # distinct values between two quantiles, where there are many
FEWEST_KNOTS = 32
LEAST_WIDTH = 1e-30  # between two knots, whose inverse float32 holds


@dataclass(frozen=True)
class QuantileLayer(Layer):
    """y_j = s_ji + (x_j - q_ji) * slope_ji between the knots q_ji of each column, and the end's score beyond them.

    Parameters
    ----------
    n_inputs : int
    n_knots : int
        At least 2; those that a column does not need repeat its last one.
    """

    n_inputs: int
    n_knots: int

    gives_y = True
    takes_shared_rows = True
    gives_shared_rows = True
    learns_from_rows = True

    def buffers(self) -> Mapping[str, Array]:
        return {name: np.zeros((1, self.n_inputs * self.n_knots)) for name in ("knot", "score", "slope")}

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        knots, scores, slopes = (
            arrays[name].reshape(self.n_inputs, self.n_knots) for name in ("knot", "score", "slope")
        )
        for j in range(self.n_inputs):
            column, score = normal_scores(x[:, j : j + 1], weight, self.n_knots)
            n = len(column)
            knots[j, :n], knots[j, n:] = column, column[-1]
            scores[j, :n], scores[j, n:] = score, score[-1]
            slopes[j] = 0
            widths = np.diff(column)
            slopes[j, : n - 1] = np.diff(score) / np.where(widths > LEAST_WIDTH, widths, np.inf)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        x, arrays = with_shared_rows(x, arrays)
        k, _, d = x.shape
        knots = arrays["knot"].ravel()
        # All columns in one search: complex numbers are ordered by their real part first.
        ordered, sought = np.empty(knots.shape, np.complex128), np.empty(x.shape, np.complex128)
        column = np.arange(k * d)
        ordered.real, ordered.imag = np.repeat(column, self.n_knots), knots
        sought.real, sought.imag = column.reshape(k, 1, d), x
        first = self.n_knots * column.reshape(k, 1, d)
        index = np.clip(ordered.searchsorted(sought, side="right") - 1, first, first + self.n_knots - 1)
        slope = arrays["slope"].ravel()[index]
        last = knots[first + self.n_knots - 1]
        y = np.clip(x, knots[first], last)
        y -= knots[index]
        y *= slope
        y += arrays["score"].ravel()[index]

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            return dy * slope * ((x > knots[first]) & (x < last)) if needed else None

        return y, backprop

    def cost(self) -> Cost:
        return Cost(0, self.n_inputs)


def normal_scores(x: np.ndarray, weight: np.ndarray | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Rising quantiles of a column (n, 1), at most so many, and the normal deviates of the shares of rows up to them.

    Their number does not depend on how often a value is there, but on how many there are.
    """
    n_values = len(np.unique(x[~np.isnan(x)]))
    n = int(np.clip(n_values // ROWS_OF_A_KNOT, min(FEWEST_KNOTS, most), most))
    levels = np.linspace(0, 1, n)
    knots = weighted_quantiles(x, weight, levels)[:, 0]
    deviates = special.ndtri(np.clip(levels, 1 / (4 * (n - 1)), 1 - 1 / (4 * (n - 1))))
    knots, counts = np.unique(knots, return_counts=True)
    if len(knots) == 1:
        return knots, np.zeros(1)
    last = np.cumsum(counts) - 1
    return knots, (deviates[last - counts + 1] + deviates[last]) / 2


@register("quantile")
class Quantile(NumberEncoding):
    """Quantile encoding: each number becomes the normal deviate of the share of training rows that are not above it.

    x' = Phi^-1(F(x)),  F the distribution of the feature in the training rows

    Phi^-1(F) is linear between quantiles. Of values that many rows share it is the mean of the deviates that they take
    up, and beyond the extremes of the rows it stays as it is there.

    Parameters
    ----------
    n_quantiles : int, default=256
        Most quantiles of a feature, at least 2. It has one for each 30 distinct values, but 32 at least.

    Shape
    -----
    (k, B, d) -> (k, B, d)

    References
    ----------
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, "Revisiting deep learning models for tabular data", NeurIPS
    2021, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPRegressor
    >>> X = np.exp(np.linspace(-6, 6, 300))[:, None]
    >>> y = np.sin(np.log(X[:, 0]))
    >>> plain = MLPRegressor(encoding=None, random_state=0).fit(X, y).score(X, y)
    >>> MLPRegressor(encoding="quantile", random_state=0).fit(X, y).score(X, y) > plain
    True
    """

    constraints = {"n_quantiles": Integer(2)}

    def __init__(self, n_quantiles: int = 256):
        self.n_quantiles = n_quantiles

    @property
    def width(self) -> int:
        return 1

    def build(self, n_inputs: int) -> Layer:
        return QuantileLayer(n_inputs, self.n_quantiles)
