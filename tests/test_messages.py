"""What the border says of an X that no estimator can take: which column, and what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdl import (
    BaggingRegressor,
    EnsembleClassifier,
    KNNClassifier,
    KNNRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SoftmaxClassifier,
)
from skdl.losses import Quantile

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ESTIMATORS = {
    "mlp classifier": MLPClassifier((3,), max_iter=1),
    "mlp regressor": MLPRegressor((3,), max_iter=1),
    "softmax": SoftmaxClassifier(max_iter=2),
    "knn classifier": KNNClassifier(),
    "knn regressor": KNNRegressor(),
    "least squares": LeastSquaresRegressor(),
    "lasso": LeastSquaresRegressor(0.1, penalty="l1"),
    "absolute error": LeastSquaresRegressor(loss="absolute_error"),
    "huber": LeastSquaresRegressor(loss="huber"),
    "gradient descent": LeastSquaresRegressor(solver="adam", max_iter=2),
    "polynomial": PolynomialRegressor(),
    "bagging": BaggingRegressor(MLPRegressor((3,), max_iter=1), 2),
    "ensemble": EnsembleClassifier([("knn", KNNClassifier())]),
}
NETWORKS = {"mlp classifier", "mlp regressor", "bagging"}
N = 30
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"age": RNG.normal(size=N), "income": RNG.normal(size=N)})
Y = RNG.normal(size=N)


def holed(value):
    frame = FRAME.copy()
    frame.loc[[3, 5], "income"] = value
    return frame


TEXT = FRAME.assign(colour=["red", "blue"] * (N // 2))
DATES = FRAME.assign(when=pd.date_range("2020", periods=N))
# What an estimator without the parameters of tables says, and one with them, which takes such frames.
NAN = r"Input X contains NaN in column {0} \(2 of 30 rows in the first\)"
NAN += r"(.*nan_euclidean|: missing='encode' allows it|\. In a sparse matrix none may|\. In sparse columns none may)"
ENCODE = r"X holds text in column '{}', such as '{}'.*make_column_transformer\(\(OneHotEncoder\(\), \['{}'\]\)"
MISTAKES = {
    "NaN in a frame": (holed(np.nan), NAN.format("'income'")),
    "NaN beside integers": (holed(np.nan).assign(k=1), NAN.format("'income'")),
    "NaN in an array": (holed(np.nan).to_numpy(), NAN.format("1")),
    "NaN in sparse columns": (holed(np.nan).astype(pd.SparseDtype(float, np.nan)), NAN.format("'income'")),
    "NaN in a sparse matrix": (sparse.csr_array(holed(np.nan).to_numpy()), NAN.format("1")),
    "missing integers": (FRAME.assign(k=pd.array([None, None] + [1] * (N - 2), dtype="Int64")), NAN.format("'k'")),
    "nulls of polars": (pl.DataFrame({"a": [None, None] + [1.0] * (N - 2), "b": [1.0] * N}), NAN.format("'a'")),
    "infinity": (holed(np.inf), "Input X contains infinity or a value too large for float64 in column 'income'"),
    "text": (TEXT, ENCODE.format("colour", "red", "colour")),
    "text in categories": (TEXT.astype({"colour": "category"}), ENCODE.format("colour", "red", "colour")),
    "text in an array": (np.array([["a", 1]] * N, dtype=object), r"X holds text in column 0, such as 'a'"),
    "text in polars": (pl.DataFrame({"a": [1.0] * N, "t": ["x"] * N}), ENCODE.format("t", "x", "t")),
    "dates": (DATES, r"X holds dates or times in column 'when'.*X\['when'\]\.dt\.day_of_year"),
    "durations": (FRAME.assign(when=DATES["when"] - DATES["when"].min()), "X holds dates or times in column 'when'"),
    "dates in an array": (DATES[["when"]].to_numpy(), "X holds dates or times, where numbers are needed"),
    "dates in polars": (pl.from_pandas(DATES), "X holds dates or times in column 'when'"),
    "films": (RNG.normal(size=(N, 2, 4, 4, 3)), r"Found array with dim 5.*or images.*X\.reshape\(len\(X\), -1\)"),
}
# What networks, which take tables, say of it.
OF_NETWORKS = {
    "NaN in an array": r"Input X contains NaN in column 1 \(2 of 30 rows in the first\): missing='encode' allows it",
    "NaN in a sparse matrix": r"Input X contains NaN in column 1 .*: give X\.toarray\(\) with missing='encode'",
    "text in an array": r"X holds text in column 0, such as 'a'.*\(categorical_features=\[0\]\), or give a DataFrame",
}


TABLES = {"NaN in a frame", "NaN beside integers", "missing integers", "nulls of polars"}  # and no mistakes in these
TABLES |= {"NaN in sparse columns", "text", "text in categories", "text in polars"}


def takes_tables(name):
    estimator = ESTIMATORS[name]
    members = [member for _, member in getattr(estimator, "estimators", ())] or [
        getattr(estimator, "estimator", estimator)
    ]
    return all("missing" in member.get_params() for member in members)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_message_names_the_column_and_what_to_do(name, mistake):
    X, message = MISTAKES[mistake]
    estimator = clone(ESTIMATORS[name])
    y = Y > 0 if is_classifier(estimator) else Y
    message = OF_NETWORKS.get(mistake, message) if name in NETWORKS else message
    if takes_tables(name) and (mistake in TABLES or (name in NETWORKS and mistake == "NaN in sparse columns")):
        assert len(estimator.fit(X, y).predict(X)) == N
        return
    with pytest.raises(ValueError, match=message) as error:
        estimator.fit(X, y)
    assert "HistGradientBoosting" not in str(error.value)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_predict_says_the_same(name):
    estimator = clone(ESTIMATORS[name])
    estimator.fit(FRAME, Y > 0 if is_classifier(estimator) else Y)
    X = holed(np.nan).astype(pd.SparseDtype(float, 0)) if takes_tables(name) else holed(np.nan)
    with pytest.raises(ValueError, match="contains NaN in column 'income'"):
        estimator.predict(X)


def test_what_is_advised_works():
    ages = DATES.assign(day=DATES["when"].dt.day_of_year, since=(DATES["when"] - DATES["when"].min()).dt.days)
    MLPRegressor((3,), max_iter=1).fit(ages.drop(columns="when"), Y)
    encoded = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    make_pipeline(encoded, MLPRegressor((3,), max_iter=1)).fit(TEXT, Y)
    make_pipeline(SimpleImputer(), MLPRegressor((3,), max_iter=1)).fit(holed(np.nan), Y)
    KNNRegressor(metric="nan_euclidean").fit(holed(np.nan), Y).predict(holed(np.nan))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_numbers_stored_as_text_are_numbers(name):
    digits = FRAME.round(3)
    y = Y > 0 if is_classifier(ESTIMATORS[name]) else Y
    params = {key: 0 for key in ESTIMATORS[name].get_params(deep=False) if key == "random_state"}
    # Else texts are taken as categories.
    params |= {key: None for key in ESTIMATORS[name].get_params() if key.endswith("categorical_features")}
    numbers = clone(ESTIMATORS[name]).set_params(**params).fit(digits, y)
    texts = clone(ESTIMATORS[name]).set_params(**params).fit(digits.astype(str), y)
    np.testing.assert_array_equal(texts.predict(digits.astype(str)), numbers.predict(digits))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("fill", [np.nan, 1.0])
def test_sparse_columns_that_leave_out_other_values_than_zero_are_dense_ones(name, fill):
    rows = FRAME.where(FRAME < 1, 1.0)
    given, y = rows.astype(pd.SparseDtype(float, fill)), np.arange(N) % 2
    estimator = ESTIMATORS[name]
    if hasattr(estimator, "random_state"):
        estimator = clone(estimator).set_params(random_state=0)
    expected = clone(estimator).fit(rows, y).predict(rows)
    np.testing.assert_array_equal(clone(estimator).fit(given, y).predict(given), expected)


def test_a_mistake_in_y_is_not_blamed_on_X():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        KNNRegressor(metric="nan_euclidean").fit(holed(np.nan), np.where(Y > 1, np.nan, Y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MLPRegressor().fit(FRAME, Y[:-1])


def test_several_quantiles_are_several_networks():
    with pytest.raises(
        ValueError, match=r"learns one quantile\. Got quantile=\[0\.1, 0\.9\]\. For several fit a network"
    ):
        MLPRegressor((3,), loss=Quantile([0.1, 0.9])).fit(FRAME, Y)


@pytest.mark.parametrize("estimator", [SoftmaxClassifier(), LeastSquaresRegressor(), PolynomialRegressor()])
def test_mistakes_in_lists_are_named_as_in_arrays(estimator):
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[3, 4\]"):
        estimator.fit([[1.0], [2.0], [3.0]], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="contains NaN in column 0 "):
        estimator.fit([[1.0], [np.nan], [3.0]], [0, 1, 0])
    with pytest.raises(ValueError, match="inhomogeneous shape"):
        estimator.fit([[1.0], [2.0, 3.0]], [0, 1])
