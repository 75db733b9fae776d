"""What is particular in a fit of several tasks: the extension points of a multitask network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdl._encoding import KINDS, Labels, TaskLayout, Tasks, check_mapping, labelled, layout_of, task_array
from skdl._protocols import Loss
from skdl._validation import validate_sample_weight, validate_tasks
from skdl.execution.stacker import interned
from skdl.neural._base import BaseNetwork
from skdl.neural._calibration import TaskScaling
from skdl.neural._heads import Heads
from skdl.neural._preparation import NO_ROWS, ValidationRows
from skdl.neural._settings import Settings
from skdl.neural._task_losses import TaskLosses
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData


@dataclass(frozen=True)
class Declared:
    """What is known of the tasks before their labels are looked at.

    Parameters
    ----------
    layout : TaskLayout
    classes : mapping
        The labels that a caller has declared, by task.
    """

    layout: TaskLayout
    classes: Mapping[Any, Any]


class MultitaskKind(BaseNetwork):
    """A network whose scores are those of several tasks, side by side."""

    _default_scoring = "the mean score of the tasks"
    tasks: Mapping[Any, str] | None
    task_weights: Any
    losses: Mapping[Any, Any] | None
    label_smoothing: float | str
    standardize_target: bool
    clip_predictions: bool
    calibrate: bool | str

    def _heads(self, layout: TaskLayout) -> Heads:
        return Heads(
            layout.columns,
            self.losses or {},
            classification={"label_smoothing": self.label_smoothing},
            regression={"standardize_target": self.standardize_target, "clip_predictions": self.clip_predictions},
        )

    def _accepts_encoding(self, encoding: Any) -> bool:
        if not isinstance(encoding, Tasks):
            return False
        pairs = zip(self._heads(encoding.layout).each, encoding.outputs, strict=True)
        return all(head._accepts_encoding(output) for head, output in pairs)

    def _check_parameters(self, settings: Settings) -> None:
        super()._check_parameters(settings)
        for name, kind in (self.tasks or {}).items():
            if kind not in KINDS:
                raise ValueError(f"The 'tasks' parameter says {kind!r} of {name!r}. A task is one of {list(KINDS)}.")

    def _prepare(
        self,
        settings: Settings,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationRows = NO_ROWS,
        *,
        reset: bool = True,
        classes: Any = None,
        **options: Any,
    ) -> EncodedData:
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        layout = layout_of(y, self.tasks or {}) if reset else self._training.encoding.layout
        y = task_array(y, layout)
        self._weights(layout)
        check_mapping("losses", self.losses or {}, layout.names)
        declared = {} if classes is None else classes
        if not isinstance(declared, Mapping):
            raise ValueError(f"classes must be a dict from tasks to arrays of labels. Got {classes!r}.")
        check_mapping("classes", declared, layout.names)
        X_val, y_val, weight_val = validation
        if y_val is not None:
            try:
                y_val = task_array(y_val, layout)
            except ValueError as error:
                raise ValueError(f"y_val: {error}") from None
        validation = X_val, y_val, weight_val
        described = Declared(layout, declared)
        data = super()._prepare(settings, X, y, sample_weight, validation, reset=reset, classes=described, **options)
        for name, given in declared.items():
            output = data.encoding.outputs[layout.names.index(name)]
            if not isinstance(output, Labels):
                raise ValueError(f"The 'classes' have labels for {name!r}, which is a task of reals.")
            output.check_declared(given, output.classes)
        return data

    def _weights(self, layout: TaskLayout) -> np.ndarray:
        """The weight of each task."""
        given = self.task_weights
        if isinstance(given, Mapping):
            check_mapping("task_weights", given, layout.names)
            weights = np.array([given.get(name, 1.0) for name in layout.names])
            if not (weights.dtype.kind in "biuf" and np.isfinite(weights).all() and (weights >= 0).all()):
                raise ValueError(
                    f"The 'task_weights' parameter must hold numbers in the range [0, inf). Got {given!r}."
                )
            weights = weights.astype(np.float64)
        else:
            weights = np.ones(len(layout.columns)) if given is None else np.asarray(given, np.float64)
            if weights.shape != (len(layout.columns),):
                raise ValueError(
                    f"The 'task_weights' parameter lists {weights.size} numbers for {len(layout.columns)} tasks: "
                    f"{list(layout.names)}."
                )
        if not weights.any():
            raise ValueError("The 'task_weights' parameter must give a positive weight to some task.")
        return weights

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[Any, np.ndarray, Any]:
        X = validate_tasks(self, X, y, reset=reset, shared=interned, accept_sparse="csr", **checks)
        weight = validate_sample_weight(sample_weight, X)
        has_label = np.any([labelled(y[field]) for field in y.dtype.names], axis=0)
        if not has_label.all():  # a row without a label of any task is as absent
            weight = np.where(has_label, 1.0 if weight is None else weight, 0.0)
            if not weight.any():
                raise ValueError("No row of positive weight has a label of any task.")
        return X, y, weight

    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Declared) -> Tasks:
        heads = self._heads(classes.layout)
        outputs = heads.encodings(y, weight, classes.classes)
        return Tasks(outputs, classes.layout)

    def _encoding_now(self, y: np.ndarray, weight: np.ndarray | None) -> Tasks:
        encoding: Tasks = self._training.encoding
        return replace(encoding, outputs=self._heads(encoding.layout).encodings_now(encoding, y, weight))

    def _smoothed(self, settings: Settings, encoding: Tasks, n_rows: int, *, is_validated: bool) -> Tasks:
        pairs = zip(self._heads(encoding.layout).each, encoding.outputs, strict=True)
        outputs = [head._smoothed(settings, output, n_rows, is_validated=is_validated) for head, output in pairs]
        return replace(encoding, outputs=tuple(outputs))

    def _unsmoothed(self, data: EncodedData) -> EncodedData:
        encoding: Tasks = data.encoding
        if self.label_smoothing != "auto" or not any(getattr(output, "smoothing", 0) for output in encoding.outputs):
            return data
        plain = [replace(each, smoothing=0.0) if isinstance(each, Labels) else each for each in encoding.outputs]
        encoding = replace(encoding, outputs=tuple(plain))
        return replace(data, targets=self._targets(data.y, encoding, data.dtype, data.weight))

    def _targets(self, y: np.ndarray, encoding: Tasks, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        self._loss(encoding)  # whose parameters are checked before
        return self._heads(encoding.layout).targets(encoding, y, dtype, weight)

    def _loss(self, encoding: Tasks) -> TaskLosses:
        losses = self._heads(encoding.layout).losses(encoding.outputs)
        return TaskLosses.mean(losses, encoding.sizes, self._weights(encoding.layout))

    def _idle_outputs(self, encoding: Tasks) -> np.ndarray | None:
        idle = np.zeros(encoding.n_outputs, bool)
        for columns, head, output in self._of_reals(encoding):
            found = head._idle_outputs(output)
            idle[columns] = False if found is None else found
        return idle if idle.any() else None

    def _output_map(self, encoding: Tasks) -> tuple[np.ndarray, np.ndarray] | None:
        if all(isinstance(output, Labels) for output in encoding.outputs):
            return None
        scale, shift = np.ones(encoding.n_outputs), np.zeros(encoding.n_outputs)
        for columns, head, output in self._of_reals(encoding):
            scale[columns], shift[columns] = head._output_map(output)
        return scale, shift

    def _of_reals(self, encoding: Tasks) -> list[tuple[slice, Any, Any]]:
        """Columns, head and encoding of each task of reals."""
        stops = np.cumsum(encoding.sizes).tolist()
        each = zip(stops, encoding.sizes, self._heads(encoding.layout).each, encoding.outputs, strict=True)
        return [(slice(b - n, b), head, output) for b, n, head, output in each if not isinstance(output, Labels)]

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Tasks) -> Callable[[np.ndarray], float]:
        scores = self._heads(encoding.layout).scorer(encoding, y, weight)
        return lambda raw: float(np.mean([*scores(raw).values()]))

    def _scaling(self, evaluated: EncodedData, loss: Loss) -> TaskScaling | None:
        assert isinstance(loss, TaskLosses)
        found = self._heads(evaluated.encoding.layout).scaling(evaluated, [task.loss for task in loss.tasks])
        return found if found.parts else None

    def _as_given(self, y: np.ndarray, encoding: Tasks) -> Any:
        names = y.dtype.names or ()
        return encoding.layout.table([y[name] for name in names])

    def _results(self, settings: Settings, training: Training) -> dict[str, Any]:
        encoding: Tasks = training.encoding
        found = {"tasks_": encoding.kinds, "classes_": encoding.classes}
        return {**super()._results(settings, training), **found}
