"""Tables with categories and missing cells straight into networks: the laws of all fits hold for them, too."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

import skdl
from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleClassifier,
)

N = 90
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "age": RNG.normal(40, 10, N),
        "town": RNG.choice(["Ulm", "Bonn", "Köln"], N).astype(object),
        "size": pd.Categorical(RNG.choice(["S", "M", "L"], N), ["S", "M", "L"]),
        "paid": RNG.random(N) < 0.5,
        "kids": pd.array(RNG.integers(0, 4, N), dtype="Int64"),
    }
)
LABELS = np.where((X["age"] > 40) ^ (X["town"] == "Ulm"), "yes", "no")
REALS = X["age"].to_numpy() + 5 * (X["town"] == "Ulm").to_numpy()
X.loc[::9, "age"] = np.nan
X.loc[::11, "town"] = None
X.loc[::13, "kids"] = pd.NA
CLASSIFIER = MLPClassifier((8,), max_iter=4, random_state=0)
REGRESSOR = MLPRegressor((8,), max_iter=4, random_state=0)


def same(first, second, rows=X):
    assert np.array_equal(first.predict(rows), second.predict(rows))
    if hasattr(first, "predict_proba"):
        assert np.array_equal(first.predict_proba(rows), second.predict_proba(rows))


@pytest.fixture(scope="module")
def network():
    return clone(CLASSIFIER).fit(X, LABELS)


def test_it_learns():
    network = MLPClassifier((16,), optimizer="lbfgs", random_state=0, max_iter=300, tol=1e-2).fit(X, LABELS)
    assert network.score(X, LABELS) > 0.95
    only = X[["town", "size"]]
    network = MLPRegressor((), optimizer="lbfgs", alpha=0, max_iter=500).fit(only, REALS)
    # A model with a number for each category predicts the mean of each, which least squares on dummies does as well.
    dummies = np.column_stack([pd.get_dummies(only["town"], dummy_na=True), pd.get_dummies(only["size"])]).astype(float)
    expected = dummies @ np.linalg.lstsq(dummies, REALS, rcond=None)[0]
    np.testing.assert_allclose(network.predict(only), expected, atol=0.05)


def test_a_table_is_what_it_says_and_not_how_it_is_stored(network):
    for other in (
        X.astype({"town": "category", "size": object, "paid": object, "kids": float}),
        X.astype({"town": pd.CategoricalDtype(["Ulm", "Köln", "Bonn"]), "paid": "boolean", "age": "Float64"}),
        pl.from_pandas(X),
    ):
        same(clone(CLASSIFIER).fit(other, LABELS), network)
        assert np.array_equal(network.predict_proba(other), network.predict_proba(X))
    assert np.array_equal(network.predict_proba(X[X.columns[::-1]]), network.predict_proba(X))
    same(clone(CLASSIFIER).set_params(categorical_features=["town", "size"]).fit(X, LABELS), network)
    objects = X.to_numpy()
    of_array = clone(CLASSIFIER).set_params(categorical_features=[1, 2], missing="encode").fit(objects, LABELS)
    assert np.array_equal(of_array.predict_proba(objects), network.predict_proba(X))


def test_attributes():
    network = clone(CLASSIFIER).set_params(encoding=None).fit(X, LABELS)
    assert network.n_features_in_ == 5
    assert network.feature_names_in_.tolist() == X.columns.tolist()
    assert network.is_categorical_.tolist() == [False, True, True, False, False]
    assert [None if values is None else values.tolist() for values in network.categories_] == [
        None, ["Bonn", "Köln", "Ulm"], ["L", "M", "S"], None, None
    ]  # fmt: skip
    assert network.get_encoded_feature_names_out().tolist() == [
        "age", "paid", "kids", "age_missing", "kids_missing", "town_Bonn", "town_Köln", "town_Ulm", "town_missing",
        "size_L", "size_M", "size_S",
    ]  # fmt: skip
    assert len(network.get_encoded_feature_names_out()) == len(network.coefs_[0])
    np.testing.assert_allclose(network.X_mean_, [X["age"].mean(), 0, 0, X["paid"].mean(), X["kids"].mean()])
    scale = [X["age"].std(ddof=0), 1, 1, X["paid"].std(ddof=0), X["kids"].std(ddof=0)]
    np.testing.assert_allclose(network.X_scale_, np.array(scale, float))
    plain = clone(CLASSIFIER).set_params(encoding=None).fit(X[["paid"]], LABELS)
    assert plain.categories_ == [None]
    assert plain.get_encoded_feature_names_out().tolist() == ["paid"]


@pytest.mark.parametrize("encoding", ["auto", None, "quantile"])
def test_a_cell_that_was_never_missing_is_the_mean(encoding):
    """Whatever the other columns are: zeros in place of an encoded number could be far from it."""
    encoded = clone(CLASSIFIER).set_params(encoding=encoding)
    network = clone(encoded).fit(X, LABELS)
    plain = clone(encoded).fit(X[["paid"]].assign(x=REALS), LABELS)
    rows = pd.DataFrame({"paid": [True, False], "x": [np.nan, 1.0]})
    assert np.array_equal(plain.predict_proba(rows), plain.predict_proba(rows.fillna({"x": plain.X_mean_[1]})))
    rows = X.head(4).assign(paid=np.array([None, True, None, False], dtype=object))
    filled = X.head(4).assign(paid=[network.X_mean_[3], 1, network.X_mean_[3], 0])
    np.testing.assert_allclose(network.predict_proba(rows), network.predict_proba(filled), rtol=1e-5)


@pytest.mark.parametrize(
    "row",
    [
        pd.DataFrame([{"a": 1.0, "b": None}]),
        pd.DataFrame([{"b": pd.NA, "a": 1}]),
        pd.DataFrame({"a": pd.array([1], dtype="Int64"), "b": pd.array([None], dtype="Float64")}),
        pd.DataFrame({"b": pd.array([None], dtype="double[pyarrow]"), "a": ["1"]}),
        pl.DataFrame([{"a": 1, "b": None}]),
    ],
    ids=["None", "NA", "nullable", "arrow", "polars"],
)
def test_a_row_of_another_kind_after_a_fit_on_plain_numbers(row):
    """A record that became a frame by itself has objects for columns."""
    frame = pd.DataFrame({"a": REALS, "b": RNG.normal(size=N)})
    for network in (clone(CLASSIFIER), BaggingClassifier(CLASSIFIER, 2, random_state=0)):
        network.fit(frame, LABELS)
        members = [network] if isinstance(network, MLPClassifier) else network.estimators_
        plain = [pd.DataFrame({"a": [1.0], "b": [member.X_mean_[1]]}) for member in members]
        expected = np.mean([member.predict_proba(x) for member, x in zip(members, plain, strict=True)], axis=0)
        np.testing.assert_allclose(network.predict_proba(row), expected, rtol=1e-6)


def test_what_the_fit_has_not_seen(network):
    unseen = network.predict_proba(X.assign(town="Rom"))
    assert np.array_equal(unseen, network.predict_proba(X.assign(town=7)))
    assert np.isfinite(unseen).all()
    missing = network.predict_proba(X.assign(town=None))
    assert not np.allclose(unseen, missing)
    for wrong, message in (
        (X.drop(columns="town"), "X lacks column 'town', which the fit had"),
        (X.assign(x=1), "X has column 'x', which the fit did not have"),
        (X.assign(age=pd.Timestamp("2026")), "dates or times in column 'age'"),
        (X.assign(age="old"), "X holds text or objects, such as 'old', in column 'age', which holds numbers"),
        (X.assign(age=np.inf), "contains infinity .* in column 'age'"),
        (X.to_numpy()[:, :3], "X has 3 columns, and the data of the fit had 5"),
    ):
        with pytest.raises(ValueError, match=message):
            network.predict(wrong)


@pytest.mark.parametrize("estimator", [CLASSIFIER, REGRESSOR], ids=["classifier", "regressor"])
def test_weight_zero_is_absent_and_weight_two_is_twice(estimator):
    y = LABELS if estimator is CLASSIFIER else REALS
    weight = np.ones(N)
    weight[[3, 7]] = 0
    odd = X.copy()
    odd.loc[3, "town"] = "Rom"  # the only row of a category
    odd["paid"] = odd["paid"].astype(object)
    odd.loc[7, "paid"] = None  # and the only missing cell
    alone = clone(estimator).fit(odd.drop(index=[3, 7]), np.delete(y, [3, 7]))
    same(clone(estimator).fit(odd, y, weight), alone)
    assert "Rom" not in alone.categories_[1]
    assert alone._training.architecture.columns.has_missing == (True, False, False, False, True)

    weight[20:40] = 2
    twice = np.repeat(np.arange(N), weight.astype(int))
    whole = clone(estimator).set_params(optimizer="lbfgs", max_iter=30, dtype="float64", tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted, repeated = whole.fit(odd, y, weight), clone(whole).fit(odd.iloc[twice], y[twice])
    np.testing.assert_allclose(weighted.X_mean_, repeated.X_mean_, rtol=1e-12)
    np.testing.assert_allclose(weighted.X_scale_, repeated.X_scale_, rtol=1e-12)
    assert weighted._schema == repeated._schema
    rows = weighted.predict(X), repeated.predict(X)
    assert (rows[0] == rows[1]).all() if estimator is CLASSIFIER else np.allclose(*rows, rtol=1e-3)


def test_a_stack_ends_in_the_bits_of_lone_fits():
    grid = {"alpha": [1e-3, 1e-1], "hidden_layer_sizes": [(8,), (4,)]}
    found = {}
    for backend in ("sequential", "skdl"):
        with joblib.parallel_config(backend=backend):
            search = GridSearchCV(CLASSIFIER, grid, cv=3, error_score="raise").fit(X, LABELS)
        found[backend] = search
    for name in ("split0_test_score", "split2_test_score", "mean_test_score"):
        assert np.array_equal(*(search.cv_results_[name] for search in found.values()))
    same(found["sequential"], found["skdl"])
    ensemble = EnsembleClassifier(estimator=CLASSIFIER, n_estimators=3, random_state=0).fit(X, LABELS)
    for member in ensemble:
        same(clone(member).fit(X, LABELS), member)


def test_a_training_that_is_cut_ends_in_the_same_bits(tmp_path):
    alone = clone(CLASSIFIER).set_params(early_stopping=False)  # a trial that is cut has chosen what it has
    network = clone(alone).fit(X, LABELS)
    begun = clone(alone).set_params(max_time=1e-9)
    begun.set_callbacks(skdl.callbacks.Checkpoint(tmp_path / "cut.npz")).fit(X, LABELS)
    cut = clone(alone).set_params(warm_start=True).load_checkpoint(tmp_path / "cut.npz")
    assert cut.n_iter_ == 1
    for other in (
        cut.fit(X, LABELS),
        pickle.loads(pickle.dumps(network)),
        pytest.importorskip("skops.io").loads(
            pytest.importorskip("skops.io").dumps(network), trusted=skdl.trusted_types()
        ),
    ):
        same(other, network)
        assert other._schema == network._schema
    once = clone(alone).partial_fit(X, LABELS)
    once.save_checkpoint(tmp_path / "once.npz")
    again = clone(alone).load_checkpoint(tmp_path / "once.npz")
    later = X.assign(town="Rom", paid=np.array([None] * N, dtype=object))  # which the first call has not seen
    same(once.partial_fit(later, LABELS), again.partial_fit(later, LABELS))
    assert once._schema == clone(CLASSIFIER).fit(X, LABELS)._schema


def test_a_damaged_schema_is_no_checkpoint(network):
    from skdl.neural._restoring import _schema

    fields = vars(network._schema)
    assert _schema(fields, 5) == network._schema
    for change in (
        {"names": ("a",) * 5},
        {"missing": "perhaps"},
        {"has_missing": (True,) * 4},
        {"has_infrequent": (True,) * 5},
        {"categories": (None, ("b", "a"), ("L", "M", "S"), None, None)},
        {"categories": (None, ("a", ("b",)), ("L", "M", "S"), None, None)},
    ):
        with pytest.raises((ValueError, TypeError)):
            _schema({**fields, **change}, 5)


def test_validation_rows():
    rows = {"X_val": X.iloc[60:], "y_val": LABELS[60:]}
    plain = clone(CLASSIFIER).set_params(**PLAIN)
    network = clone(plain).fit(X.iloc[:60], LABELS[:60], **rows)
    turned = clone(plain).fit(X.iloc[:60], LABELS[:60], **{**rows, "X_val": rows["X_val"][X.columns[::-1]]})
    same(network, turned)
    assert network.validation_scores_ == turned.validation_scores_
    assert network.best_validation_score_ == max(network.validation_scores_)
    assert network.best_validation_score_ == network.score(X.iloc[60:], LABELS[60:])
    plain = clone(CLASSIFIER).fit(X[["paid"]], LABELS, X_val=X[["paid"]].assign(paid=np.nan), y_val=LABELS)
    assert np.isfinite(plain.history_["validation_loss"]).all()
    with pytest.raises(ValueError, match=r"X_val has other columns than X \(without \['age'\]"):
        clone(CLASSIFIER).fit(X, LABELS, X_val=X.drop(columns="age"), y_val=LABELS)
    early = clone(CLASSIFIER).set_params(early_stopping=True, scoring="roc_auc").fit(X, LABELS)
    assert len(early.validation_scores_) == early.n_iter_


@pytest.mark.parametrize("frame", [X, pl.from_pandas(X)], ids=["pandas", "polars"])
def test_ensembles(frame):
    for ensemble, y in (
        (BaggingClassifier(CLASSIFIER, 2, random_state=0), LABELS),
        (BaggingClassifier(CLASSIFIER, 2, random_state=0, max_features=3), LABELS),
        (BaggingRegressor(REGRESSOR, 2, random_state=0), REALS),
        (EnsembleRegressor(estimator=REGRESSOR, n_estimators=2, share="batch_ensemble", random_state=0), REALS),
        (EnsembleClassifier([("a", CLASSIFIER), ("b", clone(CLASSIFIER).set_params(missing="encode"))]), LABELS),
        (SnapshotEnsembleClassifier(CLASSIFIER, 2, random_state=0), LABELS),
    ):
        fitted = ensemble.fit(frame, y)
        assert fitted.predict(frame).shape == (N,)
        order = list(frame.columns)[::-1]
        assert np.array_equal(fitted.predict_members(frame[order]), fitted.predict_members(frame))
        assert get_tags(ensemble).input_tags.categorical


def test_members_of_an_ensemble_share_one_matrix(monkeypatch):
    from skdl.neural import refitting

    trained = []
    train = refitting.train_members
    monkeypatch.setattr(
        refitting, "train_members", lambda members, *rest: trained.extend(members) or train(members, *rest)
    )
    members = [("a", CLASSIFIER), ("b", clone(CLASSIFIER).set_params(alpha=0.1))]
    EnsembleClassifier(members, random_state=0).fit(X, LABELS)
    assert trained[0].rows.X is trained[1].rows.X
    trained.clear()
    members[1][1].set_params(categorical_features=["town", "size", "kids"])
    fitted = EnsembleClassifier(members, random_state=0).fit(X, LABELS)
    assert trained[0].rows.X is not trained[1].rows.X
    for member in fitted:
        same(clone(member).fit(X, LABELS), member)
        assert np.array_equal(fitted.predict_members(X)[fitted.estimators_.index(member)], member.predict_proba(X))


def test_in_pipelines_and_cross_validation():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = cross_val_score(make_pipeline("passthrough", CLASSIFIER), X, LABELS, cv=3, error_score="raise")
    assert len(scores) == 3


def test_missing_numbers_of_arrays():
    array = np.column_stack([REALS, RNG.normal(size=N)])
    array[::5, 0] = np.nan
    message = r"Input X contains NaN in column 0 \(18 of 90 rows in the first\): missing='encode' allows it"
    with pytest.raises(ValueError, match=message):
        clone(CLASSIFIER).fit(array, LABELS)
    encoding = clone(CLASSIFIER).set_params(missing="encode").fit(array, LABELS)
    frame = pd.DataFrame(array, columns=["a", "b"])
    framed = clone(CLASSIFIER).fit(frame, LABELS)
    assert np.array_equal(framed.predict_proba(frame), encoding.predict_proba(array))
    with pytest.raises(ValueError, match="missing='error' does not allow it"):
        clone(CLASSIFIER).set_params(missing="error").fit(frame, LABELS)
    plain = clone(CLASSIFIER).fit(np.nan_to_num(array), LABELS)
    with pytest.raises(ValueError, match=r"NaN in column 0 .*missing='encode' allows it"):
        plain.predict(array)


def test_plain_numbers_go_the_way_of_arrays():
    """A frame of numbers alone is what it was: as an array, with columns in scikit-learn's order."""
    array = np.column_stack([REALS, RNG.normal(size=N)])
    frame = pd.DataFrame(array, columns=["a", "b"])
    for missing in ("auto", "encode", "error"):
        network = clone(CLASSIFIER).set_params(missing=missing)
        framed, plain = clone(network).fit(frame, LABELS), clone(network).fit(array, LABELS)
        assert np.array_equal(framed.predict_proba(frame), plain.predict_proba(array))
        assert framed._training.architecture.columns is framed._schema is None
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        framed.predict(frame[["b", "a"]])
    with pytest.raises(ValueError, match="X holds text in column 'a', such as 'x', where numbers are needed, as there"):
        framed.predict(frame.assign(a="x"))


def test_arrays_of_text_say_how_they_are_taken():
    objects = X[["town", "size"]].dropna().to_numpy()
    y = LABELS[X["town"].notna()]
    with pytest.raises(
        ValueError, match=r"Name the columns of categories, MLPClassifier\(categorical_features=\[0, 1\]"
    ):
        clone(CLASSIFIER).fit(objects, y)
    network = clone(CLASSIFIER).set_params(categorical_features=[0, 1]).fit(objects.tolist(), y)
    assert np.array_equal(network.predict(objects), network.predict(objects.tolist()))
    with pytest.raises(ValueError, match="'categorical_features' parameter of MLPClassifier must be 'from_dtype' or "):
        clone(CLASSIFIER).set_params(categorical_features="town").fit(X, LABELS)


def test_tags():
    """scikit-learn's checks go by these: `allow_nan` is about NaN in arrays."""
    for network, allow_nan, categorical in (
        (CLASSIFIER, False, True),
        (clone(REGRESSOR).set_params(missing="encode"), True, True),
        (clone(CLASSIFIER).set_params(missing="error", categorical_features=None), False, False),
    ):
        for estimator in (network, EnsembleRegressor(estimator=network)):
            tags = get_tags(estimator).input_tags
            assert (tags.allow_nan, tags.categorical) == (allow_nan, categorical)


def test_sparse_columns():
    sparse = pd.DataFrame(np.round(np.column_stack([REALS, RNG.normal(size=N)])), columns=["a", "b"])
    zeros = sparse.astype(pd.SparseDtype(float, 0))
    matrix = zeros.sparse.to_coo().tocsr()
    of_frame, of_matrix = clone(CLASSIFIER).fit(zeros, LABELS), clone(CLASSIFIER).fit(matrix, LABELS)
    assert np.array_equal(of_frame.predict_proba(zeros), of_matrix.predict_proba(matrix))
    holed = sparse.copy()
    holed.loc[:3] = np.nan
    with pytest.raises(ValueError, match=r"In sparse columns none may be missing: give X\.sparse\.to_dense\(\)"):
        clone(CLASSIFIER).fit(holed.astype(pd.SparseDtype(float, 0)), LABELS)
    with_nan = holed.astype(pd.SparseDtype(float, np.nan))
    assert np.array_equal(
        clone(CLASSIFIER).fit(with_nan, LABELS).predict_proba(with_nan),
        clone(CLASSIFIER).fit(holed, LABELS).predict_proba(holed),
    )
    with pytest.raises(
        ValueError, match=r"names columns of frames and dense arrays, and X is sparse\. Give X\.toarray"
    ):
        clone(CLASSIFIER).set_params(categorical_features=[0]).fit(matrix, LABELS)


def test_an_alpha_for_each_feature_needs_plain_numbers():
    with pytest.raises(ValueError, match="with encoding=None and a table, takes the features as they are"):
        clone(CLASSIFIER).set_params(alpha=np.ones(5)).fit(X, LABELS)


def test_a_training_that_is_built_or_goes_on_keeps_its_schema():
    built = clone(CLASSIFIER).initialize(X, LABELS)
    same(built.partial_fit(X, LABELS), clone(CLASSIFIER).partial_fit(X, LABELS))
    later = X.assign(town="Rom", size=None)
    warm = clone(CLASSIFIER).set_params(warm_start=True, early_stopping=False).fit(X, LABELS)
    categories = [None if values is None else values.tolist() for values in warm.categories_]
    assert np.isfinite(warm.fit(later, LABELS).predict_proba(later)).all()
    assert [None if values is None else values.tolist() for values in warm.categories_] == categories
    assert warm.n_iter_ == 8
    with pytest.raises(ValueError, match="X lacks column 'town'"):
        warm.fit(X.drop(columns="town"), LABELS)
    assert np.isfinite(warm.predict_proba(X)).all()  # the fit that failed has changed nothing
    anew = clone(warm).set_params(warm_start=False).fit(later, LABELS)
    assert anew.categories_[1].tolist() == ["Rom"]


def test_callbacks_see_predictions_for_the_table():
    monitor = ScoringMonitor(scoring="accuracy")
    network = clone(CLASSIFIER).set_callbacks(monitor).fit(X, LABELS)
    scores = monitor.get_logs().data_as_pandas["accuracy"]
    assert len(scores) >= 4
    assert scores.iloc[-1] == network.score(X, LABELS)
