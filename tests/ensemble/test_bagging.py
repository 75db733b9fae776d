"""Bagging: the laws of its random numbers, equality with lone fits, frames, weights, out-of-bag rows, errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import PLAIN
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning, SkipTestWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skdl import BaggingClassifier, BaggingRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.ensemble._sampling import row_keys
from skdl.execution import train_members
from skdl.neural import refitting
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 5)).round(2)
Y_CLASS = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y_REAL = X[:, 0] * X[:, 1] + 3 * X[:, 2] + 100
Y_TWO = np.column_stack([Y_REAL, X[:, 3]])
QUIET = {"max_iter": 4, "n_iter_no_change": 1, "tol": 1e9}  # no progress: converged after two epochs
MLP_C = MLPClassifier((6,), batch_size=32, **QUIET)
MLP_R = MLPRegressor((6,), batch_size=32, **QUIET)


def arrays_of(network):
    return [*network.coefs_, *network.intercepts_]


def assert_same_members(first, second):
    assert len(first.estimators_) == len(second.estimators_)
    for a, b in zip(first.estimators_, second.estimators_, strict=True):
        assert a.random_state == b.random_state
        for one, other in zip(arrays_of(a), arrays_of(b), strict=True):
            assert_array_equal(one, other)


@pytest.mark.parametrize(
    "estimator",
    [
        BaggingClassifier(MLPClassifier((8,), max_iter=20).set_params(optimizer__learning_rate=0.05), 3),
        BaggingRegressor(MLPRegressor((8,), max_iter=20).set_params(optimizer__learning_rate=0.05), 3),
        BaggingClassifier(
            MLPClassifier((8,), max_iter=20).set_params(optimizer__learning_rate=0.05), 3, bootstrap=False
        ),
        BaggingClassifier(DecisionTreeClassifier(max_depth=3), 5),
        BaggingRegressor(DecisionTreeRegressor(max_depth=3), 5, oob_score=True),
    ],
    ids=["classifier", "regressor", "pasting", "trees", "regression trees"],
)
def test_check_estimator(estimator):
    with warnings.catch_warnings():
        for category in (SkipTestWarning, ConvergenceWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        results = check_estimator(estimator, on_fail=None)
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("bagging", "network", "y"), [
    (BaggingClassifier, MLP_C, Y_CLASS), (BaggingRegressor, MLP_R, Y_REAL), (BaggingRegressor, MLP_R, Y_TWO),
    (BaggingClassifier, clone(MLP_C).set_params(**PLAIN), Y_CLASS),
])  # fmt: skip
def test_a_member_equals_the_network_trained_alone_on_its_rows(bagging, network, y, standardize):
    ensemble = bagging(clone(network).set_params(standardize=standardize), 5, random_state=3).fit(X, y)
    for member, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        lone = clone(member)
        fit = trainable(lone)
        data = fit.prepare(X, y, n_rows=len(rows))
        task = fit.spec(data, index=rows)
        [(task, outcome)] = train_fits([fit], [data], [task], rows=[rows])
        fit.store(task, data, outcome)
        for one, other in zip(arrays_of(member), arrays_of(lone), strict=True):
            assert_array_equal(one, other)
        assert_array_equal(member.loss_curve_, lone.loss_curve_)


def test_without_standardisation_a_member_is_the_public_fit_on_its_rows():
    network = clone(MLP_C).set_params(standardize=False, early_stopping=False)
    ensemble = BaggingClassifier(network, 5, random_state=3).fit(X, Y_CLASS)
    for member, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        lone = clone(member).fit(X[rows], Y_CLASS[rows])
        for one, other in zip(arrays_of(member), arrays_of(lone), strict=True):
            assert_array_equal(one, other)


def test_with_standardisation_a_member_is_close_to_the_public_fit_on_its_rows():
    ensemble = BaggingClassifier(clone(MLP_C).set_params(**PLAIN), 2, random_state=3).fit(X, Y_CLASS)
    for member, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        lone = clone(member).fit(X[rows], Y_CLASS[rows])
        assert_allclose(member.coefs_[0], lone.coefs_[0], atol=1e-4)


@pytest.mark.parametrize(("params", "n_stacks"), [(PLAIN, 1), ({}, 2)], ids=["one training", "a trial before it"])
def test_networks_train_as_one_stack(params, n_stacks, monkeypatch):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, n: calls.append(tasks) or train_members(tasks, n))
    ensemble = BaggingClassifier(clone(MLP_C).set_params(**params), 7, random_state=0).fit(X, Y_CLASS)
    assert len(calls) == n_stacks
    for tasks in calls:
        assert len(tasks) == 7
        assert len({task.structure for task in tasks}) == 1
    assert len({id(task.rows.X) for tasks in calls for task in tasks}) == 1  # rows are an index, not a copy
    assert all(type(member) is MLPClassifier for member in ensemble.estimators_)


@pytest.mark.parametrize(("bagging", "member", "y"), [
    (BaggingClassifier, MLP_C, Y_CLASS),
    (BaggingRegressor, clone(MLP_R).set_params(early_stopping=True), Y_REAL),
    (BaggingClassifier, clone(MLP_C).set_params(dropout=0.3), Y_CLASS),
])  # fmt: skip
def test_equal_seeds_give_equal_bits_whatever_n_jobs(bagging, member, y):
    one = bagging(member, 6, random_state=7, n_jobs=1).fit(X, y)
    two = bagging(member, 6, random_state=7, n_jobs=2).fit(X, y)
    assert_same_members(one, two)
    assert_array_equal(one.predict_members(X), two.predict_members(X))
    other = bagging(member, 6, random_state=8).fit(X, y)
    assert not np.array_equal(one.predict_members(X), other.predict_members(X))


def test_other_members_are_clones_fitted_on_their_rows_whatever_n_jobs():
    tree = DecisionTreeClassifier(max_features=2)
    one = BaggingClassifier(tree, 4, random_state=7).fit(X, Y_CLASS)
    two = BaggingClassifier(tree, 4, random_state=7, n_jobs=2).fit(X, Y_CLASS)
    assert_array_equal(one.predict_members(X), two.predict_members(X))
    for member, rows, output in zip(one.estimators_, one.estimators_samples_, one.predict_members(X), strict=True):
        lone = clone(member).fit(X[rows], Y_CLASS[rows])
        assert_array_equal(lone.predict_proba(X), output)


def test_random_state_instances_give_a_seed_and_move_on():
    state = np.random.RandomState(0)
    first, second = (BaggingClassifier(MLP_C, 2, random_state=state).fit(X, Y_CLASS) for _ in range(2))
    again = BaggingClassifier(MLP_C, 2, random_state=np.random.RandomState(0)).fit(X, Y_CLASS)
    assert_same_members(first, again)
    assert first.estimators_[0].random_state != second.estimators_[0].random_state


@pytest.mark.parametrize("random_state", [5, None])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_warm_start_equals_a_longer_fit(random_state, n_jobs):
    grown = BaggingClassifier(MLP_C, 3, warm_start=True, oob_score=True, random_state=random_state, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*in the bag of every member")
        grown.fit(X, Y_CLASS)
        before = list(grown.estimators_)
        grown.set_params(n_estimators=7).fit(X, Y_CLASS)
        assert all(a is b for a, b in zip(before, grown.estimators_, strict=False))
        if random_state is None:
            assert len({member.random_state for member in grown.estimators_}) == 7
            return
        at_once = BaggingClassifier(MLP_C, 7, oob_score=True, random_state=random_state).fit(X, Y_CLASS)
    assert_same_members(grown, at_once)
    assert_array_equal(grown.estimators_samples_, at_once.estimators_samples_)
    assert_array_equal(grown.oob_decision_function_, at_once.oob_decision_function_)
    assert grown.oob_score_ == at_once.oob_score_


def test_a_fit_that_fails_leaves_the_members_before():
    grown = BaggingClassifier(MLP_C, 2, warm_start=True, random_state=0).fit(X, Y_CLASS)
    before = grown.predict_proba(X)
    with pytest.raises(ValueError, match="need the rows of the earlier fits"):
        grown.set_params(n_estimators=3, oob_score=True).fit(X[:60], Y_CLASS[:60])
    assert len(grown.estimators_) == 2
    assert_array_equal(grown.predict_proba(X), before)


def test_warm_start_says_what_it_cannot_do():
    grown = BaggingClassifier(MLP_C, 3, warm_start=True, random_state=0).fit(X, Y_CLASS)
    with pytest.warns(UserWarning, match="adds no members"):
        grown.fit(X, Y_CLASS)
    with pytest.raises(ValueError, match="n_estimators=2 must be at least 3, the number of members"):
        grown.set_params(n_estimators=2).fit(X, Y_CLASS)
    with pytest.raises(ValueError, match="Set warm_start=False"):
        grown.set_params(n_estimators=4).fit(X, np.where(Y_CLASS == "a", "b", Y_CLASS))


FRAME = pd.DataFrame({"height": X[:, 0], "width": X[:, 1], "colour": np.array(["red", "green"])[(X[:, 2] > 0) * 1]})


@pytest.mark.parametrize("to_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_columns_by_name_inside(to_frame, n_jobs):
    frame = to_frame(FRAME)
    columns = make_column_transformer(
        (StandardScaler(), ["height", "width"]), (OneHotEncoder(sparse_output=False), ["colour"])
    )
    pipeline = make_pipeline(columns, LogisticRegression())
    ensemble = BaggingClassifier(pipeline, 3, oob_score=True, random_state=0, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*in the bag of every member")
        ensemble.fit(frame, Y_CLASS)
    assert_array_equal(ensemble.feature_names_in_, ["height", "width", "colour"])
    rows = ensemble.estimators_samples_[0]
    lone = clone(pipeline).fit(FRAME.iloc[rows], Y_CLASS[rows])
    assert_allclose(ensemble.predict_members(frame)[0], lone.predict_proba(FRAME))
    assert ensemble.score(frame, Y_CLASS) > 0.8
    network = make_pipeline(clone(columns), MLP_C)
    assert BaggingClassifier(network, 2, random_state=0).fit(frame, Y_CLASS).predict(frame).shape == (120,)


def test_columns_by_type_inside():
    columns = make_column_transformer((StandardScaler(), make_column_selector(dtype_include="number")))
    ensemble = BaggingRegressor(make_pipeline(columns, LinearRegression()), 2, random_state=0).fit(FRAME, Y_REAL)
    assert ensemble.predict(FRAME).shape == (120,)


@pytest.mark.parametrize(
    "to_frame", [pd.DataFrame, lambda a: pl.from_pandas(pd.DataFrame(a))], ids=["pandas", "polars"]
)
def test_frames_with_networks(to_frame):
    frame = to_frame({name: X[:, j] for j, name in enumerate("abcde")})
    ensemble = BaggingClassifier(MLP_C, 3, random_state=0).fit(frame, pd.Series(Y_CLASS))
    assert_same_members(ensemble, BaggingClassifier(MLP_C, 3, random_state=0).fit(X, Y_CLASS))
    assert [list(member.feature_names_in_) for member in ensemble.estimators_] == [list("abcde")] * 3
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ensemble.predict_proba(frame)
        ensemble.estimators_[1].predict(frame)
    assert caught == []
    with pytest.warns(UserWarning, match="valid feature names") as told:
        ensemble.predict(X)
    assert len(told) == 1  # once, not once a member
    with pytest.raises(ValueError, match="feature names should match"):
        ensemble.predict(pd.DataFrame(X, columns=list("edcba")))


def test_sparse():
    matrix = sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    dense = matrix.toarray()
    for member in (MLP_C, LogisticRegression()):
        ensemble = BaggingClassifier(member, 3, random_state=0).fit(matrix, Y_CLASS)
        assert_array_equal(
            ensemble.estimators_samples_,
            BaggingClassifier(member, 3, random_state=0).fit(dense, Y_CLASS).estimators_samples_,
        )
        assert_allclose(ensemble.predict_proba(matrix), ensemble.predict_proba(dense), rtol=1e-6)
        assert get_tags(ensemble).input_tags.sparse
    assert not get_tags(BaggingClassifier(make_pipeline(StandardScaler(), RidgeClassifier()))).target_tags.multi_output


@pytest.mark.parametrize("member", [MLP_C, DecisionTreeClassifier(max_depth=3)])
def test_out_of_bag_classification(member):
    ensemble = BaggingClassifier(member, 25, oob_score=True, random_state=0).fit(X, Y_CLASS)
    total, count = np.zeros((120, 3)), np.zeros(120)
    for fitted, rows in zip(ensemble.estimators_, ensemble.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(120), rows)
        total[unseen] += fitted.predict_proba(X)[unseen]
        count[unseen] += 1
    assert_allclose(ensemble.oob_decision_function_, total / count[:, None], rtol=1e-6)
    expected = accuracy_score(Y_CLASS, ensemble.classes_[total.argmax(axis=1)])
    assert ensemble.oob_score_ == pytest.approx(expected)


@pytest.mark.parametrize("y", [Y_REAL, Y_TWO, Y_REAL[:, None]], ids=["one", "two", "column"])
def test_out_of_bag_regression(y):
    ensemble = BaggingRegressor(DecisionTreeRegressor(max_depth=3), 25, oob_score=True, random_state=0).fit(X, y)
    assert ensemble.oob_prediction_.shape == ensemble.predict(X).shape == y.shape
    total, count = np.zeros(y.shape), np.zeros((120,) + (1,) * (y.ndim - 1))
    for output, rows in zip(ensemble.predict_members(X), ensemble.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(120), rows)
        total[unseen] += output[unseen]
        count[unseen] += 1
    assert_allclose(ensemble.oob_prediction_, total / count)
    assert ensemble.oob_score_ == pytest.approx(r2_score(y, total / count))


def test_rows_that_were_never_out_of_bag():
    with pytest.warns(UserWarning, match="in the bag of every member"):
        ensemble = BaggingClassifier(MLP_C, 1, oob_score=True, random_state=0).fit(X, Y_CLASS)
    seen = np.unique(ensemble.estimators_samples_[0])
    assert_array_equal(np.flatnonzero(np.isnan(ensemble.oob_decision_function_[:, 0])), seen)
    unseen = np.setdiff1d(np.arange(120), seen)
    assert ensemble.oob_score_ == np.mean(ensemble.predict(X[unseen]) == Y_CLASS[unseen])


def test_averages():
    classifier = BaggingClassifier(MLP_C, 4, random_state=0).fit(X, Y_CLASS)
    members = classifier.predict_members(X)
    assert members.shape == (4, 120, 3)
    assert_allclose(classifier.predict_proba(X), members.mean(axis=0), rtol=1e-6)
    assert_allclose(classifier.predict_log_proba(X), np.log(members.mean(axis=0)), rtol=1e-5)
    assert_array_equal(classifier.predict(X), classifier.classes_[members.mean(axis=0).argmax(axis=1)])
    for y in (Y_REAL, Y_TWO):
        regressor = BaggingRegressor(MLP_R, 4, random_state=0).fit(X, y)
        assert regressor.predict_members(X).shape == (4, *y.shape)
        assert_allclose(regressor.predict(X), regressor.predict_members(X).mean(axis=0))


def test_members_without_probabilities_vote():
    ensemble = BaggingClassifier(LinearSVC(), 5, random_state=0).fit(X, Y_CLASS)
    labels = np.array([member.predict(X) for member in ensemble.estimators_])
    shares = np.stack([(labels == label).mean(axis=0) for label in ensemble.classes_], axis=1)
    assert_allclose(ensemble.predict_proba(X), shares)


@pytest.mark.parametrize("member", [MLP_C, SoftmaxClassifier(), DecisionTreeClassifier(max_depth=2)])
def test_a_class_that_a_sample_lacks(member):
    y = Y_CLASS.copy()
    y[:1] = "A, the rare"
    ensemble = BaggingClassifier(member, 6, random_state=1).fit(X, y)
    lacking = [0 not in rows for rows in ensemble.estimators_samples_]
    assert any(lacking)
    assert not all(lacking)
    members = ensemble.predict_members(X)
    assert members.shape == (6, 120, 4)
    assert_allclose(members.sum(axis=2), 1, rtol=1e-6)
    for fitted, output in zip(ensemble.estimators_, members, strict=True):
        columns = np.searchsorted(ensemble.classes_, fitted.classes_)
        assert_array_equal(output[:, columns], fitted.predict_proba(X))


@pytest.mark.parametrize("bootstrap", [True, False])
@pytest.mark.parametrize(("max_samples", "n"), [(1.0, 120), (0.5, 60), (1, 1), (31, 31), (0.29, 34)])
def test_max_samples(max_samples, n, bootstrap):
    ensemble = BaggingRegressor(
        DecisionTreeRegressor(), 3, max_samples=max_samples, bootstrap=bootstrap, random_state=0
    )
    for rows in ensemble.fit(X, Y_REAL).estimators_samples_:
        assert len(rows) == n
        assert bootstrap or len(np.unique(rows)) == n


def test_every_row_is_as_likely_as_its_weight():
    weight = np.arange(20.0)
    ensemble = BaggingRegressor(LinearRegression(), 300, random_state=0).fit(X[:20], Y_REAL[:20], weight)
    assert {len(rows) for rows in ensemble.estimators_samples_} == {190}
    counts = np.bincount(np.concatenate(ensemble.estimators_samples_), minlength=20)
    expected = 300 * weight
    assert counts[0] == 0
    assert ((counts - expected)[1:] ** 2 / expected[1:]).sum() < 43.8  # chi2 of 18 degrees, 99.9 %


@pytest.mark.parametrize(("bagging", "y", "member"), [
    (BaggingClassifier, Y_CLASS, DecisionTreeClassifier(max_depth=4)),
    (BaggingRegressor, Y_REAL, DecisionTreeRegressor(max_depth=4)),
    (BaggingRegressor, Y_REAL, clone(MLP_R).set_params(**PLAIN)),
    (BaggingClassifier, Y_CLASS, clone(MLP_C).set_params(**PLAIN)),
])  # fmt: skip
def test_weight_two_is_the_row_twice_in_any_order(bagging, y, member):
    weight = rng.integers(0, 4, 120)
    order = rng.permutation(120)
    repeated = np.repeat(np.arange(120), weight)
    weighted = bagging(member, 3, random_state=0).fit(X[order], y[order], sample_weight=weight[order])
    twice = bagging(member, 3, random_state=0).fit(X[repeated], y[repeated])
    for a, b in zip(weighted.estimators_samples_, twice.estimators_samples_, strict=True):
        assert_array_equal(X[order][a], X[repeated][b])
    assert_allclose(weighted.predict_members(X), twice.predict_members(X), rtol=1e-4)


def test_without_bootstrap_the_members_get_the_weights():
    weight = rng.integers(0, 4, 120).astype(float)
    ensemble = BaggingRegressor(LinearRegression(), 2, bootstrap=False, random_state=0).fit(X, Y_REAL, weight)
    lone = LinearRegression().fit(X, Y_REAL, weight)
    assert_allclose(ensemble.predict(X), lone.predict(X))
    network = BaggingRegressor(MLP_R, 1, bootstrap=False, random_state=0).fit(X, Y_REAL, weight + 1)
    lone = clone(network.estimators_[0]).fit(X, Y_REAL, weight + 1)
    assert_array_equal(network.predict(X), lone.predict(X))


def test_weights_that_are_no_counts():
    weight = np.full(120, 1 / 120)
    with pytest.warns(UserWarning, match="need max_samples as an int, or None"):
        BaggingRegressor(LinearRegression(), 1, random_state=0).fit(X, Y_REAL, weight)
    ensemble = BaggingRegressor(MLP_R, 1, max_samples=120, random_state=0).fit(X, Y_REAL, weight)
    assert_same_members(ensemble, BaggingRegressor(MLP_R, 1, max_samples=120, random_state=0).fit(X, Y_REAL))


def test_row_keys_are_of_values_alone():
    keys = row_keys(X, Y_CLASS)
    assert len(np.unique(keys)) == 120
    frame = pd.DataFrame(X)
    frame.columns = ["same"] * 5
    for other in (sparse.csr_array(X), frame, X.astype(object), np.asfortranarray(X), np.where(X == 0, -0.0, X)):
        assert_array_equal(row_keys(other, Y_CLASS), keys)
    signs = np.array([[a, b, c] for a in (-1.0, 0, 1) for b in (-1.0, 0, 1) for c in (-1.0, 0, 1)])
    assert len(np.unique(row_keys(signs, np.zeros(27)))) == 27


def test_early_stopping_never_validates_on_a_copy(monkeypatch):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, n: calls.append(tasks) or train_members(tasks, n))
    network = clone(MLP_C).set_params(early_stopping=True, validation_fraction=0.2)
    ensemble = BaggingClassifier(network, 5, random_state=0).fit(X, Y_CLASS)
    [tasks] = calls
    assert len({task.structure for task in tasks}) == 1  # still one stack
    for task, rows in zip(tasks, ensemble.estimators_samples_, strict=True):
        assert len(task.validation.index) == 24
        assert not np.isin(task.validation.index, task.rows.index).any()
        assert_array_equal(np.sort(np.concatenate([task.rows.index, task.validation.index])), np.sort(rows))


@pytest.mark.parametrize("member", [MLP_C, make_pipeline(StandardScaler(), MLP_C)])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_one_warning_for_all_members(member, n_jobs):
    member = clone(member)
    (member[-1] if hasattr(member, "steps") else member).set_params(max_iter=1, tol=0.0)
    with pytest.warns(ConvergenceWarning) as told:
        BaggingClassifier(member, 5, random_state=0, n_jobs=n_jobs).fit(X, Y_CLASS)
    [warning] = told
    assert str(warning.message).startswith("5 of 5 members: ")
    assert warning.filename == __file__


def test_divergence_of_members_is_told_once():
    member = MLPRegressor((), batch_size=32, max_iter=30, optimizer="sgd", schedule="constant")
    member.set_params(optimizer__learning_rate=10.0)
    with pytest.warns(ConvergenceWarning, match="5 of 5 members: The loss became") as told:
        fitted = BaggingRegressor(member, 5, random_state=0).fit(X, Y_REAL)
    assert len(told) == 1
    assert all(0 < each.n_iter_ < 30 for each in fitted.estimators_)


def test_a_member_that_has_learned_nothing_fails_as_it_does_alone():
    member = clone(MLP_R).set_params(optimizer="sgd", optimizer__learning_rate=1e30)
    bagging = BaggingRegressor(member, 5, random_state=0)
    with pytest.raises(ValueError, match="MLPRegressor has learned nothing: the loss became infinite or NaN"):
        bagging.fit(X, Y_REAL)
    assert not hasattr(bagging, "n_features_in_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 0}, r"'n_estimators' .* an int in the range \[1, inf"),
        ({"n_estimators": 2.0}, "'n_estimators'"),
        ({"max_samples": 0}, "'max_samples' .* an int in the range .* or a float in the range"),
        ({"max_samples": 1.5}, "'max_samples'"),
        ({"max_samples": 121, "bootstrap": False}, "max_samples=121 must be at most the 120 rows"),
        ({"bootstrap": "yes"}, "'bootstrap' .* a bool"),
        ({"bootstrap": False, "oob_score": True}, "rows out of the bag"),
        ({"estimator": MLPClassifier}, r"'estimator' .* \(an instance with fit and predict\)"),
        ({"estimator": MLPRegressor()}, "which is not a classifier"),
        ({"estimator": MLPClassifier(alpha=-1)}, "'alpha' parameter of MLPClassifier"),
        ({"random_state": "seed"}, "'random_state'"),
    ],
)
def test_bad_parameters(params, message):
    ensemble = BaggingClassifier(**{"estimator": MLP_C, **params})
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, Y_CLASS)
    assert not hasattr(ensemble, "estimators_")


def test_weights_need_members_that_take_them():
    class NoWeights(LinearRegression):
        def fit(self, X, y):
            return super().fit(X, y)

    weight = np.ones(120)
    BaggingRegressor(NoWeights(), 2, random_state=0).fit(X, Y_REAL, weight)  # drawn by, not passed on
    with pytest.raises(ValueError, match="fit of its member NoWeights does not take it"):
        BaggingRegressor(NoWeights(), 2, bootstrap=False).fit(X, Y_REAL, weight)


def test_pickle_clone_repr_and_search():
    ensemble = BaggingClassifier(MLP_C, 2, random_state=0).fit(X, Y_CLASS)
    restored = pickle.loads(pickle.dumps(ensemble))
    assert_array_equal(restored.predict_proba(X), ensemble.predict_proba(X))
    assert_same_members(clone(ensemble).fit(X, Y_CLASS), ensemble)
    assert "MLPClassifier" in ensemble._repr_html_()
    before = ensemble.__dict__.copy()
    ensemble.predict_members(X)
    assert ensemble.__dict__ == before
    search = GridSearchCV(ensemble, {"estimator__alpha": [1e-4, 1.0], "estimator__optimizer__learning_rate": [0.01]})
    assert search.fit(X, Y_CLASS).best_params_["estimator__alpha"] in (1e-4, 1.0)
    with pytest.raises(ValueError, match="Invalid parameter 'alhpa'"):
        ensemble.set_params(estimator__alhpa=1)


def test_the_given_estimator_stays_as_it_is():
    member = clone(MLP_C)
    params = member.get_params()
    BaggingClassifier(member, 2, random_state=0).fit(X, Y_CLASS)
    assert member.get_params() == params
    assert not hasattr(member, "coefs_")
