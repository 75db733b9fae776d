"""Averages of estimators: equality with lone fits, voting, weights, named members, fitted members, errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError, SkipTestWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skdl import EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor
from skdl.execution import train_members
from skdl.neural import refitting

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y_CLASS = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y_REAL = X[:, 0] * X[:, 1] + 3 * X[:, 2] + 100
Y_TWO = np.column_stack([Y_REAL, X[:, 3]])
QUIET = {"max_iter": 4, "n_iter_no_change": 1, "tol": 1e9}  # no progress: converged after two epochs
MLP_C = MLPClassifier((6,), batch_size=32, **QUIET)
MLP_R = MLPRegressor((6,), batch_size=32, **QUIET)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
MIXED = [("mlp", MLP_C), ("tree", TREE), ("line", LogisticRegression())]
FAST_C = MLPClassifier((8,), max_iter=20).set_params(optimizer__learning_rate=0.05)
FAST_R = MLPRegressor((8,), max_iter=20).set_params(optimizer__learning_rate=0.05)


def assert_same_network(first, second):
    for one, other in zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    "estimator",
    [
        EnsembleClassifier(estimator=FAST_C, n_estimators=3),
        EnsembleRegressor(estimator=FAST_R, n_estimators=3),
        EnsembleClassifier([("mlp", FAST_C), ("tree", TREE)], weights=[1, 2]),
        EnsembleClassifier([("mlp", FAST_C), ("tree", TREE), ("more", FAST_C)], voting="hard"),
        EnsembleRegressor([("mlp", FAST_R), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0))]),
        EnsembleClassifier(estimator=FAST_C, n_estimators=3, share="batch_ensemble"),
        EnsembleRegressor(estimator=FAST_R, n_estimators=3, share="batch_ensemble"),
        EnsembleClassifier([("mlp", FAST_C), ("tree", TREE)], weights="greedy", validation_fraction=0.3),
        EnsembleRegressor([("mlp", FAST_R), ("tree", DecisionTreeRegressor(max_depth=3))], weights="validation"),
    ],
    ids=["classifier", "regressor", "soft", "hard", "regressors", "shared", "shared r", "greedy", "validation"],
)
def test_check_estimator(estimator):
    with warnings.catch_warnings():
        for category in (SkipTestWarning, ConvergenceWarning):
            warnings.simplefilter("ignore", category)
        results = check_estimator(estimator, on_fail=None)
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, 120)], ids=["equal", "weighted"])
@pytest.mark.parametrize(("ensemble", "network", "y"), [
    (EnsembleClassifier, MLP_C, Y_CLASS),
    (EnsembleRegressor, MLP_R, Y_REAL),
    (EnsembleRegressor, MLP_R, Y_TWO),
    (EnsembleClassifier, clone(MLP_C).set_params(early_stopping=True, class_weight="balanced"), Y_CLASS),
])  # fmt: skip
def test_a_member_equals_its_own_fit(ensemble, network, y, weight, n_jobs):
    fitted = ensemble(estimator=network, n_estimators=4, random_state=1, n_jobs=n_jobs).fit(X, y, weight)
    assert len({member.random_state for member in fitted.estimators_}) == 4
    for member in fitted.estimators_:
        assert_same_network(member, clone(member).fit(X, y, weight))


def test_named_networks_share_a_stack_and_equal_their_own_fits(monkeypatch):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, n: calls.append(tasks) or train_members(tasks, n))
    one = clone(MLP_R).set_params(alpha=1e-3)
    members = [("one", one), ("wide", clone(one).set_params(hidden_layer_sizes=(9,))), ("line", LinearRegression())]
    members += [("strong", clone(one).set_params(alpha=0.1, standardize_target=False))]
    frame = pd.DataFrame(X, columns=list("pqrs"))
    fitted = EnsembleRegressor(members, random_state=0).fit(frame, Y_REAL)
    assert len(calls) == 2  # the trials, and the trainings on all rows
    for tasks in calls:
        assert tasks[0].structure == tasks[2].structure != tasks[1].structure
    assert len({id(task.rows.X) for tasks in calls for task in tasks}) == 1
    for name in ("one", "wide", "strong"):
        member = fitted.named_estimators_[name]
        assert_same_network(member, clone(member).fit(X, Y_REAL))
        assert list(member.feature_names_in_) == list("pqrs")
    assert [type(member) for member in fitted.estimators_] == [type(member) for _, member in members]


def test_seeds():
    ensembles = [EnsembleClassifier(estimator=MLP_C, n_estimators=k, random_state=4).fit(X, Y_CLASS) for k in (2, 4)]
    for short, long in zip(ensembles[0].estimators_, ensembles[1].estimators_, strict=False):
        assert_same_network(short, long)
    members = [("given", clone(MLP_C).set_params(random_state=11)), ("none", MLP_C), ("tree", TREE)]
    fitted = EnsembleClassifier(members, random_state=4).fit(X, Y_CLASS).named_estimators_
    assert (fitted.given.random_state, fitted.tree.random_state) == (11, 0)
    assert fitted.none.random_state is not None
    assert EnsembleClassifier(members).fit(X, Y_CLASS).named_estimators_.none.random_state is None


@pytest.mark.parametrize("weights", [None, [2, 0.5, 0], np.array([1.0, 2.0, 3.0])])
def test_soft_voting_averages_probabilities(weights):
    ensemble = EnsembleClassifier(MIXED, weights=weights, random_state=0).fit(X, Y_CLASS)
    members = ensemble.predict_members(X)
    assert_array_equal(members[1], ensemble.named_estimators_.tree.predict_proba(X))
    expected = np.average(members, axis=0, weights=weights)
    assert_allclose(ensemble.predict_proba(X), expected)
    assert_allclose(ensemble.predict_log_proba(X), np.log(expected))
    assert_array_equal(ensemble.predict(X), ensemble.classes_[expected.argmax(axis=1)])


@pytest.mark.parametrize("weights", [None, [2, 1, 2]])
def test_agrees_with_scikit_learn(weights):
    members = [("tree", TREE), ("line", LogisticRegression()), ("knn", KNeighborsClassifier())]
    for voting in ("soft", "hard"):
        ours = EnsembleClassifier(members, voting=voting, weights=weights).fit(X, Y_CLASS)
        theirs = VotingClassifier(members, voting=voting, weights=weights).fit(X, Y_CLASS)
        assert_array_equal(ours.predict(X), theirs.predict(X))
        if voting == "soft":
            assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))


def test_hard_voting_counts_labels_and_has_no_probabilities():
    ensemble = EnsembleClassifier([*MIXED, ("svc", LinearSVC())], voting="hard", random_state=0).fit(X, Y_CLASS)
    votes = ensemble.predict_members(X)
    labels = np.array([member.predict(X) for member in ensemble.estimators_])
    assert_array_equal(votes, labels[:, :, None] == ensemble.classes_)
    assert_array_equal(ensemble.predict(X), ensemble.classes_[votes.sum(axis=0).argmax(axis=1)])
    assert not hasattr(ensemble, "predict_proba")
    with pytest.raises(AttributeError) as raised:
        ensemble.predict_proba(X)
    assert "voting='hard' there are no probabilities" in str(raised.value.__cause__ or raised.value)


@pytest.mark.parametrize("y", [Y_REAL, Y_TWO, Y_REAL[:, None]], ids=["one", "two", "column"])
def test_regression_averages_predictions(y):
    members = [("mlp", MLP_R), ("tree", DecisionTreeRegressor(max_depth=2))]
    ensemble = EnsembleRegressor(members, weights=[1, 3], random_state=0).fit(X, y)
    outputs = ensemble.predict_members(X)
    assert outputs.shape == (2, *y.shape)
    assert_allclose(ensemble.predict(X), np.average(outputs, axis=0, weights=[1, 3]))


def test_parameters_reach_named_members():
    ensemble = EnsembleClassifier([(name, clone(member)) for name, member in MIXED], weights=[1, 2, 3], random_state=0)
    ensemble.set_params(mlp__alpha=1e-4, mlp__optimizer="adam")
    params = ensemble.get_params()
    assert params["mlp__alpha"] == 1e-4
    assert params["mlp__optimizer__learning_rate"] == 1e-3
    assert params["tree"] is ensemble.estimators[1][1]
    ensemble.set_params(mlp__alpha=0.5, mlp__optimizer__learning_rate=0.1, line=KNeighborsClassifier(), tree="drop")
    assert ensemble.get_params()["mlp__alpha"] == 0.5
    ensemble.fit(X, Y_CLASS)
    assert [type(member) for member in ensemble.estimators_] == [MLPClassifier, KNeighborsClassifier]
    assert ensemble.named_estimators_.tree == "drop"
    expected = np.average(ensemble.predict_members(X), axis=0, weights=[1, 3])
    assert_allclose(ensemble.predict_proba(X), expected)
    with pytest.raises(ValueError, match="Invalid parameter 'mpl'"):
        ensemble.set_params(mpl__alpha=1)
    ensemble.set_params(estimators=[("new", MLP_C)], new__alpha=0.25, weights=None)
    assert dict(ensemble.estimators)["new"].alpha == 0.25
    search = GridSearchCV(ensemble, {"new__alpha": [0.1, 0.2], "voting": ["soft", "hard"]}, cv=2).fit(X, Y_CLASS)
    assert search.best_estimator_.estimators_[0].alpha in (0.1, 0.2)


def test_fitted_members_are_taken_as_they_are():
    fitted = [(name, clone(member).fit(X, Y_CLASS)) for name, member in MIXED]
    ensemble = EnsembleClassifier(fitted, prefit=True).fit(X, Y_CLASS)
    assert all(member is given for member, (_, given) in zip(ensemble.estimators_, fitted, strict=True))
    assert_allclose(ensemble.predict_proba(X), np.mean([member.predict_proba(X) for _, member in fitted], axis=0))
    assert_array_equal(EnsembleClassifier(fitted, prefit=True).fit(X[:1], Y_CLASS[:1]).classes_, ["a", "b", "c"])
    assert cross_val_score(ensemble, X, Y_CLASS, cv=3).mean() > 0.8  # a clone keeps the fitted members
    regressors = [("line", LinearRegression().fit(X, Y_REAL))]
    assert_allclose(EnsembleRegressor(regressors, prefit=True).fit(X, Y_REAL).predict(X), regressors[0][1].predict(X))


def test_fitted_members_that_do_not_go_together():
    tree = clone(TREE).fit(X, Y_CLASS)
    with pytest.raises(NotFittedError, match="'line' is not fitted: fit it first, or set prefit=False"):
        EnsembleClassifier([("tree", tree), ("line", LogisticRegression())], prefit=True).fit(X, Y_CLASS)
    two = clone(TREE).fit(X, Y_CLASS == "a")
    with pytest.raises(ValueError, match=r"different classes: \['a', 'b', 'c'\], but 'two' \[False, True\]"):
        EnsembleClassifier([("tree", tree), ("two", two)], prefit=True).fit(X, Y_CLASS)
    with pytest.raises(ValueError, match=r"labels that the fitted members do not know: \['d'\]"):
        EnsembleClassifier([("tree", tree)], prefit=True).fit(X, np.where(Y_CLASS == "a", "d", "b"))
    narrow = clone(TREE).fit(X[:, :2], Y_CLASS)
    with pytest.raises(ValueError, match="X has 4 features, and the fitted member 'narrow' has seen 2"):
        EnsembleClassifier([("tree", tree), ("narrow", narrow)], prefit=True).fit(X, Y_CLASS)
    with pytest.raises(ValueError, match="sample_weight has no effect with prefit=True"):
        EnsembleClassifier([("tree", tree)], prefit=True).fit(X, Y_CLASS, np.ones(120))


def test_sample_weight_reaches_every_member():
    weight = rng.integers(1, 4, 120)
    ensemble = EnsembleClassifier(MIXED, random_state=0).fit(X, Y_CLASS, sample_weight=weight)
    for member in ensemble.estimators_:
        lone = clone(member).fit(X, Y_CLASS, sample_weight=weight)
        assert_array_equal(lone.predict_proba(X), member.predict_proba(X))
    with pytest.raises(ValueError, match="the fit of its member KNeighborsClassifier does not take it"):
        EnsembleClassifier([*MIXED, ("knn", KNeighborsClassifier())]).fit(X, Y_CLASS, sample_weight=weight)


def test_metadata_routing():
    with config_context(enable_metadata_routing=True):
        member = clone(MLP_C).set_fit_request(sample_weight=True)
        ensemble = EnsembleClassifier(estimator=member, n_estimators=2, random_state=0)
        ensemble.set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), ensemble)
        assert pipeline.fit(X, Y_CLASS, sample_weight=np.ones(120)).predict(X).shape == (120,)


@pytest.mark.parametrize("to_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_frames(to_frame):
    frame = to_frame(pd.DataFrame(X, columns=list("pqrs")))
    columns = make_column_transformer((StandardScaler(), ["p", "q"]))
    members = [("mlp", MLP_C), ("named", make_pipeline(columns, LogisticRegression()))]
    ensemble = EnsembleClassifier(members, random_state=0).fit(frame, Y_CLASS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ensemble.score(frame, Y_CLASS) > 0.5
    assert list(ensemble.feature_names_in_) == list("pqrs")
    assert ensemble.n_features_in_ == 4


def test_one_warning_for_all_members():
    member = clone(MLP_C).set_params(max_iter=1, tol=0.0)
    members = [("one", member), ("two", member), ("line", LogisticRegression(max_iter=1)), ("tree", TREE)]
    with pytest.warns(ConvergenceWarning) as told:
        EnsembleClassifier(members, random_state=0).fit(X, Y_CLASS)
    # Those of others come as they are: to catch them is to change the filters of all threads.
    assert sorted(str(warning.message)[:16] for warning in told) == ["2 of 4 members: ", "lbfgs failed to "]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimators": MIXED, "estimator": MLP_C}, "either estimators=.* or estimator=, not both"),
        ({"estimators": []}, "must be a list of .* pairs, at least one"),
        ({"estimators": [MLP_C]}, "must be a list of .* pairs"),
        ({"estimators": MLP_C}, "For several members of one kind, give it as estimator="),
        ({"estimators": "mlp"}, "must be a list of .* pairs"),
        ({"estimators": [("a", MLP_C), ("a", TREE)]}, r"must be unique.*Got \['a'\]"),
        ({"estimators": [("a__b", MLP_C)]}, r"without '__'.*Got \['a__b'\]"),
        ({"estimators": [("voting", MLP_C)]}, r"none of its parameters. Got \['voting'\]"),
        ({"estimators": [("a", MLPClassifier)]}, "The member 'a' .* must be an estimator"),
        ({"estimators": [("a", "drop")]}, "All members .* are dropped"),
        ({"estimators": [("a", MLPRegressor())]}, "which is not a classifier"),
        ({"estimators": [("svc", LinearSVC())]}, "has no predict_proba. Set voting='hard'"),
        ({"estimators": MIXED, "weights": [1, 2]}, r"'weights' .* must hold 3 numbers in the range \[0, inf\)"),
        ({"estimators": MIXED, "weights": [1, 2, -1]}, "'weights'"),
        ({"estimators": MIXED, "weights": [0, 0, 0]}, "not only zeros"),
        ({"estimators": MIXED, "weights": ["a", "b", "c"]}, "'weights'"),
        ({"estimator": MLP_C, "weights": [1, 2, 3]}, "'weights' .* must hold 5 numbers"),
        ({"estimator": MLP_C, "n_estimators": 0}, r"'n_estimators' .* an int in the range \[1, inf"),
        ({"estimator": MLP_C, "prefit": True}, "prefit=True takes fitted members: give them as estimators="),
        ({"voting": "loud"}, "'voting' .* one of {'soft', 'hard'}"),
    ],
)
def test_bad_parameters(params, message):
    ensemble = EnsembleClassifier(**params)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, Y_CLASS)
    assert not hasattr(ensemble, "n_features_in_")
    assert "EnsembleClassifier" in repr(ensemble)


def test_tags_are_the_members():
    assert get_tags(EnsembleClassifier()).input_tags.sparse
    assert not get_tags(EnsembleClassifier([("a", KNeighborsClassifier(metric="precomputed"))])).input_tags.allow_nan
    assert get_tags(EnsembleRegressor()).target_tags.multi_output
    assert get_tags(EnsembleClassifier(estimator=TREE)).input_tags.allow_nan


def test_pickle_clone_and_repr():
    ensemble = EnsembleClassifier(MIXED, random_state=0).fit(X, Y_CLASS)
    assert_array_equal(pickle.loads(pickle.dumps(ensemble)).predict_proba(X), ensemble.predict_proba(X))
    assert_array_equal(clone(ensemble).fit(X, Y_CLASS).predict_proba(X), ensemble.predict_proba(X))
    assert not hasattr(MLP_C, "coefs_")
    assert "EnsembleClassifier" in ensemble._repr_html_()
    before = ensemble.__dict__.copy()
    ensemble.predict_members(X)
    assert ensemble.__dict__ == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 9}, "n_estimators=9 has no effect beside estimators="),
        ({"validation_fraction": 0.4}, "validation_fraction=0.4 has no effect with weights=None"),
        ({"validation_fraction": 0.4, "weights": [2.0]}, r"validation_fraction=0.4 has no effect with weights=\[2.0\]"),
        ({"validation_fraction": 0.4, "weights": "greedy", "prefit": True}, "0.4 has no effect with prefit=True"),
    ],
)
def test_parameters_without_effect_are_errors(params, message):
    member = clone(FAST_C).fit(X, Y_CLASS) if "prefit" in params else FAST_C
    with pytest.raises(ValueError, match=message):
        EnsembleClassifier([("mlp", member)], **params).fit(X, Y_CLASS)
