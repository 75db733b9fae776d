"""The columns of frames, against what scikit-learn's own estimators make of them."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from skdl import LeastSquaresRegressor, MLPRegressor

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


MORE = np.random.default_rng(1).normal(size=(4, 3))


@pytest.mark.parametrize(
    "rows",
    [
        MORE,
        MORE[::-2, ::-1],
        np.asfortranarray(MORE),
        MORE.astype(np.float32),
        MORE.astype(np.float16),
        MORE.astype(np.longdouble),
        MORE.astype(object),
        MORE.astype(int),
        MORE > 0,
        MORE.tolist(),
        np.full((3, 3), 1e308),  # finite, with a sum that is not
        np.full((9, 3), -5e37, np.float32),
        np.where(np.eye(4, 3) > 0, np.nan, MORE),
        np.where(np.eye(4, 3) > 0, np.inf, MORE),
        np.array([[np.inf, -np.inf, 0.0]]),
        MORE[:0],
        MORE[:, :2],
        MORE[:, :0],
        MORE[0],
        MORE[None],
        MORE + 1j,
        np.array(["2020"], "datetime64[Y]"),
    ],
    ids=lambda rows: f"{getattr(rows, 'dtype', 'list')}{np.shape(rows)}",
)
def test_rows_are_taken_and_refused_as_by_scikit_learn(rows):
    """What is known to pass is not asked for: no more may pass by that than would."""
    models = [model.fit(ROWS, Y) for model in (LeastSquaresRegressor(), LinearRegression())]
    found, expected = [], []
    for model, outcomes in zip(models, (found, expected), strict=True):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                outcomes.append(model.predict(rows))
        except (TypeError, ValueError) as error:
            outcomes.append(type(error))
    if isinstance(expected[0], type) or isinstance(found[0], type):
        assert found == expected
    else:
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-3 if found[0].dtype == np.float32 else 1e-9)


def test_a_row_of_floats_costs_no_check(monkeypatch):
    model, network = LeastSquaresRegressor().fit(ROWS, Y), MLPRegressor((4,), max_iter=1, random_state=0).fit(ROWS, Y)
    expected = [each.predict(ROWS[:1].tolist()) for each in (model, network)]
    for name in ("validate_data", "check_array"):
        monkeypatch.setattr(f"skdl._validation.rows.{name}", None)
    assert [each.predict(ROWS[:1]) for each in (model, network)] == expected
