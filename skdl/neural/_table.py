"""Tables on their way into a network: what a fit learns of their columns, and numbers that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from skdl._diagnosis import is_frame
from skdl._table_input import has_holes
from skdl._validation import validate_sample_weight
from skdl.layers.architecture import Architecture
from skdl.neural._settings import Settings
from skdl.tables import TableSchema, becomes_sparse, holds_plain_numbers, is_table


def schema_of(settings: Settings, X: Any, sample_weight: Any) -> TableSchema | None:
    """The schema of the columns of X; None for plain numbers, which are checked, and are missing, as an array's."""
    chosen = settings.categorical_features
    if chosen is None and settings.missing == "error":
        return None
    by_type = chosen is None or isinstance(chosen, str) or len(chosen) == 0
    if sparse.issparse(X):
        if by_type:
            return None
        raise ValueError(
            "The 'categorical_features' parameter names columns of frames and dense arrays, and X is sparse. Give "
            "X.toarray(), or encode the categories before."
        )
    of_objects = isinstance(X, np.ndarray) and X.dtype.hasobject and settings.missing == "encode"
    if by_type and not (is_table(X) or of_objects):
        return None
    X = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    if len(X.shape) != 2 or 0 in X.shape or (by_type and holds_plain_numbers(X)):
        return None
    return TableSchema.fit(
        X,
        validate_sample_weight(sample_weight, X),
        categorical_features=chosen,
        missing=settings.missing,
        max_categories=settings.max_categories,
    )


def takes_missing(missing: str, X: Any) -> bool:
    """True if numbers of X, as it was given, may be missing."""
    if sparse.issparse(X) or becomes_sparse(X):
        return False
    return missing == "encode" or (missing == "auto" and is_frame(X))


def makes_the_same(schema: TableSchema | None, other: TableSchema | None) -> bool:
    """True if one table becomes the same matrix by both; of plain numbers, a schema knows only which were missing."""
    return schema == other or (schema is None and other is not None and not other.has_categories)


def with_holes(
    schema: TableSchema | None, settings: Settings, X: Any, names: Sequence[Any] | None, kept: np.ndarray | None
) -> TableSchema | None:
    """The schema of checked plain numbers: None, but where some of them are missing in the rows that are `kept`."""
    if schema is not None or not has_holes(X):
        return schema
    holes = np.isnan(X if kept is None else X[kept]).any(axis=0)
    return TableSchema.of_numbers(names, holes.tolist(), settings.missing) if holes.any() else None


def encoded_names(architecture: Architecture, schema: TableSchema | None, names: Sequence[str]) -> list[str]:
    """Names of what the columns become in the first layer: numbers, flags of missing ones, and categories."""
    n_categories = (0,) * len(names) if architecture.columns is None else architecture.columns.n_categories
    numbers = [name for name, n in zip(names, n_categories, strict=True) if not n]
    width = 1 if architecture.encoding is None else architecture.encoding.width
    found = [name if width == 1 else f"{name}_{i}" for name in numbers for i in range(width)]
    if schema is None or architecture.columns is None:
        return found
    found += [
        f"{name}_missing"
        for name, has_missing in zip(names, architecture.columns.has_missing, strict=True)
        if has_missing
    ]
    of_categories = [j for j, n in enumerate(n_categories) if n]
    assert architecture.category_encoding is not None
    widths = architecture.category_encoding.widths([n_categories[j] for j in of_categories])
    for j, width in zip(of_categories, widths, strict=True):
        labels = schema.labels(j) if width == n_categories[j] else range(width)
        found += [f"{names[j]}_{label}" for label in labels]
    return found


def filled(X: Any, shift: np.ndarray | None) -> Any:
    """The rows with what a network does not encode in the place of missing numbers: what it sees as zero."""
    if not has_holes(X):
        return X
    return np.where(np.isnan(X), X.dtype.type(0) if shift is None else shift.astype(X.dtype), X)
