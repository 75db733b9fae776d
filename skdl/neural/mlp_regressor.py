"""The multilayer perceptron for real targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl import _registry
from skdl._constraints import Boolean
from skdl._encoding import Reals
from skdl._typing import (
    Activations,
    Augmentations,
    Blocks,
    CategoricalLike,
    CategoryEncodingLike,
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
from skdl.neural._docs import document
from skdl.neural._dropout_samples import PredictionSamples
from skdl.neural._perceptron import COMMON, IMAGE_SHAPE, Perceptron
from skdl.neural._regressor import NetworkRegressor
from skdl.neural._settings import Settings


@document
class MLPRegressor(NetworkRegressor, PredictionSamples, Perceptron):
    """Multilayer perceptron that learns real targets.

    minimise  1/n sum_i w_i loss(f(x'_i), y'_i) + alpha R(W')

    over networks f of standardised inputs x' and targets y', with w_i the sample weights divided by their mean, half
    the squared error as loss, and R the penalty of the weights W' of f (intercepts are free). The notes say how W' and
    `coefs_` go together.

    Parameters
    ----------
    {hidden}
    loss : str or Loss, default="auto"
        Name or instance of a loss. "auto" is "squared_error".
    standardize_target : bool, default=True
        Whether the network learns the targets less their mean, in units of their standard deviation. It is folded into
        the last layer afterwards: predictions come in the units of y.
    clip_predictions : bool, default=False
        Whether predictions are held to the range of the training targets, `y_min_` to `y_max_` of each output: a
        network may say anything far from what it has seen. The range is that of all targets of positive weight that
        were given to `fit` and, since then, to `partial_fit`.
    {training}
    {running}

    Attributes
    ----------
    {attributes}
    y_mean_, y_scale_ : arrays of shape (n_outputs,)
        Mean and standard deviation of the training targets, see the notes; without standardisation 0 and 1.
    y_min_, y_max_ : arrays of shape (n_outputs,)
        The range that predictions are held to; without `clip_predictions` it is all numbers.
    shrinkage_ : array of shape (n_outputs,)
        What predictions were multiplied by, less the mean of y, in [0, 1]; 1 without `calibrate`.

    See Also
    --------
    MLPClassifier : The same for classes.
    LeastSquaresRegressor : The linear model, solved exactly.

    Notes
    -----
    {objective_reals}

    {tables}

    {notes}

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPRegressor
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = 1000 + 10 * np.sin(x[:, 0])
    >>> mlp = MLPRegressor(random_state=0).fit(x, y)
    >>> mlp.score(x, y) > 0.99
    True
    """

    _constraints = {**COMMON, **IMAGE_SHAPE, "standardize_target": Boolean(), "clip_predictions": Boolean()}

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
        augmentation: Augmentations | None = None,
        image_shape: Sequence[int] | None = None,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
        standardize: bool = True,
        standardize_target: bool = True,
        clip_predictions: bool = False,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        max_time: float | None = None,
        shuffle: bool = True,
        tol: float = 1e-4,
        n_iter_no_change: float | None = None,
        early_stopping: bool | str = "auto",
        scoring: Scoring | None = None,
        validation_fraction: float = 0.15,
        calibrate: bool | str = "auto",
        warm_start: bool = False,
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
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.categorical_features = categorical_features
        self.missing = missing
        self.standardize = standardize
        self.standardize_target = standardize_target
        self.clip_predictions = clip_predictions
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.max_time = max_time
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.calibrate = calibrate
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    @property
    def shrinkage_(self) -> np.ndarray:
        """What predictions were multiplied by, less the mean of y, which is left as it is; 1 without `calibrate`."""
        check_is_fitted(self)
        factors = self._training.state.progress[0].factors
        return np.ones(self.n_outputs_) if factors is None else factors.copy()

    def _check_parameters(self, settings: Settings) -> None:
        super()._check_parameters(settings)
        if self.loss != "auto":
            self._loss_of_task(("regression",), "a regressor learns real targets")

    def _loss(self, encoding: Reals | None) -> Any:
        return _registry.losses.resolve("squared_error") if self.loss == "auto" else self._resolve("loss")
