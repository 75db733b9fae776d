"""Several penalties at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from skdl._array import Array, namespace
from skdl._constraints import NONE, Instance, ListOf, Real
from skdl._protocols import Penalty, WeightPlaces
from skdl._registry import register
from skdl.penalties._elementwise import L2


@register("sum")
class Sum(Penalty):
    """Several penalties at once, each with a factor of its own.

    R = sum_i factor_i R_i

    A list in an estimator's `penalty`, such as `["l2", "max_norm"]`, is this sum with all factors 1. Each part acts as
    it does alone: bounds project after every step, and penalties on activations are on these.

    Parameters
    ----------
    penalties : list of Penalty, default=None
        The parts; None for `L2()` alone.
    factors : list of float, default=None
        The factor of each part, in [0, inf), times the estimator's `alpha`; None for 1. A bound such as `MaxNorm`
        does not mind its factor.

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, chapter 7.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import L1, L2, Sum
    >>> Sum([L2(), L1()], factors=[1.0, 0.5]).value(np.array([[3.0, 4.0]]))
    array([16.])
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(penalty=["l2", "activity_l1"], alpha=1e-4)
    MLPClassifier(alpha=0.0001, penalty=['l2', 'activity_l1'])
    """

    constraints = {
        "penalties": NONE | ListOf(Instance(Penalty, name="a penalty")),
        "factors": NONE | ListOf(Real(0)),
    }

    def __init__(self, penalties: Sequence[Penalty] | None = None, factors: Sequence[float] | None = None):
        self.penalties = penalties
        self.factors = factors

    def validate(self) -> Self:
        super().validate()
        if self.penalties is not None and not len(self.penalties):
            raise ValueError("The 'penalties' parameter of Sum lists no penalty.")
        if self.factors is not None and len(self.factors) != len(self.parts):
            raise ValueError(
                f"The 'factors' parameter of Sum must have one entry for each of its {len(self.parts)} penalties. "
                f"Got {len(self.factors)}."
            )
        return self

    @property
    def parts(self) -> Sequence[Penalty]:
        """The penalties that are added."""
        return (L2(),) if self.penalties is None else self.penalties

    @property
    def _terms(self) -> list[tuple[Any, Penalty]]:
        """Each factor with its part."""
        factors = [1.0] * len(self.parts) if self.factors is None else self.factors
        return list(zip(factors, self.parts, strict=True))

    @property
    def _of_weights(self) -> list[tuple[Any, Penalty]]:
        return [(factor, part) for factor, part in self._terms if not part.on_activations]

    @property
    def l1_weight(self) -> Any:
        """The factor of sum_j |w_j|."""
        return sum(factor * part.l1_weight for factor, part in self._of_weights)

    @property
    def projects(self) -> bool:  # type: ignore[override]  # computed, where the base has a value
        """Whether any part is a bound."""
        return any(part.projects for part in self.parts)

    @property
    def on_activations(self) -> bool:  # type: ignore[override]
        """Whether all parts are functions of the hidden activations."""
        return all(part.on_activations for part in self.parts)

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        """The power by which it grows, where that is the same in all parts."""
        degrees = {part.degree for part in self.parts}
        return degrees.pop() if len(degrees) == 1 else None

    @property
    def is_separable(self) -> bool:  # type: ignore[override]
        """Whether all parts are sums over the weights."""
        return all(part.is_separable and not part.on_activations for part in self.parts)

    @property
    def of_activations(self) -> Penalty | None:
        of_them = [(factor, part) for factor, part in self._terms if part.on_activations]
        return _OfActivations([part for _, part in of_them], [factor for factor, _ in of_them]) if of_them else None

    def for_weights(self, places: WeightPlaces) -> Penalty:
        return type(self)([part.for_weights(places) for part in self.parts], self.factors)

    def value(self, weights: Array) -> Array:
        zero = namespace(weights).zeros(weights.shape[0], dtype=weights.dtype)
        return sum((factor * part.value(weights) for factor, part in self._of_weights), zero)

    def gradient(self, weights: Array) -> Array:
        return self._gradient(weights, lambda part: part.gradient(weights))

    def smooth_gradient(self, weights: Array) -> Array:
        return self._gradient(weights, lambda part: part.smooth_gradient(weights))

    def _gradient(self, weights: Array, of_part: Callable[[Penalty], Array]) -> Array:
        zero = namespace(weights).zeros_like(weights)
        return sum((factor * of_part(part) for factor, part in self._of_weights), zero)

    def project(self, weight: Array) -> None:
        for part in self.parts:
            part.project(weight)


class _OfActivations(Sum):
    """The parts of a sum that are functions of the hidden activations, which stand in for weights here."""

    @property
    def _of_weights(self) -> list[tuple[Any, Penalty]]:
        return self._terms
