"""The base of the network regressors: their score, predictions and `partial_fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin
from sklearn.utils.validation import check_is_fitted

from skdl import _registry
from skdl._encoding import Reals
from skdl._protocols import Loss
from skdl._scores import RegressorScore, r2
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import validate_regression, validate_sample_weight
from skdl.execution.stacker import interned
from skdl.neural._base import from_scores
from skdl.neural._calibration import Shrinkage
from skdl.neural._docs import document
from skdl.neural._real_targets import RealTargets
from skdl.neural.encoded_data import EncodedData


class NetworkRegressor(RegressorScore, MultiOutputMixin, RealTargets):
    """A network whose scores are linked to the means, medians or quantiles of real targets."""

    _default_scoring = "r2"

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[Any, np.ndarray, Any]:
        X, y = validate_regression(self, X, y, reset=reset, shared=interned, accept_sparse="csr", **checks)
        return X, y, validate_sample_weight(sample_weight, X)

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Reals) -> Callable[[np.ndarray], float]:
        if len(y) < 2:
            return lambda scores: np.nan
        loss, (output_scale, output_shift) = self._loss(encoding), self._output_map(encoding)
        true = y.reshape(len(y), -1)
        return lambda scores: r2(true, encoding.clipped(loss.link(scores * output_scale + output_shift)), weight)

    def _scaling(self, evaluated: EncodedData, loss: Loss) -> Shrinkage | None:
        # Another mean than zero is nothing to shrink to, and the minimum of another loss is no mean.
        if not (self.standardize_target and isinstance(loss, type(_registry.losses.resolve("squared_error")))):
            return None
        return Shrinkage(evaluated.targets, evaluated.counts)

    @property
    def y_mean_(self) -> np.ndarray:
        """The mean of the training targets, which are learned less it; zeros without standardisation."""
        check_is_fitted(self)
        mean: np.ndarray = self._training.encoding.shift.copy()
        return mean

    @property
    def y_scale_(self) -> np.ndarray:
        """The deviation of the training targets, the unit that they are learned in; ones without standardisation."""
        check_is_fitted(self)
        scale: np.ndarray = self._training.encoding.scale.copy()
        return scale

    @property
    def y_min_(self) -> np.ndarray:
        """The smallest training target, below which nothing is predicted; without `clip_predictions` minus infinity."""
        return self._bound("lower", -np.inf)

    @property
    def y_max_(self) -> np.ndarray:
        """The largest training target, above which nothing is predicted; without `clip_predictions` infinity."""
        return self._bound("upper", np.inf)

    def _bound(self, side: str, none: float) -> np.ndarray:
        check_is_fitted(self)
        encoding: Reals = self._training.encoding
        bound = getattr(encoding, side)
        return np.full(encoding.n_outputs, none) if bound is None else bound.copy()

    @document
    def partial_fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: VectorLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of this call. Standardisation of inputs and targets is taken from those of the first.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        {weight}
        {validation_of_epoch}

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        validation = (X_val, y_val, sample_weight_val)
        go_on = hasattr(self, "_training")
        return self._train(X, y, sample_weight, validation, go_on=go_on, n_epochs=1, incremental=True)

    @from_scores("_predictions")
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predictions of each row, in the units and the shape of the training targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        y : array of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._predictions(self._raw_scores(self._validated(X)))
