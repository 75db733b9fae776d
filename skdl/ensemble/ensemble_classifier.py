"""The average of classifiers that each learn all rows: of different kinds, or alike but for their random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._constraints import Boolean, OneOf
from skdl._estimator import available_if
from skdl._typing import EstimatorLike, MatrixLike, Members, RandomStateLike, VectorLike
from skdl.ensemble._averages import ProbabilityAverage
from skdl.ensemble._docs import document
from skdl.ensemble._member_columns import MemberColumns, side_by_side
from skdl.ensemble._weighted_ensemble import COMMON, WeightedEnsemble
from skdl.ensemble._weights import (
    greedy_by_log_loss,
    weights_by_log_loss,
)


def _is_soft(ensemble: EnsembleClassifier) -> bool:
    if ensemble.voting == "hard":
        raise AttributeError(
            "With voting='hard' there are no probabilities: set voting='soft', or count votes with predict_members."
        )
    return True


@document
class EnsembleClassifier(MemberColumns, ProbabilityAverage, WeightedEnsemble):
    """Average of the class probabilities (or majority of the votes) of classifiers that each learn all rows.

    p(. | x) = sum_j w_j p_j(. | x) / sum_j w_j

    Parameters
    ----------
    {members}
    voting : {"soft", "hard"}, default="soft"
        "soft" averages probabilities; "hard" takes the label that most members predict (of equals, the first), and has
        no `predict_proba`.
    flatten_transform : bool, default=True
        Whether `transform` puts the members' probabilities side by side, rather than giving them as
        `predict_members` does.
    {averaging}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    {averaged}
    {seen}

    See Also
    --------
    EnsembleRegressor : The same for real targets.
    BaggingClassifier : Members that each learn a random sample of the rows.

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
    Five networks that differ in their initial weights, trained as one stack:

    >>> from sklearn.datasets import load_wine
    >>> from skdl import EnsembleClassifier, MLPClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> ensemble = EnsembleClassifier(estimator=MLPClassifier((16,), batch_size=16), random_state=0)
    >>> ensemble.fit(X, y).predict_proba(X).shape, ensemble.predict_members(X).shape
    ((178, 3), (5, 178, 3))

    Members of different kinds:

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> members = [("mlp", MLPClassifier((16,), batch_size=16)), ("forest", RandomForestClassifier())]
    >>> mixed = EnsembleClassifier(members, weights=[2, 1], random_state=0)
    >>> mixed.set_params(mlp__alpha=1e-3).fit(X, y).score(X, y) > 0.95
    True

    Thirty-two networks that share the weights of their hidden layers:

    >>> shared = EnsembleClassifier(estimator=MLPClassifier((16,)), n_estimators=32, share="batch_ensemble")
    >>> shared.set_params(random_state=0).fit(X, y).predict_uncertainty(X).columns.tolist()
    ['total_entropy', 'expected_entropy', 'knowledge_entropy']
    """

    _constraints = {**COMMON, "voting": OneOf("soft", "hard"), "flatten_transform": Boolean()}

    def __init__(
        self,
        estimators: Members | None = None,
        *,
        estimator: EstimatorLike | None = None,
        n_estimators: int = 5,
        voting: str = "soft",
        flatten_transform: bool = True,
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
        self.voting = voting
        self.flatten_transform = flatten_transform
        self.weights = weights
        self.validation_fraction = validation_fraction
        self.share = share
        self.share_batches = share_batches
        self.prefit = prefit
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.voting == "hard" and not self.flatten_transform:
            raise ValueError(
                "flatten_transform=False has no effect with voting='hard', whose transform gives a label of each "
                "member. Leave it at True, or set voting='soft'."
            )
        if self.voting == "soft":
            for template in self._templates():
                if not hasattr(template, "predict_proba"):
                    raise ValueError(
                        f"voting='soft' averages probabilities, and {template!r} has no predict_proba. "
                        "Set voting='hard', or use a member that has it."
                    )

    def _check_prefit(self, members: list[Any], y: np.ndarray) -> None:
        super()._check_prefit(members, y)
        classes = members[0].classes_
        for name, member in self._kept():
            if not np.array_equal(member.classes_, classes):
                raise ValueError(
                    f"The fitted members have learned different classes: {np.asarray(classes).tolist()}, but "
                    f"{name!r} {np.asarray(member.classes_).tolist()}."
                )
        unknown = np.setdiff1d(y, classes)
        if len(unknown):
            raise ValueError(
                f"y has labels that the fitted members do not know: {unknown.tolist()}. They have learned "
                f"{np.asarray(classes).tolist()}."
            )

    def _check_weights(self) -> None:
        super()._check_weights()
        if self.voting == "hard" and isinstance(self.weights, str):
            raise ValueError(f"weights={self.weights!r} needs the members' probabilities: set voting='soft'.")

    def _classes_of(self, y: np.ndarray, warm: bool) -> np.ndarray:
        return np.asarray(self._templates()[0].classes_) if self.prefit else super()._classes_of(y, warm)

    def _fitted_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        fit = greedy_by_log_loss if self.weights == "greedy" else weights_by_log_loss
        return fit(outputs[:, np.arange(len(y)), np.searchsorted(self.classes_, y)], weight)

    def _output_method(self, member: object) -> str:
        return "predict" if self.voting == "hard" else super()._output_method(member)

    def _columns(self, outputs: np.ndarray) -> np.ndarray:
        if self.voting == "hard":
            return side_by_side(outputs.argmax(axis=2))
        return side_by_side(outputs) if self.flatten_transform else outputs

    def _width(self) -> int | None:
        if self.voting == "hard":
            return None
        if not self.flatten_transform:
            raise ValueError(
                "With voting='soft' and flatten_transform=False, transform gives an array of three dimensions, whose "
                "columns have no names. Set flatten_transform=True."
            )
        return len(self.classes_)

    @available_if(_is_soft)
    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """The weighted average of the members' class probabilities; not with `voting="hard"`.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return super().predict_proba(X)

    @available_if(_is_soft)
    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Logarithms of the averaged class probabilities; not with `voting="hard"`.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        log_probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return super().predict_log_proba(X)
