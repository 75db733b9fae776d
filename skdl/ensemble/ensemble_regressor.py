"""The average of regressors that each learn all rows: of different kinds, or alike but for their random numbers."""

from __future__ import annotations

import numpy as np

from skdl._typing import EstimatorLike, Members, RandomStateLike, VectorLike
from skdl.ensemble._averages import PredictionAverage
from skdl.ensemble._docs import document
from skdl.ensemble._member_columns import MemberColumns, side_by_side
from skdl.ensemble._weighted_ensemble import COMMON, WeightedEnsemble
from skdl.ensemble._weights import (
    greedy_by_squared_error,
    weights_by_squared_error,
)


@document
class EnsembleRegressor(MemberColumns, PredictionAverage, WeightedEnsemble):
    """Average of the predictions of regressors that each learn all rows.

    f(x) = sum_j w_j f_j(x) / sum_j w_j

    Parameters
    ----------
    {members}
    {averaging}

    Attributes
    ----------
    {averaged}
    {seen}

    See Also
    --------
    EnsembleClassifier : The same for classes.
    BaggingRegressor : Members that each learn a random sample of the rows.

    Notes
    -----
    {averaging_laws}

    References
    ----------
    B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", NeurIPS, 2017; R. Caruana et al., "Ensemble selection from libraries of models", ICML, 2004; Y. Wen,
    D. Tran, J. Ba, "BatchEnsemble: an alternative approach to efficient ensemble and lifelong learning", ICLR, 2020;
    Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: advancing tabular deep learning with parameter-efficient
    ensembling", ICLR, 2025.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import EnsembleRegressor, LeastSquaresRegressor, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> members = [("mlp", MLPRegressor((16,))), ("line", LeastSquaresRegressor())]
    >>> ensemble = EnsembleRegressor(members, random_state=0).fit(X, y)
    >>> ensemble.predict(X).shape, ensemble.predict_members(X).shape
    ((442,), (2, 442))
    """

    _constraints = COMMON

    def __init__(
        self,
        estimators: Members | None = None,
        *,
        estimator: EstimatorLike | None = None,
        n_estimators: int = 5,
        weights: VectorLike | None = None,
        validation_fraction: float = 0.1,
        share: str | None = None,
        share_batches: bool = True,
        prefit: bool = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
    ):
        self.estimators = estimators
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.share = share
        self.share_batches = share_batches
        self.prefit = prefit
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _fitted_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        fit = greedy_by_squared_error if self.weights == "greedy" else weights_by_squared_error
        return fit(self._residuals(outputs, y), weight)

    def _columns(self, outputs: np.ndarray) -> np.ndarray:
        return side_by_side(outputs)

    def _width(self) -> int | None:
        return int(np.prod(self._output_shape)) if self._output_shape else None
