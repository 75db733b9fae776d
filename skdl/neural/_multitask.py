"""The base of the multitask networks: fits, predictions by task, and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import ClassifierTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdl._encoding import Tasks, layout_of, present, task_array
from skdl._scores import accuracy, r2
from skdl._typing import MatrixLike, TaskClasses, TaskName, TasksLike, WeightLike
from skdl._validation import check_rows, validate_sample_weight
from skdl.neural._docs import document
from skdl.neural._fit import NetworkFit
from skdl.neural._multitask_kind import MultitaskKind
from skdl.neural.trainable import in_parts

if TYPE_CHECKING:
    import pandas as pd


def _has_classes(network: Any) -> bool:
    """True if some task is one of classes, as far as is known."""
    if not hasattr(network, "_training") or network._training.encoding.classes:
        return True
    raise AttributeError(f"All tasks of this {type(network).__name__} are reals, which have no class probabilities.")


class NetworkMultitask(MultitaskKind):
    """A network that predicts several tasks."""

    @property
    def temperature_(self) -> dict[TaskName, float]:
        """What the raw scores of each task of classes were divided by; 1 without `calibrate`."""
        return {name: float(1 / factors[0]) for name, kind, factors in self._factors() if kind == "classification"}

    @property
    def shrinkage_(self) -> dict[TaskName, float]:
        """What the predictions of each task of reals were multiplied by, less their mean; 1 without `calibrate`."""
        return {name: float(factors[0]) for name, kind, factors in self._factors() if kind == "regression"}

    def _factors(self) -> list[tuple[TaskName, str, np.ndarray]]:
        check_is_fitted(self)
        encoding: Tasks = self._training.encoding
        factors = self._training.state.progress[0].factors
        factors = np.ones(encoding.n_outputs) if factors is None else factors
        parts = encoding.split(factors[None])
        return [(name, kind, part[0]) for (name, kind), part in zip(encoding.kinds.items(), parts, strict=True)]

    @in_parts(NetworkFit)
    @document
    def fit(
        self,
        X: MatrixLike,
        y: TasksLike,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: TasksLike | None = None,
        sample_weight_val: WeightLike | None = None,
        classes: TaskClasses | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        {data}
        y : frame or array-like of shape (n_samples, n_tasks) or (n_samples,)
            A column for each task: see the notes. NaN, None or NA is a label that is missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss of all tasks. Rows of weight zero are left out, but for their classes,
            which count as declared in `classes`.
        {validation}
        classes : dict or None, default=None
            All labels of tasks of classes, by task, where y does not hold them all. Those of a column of categories are
            its categories.

        Returns
        -------
        self : estimator
            The fitted network.
        """
        go_on = self.warm_start and hasattr(self, "_training")
        validation = (X_val, y_val, sample_weight_val)
        return self._train(X, y, sample_weight, validation, go_on=go_on, classes=classes)

    @document
    def initialize(self, X: MatrixLike, y: TasksLike, classes: TaskClasses | None = None) -> Self:
        """Build the network for data like X and y with its initial weights, and train nothing; `partial_fit` goes on.

        Parameters
        ----------
        {initial_data}
        y : frame or array-like of shape (n_samples, n_tasks) or (n_samples,)
            A column for each task, which fix the outputs.
        classes : dict or None, default=None
            As in fit.

        Returns
        -------
        self : estimator
            The untrained network, which predicts.
        """
        return self._train(X, y, None, go_on=False, n_epochs=0, classes=classes)

    @document
    def partial_fit(
        self,
        X: MatrixLike,
        y: TasksLike,
        classes: TaskClasses | None = None,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: TasksLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of this call. Standardisation and categories are taken from those of the first.
        y : frame or array-like of shape (n_samples, n_tasks) or (n_samples,)
            The same tasks in every call, of which each needs labels in the first one.
        classes : dict or None, default=None
            All labels that will ever come of tasks of classes, by task; needed in the first call only, and there of
            tasks whose labels are not all in y.
        {weight}
        {validation_of_epoch}

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        validation = (X_val, y_val, sample_weight_val)
        go_on = hasattr(self, "_training")
        if not go_on and y is not None:
            layout = layout_of(y, self.tasks or {})
            self._heads(layout).check_several(task_array(y, layout), classes or {}, type(self).__name__)
        return self._train(X, y, sample_weight, validation, go_on=go_on, n_epochs=1, incremental=True, classes=classes)

    def predict(self, X: MatrixLike) -> np.ndarray | pd.DataFrame:
        """The most probable label, or the prediction in the units of the targets, of each task.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        y : DataFrame or array of shape (n_samples, n_tasks) or (n_samples,)
            With the columns and their types that y had in training, and the index of X; for an array as y an array.
            Reals of integers are floats.
        """
        raw = self._raw_scores(self._validated(X))
        encoding: Tasks = self._training.encoding
        with np.errstate(invalid="ignore"):  # of scores that are not finite, which a warning was given of
            values = self._heads(encoding.layout).decoded(encoding, raw)
        return encoding.layout.table(values, X.index if hasattr(X, "iloc") and hasattr(X, "index") else None)

    @available_if(_has_classes)
    def predict_proba(self, X: MatrixLike) -> dict[TaskName, np.ndarray] | np.ndarray:
        """Class probabilities of each row, for the tasks of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : dict from tasks to arrays of shape (n_samples, n_classes)
            In the order of `classes_`; tasks of reals have none. For a y of one dimension the array itself.

        Raises
        ------
        AttributeError
            When all tasks are reals.
        """
        raw = self._raw_scores(self._validated(X))
        encoding: Tasks = self._training.encoding
        with np.errstate(invalid="ignore"):
            found = self._heads(encoding.layout).probabilities(encoding, raw)
        return found[0] if encoding.layout.form == "vector" else found

    def score(self, X: MatrixLike, y: TasksLike, sample_weight: WeightLike | None = None) -> float:
        """The mean of the scores of all tasks, see `score_tasks`; of those that are defined.

        Parameters
        ----------
        X, y, sample_weight
            As in `score_tasks`.

        Returns
        -------
        score : float
            At most 1.
        """
        scores = [score for score in self.score_tasks(X, y, sample_weight).values() if not np.isnan(score)]
        return float(np.mean(scores)) if scores else np.nan

    def score_tasks(
        self, X: MatrixLike, y: TasksLike, sample_weight: WeightLike | None = None
    ) -> dict[TaskName, float]:
        """The score of each task on the rows that have its label: accuracy of classes, R^2 of reals.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict.
        y : frame or array-like of shape (n_samples, n_tasks) or (n_samples,)
            The true labels, as in training.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weight of each row, at least 0 with a positive sum.

        Returns
        -------
        scores : dict from tasks to float
            NaN for a task without labels here.
        """
        raw = self._raw_scores(self._validated(X))
        encoding: Tasks = self._training.encoding
        y = task_array(y, encoding.layout)
        check_rows(raw, y)
        weight = validate_sample_weight(sample_weight, raw)
        with np.errstate(invalid="ignore"):
            values = self._heads(encoding.layout).decoded(encoding, raw)
        scores = {}
        for j, (name, kind) in enumerate(encoding.kinds.items()):
            there, labels = present(y, j)
            own = None if weight is None else weight[there]
            measure = accuracy if kind == "classification" else r2
            is_known = len(labels) and (own is None or own.any())
            scores[name] = measure(labels, values[j][there], own) if is_known else np.nan
        return scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.classifier_tags = ClassifierTags()  # which scikit-learn reads wherever there is `predict_proba`
        return tags
