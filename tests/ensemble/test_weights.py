"""Weights of members chosen on held-out rows: against the conditions of a minimum, brute force and other solvers."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl import EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor
from skdl.ensemble import _weights
from skdl.ensemble._sampling import set_contents_apart

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
Y_CLASS = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y_REAL = X[:, 0] * X[:, 1] + 3 * X[:, 2] + 0.3 * rng.normal(size=200)
Y_TWO = np.column_stack([Y_REAL, X[:, 3] ** 2])
MEMBERS_C = [
    ("mlp", MLPClassifier((6,), max_iter=4)),
    ("tree", DecisionTreeClassifier(max_depth=3)),
    ("line", LogisticRegression()),
]
MEMBERS_R = [
    ("mlp", MLPRegressor((6,), max_iter=4)),
    ("tree", DecisionTreeRegressor(max_depth=3)),
    ("line", LinearRegression()),
]


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("seed", range(4))
def test_squared_error_meets_the_conditions_of_a_minimum(k, seed):
    """Karush-Kuhn-Tucker: the gradient is the same for all members with a weight, and no smaller for the rest."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=(1, 80, 2)), rng.normal(size=(k, 80, 2))
    residuals, weight = common + own * rng.uniform(0.2, 2, (k, 1, 1)), rng.uniform(0, 2, 80)
    w = _weights.weights_by_squared_error(residuals, weight)
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert (w >= 0).all()
    moments = np.einsum("inc,jnc,n->ij", residuals, residuals, weight / weight.sum())
    gradient = moments @ w
    assert_allclose(gradient[w > 0], w @ gradient, rtol=1e-9)
    assert (gradient[w == 0] >= w @ gradient * (1 - 1e-12)).all()


@pytest.mark.parametrize("k", [1, 2, 5, 30])
@pytest.mark.parametrize("seed", range(4))
def test_log_loss_meets_the_conditions_of_a_minimum(k, seed):
    rng = np.random.default_rng(seed)
    rows, weight = rng.beta(rng.uniform(0.5, 4, (k, 1)), 1.5, (k, 120)), rng.uniform(0, 2, 120)
    w = _weights.weights_by_log_loss(rows, weight)
    assert w.sum() == pytest.approx(1, abs=1e-12)
    gain = rows @ (weight / weight.sum() / (w @ rows))  # minus the gradient: one for members with a weight
    assert_allclose(gain[w > 1e-9], 1, atol=1e-5)
    assert (gain < 1 + 1e-5).all()


def test_both_agree_with_another_solver():
    """SLSQP with the sum as a constraint, from another start."""
    residuals, rows = rng.normal(size=(4, 50, 1)) + rng.normal(size=(50, 1)), rng.uniform(0.05, 1, (4, 50))
    problems = [
        (_weights.weights_by_squared_error(residuals, np.ones(50)), lambda w: ((w @ residuals[:, :, 0]) ** 2).mean()),
        (_weights.weights_by_log_loss(rows, np.ones(50)), lambda w: -np.log(w @ rows).mean()),
    ]
    for found, loss in problems:
        constraint = {"type": "eq", "fun": lambda w: w.sum() - 1}
        start = np.array([0.7, 0.1, 0.1, 0.1])
        other = minimize(loss, start, bounds=[(0, 1)] * 4, constraints=constraint, options={"ftol": 1e-14})
        assert_allclose(found, other.x, atol=1e-4)
        assert loss(found) <= other.fun + 1e-12


def test_a_member_without_error_gets_all_the_weight():
    residuals = np.stack([rng.normal(size=(20, 1)), np.zeros((20, 1)), rng.normal(size=(20, 1))])
    assert_allclose(_weights.weights_by_squared_error(residuals, np.ones(20)), [0, 1, 0], atol=1e-12)
    assert_allclose(_weights.weights_by_squared_error(np.zeros((2, 5, 1)), np.ones(5)).sum(), 1)
    sure = np.stack([np.full(20, 0.5), np.ones(20), np.zeros(20)])
    assert_allclose(_weights.weights_by_log_loss(sure, np.ones(20)), [0, 1, 0], atol=1e-8)


def greedy_by_hand(loss, k, rounds=100):
    """Ensemble selection with replacement as in the paper, by trying every member in every round."""
    bag, best, chosen = [], np.inf, None
    for _ in range(rounds):
        losses = [loss([*bag, j]) for j in range(k)]
        bag = [*bag, int(np.argmin(losses))]
        if min(losses) < best * (1 - 1e-12):
            best, chosen = min(losses), list(bag)
    return np.bincount(chosen, minlength=k) / len(chosen)


def test_greedy_selection_is_that_of_the_paper():
    residuals, rows = rng.normal(size=(4, 40, 2)) + rng.normal(size=(40, 2)), rng.uniform(0.05, 1, (4, 40))
    weight = rng.uniform(0.5, 2, 40)
    share = weight / weight.sum()
    squared = lambda bag: share @ (residuals[bag].mean(axis=0) ** 2).sum(axis=1)  # noqa: E731
    log = lambda bag: -share @ np.log(rows[bag].mean(axis=0))  # noqa: E731
    found = _weights.greedy_by_squared_error(residuals, weight)
    assert_allclose(found, greedy_by_hand(squared, 4))
    assert_allclose(_weights.greedy_by_log_loss(rows, weight), greedy_by_hand(log, 4))
    # Not far from the best of all weights that are multiples of 1/20, by trying them all.
    grid = [np.array(c) / 20 for c in itertools.product(range(21), repeat=4) if sum(c) == 20]
    best = min(share @ (np.tensordot(w, residuals, 1) ** 2).sum(axis=1) for w in grid)
    assert share @ (np.tensordot(found, residuals, 1) ** 2).sum(axis=1) < best * 1.02


@pytest.mark.parametrize("weights", ["validation", "greedy"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("ensemble", "members", "y"), [
    (EnsembleClassifier, MEMBERS_C, Y_CLASS),
    (EnsembleRegressor, MEMBERS_R, Y_REAL),
    (EnsembleRegressor, MEMBERS_R, Y_TWO),
])  # fmt: skip
def test_the_weights_are_those_of_the_rows_set_apart(ensemble, members, y, weights, weighted):
    sample_weight = rng.uniform(0.5, 2, 200) if weighted else None
    parameters = {"weights": weights, "validation_fraction": 0.25, "random_state": 0}
    fitted = ensemble(members, **parameters).fit(X, y, sample_weight)
    rows = fitted.validation_indices_
    learned = np.setdiff1d(np.arange(200), rows)
    mass = np.ones(200) if sample_weight is None else sample_weight
    assert mass[rows].sum() == pytest.approx(0.25 * mass.sum(), abs=2)  # half a row of each of three classes, and one
    for member in fitted.estimators_:  # a member equals its own fit on the other rows
        extra = {} if sample_weight is None else {"sample_weight": sample_weight[learned]}
        assert_array_equal(clone(member).fit(X[learned], y[learned], **extra).predict(X), member.predict(X))
    again = ensemble(
        [(name, member) for name, member in fitted.named_estimators_.items()], weights=weights, prefit=True
    )
    again.fit(X[rows], y[rows], None if sample_weight is None else sample_weight[rows])
    assert_array_equal(again.weights_, fitted.weights_)
    assert fitted.weights_.sum() == pytest.approx(1)
    outputs = fitted.predict_members(X)
    average = np.average(outputs, axis=0, weights=fitted.weights_)
    assert_allclose(fitted.predict_proba(X) if y is Y_CLASS else fitted.predict(X), average)
    share = None if sample_weight is None else sample_weight[rows]
    loss = lambda w: (  # noqa: E731
        log_loss(y[rows], np.tensordot(w, outputs[:, rows], 1), sample_weight=share)
        if y is Y_CLASS
        else np.average(
            ((y[rows] - np.tensordot(w, outputs[:, rows], 1)) ** 2).reshape(len(rows), -1).sum(1), weights=share
        )
    )
    others = [np.full(3, 1 / 3), *np.eye(3), *rng.dirichlet(np.ones(3), 50)]
    slack = 1e-9 if weights == "validation" else 0.01
    assert loss(fitted.weights_) <= min(map(loss, others)) * (1 + slack)
    correlation = fitted.member_correlation(X[rows], y[rows], share)
    assert_allclose(fitted.member_correlation_, correlation)


def test_classes_are_shared_out_evenly():
    fitted = EnsembleClassifier(MEMBERS_C, weights="validation", random_state=0).fit(X, Y_CLASS)
    rows = fitted.validation_indices_
    _, apart = np.unique(Y_CLASS[rows], return_counts=True)
    _, counts = np.unique(Y_CLASS, return_counts=True)
    assert np.abs(apart - counts / 10).max() < 1
    assert apart.sum() == 20


def test_a_bad_member_is_left_out_and_not_asked():
    class Noise(RandomForestRegressor):
        def predict(self, X):
            assert self.allowed
            return rng.normal(0, 100, len(X))

    members = [("line", LinearRegression()), ("noise", Noise(5)), ("tree", DecisionTreeRegressor(max_depth=4))]
    Noise.allowed = True
    fitted = EnsembleRegressor(members, weights="greedy", random_state=0).fit(X, Y_REAL)
    assert fitted.weights_[1] == 0
    Noise.allowed = False
    assert np.isfinite(fitted.predict(X)).all()


def test_weights_of_alike_members_and_warm_start():
    parameters = {"estimator": MLPRegressor((6,), max_iter=3), "weights": "validation", "random_state": 3}
    grown = EnsembleRegressor(n_estimators=2, warm_start=True, **parameters).fit(X, Y_REAL)
    grown.set_params(n_estimators=4).fit(X, Y_REAL)
    at_once = EnsembleRegressor(n_estimators=4, **parameters).fit(X, Y_REAL)
    assert_array_equal(grown.weights_, at_once.weights_)
    assert_array_equal(grown.predict(X), at_once.predict(X))
    assert_array_equal(grown.validation_indices_, at_once.validation_indices_)
    plain = grown.set_params(weights=None, warm_start=False).fit(X, Y_REAL)
    assert_array_equal(plain.weights_, np.ones(4))
    assert not hasattr(plain, "validation_indices_")
    assert not hasattr(plain, "member_correlation_")


@pytest.mark.parametrize("random_state", [5, None])
def test_warm_start_adds_members(random_state):
    member = MLPClassifier((4,), max_iter=2)
    grown = EnsembleClassifier(estimator=member, n_estimators=2, warm_start=True, random_state=random_state)
    before = list(grown.fit(X, Y_CLASS).estimators_)
    grown.set_params(n_estimators=5).fit(X, Y_CLASS)
    assert all(a is b for a, b in zip(before, grown.estimators_, strict=False))
    assert len({fitted.random_state for fitted in grown.estimators_}) == 5
    if random_state is not None:
        at_once = EnsembleClassifier(estimator=member, n_estimators=5, random_state=5).fit(X, Y_CLASS)
        assert_array_equal(grown.predict_members(X), at_once.predict_members(X))
    with pytest.warns(UserWarning, match="adds no members") as told:
        grown.fit(X, Y_CLASS)
    assert told[0].filename == __file__
    with pytest.raises(ValueError, match="n_estimators=3 must be at least 5, the number of members"):
        grown.set_params(n_estimators=3).fit(X, Y_CLASS)
    with pytest.raises(ValueError, match="Set warm_start=False"):
        grown.set_params(n_estimators=6).fit(X, np.where(Y_CLASS == "a", "b", Y_CLASS))


def test_in_a_search_a_pipeline_a_frame_and_a_pickle():
    frame = pd.DataFrame(X, columns=list("pqrs"))
    ensemble = EnsembleClassifier(MEMBERS_C, weights="greedy", random_state=0)
    assert cross_val_score(make_pipeline(StandardScaler(), ensemble), frame, Y_CLASS, cv=2).mean() > 0.7
    search = GridSearchCV(ensemble, {"weights": [None, "validation", "greedy", [1, 2, 3]]}, cv=2).fit(frame, Y_CLASS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    fitted = ensemble.fit(frame, Y_CLASS)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(restored.predict_proba(frame), fitted.predict_proba(frame))
    assert_array_equal(clone(fitted).fit(frame, Y_CLASS).weights_, fitted.weights_)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weights": "best"}, "'weights' .* one of {'validation', 'greedy'} or array-like"),
        ({"weights": "greedy", "voting": "hard"}, "weights='greedy' needs the members' probabilities"),
        ({"validation_fraction": 1.0}, r"'validation_fraction' .* a float in the range \(0, 1\)"),
        ({"warm_start": True}, "warm_start=True adds members made of estimator="),
    ],
)
def test_bad_parameters(params, message):
    ensemble = EnsembleClassifier(MEMBERS_C, **params)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, Y_CLASS)
    assert not hasattr(ensemble, "estimators_")


def test_rows_that_leave_none_to_set_apart():
    weight = np.zeros(200)
    weight[0] = 1
    with pytest.raises(ValueError, match="needs two different rows of positive weight"):
        EnsembleRegressor(MEMBERS_R, weights="validation", random_state=0).fit(X, Y_REAL, weight)
    with pytest.raises(ValueError, match=r"of one class .* Got n_samples=3"):
        EnsembleClassifier(MEMBERS_C, weights="greedy", random_state=0).fit(X[:3], ["a", "b", "c"])


def test_rows_are_set_apart_by_content():
    """Copies stay together, and neither order nor the form of a weight matters."""
    generator = lambda: np.random.default_rng(0)  # noqa: E731
    weight, order = rng.integers(0, 4, 200), rng.permutation(200)
    repeated = np.repeat(np.arange(200), weight)
    for y, stratify in ((Y_CLASS, True), (Y_REAL, False)):
        learned, judging = set_contents_apart(X[order], y[order], weight[order], 0.3, generator(), stratify=stratify)
        assert_array_equal(np.sort(np.concatenate([learned, judging])), np.arange(200))
        _, twice = set_contents_apart(X[repeated], y[repeated], None, 0.3, generator(), stratify=stratify)
        assert set(repeated[twice]) == set(order[judging])
        assert weight[order][judging].sum() == len(twice) == pytest.approx(0.3 * weight.sum(), abs=9)
    rare = Y_CLASS.astype(object)
    rare[0] = "only one"
    learned, judging = set_contents_apart(X, rare, None, 0.9, generator(), stratify=True)
    assert 0 in learned
    assert set(rare[learned]) == {"a", "b", "c", "only one"}


def test_a_fit_that_fails_leaves_no_half_of_an_ensemble():
    class Fails(LinearRegression):
        def predict(self, X):
            raise RuntimeError("no prediction")

    ensemble = EnsembleRegressor([("line", LinearRegression()), ("fails", Fails())], weights="validation")
    with pytest.raises(RuntimeError, match="no prediction"):
        ensemble.fit(X, Y_REAL)
    with pytest.raises(NotFittedError):
        ensemble.predict(X)


def test_members_that_are_not_asked_refuse_nothing_unseen():
    members = [("line", LinearRegression()), ("tree", DecisionTreeRegressor())]
    fitted = EnsembleRegressor(members, weights=[0, 1]).fit(X, Y_REAL)
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict(np.full((1, 4), np.nan))


def test_fitted_members_take_sample_weight_for_the_weights_alone():
    fitted = [("line", LinearRegression().fit(X, Y_REAL)), ("tree", DecisionTreeRegressor(max_depth=2).fit(X, Y_REAL))]
    weight = rng.integers(0, 3, 200)
    chosen = EnsembleRegressor(fitted, prefit=True, weights="validation").fit(X, Y_REAL, weight).weights_
    repeated = np.repeat(np.arange(200), weight)
    twice = EnsembleRegressor(fitted, prefit=True, weights="validation").fit(X[repeated], Y_REAL[repeated]).weights_
    assert_allclose(chosen, twice, rtol=1e-9)
    knn = [("knn", KNeighborsClassifier().fit(X, Y_CLASS)), ("line", LogisticRegression().fit(X, Y_CLASS))]
    assert EnsembleClassifier(knn, prefit=True, weights="greedy").fit(X, Y_CLASS, weight).weights_.shape == (2,)
