"""The base of the autoencoder: rows that are their own targets, the code, and what is made of it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdl._diagnosis import column_name
from skdl._encoding import Reals
from skdl._layer_names import layer_names
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import validate_code, validate_sample_weight, validate_training_X, warn_of_overflow
from skdl.execution.stacker import interned
from skdl.neural._docs import document
from skdl.neural._fit import NetworkFit
from skdl.neural._layer_values import layer_values, values_from
from skdl.neural._perceptron import Perceptron
from skdl.neural._preparation import ValidationRows
from skdl.neural._real_targets import RealTargets
from skdl.neural.encoded_data import EncodedData
from skdl.neural.trainable import in_parts


def fixed(value: Any) -> property:
    """What a parameter of other perceptrons is for one that does not have it."""
    return property(lambda self: value)


class BaseAutoencoder(TransformerMixin, RealTargets, Perceptron):
    """A network that learns to give its inputs again, of which one hidden layer is the code."""

    _default_scoring = "r2"
    scoring: Any = fixed(None)
    clip_predictions: Any = fixed(False)
    prior: Any = fixed(None)
    calibrate: Any = fixed(False)
    depth: Any = fixed(1)
    init: Any = fixed(None)
    frozen: Any = fixed(None)
    category_encoding: Any = fixed("one_hot")  # there are no categories
    tied: bool
    image_shape_: tuple[int, ...]

    _n_encoding_layers: int  # hidden layers up to the code

    @property
    def standardize_target(self) -> bool:  # type: ignore[override]  # it follows another parameter
        """Targets are the inputs, and in the same units."""
        return self.standardize

    @property
    def _code_layer(self) -> str:
        return layer_names(self._n_encoding_layers)[self._n_encoding_layers]

    @property
    def _n_code_units(self) -> int:
        widths: Sequence[int] = self._training.architecture.widths
        return widths[self._n_encoding_layers - 1]

    @in_parts(NetworkFit)
    @document
    def fit(  # type: ignore[override]  # there is no y
        self,
        X: MatrixLike,
        y: object = None,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train the network to give its inputs again.

        Parameters
        ----------
        {data}
        y : ignored
        {weight}
        X_val : like X, default=None
            Validation rows: the loss of each epoch is measured on them, and the weights of the best epoch are kept.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weight of each validation row in the score.

        Returns
        -------
        self : estimator
            The fitted network.
        """
        go_on = self.warm_start and hasattr(self, "_training")
        return self._train(X, None, sample_weight, _validation(X_val, sample_weight_val), go_on=go_on)

    @document
    def partial_fit(
        self,
        X: MatrixLike,
        y: object = None,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            The rows of this call. Standardisation is taken from those of the first.
        y : ignored
        {weight}
        X_val : like X, default=None
            Validation rows, on which the epoch is evaluated; the weights of the best epoch so far are used.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weight of each validation row in the score.

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        validation, go_on = _validation(X_val, sample_weight_val), hasattr(self, "_training")
        return self._train(X, None, sample_weight, validation, go_on=go_on, n_epochs=1, incremental=True)

    @document
    def initialize(self, X: MatrixLike, y: object = None) -> Self:
        """Build the network for data like X with its initial weights, and train nothing; `partial_fit` goes on.

        Parameters
        ----------
        {initial_data}
        y : ignored

        Returns
        -------
        self : estimator
            The untrained network.
        """
        return self._train(X, None, None, go_on=False, n_epochs=0)

    def transform(self, X: MatrixLike) -> np.ndarray:
        """The code of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows, or images of shape (n_samples, height, width) or (n_samples, height, width, channels).

        Returns
        -------
        code : array of shape (n_samples, n_units)
        """
        X = self._validated(X)
        return warn_of_overflow(self, X, layer_values(self, X, self._code_layer))

    def inverse_transform(self, X: MatrixLike) -> np.ndarray:
        """What the decoder makes of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_units)
            Codes, as `transform` gives them.

        Returns
        -------
        rows : array of shape (n_samples, n_features)
            In the units of the training rows; images, of shape (n_samples, *image_shape_), if these were images.
        """
        check_is_fitted(self)
        code = validate_code(self, X, self._n_code_units)
        rows = self._predictions(warn_of_overflow(self, code, values_from(self, code, self._code_layer)))
        return rows.reshape(len(rows), *getattr(self, "image_shape_", (-1,)))

    def get_feature_names_out(self, input_features: VectorLike | None = None) -> np.ndarray:
        """Names of the units of the code: "autoencoder0", "autoencoder1", ...

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : array of str
        """
        check_is_fitted(self)
        return np.array([f"{type(self).__name__.lower()}{i}" for i in range(self._n_code_units)], dtype=object)

    def reconstruct(self, X: MatrixLike) -> np.ndarray:
        """The rows as the network gives them again, `inverse_transform(transform(X))`: what it has learned of them.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows or images.

        Returns
        -------
        rows : array of shape (n_samples, n_features)
            In the units of X, with numbers where cells were missing; images of the shape of X, if it holds these.
        """
        rows = self._reconstructed(self._validated(X))
        shape = np.shape(X) if hasattr(X, "shape") or np.ndim(X) > 2 else rows.shape
        return rows.reshape(shape)

    def reconstruction_errors(self, X: MatrixLike) -> np.ndarray:
        """The mean squared error of each row's reconstruction: large for rows unlike those of the training.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows or images.

        Returns
        -------
        errors : array of shape (n_samples,)
            The mean over the known cells of the row, in units of the columns' variances in training, but in those of X
            with standardize=False. Columns that were constant in training do not count.
        """
        rows, errors = self._in_training_units(self._validated(X))
        known = ~np.isnan(rows)
        total = np.einsum("ij,ij->i", errors, errors)
        return np.asarray(total / np.maximum(known[:, self._varies].sum(axis=1), 1))

    def score(self, X: MatrixLike, y: object = None, sample_weight: WeightLike | None = None) -> float:
        """The share of the variance of X that the reconstruction explains, R^2 of all columns together.

        R^2 = 1 - sum_ij w_i (x'_ij - r'_ij)^2 / sum_ij w_i (x'_ij - m'_j)^2

        over the known cells, with r_i the reconstruction of the row x_i, m_j the weighted mean of column j of X, and
        the prime for columns in units of their deviations in training (with standardize=False as they are). On training
        rows this is the sum of `explained_variance_ratio_` of a principal component analysis, of standardised columns,
        if the reconstruction is that.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows or images.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        r2 : float
            At most 1; 0 is what the means of the columns reach.
        """
        rows = self._validated(X)
        weight = validate_sample_weight(sample_weight, rows)
        return _explained(*self._in_training_units(rows), weight)

    def _reconstructed(self, X: Any) -> np.ndarray:
        return self._predictions(self._raw_scores(X))

    @property
    def _varies(self) -> np.ndarray:
        """A mask of the columns that were not constant in training."""
        encoding: Reals = self._training.encoding
        return encoding.scale > 0

    def _in_training_units(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Checked rows and the errors of their reconstruction in the units of training; errors of NaN are 0."""
        dense = X if isinstance(X, np.ndarray) else X.toarray()
        return _in_units(dense, self._reconstructed(X), self._training.encoding)

    def _prepare(self, settings: Any, X: Any, *args: Any, **options: Any) -> EncodedData:
        data = super()._prepare(settings, X, *args, **options)
        if self.tied and data.columns is not None:
            raise ValueError(
                "tied=True gives the output layer the weights of the first one, which sees a flag more for each "
                "column of X with missing cells. Set tied=False, or fill in the cells before."
            )
        return data

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[Any, np.ndarray, Any]:
        X = validate_training_X(self, X, reset=reset, shared=interned, accept_sparse="csr", **checks)
        table = checks.get("table")
        if table is not None and table.has_categories:
            chosen = [j for j, n in enumerate(table.columns.n_categories) if n]
            name = column_name(self._column_names, chosen[0])
            raise ValueError(
                f"{name} holds categories, and {type(self).__name__} reconstructs numbers. Encode it before, as by "
                "sklearn.preprocessing.OneHotEncoder in a ColumnTransformer, or leave it out."
            )
        return X, X if isinstance(X, np.ndarray) else X.toarray(), validate_sample_weight(sample_weight, X)

    def _targets(self, y: np.ndarray, encoding: Reals, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        unknown = np.isnan(y)
        if not unknown.any():
            return super()._targets(y, encoding, dtype, weight)
        targets = super()._targets(np.where(unknown, encoding.shift.astype(y.dtype), y), encoding, dtype, weight)
        targets[unknown] = np.nan
        return targets

    def _target_name(self, n_outputs: int, j: int) -> str:
        return column_name(self._column_names, j)

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Reals) -> Callable[[np.ndarray], float]:
        loss, (scale, shift) = self._loss(encoding), self._output_map(encoding)
        return lambda scores: _explained(*_in_units(y, loss.link(scores * scale + shift), encoding), weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _validation(X_val: Any, sample_weight_val: Any) -> ValidationRows:
    """Validation rows, which are their own targets."""
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val has the weights of validation rows, and there are none: give X_val.")
    return X_val, X_val, sample_weight_val


def _in_units(X: np.ndarray, reconstructed: np.ndarray, encoding: Reals) -> tuple[np.ndarray, np.ndarray]:
    """Rows and errors of their reconstruction in the units of training, zeros in columns that were constant."""
    unit = np.where(encoding.scale > 0, 1 / np.where(encoding.scale > 0, encoding.scale, 1), 0)
    errors = (X.astype(np.float64) - reconstructed) * unit
    return (X - encoding.shift) * unit, np.where(np.isnan(X), 0, errors)


def _explained(rows: np.ndarray, errors: np.ndarray, weight: np.ndarray | None) -> float:
    """The share of the variance of the rows, where they are known, that is not in the errors."""
    share = np.ones((len(rows), 1)) if weight is None else weight[:, None] / weight.max()
    known = ~np.isnan(rows)
    rows, counted = np.where(known, rows, 0), share * known
    mean = (counted * rows).sum(axis=0) / np.maximum(counted.sum(axis=0), np.finfo(float).tiny)
    total, left = ((counted * values**2).sum() for values in (rows - mean, errors))
    if total == 0:
        return float(left == 0)
    return float(1 - left / total)
