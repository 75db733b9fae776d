"""Labels as they come: every kind of array, list, series or extension array is what its plain labels are."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score

from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    KNNClassifier,
    MLPClassifier,
    SnapshotEnsembleClassifier,
    SoftmaxClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
MLP = MLPClassifier((4,), max_iter=4, random_state=0)
CLASSIFIERS = {
    "softmax": SoftmaxClassifier(max_iter=5),
    "mlp": MLP,
    "knn": KNNClassifier(),
    "bagging": BaggingClassifier(MLP, 2, random_state=0),
    "bagging of others": BaggingClassifier(KNNClassifier(), 2, random_state=0),
    "ensemble": EnsembleClassifier([("knn", KNNClassifier()), ("softmax", SoftmaxClassifier(max_iter=5))]),
    "snapshots": SnapshotEnsembleClassifier(MLP, 2, random_state=0),
}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
NUMBERS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
STRINGS = np.array(["a", "b", "c"])[NUMBERS]
BOOLS = NUMBERS > 0
DATES = np.array(["2020-01", "2021-01", "2022-01"], dtype="M8[D]")[NUMBERS]
KINDS = {
    "Categorical": (pd.Categorical(STRINGS, categories=["z", "c", "b", "a"]), STRINGS),
    "Categorical of numbers": (pd.Categorical(NUMBERS), NUMBERS),
    "ordered categories": (pd.Series(pd.Categorical(STRINGS, ["c", "b", "a"], ordered=True)), STRINGS),
    "CategoricalIndex": (pd.CategoricalIndex(STRINGS), STRINGS),
    "Index": (pd.Index(STRINGS), STRINGS),
    "string[python]": (pd.Series(STRINGS, dtype="string[python]"), STRINGS),
    "string[pyarrow]": (pd.array(STRINGS, dtype="string[pyarrow]"), STRINGS),
    "boolean": (pd.Series(BOOLS, dtype="boolean"), BOOLS),
    "BooleanArray": (pd.array(BOOLS, dtype="boolean"), BOOLS),
    "Int64": (pd.array(NUMBERS, dtype="Int64"), NUMBERS),
    "UInt8": (pd.Series(NUMBERS, dtype="UInt8"), NUMBERS.astype(np.uint8)),
    "arrow's integers": (pd.Series(NUMBERS, dtype="int64[pyarrow]"), NUMBERS),
    "arrow's bools": (pd.array(BOOLS, dtype="bool[pyarrow]"), BOOLS),
    "sparse": (pd.Series(pd.arrays.SparseArray(NUMBERS)), NUMBERS),
    "polars' strings": (pl.Series(STRINGS), STRINGS),
    "polars' categories": (pl.Series(STRINGS, dtype=pl.Categorical), STRINGS),
    "polars' enum": (pl.Series(STRINGS, dtype=pl.Enum(["c", "b", "a"])), STRINGS),
    "polars' bools": (pl.Series(BOOLS), BOOLS),
    "a list of NumPy's numbers": (list(NUMBERS), NUMBERS),
    "a list of NumPy's strings": (list(STRINGS), STRINGS),
    "whole numbers as objects": (NUMBERS.astype(object), NUMBERS),
    "NumPy's numbers as objects": (np.array(list(NUMBERS), dtype=object), NUMBERS),
    "bools as objects": (BOOLS.astype(object), BOOLS),
    "a series of bools as objects": (pd.Series(BOOLS, dtype=object), BOOLS),
    "floats as objects": (NUMBERS.astype(float).astype(object), NUMBERS.astype(float)),
    "NumPy's variable strings": (STRINGS.astype(np.dtypes.StringDType()), STRINGS),
    "dates": (DATES, DATES),
}


def changed(labels, missing):
    labels = list(labels)
    labels[3] = labels[5] = missing
    return labels


MISSING = {
    "None in a list": changed(STRINGS.tolist(), None),
    "NaN in a list": changed(STRINGS.tolist(), float("nan")),
    "None among objects": np.array(changed(NUMBERS.tolist(), None), dtype=object),
    "pandas.NA among objects": np.array(changed(NUMBERS.tolist(), pd.NA), dtype=object),
    "pandas.NaT among objects": np.array(changed(STRINGS.tolist(), pd.NaT), dtype=object),
    "categories": pd.Categorical(changed(STRINGS, None)),
    "strings": pd.Series(changed(STRINGS, None), dtype="string"),
    "boolean": pd.array(changed(BOOLS, None), dtype="boolean"),
    "Int64": pd.Series(changed(NUMBERS, None), dtype="Int64"),
    "arrow": pd.Series(changed(NUMBERS.tolist(), None), dtype="int64[pyarrow]"),
    "polars": pl.Series(changed(STRINGS.tolist(), None)),
    "polars' numbers": pl.Series(changed(NUMBERS.tolist(), None)),
    "dates": np.array(changed(DATES, np.datetime64("NaT", "D"))),
    "a frame": pd.DataFrame({"y": changed(STRINGS, None)}),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_kind_of_labels_is_learned_as_the_plain_ones(name):
    references = {}
    for kind, (y, plain) in KINDS.items():
        key = plain.dtype.str
        if key not in references:
            references[key] = clone(CLASSIFIERS[name]).fit(X, plain)
        fitted, reference = clone(CLASSIFIERS[name]).fit(X, y), references[key]
        predicted = fitted.predict(X)
        assert fitted.classes_.tolist() == np.unique(plain).tolist(), kind
        assert predicted.dtype.kind in {plain.dtype.kind, "O" if plain.dtype.kind == "U" else plain.dtype.kind}, kind
        assert predicted.tolist() == reference.predict(X).tolist(), kind
        np.testing.assert_array_equal(fitted.predict_proba(X), reference.predict_proba(X))
        assert fitted.score(X, y) == accuracy_score(plain, reference.predict(X)), kind


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_missing_and_mixed_labels_have_one_message(name):
    classifier = CLASSIFIERS[name]
    for y in MISSING.values():
        with pytest.raises(ValueError, match="Input y contains NaN: 2 of 40 labels are missing, the first in row 3"):
            clone(classifier).fit(X, y)
    for y in (changed(STRINGS.tolist(), 7), np.array(changed(STRINGS.tolist(), 7), dtype=object)):
        with pytest.raises(ValueError, match=r"y has labels of different types \(int, str\), which have no common"):
            clone(classifier).fit(X, y)
    with pytest.raises(ValueError, match=r"labels of different types \(bool, str\)"):
        clone(classifier).fit(X, np.array(changed(BOOLS.tolist(), "x"), dtype=object))
    with pytest.raises(ValueError, match=r"y has labels of type Interval, .*: y.astype\(str\) makes strings"):
        clone(classifier).fit(X, pd.cut(pd.Series(X[:, 0]), 3))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_column_vector_warns_once_in_fit_and_not_in_score(name):
    with pytest.warns(DataConversionWarning, match="column-vector") as caught:
        fitted = clone(CLASSIFIERS[name]).fit(X, NUMBERS[:, None])
    assert len([each for each in caught if issubclass(each.category, DataConversionWarning)]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted.score(X, NUMBERS[:, None]) == accuracy_score(NUMBERS, fitted.predict(X))


def test_columns_of_extension_types_are_columns_of_their_labels():
    y = pd.DataFrame({"a": pd.array(NUMBERS, dtype="Int64"), "b": pd.Categorical(STRINGS)})
    for classifier in (MLP, KNNClassifier()):
        fitted = clone(classifier).fit(X, y)
        assert [classes.tolist() for classes in fitted.classes_] == [[0, 1, 2], ["a", "b", "c"]]
        predicted = fitted.predict(X)
        assert fitted.score(X, y) == np.mean((predicted == y.to_numpy(dtype=object)).all(axis=1))
    two = pd.DataFrame({"a": pd.array(BOOLS, dtype="boolean"), "b": pd.array(~BOOLS, dtype="boolean")})
    assert clone(MLP).fit(X, two).predict(X).dtype == bool  # a multilabel indicator, as two columns of bools are


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_is_learned_with_certainty(name):
    """As scikit-learn's MLPClassifier does: a bag, a fold or a node of a tree with one class is no failure."""
    fitted = clone(CLASSIFIERS[name]).fit(X, ["only"] * len(X))
    assert fitted.classes_.tolist() == ["only"]
    np.testing.assert_array_equal(fitted.predict_proba(X), np.ones((len(X), 1)))
    assert set(fitted.predict(X)) == {"only"}
    assert fitted.score(X, ["only"] * len(X)) == 1
    if hasattr(fitted, "decision_function"):
        np.testing.assert_array_equal(fitted.decision_function(X), np.zeros((len(X), 1)))  # the logarithm of 1


@pytest.mark.parametrize(
    "params",
    [
        {"loss": "brier"},
        {"loss": "focal"},
        {"loss": "binary_cross_entropy"},
        {"loss": "binary_cross_entropy", "optimizer": "lbfgs", "early_stopping": True},
        {"optimizer": "lbfgs"},
        {"label_smoothing": 0.2, "class_weight": "balanced"},
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "loss", "stratified_batches": True},
    ],
)
def test_networks_learn_one_class_whatever_their_parameters(params):
    fitted = clone(MLP).set_params(**params).fit(X, np.zeros(len(X), int))
    np.testing.assert_array_equal(fitted.predict_proba(X), np.ones((len(X), 1)))


def test_one_class_in_a_column_of_several():
    y = np.column_stack([NUMBERS, np.full(len(X), 7)])
    for classifier in (MLP, KNNClassifier()):
        first, second = clone(classifier).fit(X, y).predict_proba(X)
        assert first.shape == (len(X), 3)
        np.testing.assert_array_equal(second, np.ones((len(X), 1)))


@pytest.mark.parametrize("name", ["mlp", "softmax", "knn"])
def test_partial_fit_takes_no_weights_for_classes(name):
    classifier = CLASSIFIERS[name]
    for weights in (np.ones(len(X)), RNG.uniform(size=len(X)), np.full(len(X), 7), [0.0, 1.0] * (len(X) // 2)):
        with pytest.raises(ValueError, match="Give weights of rows as sample_weight="):
            clone(classifier).partial_fit(X, NUMBERS, weights)
    assert clone(classifier).partial_fit(X, NUMBERS, NUMBERS).classes_.tolist() == [0, 1, 2]  # all of y's labels
    assert clone(classifier).partial_fit(X, STRINGS, ["a", "b", "c", "d"]).classes_.tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("name", ["mlp", "softmax", "knn"])
def test_partial_fit_takes_no_counts_for_classes(name):
    counts = np.arange(len(X)) % 4  # whole numbers, among which are all of y's labels
    kinds = [NUMBERS, NUMBERS[:, None], NUMBERS.astype(float), NUMBERS.astype(object), pd.Series(NUMBERS), BOOLS]
    for y in kinds:
        for weights in (counts, counts.tolist(), pd.Series(counts), counts > 0, counts.astype(np.uint8)):
            with pytest.raises(ValueError, match="Give weights of rows as sample_weight="):
                clone(CLASSIFIERS[name]).partial_fit(X, y, weights)
    declared = clone(CLASSIFIERS[name]).partial_fit(X, NUMBERS, np.unique(counts), counts)
    assert declared.classes_.tolist() == [0, 1, 2, 3]
    assert clone(CLASSIFIERS[name]).partial_fit(X[:3], [0, 1, 1], classes=[2, 0, 1]).classes_.tolist() == [0, 1, 2]
    assert clone(CLASSIFIERS[name]).partial_fit(X, BOOLS, classes=BOOLS).classes_.tolist() == [False, True]


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_the_first_rows_of_partial_fit_with_one_class_need_classes(name):
    classifier = CLASSIFIERS[name]
    with pytest.raises(
        ValueError, match=r"hold one class only, \['only'\].* Give all labels that will ever occur as classes="
    ):
        clone(classifier).partial_fit(X, ["only"] * len(X))
    fitted = clone(classifier).partial_fit(X, ["only"] * len(X), classes=["only", "other"])
    assert fitted.partial_fit(X, ["other"] * len(X)).predict_proba(X).shape == (len(X), 2)
    alone = clone(classifier).partial_fit(X, ["only"] * len(X), classes=["only"])
    np.testing.assert_array_equal(alone.predict_proba(X), 1.0)
