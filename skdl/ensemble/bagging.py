"""Bagging: members that each learn a random sample of the rows, or of the columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._estimator import available_if
from skdl._scores import accuracy, r2
from skdl._typing import MatrixLike
from skdl.ensemble._averages import PredictionAverage, ProbabilityAverage
from skdl.ensemble._base_bagging import BaseBagging
from skdl.ensemble._docs import document


def _has_decision_function(ensemble: BaseBagging) -> bool:
    if not hasattr(ensemble._templates()[0], "decision_function"):
        raise AttributeError("The members have no decision_function. Use predict_proba, the average of probabilities.")
    return True


@document
class BaggingClassifier(ProbabilityAverage, BaseBagging):
    """Average of classifiers that each learn a random sample of the rows.

    p(. | x) = 1/k sum_j p_j(. | x), the members' class probabilities; members without `predict_proba` vote.

    Parameters
    ----------
    estimator : classifier, default=None
        Estimator that is cloned into the members; None is `MLPClassifier()`. Networks of skdl are trained together as
        one stack.
    {bagging}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    {fitted}
    oob_decision_function_ : array of shape (n_samples, n_classes)
        Class probabilities of each training row, averaged over the members that have not seen it; NaN where all have,
        and for rows of weight zero. Only with `oob_score`.
    oob_score_ : float
        Their accuracy, over the rows that have any. Only with `oob_score`.
    {correlated}
    {seen}

    See Also
    --------
    BaggingRegressor : The same for real targets.
    EnsembleClassifier : Members that all learn all rows, or that are of different kinds.

    Notes
    -----
    {laws}
    A member's sample may lack a rare class: a network then learns that the class is unlikely, and any other member
    gives it the probability zero. A member that fails on such a sample is fitted to all rows, with the number of times
    that each was drawn as weights, if it takes them; where there is one class alone that it cannot learn, it is a
    `DummyClassifier` of that class, which a warning says.

    References
    ----------
    L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import BaggingClassifier, MLPClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> mlp = MLPClassifier((16,), batch_size=16)
    >>> bagging = BaggingClassifier(mlp, 30, oob_score=True, random_state=0).fit(X, y)
    >>> bagging.oob_score_ > 0.95
    True
    >>> bagging.predict_members(X).shape
    (30, 178, 3)
    """

    @available_if(_has_decision_function)
    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Scores of the classes; only where the members have a decision function.

        Of members with probabilities they are the logarithms of the average, so that the largest score is what
        `predict` says. Others vote in `predict`, and their scores are the mean of their own decision functions.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to score, as the members take them.

        Returns
        -------
        scores : array of shape (n_samples, n_classes), or (n_samples,) for two classes
            In the order of `classes_`; for two classes the log odds, or the mean score, of the second. A class is
            scored by the members whose sample holds it; one that no sample holds has minus infinity.
        """
        if hasattr(self._templates()[0], "predict_proba"):
            scores = self.predict_log_proba(X)
            return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores
        return self._mean_decisions(X)

    def _mean_decisions(self, X: Any) -> np.ndarray:
        X = self._checked(X)
        total, count = np.zeros((X.shape[0], len(self.classes_))), np.zeros(len(self.classes_))
        for i, member in enumerate(self.estimators_):
            seen: Any = getattr(member, "classes_", self.classes_)
            if len(seen) == 1:  # with nothing to decide between
                continue
            scores = np.asarray(member.decision_function(self._seen_by(i, X)))
            scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
            if scores.shape[1] != len(seen):
                raise ValueError(
                    f"{type(member).__name__} gives {scores.shape[1]} scores for each row and {len(seen)} classes: "
                    "only those of one class each can be averaged."
                )
            known = np.searchsorted(self.classes_, seen)
            total[:, known] += scores
            count[known] += 1
        with np.errstate(divide="ignore", invalid="ignore"):
            average = np.where(count > 0, total / count, -np.inf)
        return average[:, 1] if len(self.classes_) == 2 else average

    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        self.oob_decision_function_ = average
        self.oob_score_ = np.nan
        if np.any(covered if weight is None else weight[covered]):
            predicted = self.classes_[average[covered].argmax(axis=1)]
            weight = None if weight is None else weight[covered]
            self.oob_score_ = accuracy(y[covered], predicted, weight)


@document
class BaggingRegressor(PredictionAverage, BaseBagging):
    """Average of regressors that each learn a random sample of the rows.

    f(x) = 1/k sum_j f_j(x)

    Parameters
    ----------
    estimator : regressor, default=None
        Estimator that is cloned into the members; None is `MLPRegressor()`. Networks of skdl are trained together as
        one stack.
    {bagging}

    Attributes
    ----------
    {fitted}
    oob_prediction_ : array of shape (n_samples,) or (n_samples, n_outputs)
        Prediction of each training row, averaged over the members that have not seen it; NaN where all have, and for
        rows of weight zero. Only with `oob_score`.
    oob_score_ : float
        Their R^2, over the rows that have any; NaN where one of them is not finite. Only with `oob_score`.
    {correlated}
    {seen}

    See Also
    --------
    BaggingClassifier : The same for classes.
    EnsembleRegressor : Members that all learn all rows, or that are of different kinds.

    Notes
    -----
    {laws}

    References
    ----------
    L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import BaggingRegressor, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> bagging = BaggingRegressor(MLPRegressor((16,)), 30, oob_score=True, random_state=0)
    >>> bagging.fit(X, y).oob_score_ > 0.4
    True
    >>> bagging.predict_members(X).std(axis=0).shape
    (442,)
    """

    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        self.oob_prediction_ = average
        self.oob_score_ = np.nan
        enough = np.count_nonzero(covered if weight is None else weight[covered]) > 1
        if enough and np.isfinite(average[covered]).all():
            weight = None if weight is None else weight[covered]
            self.oob_score_ = r2(y[covered], average[covered], weight)
