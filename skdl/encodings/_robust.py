"""The robust encoding: a number in units of its quartiles, with its extremes drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array
from skdl._constraints import Real
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, NumberEncoding
from skdl._quantiles import weighted_quantiles
from skdl._registry import register
from skdl.layers import with_shared_rows

LIMIT = 1e9  # whose square float32 holds, also over that of the smallest bound
CLIP = Real(0.1, 1e6)


def robust_units(x: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The median of each column, and one over its interquartile range, half its range, or 0 where it is constant."""
    low, first, median, third, high = weighted_quantiles(x, weight, np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    spread = np.where(third > first, third - first, (high - low) / 2).astype(np.float64)
    usable = spread > np.finfo(np.float32).tiny
    return median, np.where(usable, 1 / np.where(usable, spread, 1.0), 0.0)


def smooth_clip(z: Array, bound: float) -> tuple[Array, Array]:
    """Z / sqrt(1 + (z / bound)^2), which stays between -bound and bound, and z's factor; z is overwritten."""
    np.clip(z, -LIMIT, LIMIT, out=z)
    factor = z * (1 / bound)
    factor *= factor
    factor += 1
    np.sqrt(factor, out=factor)
    np.divide(1, factor, out=factor)
    z *= factor
    return z, factor


@dataclass(frozen=True)
class RobustLayer(Layer):
    """y = z / sqrt(1 + (z / c)^2), z = (x - centre) * scale, with the median and the interquartile range of the rows.

    Parameters
    ----------
    n_inputs : int
    bound : float
        c.
    """

    n_inputs: int
    bound: float = 3.0

    gives_y = True
    takes_shared_rows = True
    gives_shared_rows = True
    learns_from_rows = True

    def buffers(self) -> Mapping[str, Array]:
        return {"centre": np.zeros((1, self.n_inputs)), "scale": np.ones((1, self.n_inputs))}

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        arrays["centre"][...], arrays["scale"][...] = robust_units(x, weight)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        x, arrays = with_shared_rows(x, arrays)
        z = x - arrays["centre"]
        z *= arrays["scale"]
        y, factor = smooth_clip(z, self.bound)

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            return dy * factor**3 * arrays["scale"] if needed else None

        return y, backprop

    def cost(self) -> Cost:
        return Cost(0, self.n_inputs)


@register("robust")
class Robust(NumberEncoding):
    """Robust scaling with a smooth clip: a few wild values neither squeeze the others nor reach far themselves.

    x' = z / sqrt(1 + (z / clip)^2),  z = (x - median) / (interquartile range)

    with the median and the quartiles of the training rows. Where the quartiles are equal, half the range takes their
    place, and a constant column becomes 0. x' is about z near 0, and lies in (-clip, clip).

    Parameters
    ----------
    clip : float, default=3.0
        Bound of x', in [0.1, 1e6].

    Shape
    -----
    (k, B, d) -> (k, B, d)

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPRegressor
    >>> X = np.linspace(0, 1, 100)[:, None]
    >>> X[0] = 1e6
    >>> y = np.sin(3 * X[:, 0]) * (X[:, 0] < 2)
    >>> MLPRegressor(encoding="robust", max_iter=200, random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    constraints = {"clip": CLIP}

    def __init__(self, clip: float = 3.0):
        self.clip = clip

    @property
    def width(self) -> int:
        return 1

    def build(self, n_inputs: int) -> Layer:
        return RobustLayer(n_inputs, float(self.clip))
