"""Rows for which a fitted model has no finite answer: one warning that names them, whoever asks."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from scipy import sparse

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SoftmaxClassifier,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
REAL = X @ [1, 2, 0, -1] + 0.1 * rng.normal(size=120)
CLASS = (REAL > 0).astype(int) + (REAL > 1)
WILD = X.copy()
WILD[3] = [1.7e308, 1.7e308, -1.79e308, 1.7e308]
NETWORK = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, **PLAIN}  # encodings have bounds
ASKED = [
    (MLPRegressor(**NETWORK), "predict"),
    (LeastSquaresRegressor(), "predict"),
    (PolynomialRegressor(), "predict"),
    (MLPClassifier(**NETWORK), "predict_proba"),
    (MLPClassifier(**NETWORK), "predict"),
    (MLPClassifier(**NETWORK), "predict_log_proba"),
    (SoftmaxClassifier(), "predict_proba"),
    (SoftmaxClassifier(), "decision_function"),
    (BaggingRegressor(MLPRegressor(**NETWORK), 3, random_state=0), "predict"),
    (BaggingClassifier(MLPClassifier(**NETWORK), 3, random_state=0), "predict_proba"),
    (BaggingClassifier(SoftmaxClassifier(), 3, random_state=0), "predict_members"),
    (EnsembleRegressor(estimator=LeastSquaresRegressor(), n_estimators=3), "predict"),
]


def fitted(estimator):
    return estimator.fit(X, CLASS if "Classifier" in type(estimator).__name__ else REAL)


@pytest.mark.parametrize(("estimator", "method"), ASKED, ids=lambda x: x if isinstance(x, str) else type(x).__name__)
def test_one_warning_names_the_row_and_its_column(estimator, method):
    model = fitted(estimator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answers = getattr(model, method)(WILD)
    [warning] = caught
    assert issubclass(warning.category, RuntimeWarning)
    message = str(warning.message)
    assert "1 of 120 rows" in message
    assert "row 3" in message
    assert "column 2 of X" in message
    assert "-1.79e+308" in message
    assert warning.filename == __file__
    others = np.delete(np.arange(120), 3)
    axis = 1 if method == "predict_members" else 0
    assert_array_equal(np.take(answers, others, axis), np.take(getattr(model, method)(X), others, axis))


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (MLPRegressor((4,), max_iter=3, random_state=0), "predict"),
        (MLPClassifier((4,), max_iter=3, random_state=0), "predict_proba"),
        (BaggingRegressor(MLPRegressor((4,), max_iter=3), 3, random_state=0), "predict"),
    ],
    ids=["MLPRegressor", "MLPClassifier", "BaggingRegressor"],
)
def test_networks_that_encode_have_an_answer_to_any_row(estimator, method):
    """No more than to one far away: the encoding's numbers have bounds."""
    model = fitted(estimator)
    far = X.copy()
    far[3] = 1e12 * np.sign(WILD[3])
    np.testing.assert_allclose(getattr(model, method)(WILD), getattr(model, method)(far), rtol=1e-6)


def test_ordinary_rows_are_not_looked_at(monkeypatch):
    monkeypatch.setattr("skdl._validation.rows.about_overflow", None)
    for estimator, method in ASKED:
        getattr(fitted(estimator), method)(X)


def test_names_of_columns_and_sparse_rows():
    frame = pd.DataFrame(WILD, columns=["a", "b", "income", "c"])
    model = LeastSquaresRegressor().fit(frame[4:], REAL[4:])
    with pytest.warns(RuntimeWarning, match="column 'income' of X"):
        model.predict(frame)
    softmax = fitted(SoftmaxClassifier())
    for each in (softmax, softmax.sparsify()):
        with pytest.warns(RuntimeWarning, match=r"row 3 .*column 2 of X"):
            each.predict_proba(sparse.csr_array(WILD))


def test_float32_has_a_range_of_its_own():
    model = MLPRegressor(**NETWORK).fit(X.astype(np.float32), REAL)
    wild = X.astype(np.float32)
    wild[5, 1] = 3.4e38
    model.coefs_[0][...] = 2.0
    with pytest.warns(RuntimeWarning, match=r"range of float32.*row 5 .*column 1 of X"):
        model.predict(wild)


def test_rows_out_of_bag():
    """A row that one bag alone would learn: the fit ends, and says for which row there is no number."""
    wild = np.vstack([X[:60], WILD[3]])
    bagging = BaggingRegressor(
        LeastSquaresRegressor(), 2, max_samples=0.5, bootstrap=False, oob_score=True, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(20):
            caught.clear()
            try:
                bagging.set_params(random_state=seed).fit(wild, REAL[:61])
            except ValueError as error:  # the row is in a bag
                assert "Column 2 of X holds 1.79e+308" in str(error)  # noqa: PT017
                continue
            break
    messages = [str(each.message) for each in caught]
    assert len([each for each in messages if "row 60 " in each]) == 1
    assert not [each for each in messages if "encountered" in each]
    assert not np.isfinite(bagging.oob_prediction_[60])
    assert np.isnan(bagging.oob_score_)
