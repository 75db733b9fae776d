"""Distributions to search an estimator's hyperparameters over."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._constraints import Integer, InvalidParameterError, Real, check_params


@dataclass(frozen=True)
class Uniform:
    """Numbers between two bounds, all equally likely.

    Parameters
    ----------
    low, high : float
        Bounds, low < high.

    Examples
    --------
    >>> from skdl.model_selection import Uniform
    >>> Uniform(0.0, 0.5)
    Uniform(low=0.0, high=0.5)
    >>> 0 <= Uniform(0.0, 0.5).rvs(random_state=0) <= 0.5
    True
    """

    low: float
    high: float

    log = False

    def __post_init__(self) -> None:
        check_params(self, {"low": Real(), "high": Real()})
        if self.log and self.low <= 0:
            raise InvalidParameterError(f"The 'low' parameter of {self} must be positive: its logarithm is drawn.")
        if self.low >= self.high:
            raise InvalidParameterError(f"The 'low' parameter of {self} must be below its 'high'.")

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draw numbers, as scipy's distributions do.

        Parameters
        ----------
        size : int, tuple of int or None, default=None
            Shape; None for a number.
        random_state : int, RandomState, Generator or None, default=None
            Where randomness comes from.

        Returns
        -------
        numbers : float or array
        """
        drawn = _generator(random_state)
        if not self.log:
            return drawn.uniform(self.low, self.high, size)
        numbers = np.exp(drawn.uniform(math.log(self.low), math.log(self.high), size))
        found = np.clip(numbers, self.low, self.high)  # a logarithm is rounded
        return found if np.ndim(found) else float(found)


@dataclass(frozen=True)
class LogUniform(Uniform):
    """Positive numbers between two bounds, whose logarithms are all equally likely.

    Parameters
    ----------
    low, high : float
        Bounds, 0 < low < high.

    Examples
    --------
    >>> from skdl.model_selection import LogUniform
    >>> LogUniform(1e-6, 0.1)
    LogUniform(low=1e-06, high=0.1)
    """

    log = True


@dataclass(frozen=True)
class Integers:
    """Whole numbers from one to another, all equally likely.

    Parameters
    ----------
    low, high : int
        The first and the last one, low <= high.

    Examples
    --------
    >>> from skdl.model_selection import Integers
    >>> Integers(1, 30)
    Integers(low=1, high=30)
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        check_params(self, {"low": Integer(), "high": Integer()})
        if self.low > self.high:
            raise InvalidParameterError(f"The 'low' parameter of {self} must not be above its 'high'.")

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draw numbers; see `Uniform.rvs`."""
        drawn = _generator(random_state).uniform(0, 1, size)
        found = self.low + np.floor(drawn * (self.high - self.low + 1)).astype(np.int64)
        return found if np.ndim(found) else int(found)


def _generator(random_state: Any) -> Any:
    return random_state if hasattr(random_state, "uniform") else np.random.default_rng(random_state)


class SearchSpaceMixin:
    """Estimators that know what of them is worth tuning."""

    def search_space(
        self, size: str = "small", *, prefix: str = ""
    ) -> dict[str, Sequence[object] | Uniform | Integers]:
        """Distributions for scikit-learn's `RandomizedSearchCV` and `HalvingRandomSearchCV`.

        Parameters
        ----------
        size : {"small", "large"}, default="small"
            "small" has what matters most, for some twenty candidates; "large" adds the rest, for a hundred and more.
        prefix : str, default=""
            Path to this estimator from the one that is searched over, such as "mlpclassifier__" from a pipeline.

        Returns
        -------
        space : dict
            For each parameter's name a list, or a `Uniform`, `LogUniform` or `Integers` of `skdl.model_selection`.

        Examples
        --------
        >>> from skdl import SoftmaxClassifier
        >>> SoftmaxClassifier().search_space(prefix="softmaxclassifier__")
        {'softmaxclassifier__alpha': LogUniform(low=1e-07, high=10.0)}
        """
        if size not in ("small", "large"):
            raise InvalidParameterError(f"The 'size' parameter must be 'small' or 'large'. Got {size!r} instead.")
        if not isinstance(prefix, str) or (prefix and not prefix.endswith("__")):
            raise InvalidParameterError(
                f"The 'prefix' parameter must be a string that ends with '__', such as 'mlpclassifier__' for a step of "
                f"make_pipeline. Got {prefix!r} instead."
            )
        small, more = self._search_spaces()
        space = small if size == "small" else {**small, **more}
        return {prefix + name: values for name, values in space.items()}

    @abstractmethod
    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The small space, and what the large one has besides (or instead)."""
