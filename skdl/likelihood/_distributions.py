"""Coin flips, categories and Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl.likelihood._model import LikelihoodModel

REACH = 4.0  # standard errors to both sides of the estimate that a curve shows


class Bernoulli(LikelihoodModel):
    """Flips of a coin that falls on heads with probability theta.

    L(theta) = theta^h (1 - theta)^t,  theta_ML = h / n,  standard error sqrt(theta_ML (1 - theta_ML) / n)

    with h heads and t tails in n flips, in their order.

    Parameters
    ----------
    success : object, default=1
        What counts as heads; all other data must be of one other value.

    Examples
    --------
    >>> from skdl.likelihood import Bernoulli
    >>> coin = Bernoulli("H")
    >>> coin.likelihood([0.0, 0.25, 0.5], "HTHHTTHT").round(5)
    array([0.     , 0.00124, 0.00391])
    >>> float(coin.estimate("HHTHHHTH")), float(coin.standard_errors("HHTHHHTH").round(4))
    (0.75, 0.1531)
    """

    parameters = ("theta",)

    def __init__(self, success: Any = 1):
        self.success = success

    def _statistics(self, data: Any) -> tuple[int, int]:
        flips = _listed(data)
        others = sorted({str(flip) for flip in flips if flip != self.success})
        if len(others) > 1:
            raise ValueError(
                f"Flips are {self.success!r} and one other value. Got {others[:5]}; set Bernoulli(success=...) to what "
                "counts as heads."
            )
        heads = sum(bool(flip == self.success) for flip in flips)
        return heads, len(flips) - heads

    def _check(self, theta: np.ndarray) -> None:
        if not ((theta >= 0) & (theta <= 1)).all():
            raise ValueError(f"theta must be in [0, 1]. Got {theta}.")

    def _log_likelihood(self, theta: Any, statistics: tuple[int, int]) -> Any:
        heads, tails = statistics
        return _times_log(heads, theta) + _times_log(tails, 1 - theta)

    def _estimate(self, statistics: tuple[int, int]) -> np.ndarray:
        return np.array(statistics[0] / sum(statistics))

    def _along(self, estimate: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
        return values


class Categorical(LikelihoodModel):
    """Draws of one of C categories with probabilities theta_1, ..., theta_C that add up to 1.

    L(theta) = prod_c theta_c^n_c,  theta_ML = n_c / n,  standard errors sqrt(theta_c (1 - theta_c) / n)

    Parameters
    ----------
    categories : sequence
        All of them, in the order of theta, those too that the data lack.

    Examples
    --------
    >>> from skdl.likelihood import Categorical
    >>> letters = Categorical("ABC")
    >>> letters.estimate("ABBAB")
    array([0.4, 0.6, 0. ])
    >>> float(letters.likelihood([0.2, 0.3, 0.5], "ABC").round(4))
    0.03
    """

    def __init__(self, categories: Sequence[Any]):
        self.categories = list(categories)
        self.parameters = tuple(str(category) for category in self.categories)
        if len(set(self.parameters)) < max(len(self.parameters), 2):
            raise ValueError(f"categories must be at least two different ones. Got {self.categories}.")

    def _statistics(self, data: Any) -> np.ndarray:
        draws = _listed(data)
        counts = np.array([sum(bool(draw == category) for draw in draws) for category in self.categories], float)
        if counts.sum() < len(draws):
            unknown = next(draw for draw in draws if all(draw != category for category in self.categories))
            raise ValueError(f"The data hold {unknown!r}, which is none of the categories {self.categories}.")
        return counts

    def _check(self, theta: np.ndarray) -> None:
        n = len(self.categories)
        if theta.ndim == 0 or theta.shape[-1] != n:
            raise ValueError(f"theta must have {n} numbers, one for each category. Got shape {theta.shape}.")
        if not ((theta >= 0).all() and np.allclose(theta.sum(axis=-1), 1)):
            raise ValueError(f"theta must be probabilities that add up to 1. Got {theta}.")

    def _log_likelihood(self, theta: Any, statistics: np.ndarray) -> Any:
        return sum(_times_log(count, theta[..., c]) for c, count in enumerate(statistics))

    def _estimate(self, statistics: np.ndarray) -> np.ndarray:
        return statistics / statistics.sum()

    def _free_directions(self, n: int) -> np.ndarray:
        """The probabilities keep their sum."""
        return np.concatenate([np.eye(n - 1), -np.ones((1, n - 1))])

    def _along(self, estimate: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
        others = np.delete(estimate, i)
        shares = others / others.sum() if others.sum() else np.full(len(others), 1 / len(others))
        return np.insert((1 - values[:, None]) * shares, i, values, axis=1)


class Gaussian(LikelihoodModel):
    """Reals from a normal distribution; theta is (mean, variance).

    log L = -n/2 log(2 pi v) - sum_i (x_i - m)^2 / 2v,  m_ML = mean(x),  v_ML = mean((x - m_ML)^2)

    For any given variance the mean of maximum likelihood is the one of least squares. The standard errors are
    sqrt(v / n) and v sqrt(2 / n). The variance of maximum likelihood is (n - 1) / n of the unbiased one.

    Examples
    --------
    >>> from skdl.likelihood import Gaussian
    >>> Gaussian().estimate([1.0, 2.0, 3.0, 6.0])
    array([3. , 3.5])
    >>> Gaussian().standard_errors([1.0, 2.0, 3.0, 6.0]).round(3)
    array([0.935, 2.475])
    """

    parameters = ("mean", "variance")

    def _statistics(self, data: Any) -> tuple[int, float, float]:
        x = np.asarray(data, dtype=np.float64).ravel()
        if not x.size:
            raise ValueError("There are no data.")
        if not np.isfinite(x).all():
            raise ValueError("The data hold NaN or infinity.")
        if x.min() == x.max():  # whose mean may be rounded
            return x.size, float(x[0]), 0.0
        with np.errstate(all="ignore"):
            mean = float(x.mean())
            squares = float(((x - mean) ** 2).sum())
        if not np.finfo(np.float64).tiny <= squares < np.inf:
            raise ValueError(
                f"The data reach {abs(x).max():.3g}, and their squares are out of the range of float64. Give them in "
                "another unit."
            )
        return x.size, mean, squares

    def _check(self, theta: np.ndarray) -> None:
        if theta.ndim == 0 or theta.shape[-1] != 2:
            raise ValueError(f"theta must be (mean, variance). Got shape {theta.shape}.")
        if not (theta[..., 1] > 0).all():
            raise ValueError(f"The variance must be larger than 0. Got {theta[..., 1]}.")

    def _log_likelihood(self, theta: Any, statistics: tuple[int, float, float]) -> Any:
        n, center, squares = statistics
        mean, variance = theta[..., 0], theta[..., 1]
        errors = squares + n * (mean - center) ** 2
        return -0.5 * n * np.log(2 * math.pi * variance) - errors / (2 * variance)

    def _estimate(self, statistics: tuple[int, float, float]) -> np.ndarray:
        n, center, squares = statistics
        if not squares:
            raise ValueError("All data are equal: the likelihood grows without bound as the variance goes to 0.")
        return np.array([center, squares / n])

    def _is_at_edge(self, theta: np.ndarray) -> bool:
        return False

    def _range(self, estimate: float, error: float, i: int, n: int) -> np.ndarray:
        low = estimate - REACH * error
        return np.linspace(max(low, estimate / 20) if i else low, estimate + REACH * error, n)

    def _along(self, estimate: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
        return np.insert(np.full((len(values), 1), estimate[1 - i]), i, values, axis=1)


def _listed(data: Any) -> list[Any]:
    """The data one by one; a text is its letters."""
    listed = list(data) if isinstance(data, (str, list, tuple)) else np.asarray(data).ravel().tolist()
    if not listed:
        raise ValueError("There are no data.")
    if any(each is None or each != each for each in listed):
        raise ValueError("The data hold NaN or None, which are no observations: leave them out.")
    return listed


def _times_log(count: float, probability: Any) -> Any:
    """The log probability of `count` equal events; one that never came counts nothing, however improbable."""
    return count * np.log(probability) if count else 0.0 * probability
