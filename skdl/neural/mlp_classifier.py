"""The multilayer perceptron for classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl import _registry
from skdl._constraints import NONE, Boolean, Instance, ListOf, OneOf
from skdl._encoding import Columns, Encoding, Labels
from skdl._typing import (
    Activations,
    Augmentations,
    Blocks,
    CategoricalLike,
    CategoryEncodingLike,
    ClassWeight,
    Factors,
    FrozenLayers,
    InitializerLike,
    InitLike,
    LossLike,
    Normalizations,
    NumberEncodingLike,
    OptimizerLike,
    PenaltyLike,
    PriorLike,
    RandomStateLike,
    ScheduleLike,
    Scoring,
    VectorLike,
)
from skdl.neural._classifier import NetworkClassifier
from skdl.neural._docs import document
from skdl.neural._dropout_samples import ProbabilitySamples
from skdl.neural._perceptron import COMMON, IMAGE_SHAPE, PROBABILITY, Perceptron
from skdl.neural._settings import Settings
from skdl.neural._task_losses import TaskLosses
from skdl.neural.encoded_data import EncodedData

CALIBRATED_SMOOTHING = 0.05


@document
class MLPClassifier(NetworkClassifier, ProbabilitySamples, Perceptron):
    """Multilayer perceptron that learns class probabilities by maximum likelihood.

    minimise  1/n sum_i w_i loss(f(x'_i), y_i) + alpha R(W')

    over networks f of standardised inputs x', with w_i the sample weights divided by their mean, the cross entropy as
    loss, and R the penalty of the weights W' of f (intercepts are free). The notes say how W' and `coefs_` go together.

    Parameters
    ----------
    {hidden}
    loss : str or Loss, default="auto"
        Name or instance of a loss. "auto" is "binary_cross_entropy" with one output for two classes and for each label
        of a multilabel indicator, else "cross_entropy" with one output a class.
    label_smoothing : float or "auto", default="auto"
        In [0, 1): the true class's target is 1 - a, each other's a / (n_classes - 1). A multilabel indicator's ones
        become 1 - a and its zeros a. "auto" is 0.05 for the cross entropy of one label a row where probabilities are
        calibrated (see `calibrate`), which makes up for it, else 0.
    stratified_batches : bool, default=False
        Whether every batch keeps the classes' shares, as near as whole rows allow, for a y with one label a row.
    {training}
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`; "balanced" is n_samples / (n_classes * class count). With class
        probabilities, a row's weight is the expectation. With columns of labels, a list has a dict for each column, and
        the columns' weights are multiplied. Not for a multilabel indicator.
    {running}

    Attributes
    ----------
    classes_ : array of shape (n_classes,) or list of these
        Labels, sorted. For a multilabel indicator the numbers of its columns; for columns of labels a list with the
        labels of each.
    {attributes}
    temperature_ : float
        What the raw scores of the training were divided by, in [0.5, 20]; 1 without `calibrate`.

    See Also
    --------
    MLPRegressor : The same for real targets.
    SoftmaxClassifier : The linear model.

    Notes
    -----
    {objective}

    {labels}

    {tables}

    {notes}

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from skdl import MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> mlp = MLPClassifier((32,), random_state=0).set_params(optimizer__learning_rate=0.01)
    >>> mlp.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    """

    _several_labels = True
    _constraints = {
        **COMMON,
        **IMAGE_SHAPE,
        "label_smoothing": PROBABILITY | OneOf("auto"),
        "stratified_batches": Boolean(),
        "class_weight": NONE | OneOf("balanced") | Instance(dict) | ListOf(Instance(dict)),
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        *,
        depth: int = 1,
        layer: Blocks = "dense",
        encoding: NumberEncodingLike | None = "auto",
        category_encoding: CategoryEncodingLike = "one_hot",
        input_scale: bool | str = "auto",
        activation: Activations = "leaky_relu",
        initializer: InitializerLike = "auto",
        init: InitLike | None = None,
        frozen: FrozenLayers | None = None,
        parametrization: str = "standard",
        normalization: Normalizations | None = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        dropout_mode: str = "inverted",
        dropout_schedule: ScheduleLike | None = None,
        optimizer: OptimizerLike = "auto",
        schedule: ScheduleLike = "auto",
        learning_rate_factors: Factors | None = None,
        weight_decay_factors: Factors | None = None,
        weight_decay_schedule: ScheduleLike | None = None,
        penalty: PenaltyLike = "l2",
        alpha: VectorLike | str = "auto",
        prior: PriorLike | None = None,
        loss: LossLike = "auto",
        label_smoothing: float | str = "auto",
        augmentation: Augmentations | None = None,
        image_shape: Sequence[int] | None = None,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
        standardize: bool = True,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        max_time: float | None = None,
        shuffle: bool = True,
        stratified_batches: bool = False,
        tol: float = 1e-4,
        n_iter_no_change: float | None = None,
        early_stopping: bool | str = "auto",
        scoring: Scoring | None = None,
        validation_fraction: float = 0.15,
        calibrate: bool | str = "auto",
        warm_start: bool = False,
        class_weight: ClassWeight | None = None,
        dtype: str = "auto",
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.depth = depth
        self.layer = layer
        self.encoding = encoding
        self.category_encoding = category_encoding
        self.input_scale = input_scale
        self.activation = activation
        self.initializer = initializer
        self.init = init
        self.frozen = frozen
        self.parametrization = parametrization
        self.normalization = normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.dropout_mode = dropout_mode
        self.dropout_schedule = dropout_schedule
        self.optimizer = optimizer
        self.schedule = schedule
        self.learning_rate_factors = learning_rate_factors
        self.weight_decay_factors = weight_decay_factors
        self.weight_decay_schedule = weight_decay_schedule
        self.penalty = penalty
        self.alpha = alpha
        self.prior = prior
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.categorical_features = categorical_features
        self.missing = missing
        self.standardize = standardize
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.max_time = max_time
        self.shuffle = shuffle
        self.stratified_batches = stratified_batches
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.calibrate = calibrate
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def _settings(self) -> Settings:
        return replace(super()._settings(), stratified_batches=self.stratified_batches)

    @property
    def temperature_(self) -> float:
        """What the raw scores were divided by, so that probabilities are not too sure; 1 without `calibrate`."""
        check_is_fitted(self)
        factors = self._training.state.progress[0].factors
        return 1.0 if factors is None else float(1 / factors[0])

    @property
    def _smoothing(self) -> float:
        return 0.0 if isinstance(self.label_smoothing, str) else self.label_smoothing

    def _smoothed(self, settings: Settings, encoding: Encoding, n_rows: int, *, is_validated: bool) -> Encoding:
        is_calibrated = settings.calibrates and (is_validated or settings.stops_early(n_rows))
        if self.label_smoothing == "auto" and self.loss == "auto" and is_calibrated and isinstance(encoding, Labels):
            return replace(encoding, smoothing=CALIBRATED_SMOOTHING)
        return encoding

    def _unsmoothed(self, data: EncodedData) -> EncodedData:
        # Rows of which none could be spared, or a training that goes on without validation rows.
        encoding = data.encoding
        if self.label_smoothing != "auto" or not isinstance(encoding, Labels) or encoding.smoothing == 0:
            return data
        return replace(data, targets=replace(encoding, smoothing=0.0).encode(data.y, data.dtype))

    def _check_parameters(self, settings: Settings) -> None:
        super()._check_parameters(settings)
        if self.loss != "auto":
            self._loss_of_task(("classification", "binary"), "a classifier learns classes")

    def _resolve(self, slot: str) -> Any:
        # A classifier's squared error is that of its probabilities, which goes by another name.
        if slot == "loss" and isinstance(self.loss, str) and self.loss == "squared_error":
            return _registry.losses.resolve("brier")
        return super()._resolve(slot)

    def _is_binary(self, n_classes: int) -> bool:
        return n_classes == 2 and (self.loss == "auto" or self._resolve("loss").task == "binary")

    def _loss(self, encoding: Encoding) -> Any:
        if self.loss == "auto":
            loss = _registry.losses.resolve("binary_cross_entropy" if encoding.binary else "cross_entropy")
        elif encoding.binary:
            loss = self._loss_of_task(("binary",), "this y holds labels that are each present or absent")
        elif encoding.n_outputs == 1 and self._resolve("loss").task == "binary":  # of one class, whose probability is 1
            loss = _registry.losses.resolve("cross_entropy")
        else:
            kind = "columns of classes" if isinstance(encoding, Columns) else f"{encoding.n_outputs} classes"
            loss = self._loss_of_task(("classification",), f"this y holds {kind}")
        if not isinstance(encoding, Columns):
            return loss
        n_columns = len(encoding.sizes)
        return TaskLosses.mean([loss] * n_columns, encoding.sizes, np.ones(n_columns))
