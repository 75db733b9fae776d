"""The columns of frames, against what scikit-learn's own estimators make of them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from skdl import LeastSquaresRegressor

ROWS = np.random.default_rng(0).normal(size=(6, 3))
Y = np.arange(6.0)
COLUMNS = [list("abc"), list("cba"), ["a", "b", 1], [0, 1, 2], ["a", "a", "b"], ["", " ", "é"], ["a", None, "b"]]


def outcome(call):
    """What a call leaves, or its error."""
    try:
        model = call()
    except (TypeError, ValueError) as error:
        return type(error), str(error).replace("LeastSquaresRegressor", "LinearRegression")
    names = getattr(model, "feature_names_in_", None)
    return (None if names is None else (names.dtype, names.tolist())), getattr(model, "n_features_in_", None)


def both(work):
    return outcome(lambda: work(LeastSquaresRegressor())), outcome(lambda: work(LinearRegression()))


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_the_columns_of_a_fit(columns):
    found, expected = both(lambda model: model.fit(pd.DataFrame(ROWS, columns=columns), Y))
    assert found == expected


@pytest.mark.parametrize("fitted", [*COLUMNS[:2], COLUMNS[3], None], ids=str)
@pytest.mark.parametrize("given", [*COLUMNS[:2], COLUMNS[3], ["a", "b"], ["a", "b", "d"], list("abcd"), None], ids=str)
@pytest.mark.filterwarnings("ignore:X .*feature names")
def test_the_columns_of_a_prediction(fitted, given):
    def work(model):
        X = ROWS if fitted is None else pd.DataFrame(ROWS, columns=fitted)
        model.fit(X, Y)
        rows = np.ones((2, 3 if given is None else len(given)))
        model.predict(rows if given is None else pd.DataFrame(rows, columns=given))
        return model

    found, expected = both(work)
    assert found == expected


@pytest.mark.parametrize("again", [ROWS, pd.DataFrame(ROWS), pd.DataFrame(ROWS[:, :2], columns=["x", "y"])], ids=type)
def test_a_fit_forgets_the_columns_before(again):
    found, expected = both(lambda model: model.fit(pd.DataFrame(ROWS, columns=list("abc")), Y).fit(again, Y))
    assert found == expected


def test_polars():
    frame = pl.DataFrame(ROWS, schema=["a", "b", "c"])
    model = LeastSquaresRegressor().fit(frame, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    model.predict(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename({"a": "z"}))
