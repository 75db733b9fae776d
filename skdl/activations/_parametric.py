"""An activation that each unit mixes with the identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl._array import Array, column_sum
from skdl._constraints import Constraint, Real
from skdl._protocols import Activation, Backprop
from skdl._registry import activations, register


class _ActivationLike(Constraint):
    """The name of an elementwise activation that learns nothing, or an instance of one."""

    def accepts(self, value: Any) -> bool:
        named = isinstance(value, str) and value in activations.names()
        found = activations.resolve(value) if named or isinstance(value, Activation) else None
        return found is not None and found.n_pieces == 1 and not found.parameters(1)

    def __str__(self) -> str:
        return "the name of an elementwise activation without learned parameters, such as 'selu', or an instance of one"


@register("parametric")
class Parametric(Activation):
    """A mixture of an activation s and the identity, whose share each unit learns.

    f(x) = (1 - a) x + a s(x),  f'(x) = 1 - a + a s'(x),  df/da = s(x) - x

    A unit can come to be linear (a = 0), or bent more sharply than s itself (a > 1).

    Parameters
    ----------
    activation : str or Activation, default="selu"
        Name or instance of s, which learns nothing itself.
    share : float, default=1.0
        Initial value of the learned share a.

    Shape
    -----
    (k, B, n) -> (k, B, n); learned share (k, 1, n)

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, section 3.

    Examples
    --------
    >>> from skdl.activations import Parametric
    >>> Parametric("relu", share=0.5)([-1.0, 2.0])
    array([-0.5,  2. ])
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(activation=Parametric("mish"), learning_rate_factors={"activation": 0.1})
    MLPRegressor(activation=Parametric(activation='mish'),
                 learning_rate_factors={'activation': 0.1})
    """

    constraints = {"activation": _ActivationLike(), "share": Real()}

    def __init__(self, activation: str | Activation = "selu", *, share: float = 1.0):
        self.activation = activation
        self.share = share

    @property
    def initializer(self) -> str:  # type: ignore[override]
        return activations.resolve(self.activation).initializer

    def parameters(self, n_units: int) -> Mapping[str, Array]:
        return {"share": np.full((1, n_units), float(self.share))}

    def forward(self, x: Array, *, share: Array) -> tuple[Array, Backprop]:
        bent, through = activations.resolve(self.activation).forward(x.copy())
        y = x * (1 - share)  # of a share of one, exactly s(x) is left
        y += bent * share

        def backprop(dy: Array) -> tuple[Array, Mapping[str, Array]]:
            dshare = bent - x
            dshare *= dy
            dx, _ = through(dy * share)
            dy *= 1 - share
            dx += dy
            return dx, {"share": column_sum(dshare)}

        return y, backprop
