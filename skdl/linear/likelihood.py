"""The likelihood of targets under a linear model of normal noise."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import target_array, validate_sample_weight
from skdl._warnings import warn


class GaussianLikelihoodMixin:
    """`log_likelihood` of a regressor by least squares."""

    predict: Any

    @abstractmethod
    def _noise(self) -> np.ndarray:
        """The standard deviation of the noise of each output, as the maximum likelihood estimates it."""

    def log_likelihood(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> float:
        r"""The logarithm of the density of these targets, for normal noise around the predictions.

        .. math:: \sum_i w_i \log N(y_i \mid f(x_i), \sigma^2)
            = -\frac{1}{2} \sum_i w_i \Big( \log 2 \pi \sigma^2 + \frac{(y_i - f(x_i))^2}{\sigma^2} \Big)

        The variance is the one of maximum likelihood, the mean squared residual of the fit. On the rows of a fit
        without penalty it is the largest that any coefficients and any variance have. Outputs are independent, and
        their log likelihoods are added.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as `predict` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            How often each row counts; None means once.

        Returns
        -------
        log_likelihood : float
            In nats. Infinite, with a warning, where the fit left no residuals; NaN where they are not known: after
            partial_fit with an optimizer.
        """
        sigma, predicted, y = self._noise(), self.predict(X), target_array(y)
        if y.shape != predicted.shape:
            raise ValueError(f"y must have the shape {predicted.shape} of the predictions. Got {y.shape}.")
        weight = validate_sample_weight(sample_weight, predicted)
        weight = np.ones(len(y)) if weight is None else weight
        if (sigma == 0).any():
            warn(
                "The fit left no residuals, so that the variance of the noise is 0 and the likelihood has no bound.",
                UndefinedMetricWarning,
            )
            return float(np.inf)
        # In units of sigma, whose square may be out of range.
        z = (y.reshape(len(y), -1).astype(np.float64) - predicted.reshape(len(y), -1)) / sigma
        return float(-0.5 * (weight @ (z * z)).sum() - weight.sum() * (np.log(sigma) + 0.5 * np.log(2 * np.pi)).sum())
