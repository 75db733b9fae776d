"""Tables as estimators take them that have the parameters `categorical_features` and `missing`.

A fit learns a `TableSchema`, the estimator's `_schema`, and every later call sees its rows by it. Plain numbers go the
way of all arrays, with NaN where they are missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl._constraints import NONE, ArrayLike, OneOf
from skdl._diagnosis import is_frame
from skdl._validation import validate_sample_weight
from skdl.tables import TableSchema, holds_plain_numbers

CONSTRAINTS = {
    "categorical_features": OneOf("from_dtype") | NONE | ArrayLike(),
    "missing": OneOf("auto", "encode", "error"),
}


def tag_tables(estimator: Any, tags: Any) -> Any:
    """The tags of scikit-learn that say what an estimator takes: categories, and arrays with NaN."""
    tags.input_tags.categorical = estimator.categorical_features is not None
    tags.input_tags.allow_nan = estimator.missing == "encode"
    return tags


def learn_table(
    estimator: Any, X: Any, sample_weight: Any, *, max_categories: int | None = 50
) -> tuple[Any, dict[str, Any]]:
    """Set the estimator's schema by the X of a fit; X, and the further arguments for its validation."""
    chosen, missing = estimator.categorical_features, estimator.missing
    by_type = chosen is None or (isinstance(chosen, str) and chosen == "from_dtype")
    estimator._schema = None
    if sparse.issparse(X):
        if not by_type:
            raise ValueError("The 'categorical_features' parameter needs a dense X. Got a sparse matrix.")
        return X, {}
    if not is_frame(X):
        given = None if by_type and missing != "encode" else np.asarray(X)
        if given is None or given.ndim != 2:  # for the latter, validation has its message
            return X, {}
        X = given
    elif by_type and holds_plain_numbers(X):
        estimator._schema = TableSchema.of_numbers(X.columns, (False,) * X.shape[1], missing)
        return read_table(estimator, X)
    weight = validate_sample_weight(sample_weight, X)
    estimator._schema = TableSchema.fit(
        X, weight, categorical_features=chosen, missing=missing, max_categories=max_categories
    )
    return read_table(estimator, X)


def read_table(estimator: Any, X: Any) -> tuple[Any, dict[str, Any]]:
    """X as the estimator's fit saw it, and the further arguments for its validation.

    Plain numbers after a fit on plain numbers are checked as scikit-learn does, by the order of their names, too.
    """
    schema = estimator._schema
    if schema is None:
        return X, {}
    if sparse.issparse(X):
        if schema.columns is not None:
            raise ValueError("X must be a frame or an array, as in the fit, whose columns held categories or holes.")
        return X, {}
    if is_frame(X):
        if schema.columns is None and holds_plain_numbers(X):
            takes_nan = schema.missing != "error" and not _is_sparse(X)
            return X, {"ensure_all_finite": "allow-nan"} if takes_nan else {}
        X, plain = schema.ordered(X), False
    else:
        plain = schema.columns is None and schema.missing != "encode"
        if not plain:
            X = np.asarray(X)
            plain = X.ndim != 2
    return X, {} if plain else {"table": schema, "ensure_all_finite": "allow-nan"}


def has_holes(X: Any) -> bool:
    """True for an array with NaN."""
    if not isinstance(X, np.ndarray):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isnan(X.sum())) and bool(np.isnan(X).any())


def note_holes(estimator: Any, X: np.ndarray) -> None:
    """Let the schema of a fit on plain numbers know where they are missing in the rows that count."""
    schema = estimator._schema
    if schema is not None and schema.columns is None and schema.missing != "error" and has_holes(X):
        estimator._schema = TableSchema.of_numbers(schema.names, np.isnan(X).any(axis=0).tolist(), schema.missing)


def _is_sparse(X: Any) -> bool:
    """True for a frame of pandas that validation makes a sparse matrix of, whose zeros are left out in all columns."""
    return all(getattr(dtype, "fill_value", None) == 0 for dtype in set(X.dtypes))
