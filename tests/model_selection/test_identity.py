"""Digests: equal in every process, different whenever a result may differ."""

import functools
import json
import subprocess
import sys

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from joblib import dump, load
from scipy import stats
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skdl
from skdl.model_selection._identity import data_digest, digest, readable


def adder(number):
    return lambda value: value + number


def cycle():
    class Node:
        pass

    node = Node()
    node.self = node
    return node


def own_class(power):
    class Own(Ridge):
        if power == 1:

            def predict(self, X):
                return super().predict(X)
        elif power == 2:

            def predict(self, X):
                return super().predict(X) ** 2
        else:

            @property
            def predict(self):
                return None

    return Own


DIFFERENT = [
    None, True, 1, 1.0, "1", b"1", float("nan"), (1,), [1], {1}, {1: 2}, {"1": 2}, 0.1, 0.1 + 1e-16, -0.0, 0.0,
    np.array([1.0]), np.array([1.0], dtype=np.float32), np.array([[1.0]]), pd.Series([1.0]), slice(0, 1),
    np.random.RandomState(0), np.random.RandomState(1), np.random.default_rng(0), stats.norm(0, 1).args,
    Ridge(), Ridge(alpha=2.0), StandardScaler(), make_pipeline(Ridge()), make_pipeline(Ridge(alpha=2.0)),
    Ridge, StandardScaler, np.exp, np.log, len, sum, accuracy_score, adder, adder(1), adder(2), lambda x: x,
    lambda x: -x, lambda x, y=1: x, lambda x, y=2: x, lambda x, *, y=1: x,
    functools.partial(max, 1), functools.partial(max, 2),
    [].append, "a".upper, "b".upper, "b".lower, FunctionTransformer(adder(1)), FunctionTransformer(adder(2)),
    get_scorer("accuracy"), get_scorer("balanced_accuracy"), get_scorer("neg_log_loss"), make_scorer(adder(1)),
    make_scorer(adder(2)), make_scorer(accuracy_score, greater_is_better=False), RBF(1.0), RBF(2.0),
    skdl.optimizers.Adam(), skdl.optimizers.Adam(learning_rate=0.5), skdl.MLPClassifier(), skdl.MLPRegressor(),
    skdl.MLPClassifier().set_callbacks(skdl.callbacks.EarlyStopping()),
    skdl.MLPClassifier().set_callbacks(skdl.callbacks.EarlyStopping(patience=3)),
    own_class(1)(), own_class(2)(), own_class(3)(), cycle(), [cycle()],
]  # fmt: skip


def test_different_things_differ():
    digests = [digest(value) for value in DIFFERENT]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("value", DIFFERENT, ids=lambda value: type(value).__name__)
def test_copies_are_the_same(value):
    assert digest(cloudpickle.loads(cloudpickle.dumps(value))) == digest(value)


def test_equal_things_are_the_same():
    assert digest(np.float64(0.1)) == digest(0.1)
    assert digest(np.int64(3)) == digest(3)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"x", "y", "z"}) == digest({"z", "y", "x"})
    assert digest(adder(1)) == digest(adder(1))
    assert digest(own_class(2)()) == digest(own_class(2)())
    assert digest(skdl.MLPClassifier(verbose=1)) == digest(skdl.MLPClassifier())


def test_networks_that_begin_with_others_are_told_apart_by_their_weights(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(2, 20, 3))
    params = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0, "early_stopping": False}
    one, again, other = (skdl.MLPRegressor(**params).fit(X, target) for target in (y[:, 0], y[:, 0], y[:, 1]))
    first, same, different = (digest(skdl.MLPRegressor((3,), init=each)) for each in (one, again, other))
    assert first == same != different
    paths = []
    for source in (one, other):
        source.save_checkpoint(tmp_path / "source.npz")  # the same name for other weights
        paths.append(digest(skdl.MLPRegressor((3,), init=tmp_path / "source.npz")))
    assert paths[0] != paths[1]


def test_other_processes_agree():
    """Also with another seed of string hashes, and about the code of a script."""
    code = """
import numpy as np
from sklearn.linear_model import Ridge
from skdl.model_selection._identity import data_digest, digest
class Own(Ridge):
    def predict(self, X):
        return [row for row in X if row in {"some", "words", "in", "a", "set"}]
print(digest([Own(), Own.predict, lambda x: x in {"other", "words"}, {"a", "b", "c"}]), data_digest(np.arange(9)))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_new_version_is_another_class(monkeypatch):
    before = digest([skdl.MLPClassifier(), skdl.optimizers.Adam, Ridge()])
    for package in ("skdl", "sklearn"):
        with monkeypatch.context() as patch:
            patch.setattr(sys.modules[package], "__version__", "99")
            assert digest([skdl.MLPClassifier(), skdl.optimizers.Adam, Ridge()]) != before
    assert digest([skdl.MLPClassifier(), skdl.optimizers.Adam, Ridge()]) == before


def test_what_has_no_identity_is_named(tmp_path):
    with open(tmp_path / "file", "w") as file, pytest.raises(ValueError, match="tell one TextIOWrapper from another"):
        digest([file])


def test_data_by_content(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 3))
    assert data_digest(rows, {}) == data_digest(rows.copy(), {})
    dump(rows, tmp_path / "rows")
    assert data_digest(load(tmp_path / "rows", mmap_mode="r")) == data_digest(rows)
    changed = rows.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], 9)
    different = [rows, changed, rows.astype(np.float32), np.asfortranarray(rows), rows[::-1], rows.reshape(3, 20)]
    different += [pd.DataFrame(rows), pd.DataFrame(rows, columns=list("abc")), rows.tolist()]
    assert len({data_digest(each) for each in different}) == len(different)


FRAME = pd.DataFrame(
    {
        "real": [0.5, -0.0, np.nan],
        "whole": [1, 2, 3],
        "text": ["a", "b", "a"],
        "kind": pd.Categorical(["x", "y", "x"]),
        "maybe": pd.array([1, None, 3], dtype="Int64"),
        "when": pd.to_datetime(["2020-01-01", "2020-01-02", None]),
        "object": pd.Series([None, "b", 1.5], dtype=object),
    }
)


def test_frames_by_content_however_they_came_to_be():
    """A pickle tells a frame from its shallow copy, where both hold strings."""
    same = [FRAME, FRAME.copy(), FRAME.copy(deep=False), FRAME.take([0, 1, 2]), pd.concat([FRAME[:1], FRAME[1:]])]
    same += [pd.DataFrame({name: FRAME[name] for name in FRAME}), cloudpickle.loads(cloudpickle.dumps(FRAME))]
    assert len({data_digest(frame) for frame in same}) == 1
    assert len({data_digest(frame["text"]) for frame in same}) == 1
    numbers = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert data_digest(numbers) == data_digest(numbers.take([0, 1])) == data_digest(numbers.copy(deep=False))


def test_frames_that_differ_anywhere():
    def changed(name, value):
        frame = FRAME.copy()
        frame[name] = value
        return frame

    pairs = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    other = "string" if FRAME["text"].dtype == object else object  # pandas 2 has no type of its own for text
    different = [
        FRAME, FRAME[::-1], FRAME[[*FRAME.columns[::-1]]], FRAME.rename(columns={"real": "Real"}), FRAME.iloc[:2],
        FRAME.set_axis([0, 1, 3]), FRAME.set_axis(["0", "1", "2"]), FRAME.set_axis(pairs), FRAME.T,
        changed("real", [0.5, 0.0, np.nan]), changed("whole", FRAME["whole"].astype(np.int32)),
        changed("text", ["a", "b", "b"]), changed("text", FRAME["text"].astype(other)),
        changed("kind", FRAME["kind"].cat.add_categories(["z"])), changed("kind", FRAME["kind"].cat.as_ordered()),
        changed("kind", FRAME["kind"].cat.rename_categories(["y", "x"])), changed("maybe", [1, 2, 3]),
        changed("maybe", FRAME["maybe"].fillna(0)), changed("when", FRAME["when"].dt.tz_localize("UTC")),
        changed("object", [None, "b", "1.5"]), FRAME["real"], FRAME["text"], FRAME["text"].rename("word"),
        FRAME["text"].set_axis([2, 1, 0]), {"X": FRAME}, [FRAME], (FRAME,),
    ]  # fmt: skip
    assert len({data_digest(each) for each in different}) == len(different)


def test_readable():
    assert readable({"a": np.float64(0.5), "b": (1, None, True), 3: np.inf, "c": Ridge(), "d": "text"}) == {
        "a": 0.5, "b": [1, None, True], "3": "inf", "c": "Ridge()", "d": "text"
    }  # fmt: skip


def test_what_people_read_has_an_end():
    endless = [1]
    endless.append({"self": endless})
    deep = ()
    for _ in range(5000):
        deep = (deep,)
    for value in (endless, deep, {"a": [endless, deep]}):
        assert len(json.dumps(readable(value))) < 1000
    assert readable([{"a": (1, [2.5, "x"])}]) == [{"a": [1, [2.5, "x"]]}]
