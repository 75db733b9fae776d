"""The multilayer perceptron for real targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score

from skdl import _registry
from skdl._constraints import Boolean
from skdl._encoding import Reals
from skdl._validation import validate_regression, validate_sample_weight
from skdl.engine.gathering import shared_rows
from skdl.neural._docs import document
from skdl.neural._perceptron import COMMON, Perceptron
from skdl.neural._standardize import mean_and_scale, row_weights


@document
class MLPRegressor(RegressorMixin, MultiOutputMixin, Perceptron):
    """Multilayer perceptron that learns real targets.

    minimise  1/n sum_i w_i loss(network(x_i), (y_i - m) / s) + alpha R(W)

    with w_i the sample weights divided by their mean, half the squared error as loss, m and s the targets' mean and
    standard deviation (`standardize_target`), and R the penalty of all weights (intercepts are free).

    Parameters
    ----------
    {hidden}
    loss : str or Loss, default="auto"
        Name or instance of a loss. "auto" is "squared_error".
    standardize_target : bool, default=True
        Whether the network learns the targets less their mean, in units of their standard deviation. It is folded into
        the last layer afterwards: predictions come in the units of y.
    {training}
    {running}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPClassifier : The same for classes.
    LeastSquaresRegressor : The linear model, solved exactly.

    Notes
    -----
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
    >>> mlp = MLPRegressor((32, 32), activation="tanh", optimizer="lbfgs", max_iter=500, random_state=0)
    >>> mlp = mlp.fit(x, y)
    >>> mlp.score(x, y) > 0.99
    True
    """

    _default_scoring = "r2"
    _encodings = (Reals,)
    _constraints = {**COMMON, "standardize_target": Boolean()}

    def __init__(
        self,
        hidden_layer_sizes: Any = (128, 128),
        *,
        depth: int = 1,
        activation: Any = "leaky_relu",
        initializer: Any = "auto",
        normalization: Any = None,
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        dropout_mode: str = "inverted",
        optimizer: Any = "auto",
        schedule: Any = "auto",
        penalty: Any = "l2",
        alpha: Any = 1e-3,
        prior: Any = None,
        loss: Any = "auto",
        standardize: bool = True,
        standardize_target: bool = True,
        batch_size: Any = "auto",
        max_iter: Any = "auto",
        max_time: float | None = None,
        shuffle: bool = True,
        stratified_batches: bool = False,
        tol: float = 1e-4,
        n_iter_no_change: int | None = None,
        early_stopping: bool = False,
        scoring: Any = None,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        dtype: str = "auto",
        random_state: Any = None,
        verbose: Any = 0,
        n_jobs: int | None = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.depth = depth
        self.activation = activation
        self.initializer = initializer
        self.normalization = normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.dropout_mode = dropout_mode
        self.optimizer = optimizer
        self.schedule = schedule
        self.penalty = penalty
        self.alpha = alpha
        self.prior = prior
        self.loss = loss
        self.standardize = standardize
        self.standardize_target = standardize_target
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
        self.warm_start = warm_start
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.loss != "auto":
            self._loss_of_task(("regression",))

    def _check_data(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, np.ndarray, Any]:
        X, y = validate_regression(self, X, y, reset=reset, shared=shared_rows, accept_sparse="csr")
        return X, y, validate_sample_weight(sample_weight, X)

    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Reals:
        columns = y.reshape(len(y), -1)
        shift, scale = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if self.standardize_target and self._loss(None).standardizes:
            shift, reciprocal = mean_and_scale(columns, row_weights(len(y), None, weight))
            scale = 1 / reciprocal
        return Reals(shift, scale, y.ndim == 1)

    def _loss(self, encoding: Reals | None) -> Any:
        return _registry.losses.resolve("squared_error") if self.loss == "auto" else self._resolve("loss")

    def _output_map(self, encoding: Reals) -> tuple[np.ndarray, np.ndarray]:
        return encoding.scale, encoding.shift

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Reals) -> Callable[[np.ndarray], float]:
        if len(y) < 2:
            return lambda scores: np.nan
        # In units of about the targets' deviation, powers of two, which change no bit: no square over- or underflows.
        unit = np.ldexp(1.0, -np.frexp(encoding.scale)[1])
        true = y.reshape(len(y), -1) * unit

        def score(scores: np.ndarray) -> float:
            predicted = self._loss(encoding).link(scores * encoding.scale + encoding.shift)
            return float(r2_score(true, predicted * unit, sample_weight=weight))

        return score

    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ):
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of this call. Standardisation of inputs and targets is taken from those of the first.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss.
        X_val, y_val : like X and y, default=None
            Validation rows, which score the epoch; the weights that scored best so far predict.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weight of each validation row in the score.

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        validation = (X_val, y_val, sample_weight_val)
        go_on = hasattr(self, "_training")
        return self._train(X, y, sample_weight, validation, go_on=go_on, n_epochs=1, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Predictions of each row, in the units and the shape of the training targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        y : array of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._predictions(self._raw_scores(self._validated(X)))

    def _predictions(self, scores: np.ndarray) -> np.ndarray:
        encoding = self._training.encoding
        return encoding.decode(self._loss(encoding).link(scores))
