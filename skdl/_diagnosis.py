"""Messages about an X that validation has refused: the column, what is wrong with it, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

MOST_NAMED = 5
NO_NUMBERS = "OSUT"  # kinds of NumPy's types: objects, bytes, strings and variable strings


def is_frame(X: Any) -> bool:
    """True for a table with named columns (of pandas, polars, ...)."""
    return hasattr(X, "columns") and hasattr(X, "shape")


def refuse_dates(X: Any) -> None:
    """Raise for dates and times, which would pass as their number of nanoseconds."""
    dtypes = getattr(X, "dtypes", None) if is_frame(X) else None  # which pandas makes anew each time
    if dtypes is not None:
        kinds = [_kind(dtype) for dtype in dtypes]
    else:
        kinds = [getattr(getattr(X, "dtype", None), "kind", "")]
    if not {"M", "m"} & set(kinds):
        return
    if not is_frame(X):
        raise ValueError(
            "X holds dates or times, where numbers are needed: X.astype(float) makes numbers of them, in X's unit."
        )
    names = [name for name, kind in zip(X.columns, kinds, strict=True) if kind in "Mm" and kind]
    name = names[0]
    raise ValueError(
        f"X holds dates or times in {columns_named(names)}, where numbers are needed. Make columns of what matters in "
        f"them, such as X[{name!r}].dt.day_of_year, or the days since the first, "
        f"(X[{name!r}] - X[{name!r}].min()).dt.days."
    )


def _kind(dtype: Any) -> str:
    """The kind of a type of NumPy's or pandas'; of polars' types, that of times."""
    if hasattr(dtype, "kind"):
        kind: str = dtype.kind
        return kind
    return "M" if str(dtype).startswith(("Date", "Time", "Duration")) else ""


def explanation(estimator: Any, X: Any, finite: Any = True) -> str | None:
    """A message about the first thing that is wrong with X, or None; `finite` is what validation asked for."""
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError:  # rows of different lengths, for which scikit-learn has a message
            return None
    n_axes = np.ndim(X) if not (sparse.issparse(X) or is_frame(X)) else 2
    if n_axes > 2:
        return (
            f"Found array with dim {n_axes}, of shape {np.shape(X)}, where {type(estimator).__name__} takes rows of "
            "numbers, of shape (n_samples, n_features), or images, of shape (n_samples, height, width) or (n_samples, "
            "height, width, channels). If the first axis is that of the samples: X.reshape(len(X), -1)."
        )
    if n_axes < 2 or getattr(getattr(X, "dtype", None), "kind", "") == "c":
        return None
    try:
        return _about_text(X, estimator) or _about_missing(estimator, X, finite)
    except (TypeError, ValueError):  # for what it cannot look at, scikit-learn has a message
        return None


def _each_column(X: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """The name (of an array: the number) of each column, and its values."""
    if not is_frame(X):
        array = np.asarray(X)
        yield from ((j, array[:, j]) for j in range(array.shape[1]))
        return
    columns = [X.iloc[:, j] for j in range(X.shape[1])] if hasattr(X, "iloc") else X.get_columns()
    yield from ((name, np.asarray(column)) for name, column in zip(X.columns, columns, strict=True))


def _about_text(X: Any, estimator: Any) -> str | None:
    if sparse.issparse(X):
        return None
    found = []
    for name, values in _each_column(X):
        if values.dtype.kind not in NO_NUMBERS:
            continue
        texts = [value for value in values.tolist() if isinstance(value, str) and not _is_number(value)]
        if texts:
            found.append((name, texts[0]))
    if not found:
        return None
    names = [name for name, _ in found]
    what = f"X holds text in {columns_named(names)}, such as {found[0][1]!r}, where numbers are needed"
    owner, named = type(estimator).__name__, names[:MOST_NAMED]
    if not _has_parameter(estimator, "categorical_features"):
        return (
            f"{what}. Encode it: make_pipeline(make_column_transformer((OneHotEncoder(), {named!r}), "
            f"remainder='passthrough'), {owner}())."
        )
    if is_frame(X) and estimator.categorical_features is not None:
        return f"{what}, as there were in the fit. Fit with text in the column, or replace it by numbers, or by NaN."
    advice = "" if is_frame(X) else ", or give a DataFrame, whose columns of text are taken as categories"
    return f"{what}. Name the columns of categories, {owner}(categorical_features={named!r}){advice}."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _about_missing(estimator: Any, X: Any, finite: Any) -> str | None:
    if finite is False:
        return None
    nan, infinite = _bad_columns(X)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and not is_frame(X) and len(names) == X.shape[1]:
        nan, infinite = ([(names[j], n) for j, n in found] for found in (nan, infinite))
    name, n_rows = type(estimator).__name__, X.shape[0]
    if infinite:
        where = columns_named([each for each, _ in infinite])
        return (
            f"Input X contains infinity or a value too large for float64 in {where} "
            f"({infinite[0][1]} of {n_rows} rows in the first). {name} takes finite numbers."
        )
    if not nan or finite == "allow-nan":
        return None
    where = columns_named([each for each, _ in nan])
    what = f"Input X contains NaN in {where} ({nan[0][1]} of {n_rows} rows in the first)"
    if _has_parameter(estimator, "missing") and sparse.issparse(X):
        return (
            f"{what}. In a sparse matrix none may be missing: give X.toarray() with missing='encode', or fill them in."
        )
    if _has_parameter(estimator, "missing") and is_frame(X) and estimator.missing != "error":
        return f"{what}. In sparse columns none may be missing: give X.sparse.to_dense(), or fill them in."
    if _has_parameter(estimator, "missing"):
        encode = "missing='error' does not allow it" if estimator.missing == "error" else "missing='encode' allows it"
        return (
            f"{what}: {encode}. Missing cells of frames are encoded with missing='auto', and those of arrays, too, "
            "with missing='encode'."
        )
    kind = "Regressor" if name.endswith("Regressor") else "Classifier"
    takes = f"KNN{kind}(metric='nan_euclidean')"
    takes = "With metric='nan_euclidean' it takes them" if name.startswith("KNN") else f"{takes} takes them as they are"
    return (
        f"{what}. {name} takes no missing values: fill them in, make_pipeline(SimpleImputer(), {name}()), or leave "
        f"these rows out. {takes}."
    )


def _has_parameter(estimator: Any, name: str) -> bool:
    return hasattr(estimator, "get_params") and name in estimator.get_params(deep=False)


def _bad_columns(X: Any) -> tuple[list[tuple[Any, int]], list[tuple[Any, int]]]:
    """Columns with NaN and with infinity, and in how many rows."""
    if sparse.issparse(X):
        entries = X.tocoo()
        column = np.asarray(entries.col)
        pairs = [(j, entries.data[column == j]) for j in np.unique(column[~np.isfinite(entries.data)])]
    else:
        pairs = [(name, values.astype(np.float64)) for name, values in _each_column(X)]
    nan = [(name, int(np.isnan(values).sum())) for name, values in pairs if np.isnan(values).any()]
    infinite = [(name, int(np.isinf(values).sum())) for name, values in pairs if np.isinf(values).any()]
    return nan, infinite


def about_overflow(estimator: Any, X: Any, outputs: np.ndarray) -> str:
    """A message about rows of X with outputs that are not finite: the first of them, and its largest number."""
    wrong = ~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    row = int(wrong.argmax())
    if sparse.issparse(X):
        cells = list(enumerate(X[[row]].toarray()[0]))
    else:
        cells = [(name, values[row]) for name, values in _each_column(X)]
    names = getattr(estimator, "feature_names_in_", None)
    name, value = max(cells, key=lambda cell: _size(cell[1]))
    if names is not None and not is_frame(X) and len(names) == len(cells):
        name = names[name]
    return (
        f"The predictions of {type(estimator).__name__} for {wrong.sum()} of {len(wrong)} rows are out of the range of "
        f"{outputs.dtype}. The first is row {row} (counted from 0), whose largest number is {value!s}, in "
        f"{columns_named([name])} of X. Look at such values: they may stand for missing ones, or be in another unit."
    )


def _size(value: Any) -> float:
    """The absolute value of a number; of all else, and of NaN, less than of any."""
    try:
        return float(np.nan_to_num(abs(float(value)), nan=-1.0, posinf=np.inf))
    except (TypeError, ValueError):
        return -1.0


def column_name(names: Any, j: int) -> str:
    """Column j of an X whose columns have such names, or None, as a message that begins with it calls it."""
    return f"C{columns_named([j if names is None else names[j]])[1:]} of X"


def columns_named(names: list[Any]) -> str:
    """Names of columns, or their numbers, as text; the first of many."""
    listed = ", ".join(repr(str(name)) if isinstance(name, str) else str(name) for name in names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"column{'s' * (len(names) > 1)} {listed}" + (f" and {more} more" if more > 0 else "")
