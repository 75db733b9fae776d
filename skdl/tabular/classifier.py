"""The committee of classifiers for tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._constraints import NONE, Boolean, Instance, OneOf
from skdl._encoding import Labels
from skdl._scores import accuracy
from skdl._typing import ClassWeight, Folds, MatrixLike, Members, PortfolioLike, RandomStateLike, Scoring
from skdl._validation import validate_sample_weight
from skdl.ensemble._averages import ProbabilityAverage
from skdl.ensemble._weights import weights_by_log_loss
from skdl.tabular._answers import KnownProbabilities, scorer_of
from skdl.tabular._base import COMMON, BaseTabular
from skdl.tabular._docs import document_classifier
from skdl.tabular._evaluation import Evaluation
from skdl.tabular._selection import greedy, shrunk
from skdl.tabular._temperature import SMALLEST, temperature_of, tempered


@document_classifier
class TabularClassifier(ProbabilityAverage, BaseTabular):
    """Committee of networks on cross-validation folds, weighted out of fold, with calibrated class probabilities.

    p(. | x) is proportional to (sum_c w_c mean_k p_ck(. | x))^(1/T)

    over candidates c, configurations of networks and whatever joins, of which member k has not seen fold k of the rows
    and stops by it. The weights w_c and the temperature T are those of the least log loss of rows by members that have
    not seen them.

    Parameters
    ----------
    {candidates}
    calibrate : bool, default=True
        Whether probabilities are raised to the power 1/T and normalised, where that lowers the log loss out of fold.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`, wherever rows are weighted; "balanced" is
        n_samples / (n_classes * class count).
    {running}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    temperature_ : float
        T, above 1 where the average was too certain; 1 without calibration.
    {fitted}

    See Also
    --------
    TabularRegressor : The same for real targets, with prediction intervals.
    MLPClassifier : One network.
    EnsembleClassifier : Members that each learn all rows.

    Notes
    -----
    {laws}

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS, 2024; L. Breiman, "Stacked regressions", Machine Learning 24, 1996; C. Guo et al., "On calibration
    of modern neural networks", ICML, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skdl import TabularClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> committee = TabularClassifier(members=[("forest", RandomForestClassifier(30))], cv=4, random_state=0).fit(X, y)
    >>> committee.score_ > 0.95, committee.oof_predictions_.shape
    (True, (178, 3))
    >>> committee.leaderboard_.columns.tolist()
    ['loss', 'loss_std', 'score', 'score_std', 'weight', 'epochs', 'seconds']
    """

    _constraints = {
        **COMMON,
        "calibrate": Boolean(),
        "class_weight": NONE | OneOf("balanced") | Instance(dict),
    }

    def __init__(
        self,
        portfolio: PortfolioLike | None = "auto",
        *,
        members: Members | None = None,
        cv: int | Folds = 8,
        scoring: Scoring | None = None,
        time_limit: float | None = None,
        refit: bool | str = "auto",
        calibrate: bool = True,
        class_weight: ClassWeight | None = None,
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
        self.calibrate = calibrate
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.scoring is not None:
            scorer_of(self.scoring, KnownProbabilities(np.arange(2), np.eye(2)))

    def _row_weights(self, sample_weight: Any, X: Any, y: np.ndarray) -> np.ndarray | None:
        weight = validate_sample_weight(sample_weight, X)
        if self.class_weight is None:
            return weight
        rows: Any = slice(None) if weight is None else np.flatnonzero(weight)
        found = np.ones(len(y)) if weight is None else weight.copy()
        found[rows] *= Labels(np.unique(y), binary=False).class_weights(self.class_weight, y[rows])
        return validate_sample_weight(found, X)

    def _codes(self, y: np.ndarray) -> np.ndarray:
        codes: np.ndarray = np.searchsorted(self.classes_, y)
        return codes

    def _losses(self, average: np.ndarray, y: np.ndarray) -> np.ndarray:
        true = average[np.arange(len(y)), self._codes(y)]
        losses: np.ndarray = -np.log(np.maximum(true, SMALLEST))
        return losses

    def _scored(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        if not np.isfinite(average).all():
            return float("nan")
        if self.scoring is None:
            return accuracy(y, self.classes_[average.argmax(axis=1)], weight)
        known = KnownProbabilities(self.classes_, average)
        try:
            return float(scorer_of(self.scoring, known)(known, np.arange(len(y)), y, sample_weight=weight))
        except ValueError:  # as of rows of one class
            return float("nan")

    def _chosen_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if len(outputs) == 1:
            return np.ones(1)
        if self.scoring is not None:
            return greedy(len(outputs), lambda shares: self._scored(np.tensordot(shares, outputs, 1), y, weight))
        true = outputs[:, np.arange(len(y)), self._codes(y)]
        losses = -np.log(np.maximum(true, SMALLEST))
        return shrunk(weights_by_log_loss(true, weight), losses, weight)

    def _temperature(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        if not self.calibrate or len(self.classes_) == 1:
            return 1.0
        return temperature_of(average, self._codes(y), weight)

    def _at_temperature(self, average: np.ndarray, temperature: float) -> np.ndarray:
        return average if temperature == 1 else tempered(average, temperature)

    @property
    def _fitted_temperature(self) -> float:  # type: ignore[override]
        return self.temperature_

    def _store_more(self, done: Any, evaluation: Evaluation, y: np.ndarray) -> None:
        done.temperature_ = evaluation.temperature

    def predict(self, X: MatrixLike) -> np.ndarray:
        """The most probable label of each row; of equals, the first.

        Parameters
        ----------
        X : {array-like, frame} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y : array of shape (n_samples,)
            Labels.
        """
        best = self.predict_proba(X).argmax(axis=1)
        labels: np.ndarray = self.classes_[best]
        return labels

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Calibrated class probabilities of each row.

        Parameters
        ----------
        X : {array-like, frame} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        average = self._average(X)
        return self._at_temperature(average, self.temperature_)
