"""The heads of a multitask network: each does for its task what a network of its kind does for all of y."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from skdl import _registry
from skdl._encoding import Labels, TaskColumn, Tasks, check_declaration, check_several, present
from skdl.neural._calibration import TaskScaling
from skdl.neural._perceptron import LEARNED
from skdl.neural.encoded_data import EncodedData
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor


class Heads:
    """A classifier or regressor for each task, which is never fitted: only its half of a fit that is about y is used.

    Parameters
    ----------
    columns : sequence of TaskColumn
    losses : mapping from tasks to losses
    classification, regression : mapping
        Parameters of all classifiers, and of all regressors.
    """

    def __init__(
        self,
        columns: Sequence[TaskColumn],
        losses: Mapping[Any, Any],
        *,
        classification: Mapping[str, Any],
        regression: Mapping[str, Any],
    ):
        self.columns = columns
        self.given = losses
        self.each: list[Any] = []
        for column in columns:
            loss = losses.get(column.name, "auto")
            if isinstance(loss, str) and loss == "auto":
                pass
            elif loss == "squared_error" and column.kind == "classification":
                loss = "brier"  # as a classifier's squared error is called
            else:
                try:
                    loss = _registry.losses.resolve(loss).validate()
                except ValueError as error:
                    raise ValueError(f"The 'losses' parameter for task {column.name!r}: {error}") from None
            if column.kind == "classification":
                self.each.append(MLPClassifier(loss=loss, **classification))
            else:
                self.each.append(MLPRegressor(loss=loss, **regression))

    def losses(self, outputs: Sequence[Any]) -> list[Any]:
        """The loss of each task, which has to be one for what there is to learn."""
        found = []
        for head, column, output in zip(self.each, self.columns, outputs, strict=True):
            if column.name in self.given and not isinstance(head.loss, str):
                task, what = head.loss.task, "reals"
                fits: tuple[str, ...] = ("regression",)
                if isinstance(output, Labels):
                    n_classes = len(output.classes)
                    what = f"{n_classes} classes"
                    fits = ("binary", "classification") if n_classes <= 2 else ("classification",)
                if task not in fits:
                    raise ValueError(
                        f"The 'losses' parameter: {self.given[column.name]!r} is a loss for {LEARNED[task]}, and task "
                        f"{column.name!r} is one of {what}. Use 'auto'."
                    )
            found.append(head._loss(output))
        return found

    def check_several(self, y: np.ndarray, declared: Mapping[Any, Any], name: str) -> None:
        """Raise for the first rows of a training batch by batch, if they hold one label only of a task."""
        for j, column in enumerate(self.columns):
            if column.kind == "classification" and column.name not in declared and column.categories is None:
                with _named(column):
                    check_several(present(y, j)[1], name)

    def encodings(self, y: np.ndarray, weight: np.ndarray | None, declared: Mapping[Any, Any]) -> tuple[Any, ...]:
        """The encoding of each task by the rows that have its label."""
        found = []
        for j, (head, column) in enumerate(zip(self.each, self.columns, strict=True)):
            there, labels = present(y, j)
            own = None if weight is None else weight[there]
            if not len(labels) or (own is not None and not own.any()):
                raise ValueError(
                    f"Task {column.name!r} has no labels in rows of positive weight. Leave its column out of y."
                )
            classes = declared.get(column.name)
            if classes is None and column.categories is not None:
                classes = np.array(column.categories)
            with _named(column):
                if classes is not None:
                    check_declaration(classes)
                found.append(head._encoding_of(None, labels, own, classes))
        return tuple(found)

    def encodings_now(self, encoding: Tasks, y: np.ndarray, weight: np.ndarray | None) -> tuple[Any, ...]:
        """Those of the first training, for the labels of a later one."""
        found = []
        for _, column, head, _, there, labels in self._of_rows(encoding, y):
            own = None if weight is None else weight[there]
            with _named(column):
                seen = len(labels) and (own is None or own.any())
                found.append(head._encoding_now(labels, own) if seen else head._training.encoding)
        return tuple(found)

    def targets(self, encoding: Tasks, y: np.ndarray, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        """Columns of targets side by side, NaN where there is no label."""
        targets = np.full((len(y), encoding.n_outputs), np.nan, dtype)
        for j, column, head, columns, there, labels in self._of_rows(encoding, y):
            if len(labels):
                own = None if weight is None else weight[there]
                with _named(column):
                    targets[there, columns] = head._targets(labels, encoding.outputs[j], dtype, own)
        return targets

    def scorer(
        self, encoding: Tasks, y: np.ndarray, weight: np.ndarray | None
    ) -> Callable[[np.ndarray], dict[Any, float]]:
        """From raw scores to the score of each task that has labels."""
        scorers = {}
        for j, column, head, columns, there, labels in self._of_rows(encoding, y):
            own = None if weight is None else weight[there]
            if len(labels) and (own is None or own.any()):
                scorers[column.name] = head._scorer(labels, own, encoding.outputs[j]), there, columns
        return lambda raw: {name: score(raw[there, columns]) for name, (score, there, columns) in scorers.items()}

    def decoded(self, encoding: Tasks, raw: np.ndarray) -> list[np.ndarray]:
        """The predictions of each task of raw scores."""
        found = []
        for head, output, scores in zip(self.each, encoding.outputs, encoding.split(raw), strict=True):
            linked = scores if isinstance(output, Labels) else head._loss(output).link(scores)
            found.append(output.decode(linked))
        return found

    def probabilities(self, encoding: Tasks, raw: np.ndarray) -> dict[Any, np.ndarray]:
        """The class probabilities of each task of classes."""
        each = zip(self.columns, self.each, encoding.outputs, encoding.split(raw), strict=True)
        return {
            column.name: output.probabilities(head._loss(output).link(scores))
            for column, head, output, scores in each
            if isinstance(output, Labels)
        }

    def scaling(self, evaluated: EncodedData, losses: Sequence[Any]) -> TaskScaling:
        """What finds the factors of each task's scores on the validation rows that have its label."""
        encoding: Tasks = evaluated.encoding
        parts, unsmoothed = [], evaluated.targets.astype(np.float64)
        for j, _, head, columns, there, labels in self._of_rows(encoding, evaluated.y):
            weight = evaluated.counts[there]
            if len(labels) and weight.any():
                targets = np.ascontiguousarray(evaluated.targets[there, columns])
                rows = EncodedData(None, labels, targets, weight, encoding.outputs[j], evaluated.dtype)
                found = head._scaling(rows, losses[j])
                if found is not None:
                    parts.append((columns, there, found))
                    unsmoothed[there, columns] = found.targets
        return TaskScaling(tuple(parts), unsmoothed)

    def _of_rows(
        self, encoding: Tasks, y: np.ndarray
    ) -> Iterator[tuple[int, TaskColumn, Any, slice, np.ndarray, np.ndarray]]:
        """Of each task number, column, head, columns of scores, which rows have a label of it, and these labels."""
        stop = 0
        for j, (column, head) in enumerate(zip(self.columns, self.each, strict=True)):
            start, stop = stop, stop + encoding.sizes[j]
            head._training = SimpleNamespace(encoding=encoding.outputs[j])
            yield j, column, head, slice(start, stop), *present(y, j)


@contextmanager
def _named(column: TaskColumn) -> Iterator[None]:
    """Errors about a task name it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Task {column.name!r}: {error}") from None
