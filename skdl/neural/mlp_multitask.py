"""The multilayer perceptron for several tasks at once."""

from __future__ import annotations

from collections.abc import Sequence

from skdl._constraints import NONE, Boolean, Instance, ListOf, OneOf, Real
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
    Normalizations,
    NumberEncodingLike,
    OptimizerLike,
    PenaltyLike,
    PriorLike,
    RandomStateLike,
    ScheduleLike,
    Scoring,
    TaskKinds,
    TaskLosses,
    TaskWeights,
    VectorLike,
)
from skdl.neural._docs import document
from skdl.neural._multitask import NetworkMultitask
from skdl.neural._perceptron import COMMON, IMAGE_SHAPE, PROBABILITY, Perceptron


@document
class MLPMultitask(NetworkMultitask, Perceptron):
    """Multilayer perceptron that learns several tasks with the same hidden layers, classes and reals side by side.

    minimise  sum_h v_h / (sum_h v_h) 1/n_h sum_i w_i loss_h(f_h(x'_i), y_ih) + alpha R(W')

    over networks f with an output, or one for each class, for each task h, where i runs over the n_h rows that have a
    label of it (n_h is the sum of their weights w_i), v_h are the tasks' weights, and the losses are those of
    `MLPClassifier` and `MLPRegressor`. What one task has many labels of helps another that has few, as far as both
    need to know the same of x.

    Parameters
    ----------
    {hidden}
    tasks : dict or None, default=None
        "classification" or "regression" for columns of y, by name (or by position, for an array), whose types do not
        say so: see the notes.
    task_weights : dict, list or None, default=None
        Weight of each task in the mean of their losses, in [0, inf): a dict by task, 1 where there is none, or a list
        in the order of the columns. By default all weigh the same: reals are standardised, and the losses of what is
        not known about a label are about 1/2 of reals and log(n_classes) of classes.
    losses : dict or None, default=None
        Name or instance of a loss for tasks, by task; "auto" where there is none: "squared_error" for reals,
        "binary_cross_entropy" for two classes and "cross_entropy" for more.
    label_smoothing : float or "auto", default="auto"
        Of all tasks of classes, as in `MLPClassifier`.
    standardize_target : bool, default=True
        Whether the network learns reals less their mean, in units of their standard deviation; without it, the task of
        the largest numbers is nearly all of the loss. Predictions come in the units of y.
    clip_predictions : bool, default=False
        Whether predictions of reals are held to the range of the task's training targets.
    {training}
    {running}

    Attributes
    ----------
    tasks_ : dict
        "classification" or "regression" for each task.
    classes_ : dict
        The sorted labels of each task of classes.
    {attributes}
    temperature_, shrinkage_ : dict
        The factors that `calibrate` has found, of the tasks of classes and of reals, as in `MLPClassifier` and
        `MLPRegressor`; 1 without it.

    See Also
    --------
    MLPClassifier : One task of classes, or several columns of labels, of which none is missing.
    MLPRegressor : One or several targets, of which none is missing.

    Notes
    -----
    Each column of y is a task. Columns of categories, strings, booleans and objects that are not all numbers are
    classes; columns of floats are reals; columns of integers are classes if there are at most 20 different ones. What
    may be either has to be said by `tasks`: more integers than that, and floats that hold few whole numbers where
    others are missing, as integers become in pandas.

    A row has no part in the loss of a task whose label is NaN, None or NA; a row without any label is as absent. The
    factor by which a task's loss is a mean over its rows is that of all training rows, not of a batch's: a step's
    gradient is an unbiased estimate.

    Rows that are set apart keep the shares of rows with a label of the task that has the fewest, and of the classes of
    the task of classes that has the fewest. What decides by default is the mean of the tasks' losses by their weights;
    scoring=None with early_stopping=True is the mean of their scores. One task is the network of `MLPClassifier` or
    `MLPRegressor`.

    {tables}

    {notes}

    References
    ----------
    R. Caruana, "Multitask learning", Machine Learning 28, 1997.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import load_wine
    >>> from skdl import MLPMultitask
    >>> frame = load_wine(as_frame=True).frame
    >>> y = pd.DataFrame({"cultivar": frame["target"].map({0: "A", 1: "B", 2: "C"}), "color": frame["color_intensity"]})
    >>> y.loc[::3, "cultivar"] = None
    >>> X = frame.drop(columns=["target", "color_intensity"])
    >>> mlp = MLPMultitask((32,), random_state=0).fit(X, y)
    >>> mlp.tasks_
    {'cultivar': 'classification', 'color': 'regression'}
    >>> mlp.predict(X.head(2)).round(0)
      cultivar  color
    0        A    6.0
    1        A    4.0
    """

    _slots = {slot: family for slot, family in Perceptron._slots.items() if slot != "loss"}
    _constraints = {
        **COMMON,
        **IMAGE_SHAPE,
        "tasks": NONE | Instance(dict),
        "task_weights": NONE | Instance(dict) | ListOf(Real(0)),
        "losses": NONE | Instance(dict),
        "label_smoothing": PROBABILITY | OneOf("auto"),
        "standardize_target": Boolean(),
        "clip_predictions": Boolean(),
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
        tasks: TaskKinds | None = None,
        task_weights: TaskWeights | None = None,
        losses: TaskLosses | None = None,
        label_smoothing: float | str = "auto",
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
        self.tasks = tasks
        self.task_weights = task_weights
        self.losses = losses
        self.label_smoothing = label_smoothing
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
