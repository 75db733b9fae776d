"""Frames whose rows are taken once: nobody can tell them from others."""

import gc
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.model_selection import BaseCrossValidator, GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from skdl import MLPClassifier
from skdl.parallel.frames import COPIES_ON_WRITE, Frames, SlicedFrame, SlicedSeries

pytestmark = pytest.mark.skipif(not COPIES_ON_WRITE, reason="pandas 2 copies when told to")
FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4, 5, 6], "c": ["x", "y", "z"]}, index=[7, 8, 9])
INDEX = np.array([2, 0])


def memory(frame):
    return frame["a"].to_numpy().__array_interface__["data"][0]


def test_the_same_rows_are_the_same_memory():
    frame = SlicedFrame(FRAME)
    first, second, other = frame.take(INDEX), frame.take(INDEX), frame.take(INDEX.copy())
    assert memory(first) == memory(second) != memory(other)
    for rows in (first, second, other):
        assert type(rows) is pd.DataFrame
        assert_frame_equal(rows, FRAME.take(INDEX))


def test_who_changes_rows_changes_his_own():
    frame = SlicedFrame(FRAME)
    first, second = frame.take(INDEX), frame.take(INDEX)
    first.loc[9, "a"] = -1.0
    first["d"] = 0
    first["b"] *= 2
    first.columns = list("wxyz")
    assert not second["a"].to_numpy().flags.writeable
    for rows in (second, frame.take(INDEX)):
        assert_frame_equal(rows, FRAME.take(INDEX))


def test_rows_that_nobody_holds_are_gone():
    frame = SlicedFrame(FRAME)
    rows = [frame.take(np.array([i])) for i in range(3)]
    assert len(frame._taken) == 3
    del rows[1:]
    gc.collect()
    rows.append(frame.take(INDEX))
    assert len(frame._taken) == 2


def test_everything_else_is_as_in_a_frame(recwarn):
    frame = SlicedFrame(FRAME)
    assert isinstance(frame, pd.DataFrame)
    assert_frame_equal(pd.DataFrame(frame), FRAME)
    for derived in (frame.copy(), frame[["a"]], frame.iloc[:2], frame.take([0]), frame.take(INDEX, axis=1), frame.T):
        assert type(derived) is pd.DataFrame
    assert_frame_equal(frame.take([1, 0], axis=1), FRAME.take([1, 0], axis=1))
    again = pickle.loads(pickle.dumps(frame))
    assert type(again) is SlicedFrame
    assert_frame_equal(pd.DataFrame(again), FRAME)
    assert_frame_equal(pickle.loads(pickle.dumps(frame.take(INDEX))), FRAME.take(INDEX))
    assert not recwarn.list


def test_a_series():
    labels = pd.Series(["x", "y", "z"], index=[7, 8, 9], name="label")
    series = SlicedSeries(labels)
    first, second = series.take(INDEX), series.take(INDEX)
    assert first._rows is second._rows
    first[9] = "w"
    for rows in (second, series.take(INDEX), pickle.loads(pickle.dumps(series)).take(INDEX)):
        assert type(rows) is pd.Series
        assert_series_equal(rows, labels.take(INDEX))
    assert type(pickle.loads(pickle.dumps(series))) is SlicedSeries
    assert type(series[series != "y"]) is type(series.to_frame()["label"]) is pd.Series


def test_numbers_lie_in_one_piece():
    frame = pd.DataFrame({name: np.arange(3.0) for name in "abc"})
    frame["d"] = 1.0
    rows = SlicedFrame(frame).take(INDEX)
    assert_frame_equal(rows, frame.take(INDEX))
    assert not rows.to_numpy().flags.owndata
    assert np.shares_memory(rows.to_numpy(), rows.to_numpy())
    mixed = SlicedFrame(FRAME).take(INDEX)
    assert_frame_equal(mixed, FRAME.take(INDEX))


def test_only_searches_are_given_them(stacked):
    def kind(X):
        return type(X)

    function = joblib.parallel.BatchedCalls([(cross_validate, (FRAME, INDEX), {"y": FRAME})], None)
    Frames().give(function)
    [(_, (first, second), named)] = function.items
    assert type(first) is SlicedFrame
    assert second is INDEX
    assert named["y"] is first
    with stacked():
        assert joblib.Parallel()(joblib.delayed(kind)(FRAME) for _ in range(2)) == [pd.DataFrame] * 2


class Splitter(BaseCrossValidator):
    """One that looks at what it is given."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def _iter_test_indices(self, X=None, y=None, groups=None):
        assert type(X) is pd.DataFrame
        yield from (np.arange(start, len(X), 2) for start in range(2))


def test_a_splitter_sees_a_plain_frame(iris, stacked):
    """Also in a cross-validation that is a task itself."""
    network = MLPClassifier((2,), max_iter=1, random_state=0)
    expected = cross_val_score(network, *iris, cv=Splitter())
    with stacked():
        assert_array_equal(cross_val_score(network, *iris, cv=Splitter()), expected)
        for found in joblib.Parallel()(
            joblib.delayed(cross_val_score)(network, *iris, cv=Splitter()) for _ in range(2)
        ):
            assert_array_equal(found, expected)


class Seen(ClassifierMixin, TransformerMixin, BaseEstimator):
    """A step that notes what it is given, and where its numbers lie, and changes it."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.kind_ = type(X)
        self.memory_ = X.iloc[:, 0].to_numpy().__array_interface__["data"][0]
        return self

    def transform(self, X):
        X *= 2.0
        return X


@pytest.mark.parametrize("processes", [False, True])
def test_candidates_of_a_fold_hold_their_rows_once(iris, processes):
    pipeline = make_pipeline(Seen(), MLPClassifier((4,), max_iter=2, random_state=0))

    def look(estimator, X, y):
        assert type(X) is pd.DataFrame
        return estimator[0].memory_

    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1, 0.2, 0.3]}, cv=3, refit=False)
    search.set_params(scoring={"loss": "neg_log_loss", "memory": look}, return_train_score=True)
    X = iris[0].copy()
    expected = clone(search).fit(*iris).cv_results_
    with joblib.parallel_config(backend="skdl", processes=processes):
        found = search.fit(*iris).cv_results_
    for fold in range(3):
        assert len(set(found[f"split{fold}_test_memory"])) == 1
        for part in ("train", "test"):
            name = f"split{fold}_{part}_loss"
            assert_array_equal(found[name], expected[name])
    assert_frame_equal(iris[0], X)


def test_an_estimator_sees_a_plain_frame(iris):
    with joblib.parallel_config(backend="skdl"):
        found = cross_validate(Seen(), *iris, cv=3, return_estimator=True, scoring=lambda *given: 0.0)["estimator"]
    assert {one.kind_ for one in found} == {pd.DataFrame}
