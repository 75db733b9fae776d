"""The piecewise-linear encoding: how far a number is through each of some bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array
from skdl._constraints import NONE, Boolean, Integer, OneOf
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, NumberEncoding
from skdl._registry import register
from skdl.encodings._edges import column_edges
from skdl.encodings._features import FeatureDense, by_features, by_rows
from skdl.encodings._piecewise_loop import encoding_loop, limits_of
from skdl.encodings._robust import CLIP, robust_units, smooth_clip
from skdl.layers import Sequential, with_shared_rows


@dataclass(frozen=True)
class PiecewiseLayer(Layer):
    """c_jt = min(max((x_j - low_jt) * slope_jt, 0), 1) for the bins t = 1, ..., T of each number j, z_j before them.

    (k, B, d) -> (k, B, d (T + 1)), or d T without z, the number in robust units; y lies in memory column by column.
    A bin that is left over has the slope 0.

    Parameters
    ----------
    n_inputs, n_bins : int
        d and T.
    bins : {"quantile", "tree"}
    linear : bool
    bound : float
        Of z.
    """

    n_inputs: int
    n_bins: int
    bins: str
    linear: bool
    bound: float

    gives_y = True
    takes_shared_rows = True
    gives_shared_rows = True
    learns_from_rows = True

    def buffers(self) -> Mapping[str, Array]:
        d = self.n_inputs
        found = {"low": np.zeros((1, d * self.n_bins)), "slope": np.zeros((1, d * self.n_bins))}
        return {**found, "centre": np.zeros((1, d)), "scale": np.ones((1, d))} if self.linear else found

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        if self.linear:
            arrays["centre"][...], arrays["scale"][...] = robust_units(x, weight)
        low, slope = (arrays[name].reshape(self.n_inputs, self.n_bins) for name in ("low", "slope"))
        low[...] = slope[...] = 0
        for j, edges in enumerate(column_edges(x, weight, targets, self.n_bins, self.bins)):
            widths = np.diff(edges)
            low[j, : len(widths)] = edges[:-1]
            slope[j, : len(widths)] = 1 / widths

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        x, arrays = with_shared_rows(x, arrays)
        k, n_rows, d = x.shape
        low, slope = (arrays[name].reshape(k, d, self.n_bins) for name in ("low", "slope"))
        # without z, arrays of the right shape in the place of its two
        centre, scale = (arrays[name].reshape(k, d) if self.linear else low[..., 0] for name in ("centre", "scale"))
        y = np.empty((k, d, self.n_bins + self.linear, n_rows), x.dtype)
        encoding_loop().run(x, low, slope, centre, scale, limits_of(self.bound, x.dtype), int(self.linear), y)

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            if not needed:
                return None
            dy, columns = by_features(dy, d), by_features(x, d)  # (k, d, 1, B)
            edges, steep = low[..., None], slope[..., None]
            inside = (columns > edges) & (columns * steep < 1 + edges * steep)
            dx = (dy[:, :, self.linear :] * steep * inside).sum(axis=2, keepdims=True)
            if self.linear:
                factors = scale[..., None, None]
                _, factor = smooth_clip((columns - centre[..., None, None]) * factors, self.bound)
                dx += dy[:, :, :1] * factor**3 * factors
            return by_rows(dx)

        return by_rows(y), backprop

    def cost(self) -> Cost:
        return Cost(0, self.n_inputs * (self.n_bins + self.linear))


@register("piecewise")
class Piecewise(NumberEncoding):
    """Piecewise-linear encoding: each number becomes its shares of bins, so that a network can bend at their edges.

    c_t = min(max((x - b_{t-1}) / (b_t - b_{t-1}), 0), 1),  t = 1, ..., n_bins

    for edges b_0 < ... < b_n of each feature by itself, taken from the training rows, and with `linear` the number
    itself before them, as `Robust` scales it. A feature of few distinct values has an edge at each, and the bins that
    are left over are 0, as are all those of a constant feature. Beyond the first and the last edge all c_t stay as they
    are there, so that no value is far from what the network has learned. With `n_units`, a linear map of each feature,
    e = x' v + u + W c, stands between c and the first layer.

    Parameters
    ----------
    n_bins : int, default=16
        Bins of each feature, at least 1.
    bins : {"quantile", "tree"}, default="quantile"
        How edges are chosen: "quantile" has as many rows in each bin as in the others; "tree" takes the thresholds of a
        regression tree of the targets on the feature, where they change most.
    linear : bool, default=True
        Whether the number itself stands beside its bins.
    clip : float, default=3.0
        Bound of that number, see `Robust`, in [0.1, 1e6].
    n_units : int or None, default=None
        Units of each feature's linear map, at least 1; None for no such map. v and u begin as U(-1, 1) / sqrt(n_units),
        W at 0 (without `linear` as v), so that the network begins as one of the numbers themselves.

    Shape
    -----
    (k, B, d) -> (k, B, d (n_bins + 1)), without `linear` (k, B, d n_bins), with `n_units` (k, B, d n_units)

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS
    2022, section 3.2.
    Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: advancing tabular deep learning with parameter-efficient
    ensembling", ICLR 2025, appendix, whose map with W = 0 it is.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPRegressor
    >>> X = np.linspace(0, 1, 300)[:, None]
    >>> y = np.floor(8 * X[:, 0]) % 2
    >>> plain = MLPRegressor(encoding=None, random_state=0).fit(X, y).score(X, y)
    >>> MLPRegressor(encoding="piecewise", random_state=0).fit(X, y).score(X, y) > plain + 0.2
    True
    """

    constraints = {
        "n_bins": Integer(1),
        "bins": OneOf("quantile", "tree"),
        "linear": Boolean(),
        "clip": CLIP,
        "n_units": NONE | Integer(1),
    }

    def __init__(
        self,
        n_bins: int = 16,
        *,
        bins: str = "quantile",
        linear: bool = True,
        clip: float = 3.0,
        n_units: int | None = None,
    ):
        self.n_bins = n_bins
        self.bins = bins
        self.linear = linear
        self.clip = clip
        self.n_units = n_units

    @property
    def width(self) -> int:
        return self._n_shares if self.n_units is None else self.n_units

    @property
    def _n_shares(self) -> int:
        return self.n_bins + bool(self.linear)

    def build(self, n_inputs: int) -> Layer:
        layer = PiecewiseLayer(n_inputs, self.n_bins, self.bins, bool(self.linear), float(self.clip))
        if self.n_units is None:
            return layer
        n_drawn = 1 if self.linear else self._n_shares
        return Sequential([layer, FeatureDense(n_inputs, self._n_shares, self.n_units, n_drawn)])
