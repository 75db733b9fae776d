"""Labels of all kinds in ensembles: what is learned, and the one message that all classifiers have for what is not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    MLPClassifier,
    SnapshotEnsembleClassifier,
    SoftmaxClassifier,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
CODES = (X[:, 0] > 0).astype(int)
TEXT = np.array(["a", "b"])[CODES]
GAPS = np.arange(40) % 7 == 0
MLP = MLPClassifier((4,), max_iter=3)
ENSEMBLES = {
    "bagging": BaggingClassifier(MLP, 2, random_state=0),
    "trees": BaggingClassifier(DecisionTreeClassifier(), 2, random_state=0),
    "average": EnsembleClassifier(estimator=MLP, n_estimators=2, random_state=0),
    "chosen": EnsembleClassifier(estimator=MLP, n_estimators=2, weights="validation", random_state=0),
    "shared": EnsembleClassifier(estimator=MLP, n_estimators=2, share="batch_ensemble", random_state=0),
    "snapshots": SnapshotEnsembleClassifier(MLP, 2, random_state=0),
}
each_ensemble = pytest.mark.parametrize("name", ENSEMBLES)


@each_ensemble
@pytest.mark.parametrize(
    "labels",
    [
        pd.Categorical(TEXT),
        pd.Series(pd.Categorical(TEXT)),
        pd.array(TEXT, dtype="string"),
        pd.Series(TEXT, dtype="string"),
        pd.array(CODES, dtype="Int64"),
        pd.Series(CODES == 1, dtype="boolean"),
        CODES.astype(float),
        TEXT.tolist(),
    ],
    ids=["categorical", "series", "string", "string series", "Int64", "boolean", "float", "list"],
)
def test_labels_of_any_container_give_the_predictions_of_plain_ones(name, labels):
    values = np.array(list(labels))
    plain, fitted = clone(ENSEMBLES[name]).fit(X, values), clone(ENSEMBLES[name]).fit(X, labels)
    assert_array_equal(fitted.classes_, np.unique(values))
    assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
    assert fitted.score(X, labels) == np.mean(fitted.predict(X) == values)


@each_ensemble
@pytest.mark.parametrize(
    "labels",
    [
        None,
        np.array([None] * 40, object),
        np.where(GAPS, None, TEXT),
        np.where(GAPS, np.nan, CODES),
        np.where(CODES, 1, TEXT.astype(object)),
        np.array([(1,), "b"] * 20, object),
        pd.Series(np.where(GAPS, None, TEXT), dtype="string"),
        pd.array(np.where(GAPS, None, CODES), dtype="Int64"),
        pd.Categorical(np.where(GAPS, None, TEXT)),
        CODES + 0.5,
        np.where(GAPS, np.inf, CODES),
        CODES + 1j,
        CODES[:-1],
        pd.Series([(1, 2), (3, 4)] * 20),
    ],
    ids=range(14),
)
def test_what_are_no_labels_is_told_as_softmax_tells_it(name, labels):
    errors = []
    for estimator in (SoftmaxClassifier(), clone(ENSEMBLES[name])):
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared below
            estimator.fit(X, labels)
        errors.append(str(raised.value).replace(type(estimator).__name__, "Estimator"))
    assert errors[1] == errors[0]
    assert not hasattr(estimator, "estimators_")


@each_ensemble
def test_a_column_is_warned_of_once_and_not_in_score(name):
    with pytest.warns(UserWarning, match="column-vector y was passed") as told:
        fitted = clone(ENSEMBLES[name]).fit(X, CODES[:, None])
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted.score(X, CODES[:, None]) == fitted.score(X, CODES)
        fitted.error_decomposition(X, CODES)


def test_rows_to_judge_by_are_held_to_the_same_labels():
    fitted = clone(ENSEMBLES["average"]).fit(X, TEXT)
    with pytest.raises(ValueError, match=r"y has labels of different types \(int, str\)"):
        fitted.error_decomposition(X, np.where(CODES, 1, TEXT.astype(object)))
    with pytest.raises(ValueError, match=r"labels that the ensemble has not seen in fit: \['c'\]"):
        fitted.member_correlation(X, np.where(GAPS, "c", TEXT))
