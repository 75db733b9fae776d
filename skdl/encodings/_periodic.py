"""The periodic encoding: waves of learned frequencies, and a small layer for each feature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._array import Array, matmul
from skdl._constraints import NONE, Boolean, Integer, OneOf, Real
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, NumberEncoding, ParameterSpec
from skdl._registry import register
from skdl.encodings._features import by_features, by_rows, row_sums
from skdl.encodings._robust import RobustLayer
from skdl.layers import Sequential
from skdl.layers.shared_rows import repeated


@dataclass(frozen=True)
class PeriodicLayer(Layer):
    """e_j = [f(W_j u_j + b_j), x_j] of each feature j, u_j = cos(2 pi c_j x_j + p_j) or [cos, sin](2 pi c_j x_j).

    (k, B, d) -> (k, B, d width), in memory column by column; without W the waves u_j themselves. All that is learned is
    each feature's own: c and p (k, d, n), W (k, d n_units, n or 2 n), b (k, d, n_units).

    Parameters
    ----------
    n_inputs, n_frequencies : int
        d and n.
    sigma : array with k numbers
        Standard deviations of the members' initial frequencies.
    n_units : int
        0 for the waves themselves.
    phase, rectified, linear : bool
        Whether there is a p, f is max(., 0), and x_j stands beside.
    """

    n_inputs: int
    n_frequencies: int
    sigma: Any
    n_units: int
    phase: bool
    rectified: bool
    linear: bool

    gives_y = True
    takes_shared_rows = True

    @property
    def n_waves(self) -> int:
        """Of each feature."""
        return self.n_frequencies if self.phase else 2 * self.n_frequencies

    @property
    def width(self) -> int:
        """Numbers of each feature."""
        return (self.n_units or self.n_waves) + self.linear

    def parameters(self) -> list[ParameterSpec]:
        d, n = self.n_inputs, self.n_frequencies
        specs = [ParameterSpec("frequency", (d, n), "encoding")]
        if self.phase:
            specs.append(ParameterSpec("phase", (d, n), "encoding"))
        if self.n_units:
            specs.append(ParameterSpec("weight", (d * self.n_units, self.n_waves), "encoding"))
            specs.append(ParameterSpec("bias", (d, self.n_units), "encoding"))
        return specs

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        sigma, bound = float(np.ravel(self.sigma)[member]), 1 / math.sqrt(self.n_waves)
        drawn = {}
        for spec in self.parameters():
            if spec.name == "frequency":
                drawn[spec.name] = generator.normal(0.0, sigma, spec.shape)
            else:
                limit = math.pi if spec.name == "phase" else bound
                drawn[spec.name] = generator.uniform(-limit, limit, spec.shape)
        return drawn

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        frequency = (2 * math.pi) * arrays["frequency"][..., None]  # (k, d, n, 1)
        x = repeated(x, len(frequency))
        columns = by_features(x, self.n_inputs)  # (k, d, 1, B)
        size, n, n_rows = columns.shape[:2], self.n_frequencies, columns.shape[3]
        waves = np.empty((*size, self.n_waves, n_rows), x.dtype)
        if self.phase:
            angle = columns * frequency
            angle += arrays["phase"][..., None]
            np.cos(angle, out=waves)
        else:
            angle = np.multiply(columns, frequency, out=waves[:, :, n:])
            np.cos(angle, out=waves[:, :, :n])
            np.sin(angle, out=angle)
        y = np.empty((*size, self.width, n_rows), x.dtype)
        made = y[:, :, : self.width - self.linear]
        weight = self._blocks(arrays["weight"]) if self.n_units else None
        if weight is None:
            made[...] = waves
        else:
            matmul(weight, waves, out=made)
            made += arrays["bias"][..., None]
        active = made > 0 if self.rectified else None
        if active is not None:
            made *= active
        if self.linear:
            y[:, :, -1:] = columns

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            # In the memory of the forward pass: for large arrays, new memory takes as long as the arithmetic.
            dy = by_features(dy, self.n_inputs)
            dwaves = dy[:, :, : self.width - self.linear]
            if active is not None:
                dwaves = dwaves * active
            if weight is not None:
                matmul(dwaves, waves.mT, out=self._blocks(gradients["weight"]))
                row_sums(dwaves, out=gradients["bias"])
                dwaves = matmul(weight.mT, dwaves, out=waves if self.phase else None)
            if self.phase:
                falls = np.sin(angle, out=angle)  # to become minus the gradient by the angle
                falls *= dwaves
                np.negative(row_sums(falls, out=gradients["phase"]), out=gradients["phase"])
            else:
                cosines, falls = waves[:, :, :n], waves[:, :, n:]
                falls *= dwaves[:, :, :n]
                cosines *= dwaves[:, :, n:]
                falls -= cosines
            by_frequency = matmul(falls, columns.mT)[..., 0]
            np.multiply(-2 * math.pi, by_frequency, out=gradients["frequency"])
            if not needed:
                return None
            dx = matmul(frequency.mT, falls)
            np.negative(dx, out=dx)
            if self.linear:
                dx += dy[:, :, -1:]
            return by_rows(dx)

        return by_rows(y), backprop

    def _blocks(self, weight: Array) -> Array:
        """(k, d n_units, n) -> (k, d, n_units, n), a view."""
        return weight.reshape(weight.shape[0], self.n_inputs, self.n_units, self.n_waves)

    def cost(self) -> Cost:
        return Cost(self.n_waves * self.n_units, self.n_inputs * (2 * self.n_waves + self.width))


@register("periodic")
class Periodic(NumberEncoding):
    """Periodic encoding: each number becomes waves of learned frequencies, and those the units of a small layer.

    u = cos(2 pi c x' + p),  e = [W u + b, x']

    for each feature by itself, with x' as `Robust` scales the number. So a network can follow what turns often along a
    feature, which its first layer alone learns slowly. The parameters make the forms of the literature:

    ======== =============================================== ==================================================
    PBLD     the default                                     [W cos(2 pi c x' + p) + b, x']
    PL       `phase=False, linear=False`                     W [cos, sin](2 pi c x') + b
    PLR      `phase=False, linear=False, activation="relu"`  max(W [cos, sin](2 pi c x') + b, 0)
    P        `phase=False, linear=False, n_units=None`       [cos, sin](2 pi c x')
    ======== =============================================== ==================================================

    Parameters
    ----------
    n_frequencies : int, default=16
        Frequencies c of each feature, at least 1. They begin as N(0, sigma^2).
    sigma : float, default=0.1
        Standard deviation of the initial frequencies, in waves per unit of x', in (0, inf). The parameter to tune.
    n_units : int or None, default=3
        Units of each feature's layer, at least 1; None for the waves themselves. W and b begin as U(-1, 1) divided by
        the root of the number of waves.
    phase : bool, default=True
        Whether the waves are cosines with learned phases p, which begin as U(-pi, pi), or a cosine and a sine of each
        frequency.
    activation : {"relu"} or None, default=None
        Function after the layer.
    linear : bool, default=True
        Whether the number itself stands beside its waves.
    robust : bool, default=True
        Whether x' is the number as `Robust` scales it, or as it is (in standard deviations, with `standardize`).

    Shape
    -----
    (k, B, d) -> (k, B, d (n_units + 1)), without `linear` one less for each feature

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS
    2022, section 3.3.
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, section 3, whose PBLD is the default.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(encoding="periodic").set_params(encoding__sigma=0.3)
    MLPRegressor(encoding=Periodic(sigma=0.3))
    """

    constraints = {
        "n_frequencies": Integer(1),
        "sigma": Real(0, open_low=True),
        "n_units": NONE | Integer(1),
        "phase": Boolean(),
        "activation": NONE | OneOf("relu"),
        "linear": Boolean(),
        "robust": Boolean(),
    }
    per_member = ("sigma",)

    def __init__(
        self,
        n_frequencies: int = 16,
        *,
        sigma: float = 0.1,
        n_units: int | None = 3,
        phase: bool = True,
        activation: str | None = None,
        linear: bool = True,
        robust: bool = True,
    ):
        self.n_frequencies = n_frequencies
        self.sigma = sigma
        self.n_units = n_units
        self.phase = phase
        self.activation = activation
        self.linear = linear
        self.robust = robust

    @property
    def width(self) -> int:
        return self._layer(1).width

    def build(self, n_inputs: int) -> Layer:
        layer = self._layer(n_inputs)
        return Sequential([RobustLayer(n_inputs), layer]) if self.robust else layer

    def _layer(self, n_inputs: int) -> PeriodicLayer:
        return PeriodicLayer(
            n_inputs,
            self.n_frequencies,
            self.sigma,
            self.n_units or 0,
            bool(self.phase),
            self.activation is not None,
            bool(self.linear),
        )
