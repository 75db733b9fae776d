"""The committee of regressors for tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._constraints import Real
from skdl._scores import r2
from skdl._typing import Folds, MatrixLike, Members, PortfolioLike, RandomStateLike, Scoring, VectorLike
from skdl._validation import validate_sample_weight
from skdl.ensemble._averages import PredictionAverage
from skdl.ensemble._weights import weights_by_squared_error
from skdl.tabular._answers import KnownValues, scorer_of
from skdl.tabular._base import COMMON, BaseTabular
from skdl.tabular._conformal import FoldResiduals, Spread, quantiles
from skdl.tabular._docs import document_regressor
from skdl.tabular._evaluation import Evaluation
from skdl.tabular._selection import greedy, shrunk

LEVEL = Real(0, 1, open_low=True, open_high=True)


@document_regressor
class TabularRegressor(PredictionAverage, BaseTabular):
    """Committee of networks on cross-validation folds, weighted out of fold, with prediction intervals.

    f(x) = sum_c w_c mean_k f_ck(x)

    over candidates c, configurations of networks and whatever joins, of which member k has not seen fold k of the rows
    and stops by it. The weights w_c are those of the least squared error of rows by members that have not seen them.

    Parameters
    ----------
    {candidates}
    {running}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    TabularClassifier : The same for labels, with calibrated probabilities.
    MLPRegressor : One network.
    EnsembleRegressor : Members that each learn all rows.

    Notes
    -----
    {laws}

    Intervals and quantiles are cross-conformal: see `predict_quantiles`.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS, 2024; L. Breiman, "Stacked regressions", Machine Learning 24, 1996; R. F. Barber et al., "Predictive
    inference with the jackknife+", Annals of Statistics 49, 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> committee = TabularRegressor(cv=4, random_state=0).fit(X[:350], y[:350])
    >>> low, high = committee.predict_interval(X[350:], coverage=0.9).T
    >>> bool(((low <= y[350:]) & (y[350:] <= high)).mean() > 0.8)
    True
    """

    _constraints = COMMON
    _residuals_of_folds: list[list[FoldResiduals]]  # of each output, one a fold

    def __init__(
        self,
        portfolio: PortfolioLike | None = "auto",
        *,
        members: Members | None = None,
        cv: int | Folds = 8,
        scoring: Scoring | None = None,
        time_limit: float | None = None,
        refit: bool | str = "auto",
        n_jobs: int | None = None,
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
    ):
        self.portfolio = portfolio
        self.members = members
        self.cv = cv
        self.scoring = scoring
        self.time_limit = time_limit
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.scoring is not None:
            scorer_of(self.scoring, KnownValues(np.zeros(2)))

    def _row_weights(self, sample_weight: Any, X: Any, y: np.ndarray) -> np.ndarray | None:
        return validate_sample_weight(sample_weight, X)

    def _losses(self, average: np.ndarray, y: np.ndarray) -> np.ndarray:
        squares = (y.astype(np.float64) - average).reshape(len(y), -1) ** 2
        losses: np.ndarray = squares.mean(axis=1)
        return losses

    def _scored(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        if len(y) < 2 or not np.isfinite(average).all():
            return float("nan")
        if self.scoring is None:
            return r2(y, average, weight)
        known = KnownValues(average)
        return float(scorer_of(self.scoring, known)(known, np.arange(len(y)), y, sample_weight=weight))

    def _chosen_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if len(outputs) == 1:
            return np.ones(1)
        if self.scoring is not None:
            return greedy(len(outputs), lambda shares: self._scored(np.tensordot(shares, outputs, 1), y, weight))
        residuals = self._residuals(outputs, y)
        losses = (residuals**2).sum(axis=2)
        return shrunk(weights_by_squared_error(residuals, weight), losses, weight)

    def _temperature(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        return 1.0

    def _at_temperature(self, average: np.ndarray, temperature: float) -> np.ndarray:
        return average

    def _store_more(self, done: Any, evaluation: Evaluation, y: np.ndarray) -> None:
        unseen = evaluation.unseen
        predicted = evaluation.averages.reshape(len(unseen.rows), -1)
        residuals = y[unseen.rows].astype(np.float64).reshape(predicted.shape) - predicted
        own = [unseen.fold == k for k in range(len(done._fold_weights))]
        others = [~each if len(own) > 1 else each for each in own]
        done._residuals_of_folds = [
            [
                FoldResiduals(p[i], r[i], unseen.weight[i], Spread(p[j], r[j], unseen.weight[j]))
                for i, j in zip(own, others, strict=True)
            ]
            for p, r in zip(predicted.T, residuals.T, strict=True)
        ]

    def predict_interval(self, X: MatrixLike, coverage: float = 0.9) -> np.ndarray:
        """An interval for the target of each row.

        Parameters
        ----------
        X : {array-like, frame} of shape (n_samples, n_features)
            Rows to predict.
        coverage : float, default=0.9
            Share of new targets that are to lie in it, in (0, 1).

        Returns
        -------
        intervals : array of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Its ends, the `predict_quantiles` of (1 - coverage) / 2 and (1 + coverage) / 2. They are infinite where
            there are too few rows for the coverage, below 2 / (1 - coverage) - 1.
        """
        if not LEVEL.accepts(coverage):
            raise ValueError(f"coverage must be {LEVEL}. Got {coverage!r} instead.")
        rest = (1 - coverage) / 2
        return self.predict_quantiles(X, [rest, 1 - rest])

    def predict_quantiles(self, X: MatrixLike, q: VectorLike) -> np.ndarray:
        """Quantiles of the target of each row.

        With f_k the average of the members that have not seen fold k (by weights chosen on the other folds), and r_i
        the residual of training row i by those that have not seen it, in fold k(i), the quantiles are order statistics
        of the values

            f_k(i)(x) + s_k(i)(f_k(i)(x)) r_i / s_k(i)(f_k(i)(x_i))

        up to 1/2 the floor((n + 1) q)-th smallest, above the ceil((n + 1) q)-th. The spread s_k is the mean size of the
        residuals of the other folds around a prediction: intervals are wider where predictions like this one are worse.
        For rows like those of the training, the interval between q and 1 - q holds a new target with a probability of
        about 1 - 2 q, somewhat more where rows are few. That is on average over rows: where the noise depends on
        something else than what is predicted, it is more for some and less for others.

        Parameters
        ----------
        X : {array-like, frame} of shape (n_samples, n_features)
            Rows to predict.
        q : float or array-like of shape (n_quantiles,)
            Levels, in (0, 1).

        Returns
        -------
        quantiles : array of shape (n_samples,), (n_samples, n_quantiles), or with n_outputs as another axis between
            In the units of y; infinite where there are too few rows for a level.

        References
        ----------
        R. F. Barber et al., "Predictive inference with the jackknife+", Annals of Statistics 49, 2021.
        """
        levels = [float(level) for level in np.ravel(np.asarray(q, dtype=np.float64))]
        if not levels or not all(LEVEL.accepts(level) for level in levels):
            raise ValueError(f"q must hold levels that are each {LEVEL}. Got {q!r} instead.")
        X = self._checked(X)
        averages = np.stack([self._average_without(k, X) for k in range(len(self._fold_weights))])
        averages = averages.reshape(*averages.shape[:2], -1)
        found = [quantiles(averages[:, :, j], folds, levels) for j, folds in enumerate(self._residuals_of_folds)]
        return np.stack(found, axis=1).reshape(X.shape[0], *self._output_shape, *np.shape(q))
