"""A model with a few parameters: likelihood, its maximum, and the error of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from skdl.autodiff import hessian
from skdl.likelihood._curve import LikelihoodCurve


class LikelihoodModel(ABC):
    """Base of the models: independent data from one distribution, with an array of parameters theta.

    Attributes
    ----------
    parameters : tuple of str
        Names of the numbers of theta.
    """

    parameters: tuple[str, ...]

    def likelihood(self, theta: Any, data: Any) -> np.ndarray:
        """The probability (of reals the density) of the data, prod_i p(x_i; theta).

        Parameters
        ----------
        theta : array-like
            The parameters; several sets of them along leading axes.
        data : sequence

        Returns
        -------
        likelihood : array of the shape of the leading axes
        """
        values: np.ndarray = np.exp(self.log_likelihood(theta, data))
        return values

    def log_likelihood(self, theta: Any, data: Any) -> np.ndarray:
        """The logarithm of the likelihood, sum_i log p(x_i; theta); -inf where the data are impossible.

        It has its maximum at the same theta, and does not underflow.

        Parameters
        ----------
        theta : array-like
            The parameters; several sets of them along leading axes.
        data : sequence

        Returns
        -------
        log_likelihood : array of the shape of the leading axes
        """
        theta = np.asarray(theta, dtype=np.float64)
        self._check(theta)
        with np.errstate(divide="ignore"):
            values: np.ndarray = np.asarray(self._log_likelihood(theta, self._statistics(data)))
        return values

    def estimate(self, data: Any) -> np.ndarray:
        """The parameters of maximum likelihood.

        Parameters
        ----------
        data : sequence

        Returns
        -------
        theta : array of shape (n_parameters,), of a model of one parameter a number
        """
        return self._estimate(self._statistics(data))

    def observed_information(self, data: Any, theta: Any = None) -> np.ndarray:
        """The curvature of -log L: minus its Hessian by theta, from the tape of `skdl.autodiff`.

        Parameters
        ----------
        data : sequence
        theta : array-like or None, default=None
            Where; None for the estimate.

        Returns
        -------
        information : array of shape (n_parameters, n_parameters), of a model of one parameter a number
        """
        statistics = self._statistics(data)
        theta = self._estimate(statistics) if theta is None else np.asarray(theta, dtype=np.float64)
        self._check(theta)
        information: np.ndarray = -hessian(lambda theta: self._log_likelihood(theta, statistics), theta)
        return information

    def covariance(self, data: Any) -> np.ndarray:
        """The covariance of the estimate: the inverse of the observed information, in what theta may move along.

        NaN where an estimate lies at the edge of its range, such as a coin that never fell on tails: the likelihood has
        its maximum there without being flat, and its curvature says nothing of the error.

        Parameters
        ----------
        data : sequence

        Returns
        -------
        covariance : array of shape (n_parameters, n_parameters)
        """
        theta = np.atleast_1d(self.estimate(data))
        n = len(theta)
        if self._is_at_edge(theta):
            return np.full((n, n), np.nan)
        along = self._free_directions(n)
        information = self.observed_information(data).reshape(n, n)
        covariance: np.ndarray = along @ np.linalg.inv(along.T @ information @ along) @ along.T
        return covariance

    def standard_errors(self, data: Any) -> np.ndarray:
        """The standard errors of the estimate, the roots of the covariance's diagonal.

        Parameters
        ----------
        data : sequence

        Returns
        -------
        errors : array of the shape of `estimate(data)`
        """
        errors: np.ndarray = np.sqrt(np.diag(self.covariance(data))).reshape(np.shape(self.estimate(data)))
        return errors

    def curve(self, data: Any, *, parameter: str | None = None, theta: Any = None, n: int = 201) -> LikelihoodCurve:
        """The likelihood along one parameter, the others held at their estimates.

        Probabilities of categories add up to one: the others share the rest as they share it in the estimate.

        Parameters
        ----------
        data : sequence
        parameter : str or None, default=None
            One of `parameters`; None for the first.
        theta : array-like or None, default=None
            Values of the parameter, rising; None for all probabilities from 0 to 1, of others four standard errors to
            both sides of the estimate.
        n : int, default=201
            How many values, where `theta` is None, at least 2.

        Returns
        -------
        curve : LikelihoodCurve
        """
        if not (isinstance(n, int) and n >= 2):
            raise ValueError(f"The 'n' parameter of curve must be an int of at least 2. Got {n!r} instead.")
        names = self.parameters
        if parameter is not None and parameter not in names:
            raise ValueError(f"{type(self).__name__} has the parameters {list(names)}. Got {parameter!r}.")
        i = 0 if parameter is None else names.index(parameter)
        found = np.atleast_1d(self.estimate(data))
        error = float(np.atleast_1d(self.standard_errors(data))[i])
        values = self._range(found[i], error, i, n) if theta is None else np.asarray(theta, dtype=np.float64)
        along = self._along(found, i, values)
        return LikelihoodCurve(
            names[i],
            values,
            self.log_likelihood(along, data),
            float(found[i]),
            error,
            float(self.log_likelihood(self.estimate(data), data)),
        )

    @abstractmethod
    def _statistics(self, data: Any) -> Any:
        """What the likelihood depends on, from data that are checked."""

    @abstractmethod
    def _check(self, theta: np.ndarray) -> None:
        """Raise for parameters out of their range."""

    @abstractmethod
    def _log_likelihood(self, theta: Any, statistics: Any) -> Any:
        """From theta, an array or a Variable, in NumPy's functions."""

    @abstractmethod
    def _estimate(self, statistics: Any) -> np.ndarray: ...

    def _is_at_edge(self, theta: np.ndarray) -> bool:
        return bool(((theta <= 0) | (theta >= 1)).any())

    def _free_directions(self, n: int) -> np.ndarray:
        """A basis of what theta may move along, in columns."""
        return np.eye(n)

    def _range(self, estimate: float, error: float, i: int, n: int) -> np.ndarray:
        return np.linspace(0.0, 1.0, n)

    @abstractmethod
    def _along(self, estimate: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
        """Sets of parameters where the i-th has these values."""
