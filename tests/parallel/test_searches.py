"""Everything in scikit-learn that runs tasks by joblib: trained as stacks, and equal to the sequential run."""

from unittest.mock import Mock

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from plain import PLAIN
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier as PeerBagging
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdl import BaggingClassifier, EnsembleClassifier, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.execution import cost, executor

MLP = MLPClassifier((4,), max_iter=3, batch_size=16, alpha=1e-3, random_state=0, **PLAIN)
GRID = {"alpha": [1e-4, 1e-2], "optimizer__learning_rate": [0.01, 0.1]}


def weights(network):
    return [array.tobytes() for array in (*network.coefs_, *network.intercepts_)]


def assert_equal_results(found, expected):
    """Tables of a search, but for the times."""
    assert list(found) == list(expected)
    for name in expected:
        if "time" not in name:
            assert_array_equal(found[name], expected[name], err_msg=name, strict=True)


def test_grid_search(iris, stacked, stacks):
    search = GridSearchCV(make_pipeline(StandardScaler(), MLP), {f"mlpclassifier__{k}": v for k, v in GRID.items()})
    expected = clone(search).fit(*iris)
    with stacked():
        found = search.fit(*iris)
    assert stacks == [[20]]
    assert_equal_results(found.cv_results_, expected.cv_results_)
    assert found.best_params_ == expected.best_params_
    assert weights(found.best_estimator_[-1]) == weights(expected.best_estimator_[-1])
    assert set(map(type, found.cv_results_["mean_test_score"])) == set(
        map(type, expected.cv_results_["mean_test_score"])
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_long_searches_are_trained_by_processes(early_stopping, iris, stacked, stacks, monkeypatch):
    """But for networks whose validation rows are scored in this one."""
    monkeypatch.setattr(cost, "LEAST_PROCESS_SECONDS", 1e-9)
    monkeypatch.setattr(executor, "train_in_processes", mock := Mock(wraps=executor.train_in_processes))
    network = clone(MLP).set_params(early_stopping=early_stopping, dropout=0.2)
    search = GridSearchCV(network, GRID, cv=5, refit=False)
    expected = clone(search).fit(*iris)
    mock.assert_not_called()
    with stacked(n_jobs=2, processes=False):
        found = search.fit(*iris)
    assert mock.call_count == (not early_stopping)
    assert stacks == [[20]]
    assert_equal_results(found.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("n_jobs", [None, -1, 2, 7])
@pytest.mark.parametrize("pre_dispatch", ["2*n_jobs", "all"])
def test_all_fits_meet_whatever_the_number_of_jobs(n_jobs, pre_dispatch, iris, stacked, stacks):
    search = GridSearchCV(MLP, GRID, cv=5, n_jobs=n_jobs, pre_dispatch=pre_dispatch, refit=False)
    with stacked():
        search.fit(*iris)
    assert stacks == [[20]]


def test_one_job_is_one_task_after_the_other(iris, stacked, stacks):
    with stacked(n_jobs=1):
        cross_val_score(MLP, *iris)
        GridSearchCV(MLP, GRID, refit=False).fit(*iris)
    assert stacks == []
    with stacked():
        cross_val_score(MLP, *iris, n_jobs=1)
    assert stacks == []


def test_structures_that_differ_make_a_stack_each(iris, stacked, stacks):
    search = GridSearchCV(MLP, {"hidden_layer_sizes": [(3,), (5,)], "alpha": [1e-3, 1e-2]}, cv=3, refit=False)
    expected = clone(search).fit(*iris).cv_results_
    with stacked():
        search.fit(*iris)
    assert stacks == [[6, 6]]
    assert_equal_results(search.cv_results_, expected)


def test_folds_whose_sizes_differ_share_a_stack(iris, stacked, stacks):
    search = GridSearchCV(clone(MLP).set_params(batch_size=20), GRID, cv=KFold(4, shuffle=True, random_state=0))
    expected = clone(search).fit(*iris)
    with stacked():
        found = search.fit(*iris)
    assert {len(train) for train, _ in search.cv.split(*iris)} == {112, 113}
    assert stacks == [[16]]
    assert_equal_results(found.cv_results_, expected.cv_results_)


def test_randomized_search(iris, stacked, stacks):
    search = RandomizedSearchCV(MLP, GRID, n_iter=3, cv=5, random_state=0, refit=False, return_train_score=True)
    expected = clone(search).fit(*iris).cv_results_
    with stacked():
        search.fit(*iris)
    assert stacks == [[15]]
    assert_equal_results(search.cv_results_, expected)


def test_halving_search(iris, stacked, stacks):
    search = HalvingGridSearchCV(MLP, GRID, cv=3, factor=2, min_resources=30, random_state=0, refit=False)
    expected = clone(search).fit(*iris).cv_results_
    with stacked():
        search.fit(*iris)
    assert [sum(sizes) for sizes in stacks] == [12, 6, 3]
    assert_equal_results(search.cv_results_, expected)


@pytest.mark.parametrize("scoring", ["accuracy", ["accuracy", "neg_log_loss"]])
def test_cross_validate(scoring, iris, stacked, stacks):
    options = {"cv": 5, "scoring": scoring, "return_estimator": True, "return_indices": True}
    expected = cross_validate(MLP, *iris, **options)
    with stacked():
        found = cross_validate(MLP, *iris, **options)
    assert stacks == [[5]]
    for name in expected:
        if name.startswith("test"):
            assert_array_equal(found[name], expected[name], strict=True)
    assert list(map(weights, found["estimator"])) == list(map(weights, expected["estimator"]))


def test_cross_val_predict(iris, stacked, stacks):
    expected = cross_val_predict(MLP, *iris, method="predict_proba")
    with stacked():
        found = cross_val_predict(MLP, *iris, method="predict_proba")
    assert stacks == [[5]]
    assert_array_equal(found, expected, strict=True)


def test_learning_curve(iris, stacked, stacks):
    options = {"train_sizes": [40, 80, 120], "cv": 5, "shuffle": True, "random_state": 0}
    expected = learning_curve(MLP, *iris, **options)
    with stacked():
        found = learning_curve(MLP, *iris, **options)
    assert [sum(sizes) for sizes in stacks] == [15]
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other, strict=True)


def test_validation_curve(iris, stacked, stacks):
    options = {"param_name": "alpha", "param_range": [1e-4, 1e-2, 1.0], "cv": 5}
    expected = validation_curve(MLP, *iris, **options)
    with stacked():
        found = validation_curve(MLP, *iris, **options)
    assert stacks == [[15]]
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other, strict=True)


def test_permutation_test(iris, stacked, stacks):
    options = {"n_permutations": 4, "cv": 3, "random_state": 0}
    expected = permutation_test_score(MLP, *iris, **options)
    with stacked():
        found = permutation_test_score(MLP, *iris, **options)
    assert stacks == [[4]] * 3  # each permutation is a task that fits its folds in turn
    assert_array_equal(found[1], expected[1], strict=True)


@pytest.mark.parametrize("n_jobs", [None, 2, -1])
def test_bagging_of_scikit_learn(n_jobs, iris, stacked, stacks):
    bagging = PeerBagging(MLP, 9, random_state=0, n_jobs=n_jobs)
    expected = clone(bagging).set_params(n_jobs=None).fit(*iris)
    with stacked():
        found = bagging.fit(*iris)
    # A member is given counts as weights, and trains on the rows that it has drawn: in a stack are those that take as
    # many steps for theirs.
    steps = [-(-len(np.unique(rows)) // MLP.batch_size) for rows in expected.estimators_samples_]
    assert [sorted(sizes) for sizes in stacks] == [sorted(np.unique(steps, return_counts=True)[1])]
    assert list(map(weights, found.estimators_)) == list(map(weights, expected.estimators_))


@pytest.mark.parametrize("cls", [StackingClassifier, VotingClassifier])
def test_stacking_and_voting(cls, iris, stacked, stacks):
    members = [("a", MLP), ("b", clone(MLP).set_params(alpha=0.1)), ("c", make_pipeline(StandardScaler(), MLP))]
    final = {"final_estimator": DecisionTreeClassifier(random_state=0)} if cls is StackingClassifier else {}
    ensemble = cls([*members, ("other", DecisionTreeClassifier(random_state=0))], **final)
    expected = clone(ensemble).fit(*iris)
    with stacked():
        found = ensemble.fit(*iris)
    # Stacking: the members, and each one's predictions across five folds, which meet those of the others.
    assert stacks == ([[3], [15]] if cls is StackingClassifier else [[3]])
    assert_array_equal(found.predict(iris[0]), expected.predict(iris[0]))
    assert weights(found.estimators_[0]) == weights(expected.estimators_[0])
    if cls is StackingClassifier:
        assert_array_equal(found.transform(iris[0]), expected.transform(iris[0]))


def test_stacking_of_regressors(iris, stacked, stacks):
    X, y = iris[0], iris[0].iloc[:, 0] ** 2
    network = MLPRegressor((4,), max_iter=3, alpha=1e-3, random_state=0, **PLAIN)
    ensemble = StackingRegressor([("a", network), ("b", clone(network).set_params(alpha=0.1))])
    expected = clone(ensemble).fit(X, y).predict(X)
    with stacked():
        found = ensemble.fit(X, y).predict(X)
    assert stacks == [[2], [10]]
    assert_array_equal(found, expected)


def test_one_against_the_rest(iris, stacked, stacks):
    expected = OneVsRestClassifier(MLP).fit(*iris)
    with stacked():
        found = OneVsRestClassifier(MLP).fit(*iris)
    assert stacks == [[3]]
    assert_array_equal(found.predict_proba(iris[0]), expected.predict_proba(iris[0]), strict=True)


def test_several_outputs(iris, stacked, stacks):
    X, y = iris
    labels, reals = np.column_stack([y, y == 1, y % 2]), X.to_numpy()[:, :3] ** 2
    network = MLPRegressor((4,), max_iter=3, alpha=1e-3, random_state=0, **PLAIN)
    expected = [MultiOutputClassifier(MLP).fit(X, labels), MultiOutputRegressor(network).fit(X, reals)]
    with stacked():
        found = [MultiOutputClassifier(MLP).fit(X, labels), MultiOutputRegressor(network).fit(X, reals)]
    assert [sum(sizes) for sizes in stacks] == [3, 3]
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one.predict(X), other.predict(X), strict=True)


def test_a_search_in_each_fold_of_another(iris, stacked, stacks):
    search = GridSearchCV(MLP, GRID, cv=3)
    expected = cross_validate(search, *iris, cv=4, return_estimator=True)
    with stacked():
        found = cross_validate(search, *iris, cv=4, return_estimator=True)
    assert sum(sum(sizes) for sizes in stacks) == 4 * (12 + 1)
    assert max(map(sum, stacks)) == 48  # the inner fits of all outer folds meet
    assert_array_equal(found["test_score"], expected["test_score"])
    for one, other in zip(found["estimator"], expected["estimator"], strict=True):
        assert_equal_results(one.cv_results_, other.cv_results_)


@pytest.mark.parametrize("bagging", [BaggingClassifier(MLP, 4, random_state=0), PeerBagging(MLP, 4, random_state=0)])
def test_ensembles_in_a_search(bagging, iris, stacked, stacks):
    search = GridSearchCV(bagging, {"estimator__alpha": [1e-4, 1e-2]}, cv=3, refit=False)
    expected = clone(search).fit(*iris).cv_results_
    with stacked():
        search.fit(*iris)
    own = isinstance(bagging, BaggingClassifier)
    assert stacks == ([[24]] if own else [[6]] * 4)  # scikit-learn's fits its members in turn, unless n_jobs says not
    assert_equal_results(search.cv_results_, expected)


def test_an_ensemble_of_pipelines(iris, stacked, stacks):
    """What is no network itself is fitted in tasks, whose networks meet."""
    ensemble = EnsembleClassifier(estimator=make_pipeline(StandardScaler(), MLP), n_estimators=5, random_state=0)
    expected = clone(ensemble).fit(*iris).predict_proba(iris[0])
    with stacked():
        found = ensemble.fit(*iris).predict_proba(iris[0])
    assert stacks == [[5]]
    assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("kind", ["array", "float32", "fortran", "sparse", "polars", "integers"])
def test_kinds_of_data(kind, iris, stacked, stacks):
    X, y = iris
    if kind == "polars":
        X = pytest.importorskip("polars").DataFrame(X.to_dict("list"))
    elif kind == "sparse":
        X = sparse.csr_matrix(X.to_numpy())
    elif kind == "integers":
        X = (10 * X).astype(int)
    else:
        X = np.asarray(X, np.float32 if kind == "float32" else None, order="F" if kind == "fortran" else "C")
    search = GridSearchCV(MLP, GRID, cv=5, refit=False)
    expected = clone(search).fit(X, y).cv_results_
    with stacked():
        search.fit(X, y)
    assert stacks == [[20]]
    assert_equal_results(search.cv_results_, expected)


@pytest.mark.parametrize(
    "network",
    [
        SoftmaxClassifier(max_iter=5),
        MLPClassifier((4,), max_iter=30, early_stopping=True, n_iter_no_change=2, random_state=0),
        MLPClassifier((4,), max_iter=3, early_stopping=True, scoring="f1_macro", random_state=0),
        MLPClassifier(
            (4,), max_iter=4, normalization="batch", dropout=0.2, random_state=0, class_weight="balanced", **PLAIN
        ),
        MLPClassifier((4,), max_iter=4, dtype="float64", standardize=False, random_state=0, **PLAIN),
        MLPClassifier((4,), max_iter=4, optimizer="lbfgs", random_state=0),
        MLPClassifier((4,), max_iter=3, **PLAIN),
    ],
    ids=["softmax", "early stopping", "scorer", "normalization", "float64", "lbfgs", "unseeded"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_kinds_of_networks(network, iris, stacked, stacks):
    search = GridSearchCV(network, {"alpha": [1e-4, 1e-2, 1.0]}, cv=5, refit=False)
    expected = clone(search).fit(*iris).cv_results_
    with stacked():
        search.fit(*iris)
    assert stacks == [[15]]
    if network.random_state is not None:
        assert_equal_results(search.cv_results_, expected)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_trials_meet_and_so_do_the_trainings_on_all_rows(kind, iris, stacked, stacks):
    """Those of the networks as they are by default, whose trials have chosen other numbers of epochs."""
    X = iris[0].to_numpy()
    noise = np.random.default_rng(0).normal(size=len(X))
    network = MLPClassifier((8,), random_state=0) if kind == "classes" else MLPRegressor((8,), random_state=0)
    y = (X[:, 1] + noise > 3).astype(int) if kind == "classes" else X[:, 1] + noise
    folds = list(KFold(3, shuffle=True, random_state=1).split(X))
    tasks = [(rate, rows) for rate in (0.003, 0.03, 0.1) for rows, _ in folds]

    def fit(rate, rows):
        return clone(network).set_params(optimizer__learning_rate=rate).fit(X[rows], y[rows])

    expected = [fit(*task) for task in tasks]
    assert all(each._training.state.progress[0].phase == 2 for each in expected)
    assert len({each.n_iter_ for each in expected}) > 1
    assert stacks == []
    with stacked():
        found = Parallel()(delayed(fit)(*task) for task in tasks)
    assert stacks == [[9], [9]]
    for one, other in zip(found, expected, strict=True):
        assert weights(one) == weights(other)
        assert one.n_iter_ == other.n_iter_
        assert one.validation_scores_ == other.validation_scores_
        assert_array_equal(one.predict(X), other.predict(X), strict=True)
        if kind == "classes":  # with the temperatures of the trials
            assert_array_equal(one.predict_proba(X), other.predict_proba(X), strict=True)


@pytest.mark.parametrize("processes", [False, True])
def test_a_search_of_default_networks(processes, iris, stacked, stacks):
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), random_state=0))
    grid = {"mlpclassifier__optimizer__learning_rate": [0.003, 0.03, 0.1], "mlpclassifier__dropout": [0.1, 0.2]}
    search = GridSearchCV(pipeline, grid, cv=5, scoring="neg_log_loss")
    expected = clone(search).fit(*iris)
    with stacked(processes=processes):
        found = search.fit(*iris)
    assert stacks == [[30], [30]]  # too little work for processes
    assert_equal_results(found.cv_results_, expected.cv_results_)
    assert weights(found.best_estimator_[-1]) == weights(expected.best_estimator_[-1])


def test_a_fit_by_hand_is_as_without(iris, stacked, stacks):
    with stacked():
        inside = clone(MLP).fit(*iris)
    assert stacks == []
    assert weights(inside) == weights(clone(MLP).fit(*iris))


def test_transformers_before_the_network(iris, stacked):
    columns = make_column_transformer((StandardScaler(), [0, 1]), (FunctionTransformer(np.log1p), [2, 3]))
    search = GridSearchCV(make_pipeline(columns, MLP), {"mlpclassifier__alpha": [1e-4, 1e-2]})
    expected = clone(search).fit(*iris)
    with stacked():
        found = clone(search).fit(*iris)
    assert_equal_results(found.cv_results_, expected.cv_results_)
