"""A likelihood along one parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LikelihoodCurve:
    """The likelihood of data as a function of one parameter; `skdl.inspection.LikelihoodDisplay` draws it.

    Attributes
    ----------
    parameter : str
        Its name.
    theta : array of shape (m,)
        Its values, rising.
    log_likelihood : array of shape (m,)
        Of the data, at each value; -inf where they are impossible.
    estimate, standard_error : float
        Of the parameter, from the same data.
    max_log_likelihood : float
        At the estimate.
    """

    parameter: str
    theta: np.ndarray
    log_likelihood: np.ndarray
    estimate: float
    standard_error: float
    max_log_likelihood: float

    @property
    def likelihood(self) -> np.ndarray:
        """The likelihood at each value; of very many data it is below the smallest float, and 0."""
        values: np.ndarray = np.exp(self.log_likelihood)
        return values

    @property
    def relative_likelihood(self) -> np.ndarray:
        """The likelihood over its maximum, which stays a number however many data there are."""
        values: np.ndarray = np.exp(self.log_likelihood - self.max_log_likelihood)
        return values
